package outputs

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"fluent-bit-nsgflow/test/internal/event"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// ecsOutputs are the shipped configurations that write schema ecs to a data
// stream, with the environment's prefix.
var ecsOutputs = map[string]string{
	"es-ecs.conf":         "ES",
	"opensearch-ecs.conf": "OPENSEARCH",
}

// dataStream is as much of a data stream as the bulk API shows of it.
type dataStream struct {
	mu        sync.Mutex
	documents map[string]event.Event // by id
	order     []string
	others    []event.Event // without an id
	requests  int
	conflicts int
	refuse    string // a document with this text is refused with status 400
}

func (s *dataStream) serve(t *testing.T) *httptest.Server {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil || q.Method != http.MethodPost || q.URL.Path != "/_bulk" {
			t.Errorf("%s %s: %v", q.Method, q.URL.Path, err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.requests++
		failed := false
		items := []any{}
		for bulk := textfile.Lines(string(body)); len(bulk) >= 2; bulk = bulk[2:] {
			status := s.create(t, bulk[0], bulk[1])
			failed = failed || status != http.StatusCreated
			items = append(items, map[string]any{"create": map[string]any{"status": status}})
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"took": 1, "errors": failed, "items": items})
	}))
	t.Cleanup(server.Close)
	return server
}

// create stores a document under its id unless there is one.
func (s *dataStream) create(t *testing.T, action, document string) int {
	var a map[string]struct {
		Index string `json:"_index"`
		ID    string `json:"_id"`
		Type  string `json:"_type"`
	}
	if err := json.Unmarshal([]byte(action), &a); err != nil || len(a) != 1 || a["create"].Index != "logs-azure.flow-default" || a["create"].Type != "" {
		t.Errorf("action %s: %v", action, err)
	}
	if n := strings.Count(document, `"@timestamp":`); n != 1 {
		t.Errorf("%d fields @timestamp in %s", n, document)
	}
	e, err := event.Parse(document)
	if err != nil {
		t.Error(err)
	}
	id := a["create"].ID
	if own, _ := e.Body.At("event", "id").(string); id != own {
		t.Errorf("id %q of %s", id, document)
	}
	if s.refuse != "" && strings.Contains(document, s.refuse) {
		return http.StatusBadRequest
	}
	if id == "" {
		s.others = append(s.others, e)
		return http.StatusCreated
	}
	if _, ok := s.documents[id]; ok {
		s.conflicts++
		return http.StatusConflict
	}
	if s.documents == nil {
		s.documents = map[string]event.Event{}
	}
	s.documents[id] = e
	s.order = append(s.order, id)
	return http.StatusCreated
}

func (s *dataStream) events() (events []event.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range s.order {
		events = append(events, s.documents[id])
	}
	return events
}

func (s *dataStream) seen(what func() bool) func() bool {
	return func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return what()
	}
}

func credentials(prefix, url string) []string {
	return append(hostPort(prefix, url), prefix+"_USER=writer", prefix+"_PASSWORD=open sesame")
}

// Each flow is a document under its event.id. What is sent twice, because its
// file was read again, is stored once.
func TestDataStream(t *testing.T) {
	sample := textfile.Read(t, "nsgflow/testdata/ecs/nsg_v2.input.json") + textfile.Read(t, "nsgflow/testdata/ecs/vnet_acls.input.json")
	want := event.ParseAll(t, textfile.Read(t, "nsgflow/testdata/ecs/nsg_v2.expected.ndjson")+textfile.Read(t, "nsgflow/testdata/ecs/vnet_acls.expected.ndjson"))
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		for file, prefix := range ecsOutputs {
			t.Run(file, func(t *testing.T) {
				t.Parallel()
				var stream dataStream
				server := stream.serve(t)
				for range 2 { // each in a folder of its own, without the position of the one before
					root := fluentbit.Stage(t)
					textfile.Write(t, root, "flow-logs/sample.json", sample)
					var before int
					stream.seen(func() bool { before = stream.requests; return true })()
					a := r.Start(t, root, credentials(prefix, server.URL), "-c", "etc/"+file)
					a.Until("a request", stream.seen(func() bool { return stream.requests > before && len(stream.order) == len(want) }))
					a.Stop()
					event.Same(t, want, stream.events())
				}
				if stream.conflicts < len(want) {
					t.Errorf("%d documents were there already, of %d", stream.conflicts, len(want))
				}
			})
		}
	})
}

// Other logs, before, between and behind the flows, and a text that is damaged
// have no event.id: each arrives, with no document's id, and costs none.
func TestDataStreamOfMixedLogs(t *testing.T) {
	flows := textfile.Read(t, "nsgflow/testdata/ecs/nsg_v2.input.json")
	other := "Mar  4 09:02:11 web-1 sshd[1190]: Connection reset by 192.0.2.77 port 41002 [preauth]\n"
	damaged := strings.TrimRight(flows, "\n")[:len(flows)/2] + "\n"
	input := textfile.Read(t, "conf/samples/mixed.log") + other + other + damaged + flows + damaged + other
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		root := fluentbit.Stage(t)
		textfile.Write(t, root, "flow-logs/mixed.log", input)
		textfile.Write(t, root, "etc/plain.conf", fluentbit.Service(root)+fluentbit.Tailing(root, "*", "flow", fluentbit.ExitOnEOF)+fluentbit.Filtering("*", "schema ecs")+fluentbit.Printing)
		plain := r.Start(t, root, nil, "-c", "etc/plain.conf")
		plain.Wait()
		identified := func(d event.Document) bool { return d.At("event", "id") != nil }
		all := event.Undated(plain.Printed())
		want, others := kept(all, identified), kept(all, func(d event.Document) bool { return !identified(d) })
		if len(want) == 0 || len(others) < 8 {
			t.Fatalf("%d flows, %d other records: the input shows nothing", len(want), len(others))
		}
		for file, prefix := range ecsOutputs {
			t.Run(file, func(t *testing.T) {
				t.Parallel()
				var stream dataStream
				server := stream.serve(t)
				root := fluentbit.Stage(t)
				textfile.Write(t, root, "flow-logs/mixed.log", input)
				a := r.Start(t, root, credentials(prefix, server.URL), "-c", "etc/"+file)
				a.Until("every record", stream.seen(func() bool { return len(stream.order)+len(stream.others)+stream.conflicts >= len(all) }))
				a.Stop()
				if stream.conflicts != 0 {
					t.Errorf("%d documents have the id of another", stream.conflicts)
				}
				event.Same(t, want, stream.events())
				for i := range stream.others {
					// The output writes the time of arrival first.
					if body := stream.others[i].Body; len(body) > 0 && body[0].Key == "@timestamp" {
						stream.others[i].Body = body[1:]
					}
				}
				event.Same(t, others, stream.others)
			})
		}
	})
}

// What the comments of the two configurations say of a refused document.
func TestDataStreamRefusesOne(t *testing.T) {
	sample := textfile.Read(t, "nsgflow/testdata/ecs/nsg_v2.input.json")
	all := event.Read(t, "nsgflow/testdata/ecs/nsg_v2.expected.ndjson")
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		for file, prefix := range ecsOutputs {
			t.Run(file, func(t *testing.T) {
				t.Parallel()
				id, _ := all[2].Body.At("event", "id").(string)
				stream := dataStream{refuse: id}
				server := stream.serve(t)
				root := fluentbit.Stage(t)
				textfile.Write(t, root, "flow-logs/sample.json", sample)
				a := r.Start(t, root, credentials(prefix, server.URL), "-c", "etc/"+file)
				a.Until("the others", stream.seen(func() bool { return len(stream.order) == len(all)-1 }))
				if silent := prefix == "ES" && !r.Before(4, 0); !silent {
					a.Until("another try", func() bool { return a.Says("retry") })
				} else {
					t.Logf("not told: Fluent Bit %s says nothing of a document that %s refuses", r.Version, file)
				}
				a.Stop()
				event.Same(t, append(all[:2:2], all[3:]...), stream.events())
			})
		}
	})
}
