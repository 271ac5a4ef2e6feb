package nsgflow_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/nsgflow/context"
	"fluent-bit-nsgflow/test/contexts"
	"fluent-bit-nsgflow/test/engine"
)

// An object of the source record that a context adds entries to may have more than
// 65,535.
func TestContextManyReservedEntries(t *testing.T) {
	t.Parallel()
	nsgflow.WithoutRaceDetector(t)
	for _, n := range []int{65_000, 65_536} {
		var keys strings.Builder
		for i := range n {
			fmt.Fprintf(&keys, `,"k%d":1`, i)
		}
		chunk, err := engine.Pack(engine.New, arrival, []byte(`{"cloud":{`+keys.String()[1:]+`},"log":`+quoted(shopRecord)+`}`))
		if err != nil {
			t.Fatal(err)
		}
		o := nsgflow.DefaultOptions(nsgflow.SchemaECS)
		o.Context = contexts.Open(t, contexts.All)
		out, _ := newFor(t, o).AppendChunk(nil, chunk)
		if got, err := engine.Unpack(out); err != nil || len(got) != 3 {
			t.Errorf("%d entries: %d records, %v", n, len(got), err)
		}
	}
}

// An object whose fields are all excluded, one by one, is none of the event's: a
// reserved field may have its name.
func TestContextExcludedObjectIsNone(t *testing.T) {
	chunk, err := engine.Pack(engine.New, arrival, []byte(`{"related":"x","log":`+quoted(shopRecord)+`}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, exclude := range []string{"related", "related.ip,related.hosts"} {
		o := nsgflow.DefaultOptions(nsgflow.SchemaECS)
		o.Context = contexts.Open(t, contexts.All)
		o.ExcludeFields = strings.Split(exclude, ",")
		out, _ := newFor(t, o).AppendChunk(nil, chunk)
		got, err := engine.Unpack(out)
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			if body := string(got[i].Body); strings.Count(body, `"related":`) != 1 || !strings.Contains(body, `"related":"x"`) {
				t.Errorf("exclude_fields %s, event %d: %d times related: %s", exclude, i, strings.Count(body, `"related":`), body)
			}
		}
	}
}

// What is written of the matches of an address does not depend on the other address.
func TestContextMatchesAlikeAtBothEnds(t *testing.T) {
	c := withLists(t, "9.9.9.9\n8.8.8.8\n", "9.9.9.9\n8.8.8.8\n")
	n := newNormalizer(t, inECS, withContext(c), func(o *nsgflow.Options) { o.ExcludeFields = []string{"threat.enrichments.indicator.provider"} })
	count := func(from, to, field string) (count int) {
		body := asText.records(t, n, flowBetween(from, to))[0].Body
		for _, m := range gjson.Get(body, "threat.enrichments").Array() {
			if m.Get("matched.field").String() == field {
				count++
			}
		}
		return count
	}
	alone := count("10.0.0.1", "9.9.9.9", "destination.ip")
	if both := count("8.8.8.8", "9.9.9.9", "destination.ip"); both != alone {
		t.Errorf("9.9.9.9 has %d matches, and %d where lists have the source, too", alone, both)
	}
	if source := count("8.8.8.8", "9.9.9.9", "source.ip"); source != alone {
		t.Errorf("the source has %d matches, the destination alone %d", source, alone)
	}
}

// A name that is the text of an id as well is a text of events: no longer than 256
// bytes, with its capitals.
func TestContextNameThatIsAnID(t *testing.T) {
	for _, name := range []string{"Shop", strings.Repeat("X", 300), strings.Repeat("X", 66_000)} {
		c := contexts.Open(t, map[string]string{"inventory.jsonl": `{"nsgflow_inventory":1,"time":"2025-03-04T08:55:00Z","cloud":"AzureCloud","subscriptions":1}
{"t":"vnet","id":"` + name + `","name":"` + name + `","space":["10.20.0.0/16"]}
{"t":"subnet","vnet":"` + name + `","name":"web","prefixes":["10.20.0.0/24"]}
{"t":"end","lines":3}
`})
		n := newNormalizer(t, inECS, withContext(c))
		out, _ := n.AppendText(nil, []byte(shopRecord), nsgflow.Frame{})
		got, err := engine.Unpack(out)
		if err != nil {
			t.Errorf("%.8s, %d bytes: %v", name, len(name), err)
			continue
		}
		var event struct {
			Azure struct {
				FlowLog struct {
					Destination struct{ VNet string }
				} `json:"flow_log"`
			}
		}
		if err := json.Unmarshal(got[0].Body, &event); err != nil {
			t.Errorf("%.8s, %d bytes: %v", name, len(name), err)
			continue
		}
		if vnet := event.Azure.FlowLog.Destination.VNet; vnet != name[:min(len(name), 256)] {
			t.Errorf("%.8s, %d bytes: vnet is %.8s, %d bytes", name, len(name), vnet, len(vnet))
		}
	}
}

// A scan by an address that four lists have is events, however long their texts are.
func TestContextLongMatchesFit(t *testing.T) {
	long := strings.Repeat("x", 256)
	bundle := `{"type":"bundle","objects":[{"type":"indicator","pattern_type":"stix","pattern":"[ipv4-addr:value = '9.9.9.9']","name":"` + long + `","description":"` + long + `","confidence":80,"external_references":[{"url":"` + long + `"}]}]}`
	c := withLists(t, bundle, bundle, bundle, bundle)
	tuples := strings.Repeat(`,"1724090400,9.9.9.9,10.0.0.4,1,443,T,I,D,B,,,,"`, 400)[1:]
	text := `{"time":"2025-03-04T09:00:47Z","macAddress":"000D3AF1C27E","category":"NetworkSecurityGroupFlowEvent","resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/N","operationName":"NetworkSecurityGroupFlowEvents","properties":{"Version":2,"flows":[{"rule":"R","flows":[{"mac":"000D3AF1C27E","flowTuples":[` + tuples + `]}]}]}}`
	for i := range nsgflow.Schemas() {
		s := nsgflow.Schema(i)
		n := newNormalizer(t, inSchema(s), withContext(c))
		out, _ := n.AppendText(nil, []byte(text), nsgflow.Frame{})
		got, err := engine.Unpack(out)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 400 {
			t.Errorf("%s: %d records for 400 flows, of %d bytes, %s", s, len(got), len(text), n.Counts().LastError)
		}
	}
}

type oneOf struct{ at *context.Context }

func (o *oneOf) Generation() *context.Tables { return o.at.Generation() }

// Tables of another Watcher are another generation.
func TestContextOfTwoWatchers(t *testing.T) {
	var contexts [2]*context.Context
	for i, name := range []string{"one", "two"} {
		path := filepath.Join(t.TempDir(), "networks.csv")
		if err := os.WriteFile(path, []byte("cidr,name\n10.0.0.0/8,"+name+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		var w context.Watcher
		c, err := w.Open(context.Options{Networks: []string{path}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		contexts[i] = c
	}
	source := &oneOf{contexts[0]}
	n := newNormalizer(t, inECS, func(o *nsgflow.Options) { o.Context = source })
	for i, name := range []string{"one", "two"} {
		source.at = contexts[i]
		body := asText.records(t, n, shopRecord)[0].Body
		if got := gjson.Get(body, "azure.flow_log.destination.network").String(); got != name {
			t.Errorf("the tables say %s, the event %s", name, got)
		}
	}
}
