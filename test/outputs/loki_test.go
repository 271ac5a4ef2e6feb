package outputs

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/internal/event"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/textfile"
)

var lokiLabel = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// What Loki's defaults are (limits_config), and how many streams a small log may
// make.
const (
	lokiLabels   = 15
	lokiLine     = 256 << 10
	lokiOldest   = 7 * 24 * time.Hour
	lokiNewest   = 10 * time.Minute
	lokiRequest  = 100 << 20 // gRPC between its parts
	fewOfStreams = 16
)

// lokiServer takes pushes as JSON, and refuses what Loki refuses.
func lokiServer(t *testing.T) receiver {
	var c collector
	streams := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Method != http.MethodPost || q.URL.Path != "/loki/api/v1/push" || q.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s of %q", q.Method, q.URL.Path, q.Header.Get("Content-Type"))
		}
		if user, password, _ := q.BasicAuth(); user != "writer" || password != "open sesame" {
			t.Errorf("signed in as %q, %q", user, password)
		}
		var push struct {
			Streams []struct {
				Stream map[string]string
				Values [][2]string // a third element is for structured metadata
			}
		}
		d := json.NewDecoder(http.MaxBytesReader(w, q.Body, lokiRequest))
		d.DisallowUnknownFields()
		if err := d.Decode(&push); err != nil {
			t.Error(err)
		}
		for _, s := range push.Streams {
			checkLabels(t, s.Stream)
			c.mu.Lock()
			streams[fmt.Sprint(s.Stream)] = true
			if len(streams) > fewOfStreams {
				t.Errorf("%d streams", len(streams))
			}
			c.mu.Unlock()
			for _, v := range s.Values {
				c.add(lokiEvent(t, s.Stream, v[0], v[1]))
			}
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(server.Close)
	return receiver{env: credentials("LOKI", server.URL), received: c.all}
}

func checkLabels(t *testing.T, labels map[string]string) {
	if len(labels) == 0 || len(labels) > lokiLabels || labels["job"] != "azure-flow-logs" {
		t.Errorf("labels %v", labels)
	}
	for name, value := range labels {
		if !lokiLabel.MatchString(name) || value == "" {
			t.Errorf("label %q is %q", name, value)
		}
	}
}

// lokiLabelled are the labels that come from events. From Fluent Bit 4.0 on the
// output takes their fields out of the line.
var lokiLabelled = map[string][]string{
	"kind": {"azure", "flow_log", "kind"}, "action": {"event", "action"}, "direction": {"network", "direction"},
}

// lokiEvent is a line with its labels behind it.
func lokiEvent(t *testing.T, labels map[string]string, nanoseconds, line string) event.Event {
	e, err := event.Parse(line)
	if err != nil || len(line) > lokiLine {
		t.Errorf("%d bytes: %v", len(line), err)
	}
	n, err := strconv.ParseInt(nanoseconds, 10, 64)
	at := time.Unix(0, n).UTC()
	if err != nil || time.Since(at) > lokiOldest || time.Until(at) > lokiNewest {
		t.Errorf("an entry of %s: %v", at, err)
	}
	if own := e.Body.At("@timestamp"); own != nil && own != at.Format(event.OwnTime) {
		t.Errorf("at %s: %s", at, line)
	}
	for _, name := range slices.Sorted(maps.Keys(lokiLabelled)) {
		if value, ok := labels[name]; ok {
			e.Body = append(e.Body.Without(lokiLabelled[name]...), event.Member{Key: name, Value: value})
		}
	}
	return e
}

// labelled is an event as lokiEvent gives it.
func labelled(e event.Event) event.Event {
	var labels event.Document
	for _, name := range slices.Sorted(maps.Keys(lokiLabelled)) {
		if value := e.Body.At(lokiLabelled[name]...); value != nil {
			labels = append(labels, event.Member{Key: name, Value: value})
			e.Body = e.Body.Without(lokiLabelled[name]...)
		}
	}
	return event.Event{Body: append(e.Body[:len(e.Body):len(e.Body)], labels...)}
}

// Events of all kinds, and other logs, of this day.
func TestLoki(t *testing.T) {
	input := today(composingInput(t))
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		var want []event.Event
		for _, e := range r.Events(t, "ecs", input) {
			want = append(want, labelled(e))
		}
		to := lokiServer(t)
		root := fluentbit.Stage(t)
		textfile.Write(t, root, "flow-logs/input.log", input)
		withParser(t, root)
		event.Same(t, want, to.from(t, r, root, "loki.conf", len(want)))
	})
}

// today moves the flows and records of a log to this day.
func today(log string) string {
	log = regexp.MustCompile(`\b1[67]\d{8}(\d{3})?\b`).ReplaceAllStringFunc(log, func(old string) string {
		n, _ := strconv.ParseInt(old[:10], 10, 64)
		return fmt.Sprint(time.Now().Unix()-3600+n%3600) + old[10:]
	})
	return regexp.MustCompile(`\b20\d\d-\d\d-\d\dT\d\d:`).ReplaceAllString(log, time.Now().Add(-time.Hour).UTC().Format("2006-01-02T15:"))
}
