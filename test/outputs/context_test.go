package outputs

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"fluent-bit-nsgflow/test/contexts"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// contextFlows are two flows of the VM of contexts.All: from a partner's address on a
// threat list, and to a service.
const contextFlows = `{"time":"2025-03-04T09:00:41Z","macAddress":"000D3AF1C27E","operationName":"FlowLogFlowEvent","flowLogVersion":4,` +
	`"flow.0":"1741078809345,89.160.20.112,10.20.0.4,51844,443,6,I,E,NX,14,2236,17,19408","flow.1":"1741078812345,10.20.0.4,20.60.0.1,49310,443,6,O,E,NX,9,1180,11,6120"}` + "\n"

// cities is a database with one address.
func cities(t *testing.T, path string) {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "City", Description: map[string]string{"en": "one city"}})
	if err != nil {
		t.Fatal(err)
	}
	_, network, err := net.ParseCIDR("89.160.20.112/28")
	if err != nil {
		t.Fatal(err)
	}
	if err := tree.Insert(network, mmdbtype.Map{
		"country":  mmdbtype.Map{"iso_code": mmdbtype.String("SE")},
		"location": mmdbtype.Map{"latitude": mmdbtype.Float64(58.4167), "longitude": mmdbtype.Float64(15.6167)},
	}); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := tree.WriteTo(f); err != nil {
		t.Fatal(err)
	}
}

// contextStream has events with all that a context knows: places are points, matches of
// threat lists are nested, labels are found by their names.
func contextStream(t *testing.T, r fluentbit.Release, engine searchEngine) {
	stream, namespace := engine.stream(t, r, "context")
	root := fluentbit.Stage(t)
	for name, text := range contexts.All {
		textfile.Write(t, root, "etc/"+name, text)
	}
	at := func(name string) string { return filepath.Join(root, "etc", name) }
	cities(t, at("cities.mmdb"))
	textfile.Write(t, root, "flow-logs/input.log", contextFlows)
	withParser(t, root)
	change(t, root, "opensearch-ecs.conf", "schema ecs", "schema ecs\n    context_service_tags "+at("tags.json")+"\n    context_inventory "+at("inventory.jsonl")+
		"\n    context_networks "+at("networks.csv")+"\n    context_geo "+at("cities.mmdb")+"\n    context_threats feodo="+at("feodo.csv")+"\n    context_tags env")
	change(t, root, "opensearch-ecs.conf", "Logstash_DateFormat default", "Logstash_DateFormat "+namespace)
	a := r.Start(t, root, credentials("OPENSEARCH", engine.url), "-c", "etc/opensearch-ecs.conf")
	a.Until("the documents", func() bool { return stream.count(nil) >= 2 })
	a.Stop()
	for name, want := range map[string]struct {
		query query
		count int
	}{
		"place":       {query{"geo_distance": query{"distance": "1km", "source.geo.location": query{"lat": 58.4167, "lon": 15.6167}}}, 1},
		"other place": {query{"geo_distance": query{"distance": "1km", "source.geo.location": query{"lat": 48, "lon": 15.6167}}}, 0},
		"threat": {query{"nested": query{"path": "threat.enrichments", "query": query{"bool": query{"must": []query{
			{"term": query{"threat.enrichments.indicator.provider": "feodo"}}, {"term": query{"threat.enrichments.indicator.ip": "89.160.20.112"}}}}}}}, 1},
		"label":   {query{"term": query{"azure.flow_log.source.labels.env": "prod"}}, 1},
		"service": {query{"term": query{"azure.flow_log.destination.service_tag": "Storage.EastUS"}}, 1},
		"vm":      {query{"term": query{"cloud.instance.name": "vm-web-01"}}, 2},
	} {
		if n := stream.count(want.query); n != want.count {
			t.Errorf("%s: %d documents, want %d", name, n, want.count)
		}
	}
}
