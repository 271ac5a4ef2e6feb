package outputs

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/internal/event"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/follow"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// found is what queries for events give.
type found struct {
	ids     map[any]bool
	others  int                // events without an id
	private int                // from 10.0.0.0/8
	bytes   map[string]float64 // sent, by source
}

func findable(events []event.Event) found {
	f := found{ids: map[any]bool{}, bytes: map[string]float64{}}
	for _, e := range events {
		id := e.Body.At("event", "id")
		if id == nil {
			f.others++
		}
		if id == nil || f.ids[id] {
			continue
		}
		f.ids[id] = true
		if ip, ok := e.Body.At("source", "ip").(string); ok {
			if netip.MustParsePrefix("10.0.0.0/8").Contains(netip.MustParseAddr(ip)) {
				f.private++
			}
			n, _ := e.Body.At("source", "bytes").(json.Number)
			sum, _ := n.Float64()
			f.bytes[ip] += sum
		}
	}
	return f
}

// check finds one document of each event.
func (s searchStream) check(t *testing.T, want found) {
	t.Helper()
	identified := query{"exists": query{"field": "event.id"}}
	if n := s.count(identified); n != len(want.ids) || len(s.sums(t, "event.id", "source.bytes")) != n {
		t.Errorf("%d documents of %d ids", n, len(want.ids))
	}
	if n := s.count(query{"bool": query{"must_not": identified}}); n != want.others {
		t.Errorf("%d documents without an id, of %d", n, want.others)
	}
	if n := s.count(query{"term": query{"source.ip": "10.0.0.0/8"}}); n != want.private {
		t.Errorf("%d documents from 10.0.0.0/8, of %d", n, want.private)
	}
	if diff := cmp.Diff(want.bytes, s.sums(t, "source.ip", "source.bytes")); diff != "" {
		t.Errorf("bytes by source (-events +index): %s", diff)
	}
}

// TestOpenSearch has what the shipped templates make of the events told by a
// real search engine.
func TestOpenSearch(t *testing.T) {
	t.Parallel()
	flows, other, _ := strings.Cut(textfile.Read(t, "nsgflow/testdata/ecs/nsg_v1.input.json")+composingInput(t), otherLog)
	others := otherLog + other + flows[:100] + "\n" // damaged
	engine := startSearch(t)
	engine.load(t)
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		t.Run("azure-opensearch.conf", func(t *testing.T) {
			t.Parallel()
			inputStream(t, r, engine)
		})
		t.Run("context", func(t *testing.T) {
			t.Parallel()
			contextStream(t, r, engine)
		})
		t.Run("queries of pages", func(t *testing.T) {
			t.Parallel()
			queriesOfPages(t, r, engine)
		})
		for name, options := range map[string]string{"plain": "ecs", "aggregated": "ecs\n    aggregate service\n    aggregate_denied host"} {
			events := r.Events(t, options, flows+others)
			want := findable(events)
			if len(want.ids) == 0 || want.others == 0 || want.private == 0 || len(want.bytes) < 2 {
				t.Fatalf("%+v: the input shows nothing", want)
			}
			for file, prefix := range ecsOutputs {
				t.Run(name+" "+file, func(t *testing.T) {
					t.Parallel()
					stream, namespace := engine.stream(t, r, name+strings.ToLower(prefix))
					// Everything, and again what has an id: what has none is stored as often as it is sent.
					for _, input := range []string{flows + others, flows} {
						root := fluentbit.Stage(t)
						textfile.Write(t, root, "flow-logs/input.log", input)
						withParser(t, root)
						change(t, root, file, "schema ecs", "schema "+options)
						change(t, root, file, "Logstash_DateFormat default", "Logstash_DateFormat "+namespace)
						a := r.Start(t, root, credentials(prefix, engine.url), "-c", "etc/"+file)
						a.Until("the documents", func() bool { return stream.count(nil) >= len(want.ids)+want.others })
						if input == flows {
							a.Until("a second time", func() bool { return stream.refused() >= len(want.ids) })
						}
						a.Stop()
						stream.check(t, want)
					}
					stream.checkMapping(t, map[string]string{"log": "match_only_text"})
					dashboardsOfFlows(t, stream, events)
				})
			}
		}
	})
}

// inputStream has the documents of flows that the input read: the fields that
// it gives each record are mapped, too.
func inputStream(t *testing.T, r fluentbit.Release, engine searchEngine) {
	storage := azure.NewStorage(t)
	w := follow.NewWriter(t, storage)
	w.Minute()
	stream, namespace := engine.stream(t, r, "input")
	root := follow.Stage(t)
	change(t, root, "azure-opensearch.conf", "Logstash_DateFormat default", "Logstash_DateFormat "+namespace)
	a := r.Start(t, root, append(credentials("OPENSEARCH", engine.url), storage.Environment...), "-c", filepath.Join("etc", "azure-opensearch.conf"))
	a.Until("the documents", func() bool { return stream.count(nil) >= len(w.Tuples) })
	a.Stop()
	if n := stream.count(query{"wildcard": query{"azure.storage.blob.name": "*/PT1H.json"}}); n != len(w.Tuples) {
		t.Errorf("%d documents of %d tuples", n, len(w.Tuples))
	}
	stream.checkMapping(t, map[string]string{"log.file.path": "keyword", "log.offset": "long"})
}

// Each event of schema ocsf is a document of an index without mappings of ours: no
// field has one type here and another there.
func TestOpenSearchOCSF(t *testing.T) {
	r := fluentbit.First(t)
	engine := startSearch(t)
	input := flowLogsOfAllKinds(t)
	events := r.Events(t, "ocsf", input)
	ids := map[any]bool{}
	for _, e := range events {
		ids[e.Body.At("metadata", "uid")] = true
	}
	index := searchStream{engine, fmt.Sprintf("ocsf-test%d", time.Now().UnixNano())}
	t.Cleanup(func() { index.try(http.MethodDelete, "/"+index.name, nil, &struct{}{}) })
	root := fluentbit.Stage(t)
	textfile.Write(t, root, "flow-logs/input.log", input)
	withParser(t, root)
	const file = "opensearch-ecs.conf"
	change(t, root, file, "schema ecs", "schema ocsf\n    reserve_data off")
	change(t, root, file, "Logstash_Prefix     logs-azure.flow", "Logstash_Prefix     ocsf")
	change(t, root, file, "Logstash_DateFormat default", "Logstash_DateFormat "+strings.TrimPrefix(index.name, "ocsf-"))
	change(t, root, file, "$event['id']", "$metadata['uid']")
	a := r.Start(t, root, credentials("OPENSEARCH", engine.url), "-c", "etc/"+file)
	a.Until("the documents", func() bool { return index.count(nil) >= len(ids) })
	a.Stop()
	if n := index.count(query{"exists": query{"field": "metadata.uid"}}); n != len(ids) || index.refused() != 0 {
		t.Errorf("%d documents of %d events, %d refused", n, len(ids), index.refused())
	}
}
