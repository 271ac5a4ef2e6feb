package nsgflow_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/nsgflow/context"
	"fluent-bit-nsgflow/test/contexts"
	"fluent-bit-nsgflow/test/schemas"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
)

func withContext(c nsgflow.Context) func(*nsgflow.Options) {
	return func(o *nsgflow.Options) { o.Context = c }
}

const shopRecord = `{"records":[{"time":"2025-03-04T09:00:47.0921184Z","flowLogVersion":4,"flowLogGUID":"b7f29c54-0d8e-4a61-93f7-c15e8a2d6b40","macAddress":"000D3AF1C27E","category":"FlowLogFlowEvent","operationName":"FlowLogFlowEvent",` +
	`"flowLogResourceID":"/SUBSCRIPTIONS/3D1F6A52-7C0B-4E8D-9B24-5A60C8E1F703/RESOURCEGROUPS/NETWORKWATCHERRG/PROVIDERS/MICROSOFT.NETWORK/NETWORKWATCHERS/NETWORKWATCHER_WESTEUROPE/FLOWLOGS/SHOP-FLOWLOG",` +
	`"targetResourceID":"/subscriptions/3d1f6a52-7c0b-4e8d-9b24-5a60c8e1f703/resourceGroups/shop-prod/providers/Microsoft.Network/virtualNetworks/shop-vnet",` +
	`"flowRecords":{"flows":[{"aclID":"/subscriptions/3d1f6a52-7c0b-4e8d-9b24-5a60c8e1f703/resourceGroups/shop-prod/providers/Microsoft.Network/networkSecurityGroups/web-nsg","flowGroups":[{"rule":"UserRule_AllowHttpsInBound","flowTuples":[` +
	`"1741078809345,89.160.20.112,10.20.0.4,51844,443,6,I,E,NX,14,2236,17,19408","1741078812345,10.20.0.4,20.60.0.1,49310,443,6,O,E,NX,9,1180,11,6120","1741078812345,nowhere,20.60.0.1,49310,443,6,O,E,NX,9,1180,11,6120"]}]}]}}]}`

// added is what an event has that another one lacks, by name.
func added(t testing.TB, with, without map[string]any) map[string]any {
	t.Helper()
	more := map[string]any{}
	var walk func(name string, a, b map[string]any)
	walk = func(name string, a, b map[string]any) {
		for key, v := range a {
			inner, isMap := v.(map[string]any)
			old, known := b[key]
			switch oldMap, _ := old.(map[string]any); {
			case isMap:
				walk(name+key+".", inner, oldMap)
			case !known:
				more[name+key] = v
			case !cmp.Equal(v, old):
				t.Errorf("%s%s changed from %v to %v", name, key, old, v)
			}
		}
		for key := range b {
			if _, ok := a[key]; !ok {
				t.Errorf("%s%s is lost", name, key)
			}
		}
	}
	walk("", with, without)
	return more
}

func decodeWanted(t *testing.T, text string) map[string]any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v map[string]any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// What a context adds, in each schema, to a flow from a known VM, one to a service of
// Azure, and a tuple that does not parse.
func TestContextAdds(t *testing.T) {
	const (
		group = `"cloud.account.name":"Shop production","cloud.availability_zone":"1","cloud.instance.id":"8f1f2b7e-6c1f-4c0e-9b47-0c2f7f3a5d11","cloud.instance.name":"vm-web-01","cloud.machine.type":"Standard_D4s_v5"`
		vm    = `"match":"vnet","vnet":"shop-vnet","subnet":"web","nic":"vm-web-01-nic","vm":"vm-web-01","group":"shop-prod","class":"private","network":"web tier","labels.env":"prod"`
	)
	side := func(prefix, values string) string { return strings.ReplaceAll(values, `,"`, `,"`+prefix) }
	below := func(prefix, values string) string { return `"` + prefix + side(prefix, values)[1:] }
	const geo = `"source.geo.continent_code":"EU","source.geo.country_iso_code":"SE","source.geo.country_name":"Sweden","source.geo.region_iso_code":"SE-E","source.geo.region_name":"Östergötland County","source.geo.city_name":"Linköping",` +
		`"source.geo.location.lat":58.4167,"source.geo.location.lon":15.6167,"source.as.number":29518,"source.as.organization.name":"Bredband2 AB",`
	threat := `"threat.enrichments":[{"indicator":{"type":"ipv4-addr","ip":"89.160.20.112","port":443,"provider":"feodo","name":"Pikabot","first_seen":"2024-02-12T13:50:35.000Z","last_seen":"2024-03-09T00:00:00.000Z"},"matched":{"atomic":"89.160.20.112","field":"source.ip"}}]`
	for s, want := range map[nsgflow.Schema][3]string{
		nsgflow.SchemaECS: {
			`{` + geo + group + `,"destination.domain":"vm-web-01","related.hosts":["vm-web-01"],"azure.flow_log.flow_type":"MaliciousFlow","azure.flow_log.source.class":"public","azure.flow_log.source.network":"partner",` +
				below("azure.flow_log.destination.", vm) + `,"observer.ingress.zone":"outside","observer.egress.zone":"dmz","azure.flow_log.threat.lists":["feodo"],` + threat + `}`,
			`{` + group + `,"source.domain":"vm-web-01","related.hosts":["vm-web-01"],"azure.flow_log.flow_type":"AzurePublic","azure.flow_log.destination.class":"public","azure.flow_log.destination.service_tag":"Storage.EastUS",` +
				below("azure.flow_log.source.", vm) + `,"observer.ingress.zone":"dmz","cloud.target.provider":"azure","cloud.target.region":"eastus","cloud.target.service.name":"AzureStorage"}`,
			`{` + group + `}`,
		},
		nsgflow.SchemaSekoia: {
			`{` + geo + `"destination.domain":"vm-web-01","related.hosts":["vm-web-01"],"azure.flow_log.flow_type":"MaliciousFlow","azure.flow_log.source.class":"public","azure.flow_log.source.network":"partner",` +
				below("azure.flow_log.destination.", vm) + `,"azure.flow_log.threat.lists":["feodo"],` + threat + `}`,
			`{"source.domain":"vm-web-01","related.hosts":["vm-web-01"],"azure.flow_log.flow_type":"AzurePublic","azure.flow_log.destination.class":"public","azure.flow_log.destination.service_tag":"Storage.EastUS",` +
				below("azure.flow_log.source.", vm) + `}`,
			`{}`,
		},
		nsgflow.SchemaASIM: {
			`{"DstHostname":"vm-web-01","SrcGeoCountry":"Sweden","SrcGeoRegion":"Östergötland County","SrcGeoCity":"Linköping","SrcGeoLatitude":58.4167,"SrcGeoLongitude":15.6167,"ThreatField":"SrcIpAddr","ThreatIpAddr":"89.160.20.112","ThreatName":"Pikabot","ThreatCategory":"feodo","ThreatFirstReportedTime":"2024-02-12T13:50:35.000Z","ThreatLastReportedTime":"2024-03-09T00:00:00.000Z"}`,
			`{"SrcHostname":"vm-web-01"}`,
			`{}`,
		},
		nsgflow.SchemaOCSF: {
			`{"cloud.account.name":"Shop production","cloud.zone":"1","dst_endpoint.hostname":"vm-web-01","dst_endpoint.name":"vm-web-01","dst_endpoint.instance_uid":"8f1f2b7e-6c1f-4c0e-9b47-0c2f7f3a5d11","dst_endpoint.subnet_uid":"web","dst_endpoint.vpc_uid":"shop-vnet",` +
				`"src_endpoint.location.city":"Linköping","src_endpoint.location.continent":"EU","src_endpoint.location.country":"SE","src_endpoint.location.region":"SE-E","src_endpoint.location.lat":58.4167,"src_endpoint.location.long":15.6167,"src_endpoint.autonomous_system.number":29518,"src_endpoint.autonomous_system.name":"Bredband2 AB",` +
				`"unmapped.flow_type":"MaliciousFlow","unmapped.src_endpoint.class":"public","unmapped.src_endpoint.network":"partner","unmapped.dst_endpoint.class":"private","unmapped.dst_endpoint.match":"vnet","unmapped.dst_endpoint.network":"web tier",` +
				`"enrichments":[{"name":"src_endpoint.ip","value":"89.160.20.112","type":"threat","provider":"feodo","data":{"type":"ipv4-addr","ip":"89.160.20.112","port":443,"name":"Pikabot","first_seen":"2024-02-12T13:50:35.000Z","last_seen":"2024-03-09T00:00:00.000Z"}}]}`,
			`{"cloud.account.name":"Shop production","cloud.zone":"1","src_endpoint.hostname":"vm-web-01","src_endpoint.name":"vm-web-01","src_endpoint.instance_uid":"8f1f2b7e-6c1f-4c0e-9b47-0c2f7f3a5d11","src_endpoint.subnet_uid":"web","src_endpoint.vpc_uid":"shop-vnet",` +
				`"unmapped.flow_type":"AzurePublic","unmapped.src_endpoint.class":"private","unmapped.src_endpoint.match":"vnet","unmapped.src_endpoint.network":"web tier","unmapped.dst_endpoint.class":"public","unmapped.dst_endpoint.service_tag":"Storage.EastUS"}`,
			`{"cloud.account.name":"Shop production","cloud.zone":"1"}`,
		},
	} {
		plain := eventsOf(t, newNormalizer(t, inSchema(s)), shopRecord)
		got := eventsOf(t, newNormalizer(t, inSchema(s), withContext(contexts.Open(t, contexts.All))), shopRecord)
		for i := range plain {
			if diff := cmp.Diff(decodeWanted(t, want[i]), added(t, got[i], plain[i])); diff != "" {
				t.Errorf("%s, flow %d: %s", s, i, diff)
			}
		}
	}
}

// The worked example of a whole event.
func TestContextWorkedExample(t *testing.T) {
	files := maps.Clone(contexts.All)
	delete(files, "networks.csv")
	n := newNormalizer(t, inECS, withContext(contexts.Open(t, files)))
	want := decodeWanted(t, readFile(t, "testdata/context/worked.json"))
	got := eventsOf(t, n, strings.Replace(shopRecord, `,"1741078812345,nowhere,20.60.0.1,49310,443,6,O,E,NX,9,1180,11,6120"`, "", 1))[0]
	delete(got["azure"].(map[string]any)["flow_log"].(map[string]any)["destination"].(map[string]any), "labels") // the example asks for no tags
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// everyContext are the ways to aggregate under which context is tried.
var everyContext = [][2]nsgflow.Aggregate{{}, {nsgflow.AggregateService, nsgflow.AggregateHost}}

// A context adds fields, and changes nothing: not the number of events, their order,
// times and ids, nor what is no flow. What comes again is the same again.
func TestContextChangesNothingElse(t *testing.T) {
	t.Parallel()
	nsgflow.WithoutRaceDetector(t)
	c := contexts.Open(t, contexts.All)
	inputs := aggregateInputs(t)
	inputs["shop"] = shopRecord
	for s := range nsgflow.Schemas() {
		for name, input := range inputs {
			for _, by := range everyContext {
				if strings.Contains(name, "generated") && nsgflow.Schema(s) != nsgflow.SchemaECS {
					continue
				}
				changes := []func(*nsgflow.Options){inSchema(nsgflow.Schema(s)), aggregating(by[0], by[1])}
				without, with := newNormalizer(t, changes...), newNormalizer(t, append(changes, withContext(c))...)
				plain, got := asText.records(t, without, input), asText.records(t, with, input)
				if len(plain) != len(got) {
					t.Fatalf("%s: %d records, %d without", name, len(got), len(plain))
				}
				for i := range got {
					if got[i].Time != plain[i].Time || got[i].Metadata != plain[i].Metadata {
						t.Errorf("%s: record %d is framed %+v, without %+v", name, i, got[i], plain[i])
					}
					added(t, decoded(t, got[i].Body), decoded(t, plain[i].Body))
				}
				if with.Counts() != without.Counts() {
					t.Errorf("%s: counts %+v, without %+v", name, with.Counts(), without.Counts())
				}
				with.WithoutPatience()
				for range 2 {
					if again := asText.records(t, with, input); !slices.Equal(again, got) {
						t.Errorf("%s: %v once more, %v", name, again, got)
					}
				}
			}
		}
	}
}

// Each field of a context, and each object, can be excluded: then events lack it, and
// nothing else.
func TestContextExcluded(t *testing.T) {
	t.Parallel()
	nsgflow.WithoutRaceDetector(t)
	c := contexts.Open(t, contexts.All)
	for s, schemaName := range nsgflow.Schemas() {
		names := map[string]bool{}
		for _, f := range nsgflow.Schema(s).ContextFields() {
			parts := strings.Split(strings.ReplaceAll(f.Name, "[]", ""), ".")
			for i := range parts {
				names[strings.Join(parts[:i+1], ".")] = true
			}
		}
		changes := []func(*nsgflow.Options){inSchema(nsgflow.Schema(s)), withContext(c)}
		whole := asText.records(t, newNormalizer(t, changes...), shopRecord)
		for name := range names {
			got := asText.records(t, newNormalizer(t, append(changes, func(o *nsgflow.Options) { o.ExcludeFields = []string{name} })...), shopRecord)
			for i := range got {
				want := without(t, whole[i].Body, name)
				if strings.Contains(name, "enrichments.") {
					continue // in a list: TestContextExcludedMatches
				}
				if leavesText(t, got[i].Body) != want {
					t.Errorf("%s without %s: %s\nwant %s", schemaName, name, leavesText(t, got[i].Body), want)
				}
			}
		}
	}
}

func TestContextExcludedMatches(t *testing.T) {
	for name, want := range map[string]string{
		"threat.enrichments.indicator":      `[{"matched":{"atomic":"89.160.20.112","field":"source.ip"}}]`,
		"threat.enrichments[].matched":      `[{"indicator":{"type":"ipv4-addr","ip":"89.160.20.112","port":443,"provider":"feodo","name":"Pikabot","first_seen":"2024-02-12T13:50:35.000Z","last_seen":"2024-03-09T00:00:00.000Z"}}]`,
		"threat.enrichments.indicator.port": `[{"indicator":{"type":"ipv4-addr","ip":"89.160.20.112","provider":"feodo","name":"Pikabot","first_seen":"2024-02-12T13:50:35.000Z","last_seen":"2024-03-09T00:00:00.000Z"},"matched":{"atomic":"89.160.20.112","field":"source.ip"}}]`,
		"threat":                            ``,
	} {
		n := newNormalizer(t, inECS, withContext(contexts.Open(t, contexts.All)), func(o *nsgflow.Options) { o.ExcludeFields = []string{name} })
		body := asText.records(t, n, shopRecord)[0].Body
		if want != "" && !strings.Contains(body, `"threat":{"enrichments":`+want+`}`) || want == "" && strings.Contains(body, "enrichments") {
			t.Errorf("without %s: %s", name, body)
		}
	}
}

// A match of which nothing is left is none: events of lists without names, where only
// names are wanted, are whole, and those of other lists have them.
func TestContextExcludedMatchesAreNone(t *testing.T) {
	for s, excluded := range map[nsgflow.Schema]string{
		nsgflow.SchemaECS:    "threat.enrichments.indicator.type,threat.enrichments.indicator.ip,threat.enrichments.indicator.provider,threat.enrichments.matched",
		nsgflow.SchemaSekoia: "threat.enrichments.indicator.type,threat.enrichments.indicator.ip,threat.enrichments.indicator.provider,threat.enrichments.matched",
		nsgflow.SchemaOCSF:   "enrichments.name,enrichments.value,enrichments.type,enrichments.provider,enrichments.data.type,enrichments.data.ip",
		nsgflow.SchemaASIM:   "ThreatField,ThreatIpAddr,ThreatCategory",
	} {
		c := contexts.Open(t, map[string]string{"feodo.csv": "ip,malware\n89.160.20.112,\n20.60.0.1,Pikabot\n"})
		n := newNormalizer(t, inSchema(s), withContext(c), func(o *nsgflow.Options) { o.ExcludeFields = strings.Split(excluded, ",") })
		records := asText.records(t, n, shopRecord)
		if len(records) != 3 {
			t.Fatalf("%s: %d records", s, len(records))
		}
		for i, want := range []bool{false, true, false} {
			body := records[i].Body
			if got := strings.Contains(body, "Pikabot"); got != want || !want && strings.Contains(body, "nrichments") {
				t.Errorf("%s: %s", s, body)
			}
		}
	}
}

// withLists is a context of threat lists, whose names are a, b, ….
func withLists(t *testing.T, lists ...string) *context.Context {
	t.Helper()
	var o context.Options
	for i, text := range lists {
		name := string(rune('a' + i))
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		o.Threats = append(o.Threats, context.ThreatList{Name: name, Path: path})
	}
	var w context.Watcher
	c, err := w.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// flowBetween is a record of one inbound flow.
func flowBetween(from, to string) string {
	return `{"time":"2025-03-04T09:00:47Z","flowLogVersion":4,"macAddress":"000D3AF1C27E","category":"FlowLogFlowEvent","flowRecords":{"flows":[{"aclID":"unspecified","flowGroups":[{"rule":"R","flowTuples":["1741078809345,` +
		from + `,` + to + `,51844,443,6,I,E,NX,14,2236,17,19408"]}]}]}}`
}

// Where lists have both addresses, a flow has the matches of the source first, at most
// four, and each list once. An address written as IPv6 matches as it is written.
func TestContextMatchesOfBothEnds(t *testing.T) {
	const source, destination = "89.160.20.112\n", "20.60.0.1\n"
	c := withLists(t, source, source+destination, source+destination, destination, destination)
	n := newNormalizer(t, inECS, withContext(c))
	for _, v := range []struct{ from, to, matches, lists string }{
		{"89.160.20.112", "20.60.0.1", "a source.ip 89.160.20.112;b source.ip 89.160.20.112;c source.ip 89.160.20.112;b destination.ip 20.60.0.1;", "[a b c d]"},
		{"89.160.20.112", "9.9.9.9", "a source.ip 89.160.20.112;b source.ip 89.160.20.112;c source.ip 89.160.20.112;", "[a b c]"},
		{"9.9.9.9", "20.60.0.1", "b destination.ip 20.60.0.1;c destination.ip 20.60.0.1;d destination.ip 20.60.0.1;e destination.ip 20.60.0.1;", "[b c d e]"},
		{"::ffff:89.160.20.112", "89.160.20.112", "a source.ip ::ffff:89.160.20.112;b source.ip ::ffff:89.160.20.112;c source.ip ::ffff:89.160.20.112;a destination.ip 89.160.20.112;", "[a b c]"},
	} {
		for range 2 { // a new address, and a known one
			body := asText.records(t, n, flowBetween(v.from, v.to))[0].Body
			got := ""
			for _, m := range gjson.Get(body, "threat.enrichments").Array() {
				got += m.Get("indicator.provider").String() + " " + m.Get("matched.field").String() + " " + m.Get("matched.atomic").String() + ";"
			}
			if lists := fmt.Sprint(gjson.Get(body, "azure.flow_log.threat.lists").Value()); got != v.matches || lists != v.lists {
				t.Errorf("%s to %s: %s of %s", v.from, v.to, got, lists)
			}
		}
	}
}

// Addresses that have come before cost no allocation, wherever they are known from.
func TestContextAllocations(t *testing.T) {
	nsgflow.WithoutRaceDetector(t)
	c := contexts.Open(t, contexts.All)
	for s := range nsgflow.Schemas() {
		if testing.Short() && nsgflow.Schema(s) != nsgflow.SchemaECS {
			continue
		}
		for _, l := range flowLogs(t, 1000) {
			n := newNormalizer(t, inSchema(nsgflow.Schema(s)), withContext(c))
			inputs := l.inputs(t, false)
			var dst []byte
			for range 20 { // templates are made for the outlines that come
				dst = appendAll(n, dst[:0], inputs, false)
			}
			if got := testing.AllocsPerRun(5, func() { dst = appendAll(n, dst[:0], inputs, false) }); got > 0 {
				t.Errorf("%v, %s: %v allocations for %d events", nsgflow.Schema(s), l.name, got, l.tuples)
			}
		}
	}
}

// turns is a context that has other tables each time that it is asked.
type turns struct {
	contexts []*context.Context
	asked    int
}

func (c *turns) Generation() *context.Tables {
	c.asked++
	return c.contexts[c.asked%len(c.contexts)].Generation()
}

// All events of a chunk are of one generation, whatever happens meanwhile: also those
// of flow logs within foreign records.
func TestContextOfAChunk(t *testing.T) {
	var c turns
	for _, name := range []string{"one", "two"} {
		c.contexts = append(c.contexts, contexts.Open(t, map[string]string{"networks.csv": "cidr,name\n10.20.0.0/16," + name + "\n"}))
	}
	n := newNormalizer(t, inECS, withContext(&c))
	var chunk []byte
	frame, err := hex.DecodeString("92d700" + "67c6c119" + "00000000")
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		chunk = append(append(chunk, frame...), packed(t, `{"log":`+quoted(shopRecord)+`}`)...)
	}
	for i := range 6 {
		out, changed := n.AppendChunk(nil, chunk)
		want, other := `"network":"two"`, `"network":"one"`
		if i%2 == 1 {
			want, other = other, want
		}
		text := string(nsgflow.AppendJSONLines(nil, out))
		if !changed || strings.Count(text, want) != 40 || strings.Contains(text, other) {
			t.Fatalf("chunk %d: %d events are of %s", i, strings.Count(text, want), want)
		}
	}
	if c.asked != 6 {
		t.Errorf("asked %d times", c.asked)
	}
}

// Flow logs in foreign records in foreign records have the context, too, where no
// flow of their kind has come before; and so have those that come behind them.
func TestContextWithinForeignRecords(t *testing.T) {
	flow := func(protocol int) string {
		return fmt.Sprintf(`{"operationName":"FlowLogFlowEvent","rule":"R","flow.0":"1741078809345,89.160.20.112,10.20.0.4,51844,443,%d,I,E,NX,14,2236,17,19408"}`, protocol)
	}
	const depth = 4
	record := `{"log":[{"x":1},` + flow(0) + `]}`
	for protocol := 1; protocol < depth; protocol++ {
		record = `{"log":[{"x":1},` + flow(protocol) + `,` + record + `]}`
	}
	c := contexts.Open(t, contexts.All)
	for s, name := range nsgflow.Schemas() {
		n := newNormalizer(t, inSchema(nsgflow.Schema(s)), withContext(c))
		for _, record := range []string{record, `{"log":[` + flow(0) + `]}`} {
			for range 2 { // the second time, groups have templates of their own
				chunk, _, _ := n.AppendRecord(nil, packed(t, record), nsgflow.Frame{Time: []byte{1}})
				records, err := unpacked(chunk)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				flows := 0
				for _, o := range records {
					if strings.Contains(o.Body, "89.160.20.112") {
						if flows++; !strings.Contains(o.Body, "feodo") {
							t.Errorf("%s: %s", name, o.Body)
						}
					}
				}
				if want := strings.Count(record, "flow.0"); flows != want {
					t.Errorf("%s: %d flows of %d", name, flows, want)
				}
			}
		}
	}
}

// A second filter leaves events with context alone.
func TestContextTwice(t *testing.T) {
	c := contexts.Open(t, contexts.All)
	for s := range nsgflow.Schemas() {
		chunk, changed := under("log").read(t, newNormalizer(t, inSchema(nsgflow.Schema(s)), withContext(c)), shopRecord)
		if !changed {
			t.Fatal("not changed")
		}
		checkTwice(t, newNormalizer(t, inSchema(nsgflow.Schema(s)), withContext(c)), chunk)
	}
}

// TestContextOfLongIDs: parts of ids are cut as other texts are, also those that
// stand for a name that is missing.
func TestContextOfLongIDs(t *testing.T) {
	long := strings.Repeat("x", 40_000)
	files := maps.Clone(contexts.All)
	files["inventory.jsonl"] = `{"nsgflow_inventory":1,"time":"2025-03-04T08:55:00Z"}
{"t":"public","ip":"20.54.1.9","name":"pip","on":"/subscriptions/` + long + `/resourcegroups/` + long + `/providers/microsoft.network/natgateways/` + long + `"}
{"t":"vm","id":"/subscriptions/1/resourcegroups/g/providers/microsoft.compute/virtualmachines/` + long + `"}
{"t":"cluster","id":"/subscriptions/1/resourcegroups/g/providers/microsoft.containerservice/managedclusters/` + long + `","group":"g"}
{"t":"nic","id":"n","mac":"000D3AF1C27E","subnet":"/virtualnetworks/v/subnets/s","ips":["10.20.0.4"],"vm":"/subscriptions/1/resourcegroups/g/providers/microsoft.compute/virtualmachines/` + long + `"}
{"t":"end","lines":5}
`
	events := eventsOf(t, newNormalizer(t, inSchema(nsgflow.SchemaECS), withContext(contexts.Open(t, files))), strings.ReplaceAll(shopRecord, "20.60.0.1", "20.54.1.9"))
	for _, name := range []string{"azure.flow_log.destination.resource", "azure.flow_log.destination.group", "cloud.target.account.id", "azure.flow_log.source.vm", "azure.flow_log.source.cluster", "cloud.instance.name", "source.domain"} {
		if got := valueIn(t, events[1], name); got != long[:256] {
			t.Errorf("%s: %.300q", name, got)
		}
	}
}

// Events with context are of their schema, by what its makers wrote.
func TestContextIsOfTheSchemas(t *testing.T) {
	c := contexts.Open(t, contexts.All)
	for _, name := range []string{"asim", "ocsf", "otel"} {
		s, err := nsgflow.ParseSchema(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, by := range everyContext {
			for _, o := range asText.records(t, newNormalizer(t, inSchema(s), withContext(c), aggregating(by[0], by[1])), shopRecord) {
				e, err := schemas.Parse(o.Body)
				if err != nil {
					t.Fatal(err)
				}
				if err := schemas.Of(name)(e); err != nil {
					t.Errorf("%v in %s", err, o.Body)
				}
			}
		}
	}
}
