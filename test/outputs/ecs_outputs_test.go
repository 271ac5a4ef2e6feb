package outputs

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/internal/event"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// Configurations that send events of schema ecs over HTTP.
func TestECSOverHTTP(t *testing.T) {
	want := event.Undated(event.Read(t, "nsgflow/testdata/ecs/nsg_v2.expected.ndjson"))
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		for name, output := range map[string]func(*testing.T) receiver{
			"splunk.conf": splunkServer, "victorialogs.conf": victoriaLogsServer, "otlp.conf": otlpOfECS,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				to := output(t)
				root := fluentbit.Stage(t)
				if name == "otlp.conf" {
					forOTLP(t, r, root)
				}
				textfile.Write(t, root, "flow-logs/sample.json", textfile.Read(t, "nsgflow/testdata/ecs/nsg_v2.input.json"))
				event.Same(t, want, to.from(t, r, root, name, len(want)))
			})
		}
	})
}

func otlpOfECS(t *testing.T) receiver { return otlpServer(t, otlpEvent) }

// splunkServer is an HTTP Event Collector: objects, one behind the other, each
// with a time and an event.
func splunkServer(t *testing.T) receiver {
	var c collector
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path != "/services/collector/event" || q.Header.Get("Authorization") != "Splunk open-sesame" {
			t.Errorf("%s %s as %q", q.Method, q.URL.Path, q.Header.Get("Authorization"))
		}
		d := json.NewDecoder(unpacked(t, q))
		d.DisallowUnknownFields()
		for {
			var one struct {
				Time       json.Number // as a text, Splunk takes the time of arrival
				Sourcetype string
				Event      json.RawMessage
			}
			if err := d.Decode(&one); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Error(err)
				break
			}
			e, err := event.Parse(string(one.Event))
			if err != nil || one.Sourcetype != "azure:flow" || len(e.Body) == 0 { // "Event field cannot be blank"
				t.Errorf("%v of %q: %s", err, one.Sourcetype, one.Event)
			}
			seconds, err := one.Time.Float64()
			if at := time.UnixMilli(int64(math.Round(seconds * 1000))).UTC().Format(event.OwnTime); err != nil || at != e.Body.At("@timestamp") {
				t.Errorf("at %s: %s", at, one.Event)
			}
			c.add(e)
		}
		io.WriteString(w, `{"text":"Success","code":0}`)
	}))
	t.Cleanup(server.Close)
	port, authority := startTLS(t, server)
	return receiver{env: []string{"SPLUNK_HOST=localhost", "SPLUNK_PORT=" + port, "SPLUNK_TOKEN=open-sesame", "SPLUNK_CA=" + authority}, received: c.all}
}

// victoriaLogsServer takes JSON lines; the fields that the request names are in
// each of them.
func victoriaLogsServer(t *testing.T) receiver {
	var c collector
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path != "/insert/jsonline" {
			t.Errorf("%s %s", q.Method, q.URL.Path)
		}
		asked := q.URL.Query()
		named := strings.Split(asked.Get("_stream_fields"), ",")
		named = append(named, asked.Get("_time_field"), strings.Split(asked.Get("_msg_field"), ",")[0])
		c.addLines(t, q, func(line string, e event.Event) {
			for _, name := range named {
				if e.Body.At(strings.Split(name, ".")...) == nil {
					t.Errorf("no %q in %s", name, line)
				}
			}
		})
	}))
	t.Cleanup(server.Close)
	return receiver{env: hostPort("VICTORIALOGS", server.URL), received: c.all}
}

// unpacked is the body of a request.
func unpacked(t *testing.T, q *http.Request) io.Reader {
	if q.Header.Get("Content-Encoding") != "gzip" {
		return q.Body
	}
	body, err := gzip.NewReader(q.Body)
	if err != nil {
		t.Error(err)
		return strings.NewReader("")
	}
	return body
}
