package outputs

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"fluent-bit-nsgflow/test/internal/event"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/pages"
	"fluent-bit-nsgflow/test/internal/textfile"
	"fluent-bit-nsgflow/test/loggen"
)

// bucket is what an answer has of one value, or of several together.
type bucket struct {
	Key                          json.RawMessage
	Text                         string `json:"key_as_string"`
	Ports, Flows, Bytes, Packets struct{ Value float64 }
	Hosts                        struct{ Buckets []bucket }
}

// queriesOfPages, and those of dashboards, are asked of the documents of two NICs: what they say to each
// other both have written, and their minutes are cut into records.
func queriesOfPages(t *testing.T, r fluentbit.Release, engine searchEngine) {
	var input strings.Builder
	for nic, log := range []loggen.Log{{Family: loggen.NSGv2, Peer: 1}, {Family: loggen.VNet, Inbound: true}} {
		log.NIC = nic
		for _, log.Traffic = range []loggen.Traffic{loggen.Realistic, loggen.Inside} {
			log.Records, log.Parts, log.Tuples = 6, 3, 100
			if err := log.Write(&input, loggen.Blob); err != nil {
				t.Fatal(err)
			}
		}
	}
	const options = "ecs\n    aggregate service\n    aggregate_denied host"
	events := r.Events(t, options, input.String())
	stream, namespace := engine.stream(t, r, "queries")
	root := fluentbit.Stage(t)
	textfile.Write(t, root, "flow-logs/input.log", input.String())
	withParser(t, root)
	change(t, root, "opensearch-ecs.conf", "schema ecs", "schema "+options)
	change(t, root, "opensearch-ecs.conf", "Logstash_DateFormat default", "Logstash_DateFormat "+namespace)
	a := r.Start(t, root, credentials("OPENSEARCH", engine.url), "-c", "etc/opensearch-ecs.conf")
	a.Until("the documents", func() bool { return stream.count(nil) >= len(events) })
	a.Stop()

	dashboardsOfFlows(t, stream, events)
	asked := map[string]int{}
	for _, s := range pages.Snippets(t, "console") {
		call, body, _ := strings.Cut(s.Text, "\n")
		if call != "GET logs-azure.flow-*/_search" {
			t.Errorf("%s: %s", s, call)
		}
		var answer struct {
			Aggregations map[string]struct{ Buckets []bucket }
		}
		stream.call(t, http.MethodPost, "/"+stream.name+"/_search", json.RawMessage(body), &answer)
		for name, found := range answer.Aggregations {
			asked[name]++
			if len(found.Buckets) < 2 {
				t.Fatalf("%s: %d buckets", s, len(found.Buckets))
			}
			switch name {
			case "source":
				checkBytes(t, found.Buckets, events)
			case "minute":
				checkPorts(t, found.Buckets, events)
			default:
				t.Errorf("%s: nobody knows %s", s, name)
			}
		}
	}
	if diff := gocmp.Diff(map[string]int{"source": 1, "minute": 1}, asked); diff != "" {
		t.Errorf("queries (-known +pages): %s", diff)
	}
}

// checkBytes finds each flow once: of those inside, what its own side has.
func checkBytes(t *testing.T, found []bucket, events []event.Event) {
	want, twice := map[string][2]int{}, 0
	for _, e := range events {
		source, _ := e.Body.At("source", "ip").(string)
		destination, _ := e.Body.At("destination", "ip").(string)
		bytes, packets := number(e, "network", "bytes"), number(e, "network", "packets")
		switch inside := "10.20.0."; {
		case !strings.HasPrefix(source, inside):
		case strings.HasPrefix(destination, inside) && e.Body.At("azure", "flow_log", "kind") == "vnet": // the far side's
			twice += bytes
		default:
			want[source] = [2]int{want[source][0] + bytes, want[source][1] + packets}
		}
	}
	got := map[string][2]int{}
	for _, b := range found {
		var ip string
		if err := json.Unmarshal(b.Key, &ip); err != nil {
			t.Fatal(err)
		}
		got[ip] = [2]int{int(b.Bytes.Value), int(b.Packets.Value)}
	}
	if diff := gocmp.Diff(want, got); diff != "" || twice == 0 {
		t.Errorf("bytes and packets by source (-events +index), %d twice: %s", twice, diff)
	}
}

// checkPorts finds the sums of a minute's records, those with most on top.
func checkPorts(t *testing.T, found []bucket, events []event.Event) {
	type counts struct{ Ports, Flows int }
	want, most := map[string]map[string]counts{}, 0
	for _, e := range events {
		if e.Body.At("event", "action") != "reject" {
			continue
		}
		text, _ := e.Body.At("@timestamp").(string)
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		minute := at.Truncate(time.Minute).Format(event.OwnTime)
		if want[minute] == nil {
			want[minute] = map[string]counts{}
		}
		hosts, _ := json.Marshal([]any{e.Body.At("source", "ip"), e.Body.At("destination", "ip")})
		c := want[minute][string(hosts)]
		ports := number(e, "azure", "flow_log", "aggregate", "destination_ports")
		want[minute][string(hosts)] = counts{c.Ports + ports, c.Flows + number(e, "azure", "flow_log", "aggregate", "tuples")}
		most = max(most, ports)
	}
	for _, minute := range found {
		all := want[minute.Text]
		var first []int
		for _, b := range minute.Hosts.Buckets {
			if c := (counts{int(b.Ports.Value), int(b.Flows.Value)}); all[string(b.Key)] != c {
				t.Errorf("%s, %s: %+v, want %+v", minute.Text, b.Key, c, all[string(b.Key)])
			}
			first = append(first, int(b.Ports.Value))
		}
		var sums []int
		for _, c := range all {
			sums = append(sums, c.Ports)
		}
		slices.SortFunc(sums, func(a, b int) int { return cmp.Compare(b, a) })
		if diff := gocmp.Diff(sums[:min(10, len(sums))], first); diff != "" {
			t.Errorf("%s: on top (-events +index): %s", minute.Text, diff)
		}
		if first[0] <= most {
			t.Errorf("%s: an event alone has %d ports, their sum %d", minute.Text, most, first[0])
		}
	}
	if len(found) != len(want) {
		t.Errorf("%d minutes of %d", len(found), len(want))
	}
}

func number(e event.Event, path ...string) int {
	n, _ := e.Body.At(path...).(json.Number)
	v, _ := n.Int64()
	return int(v)
}
