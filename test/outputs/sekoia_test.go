package outputs

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fluent-bit-nsgflow/test/internal/event"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/textfile"
	"fluent-bit-nsgflow/test/loggen"
)

// What Sekoia.io's two formats parse out of a flow: the patterns of their
// parsers, azure-network-watcher and azure-network-watcher-flow-logs.
var sekoiaTuples = map[string]*regexp.Regexp{
	"nsg_v2":  regexp.MustCompile(`^\d+,[0-9a-f.:]+,[0-9a-f.:]+,\d+,\d+,[TU],[IO],[AD](|,[BCE]?,\d*,\d*,\d*,\d*)$`),
	"vnet_v4": regexp.MustCompile(`^\d+,[0-9a-f.:]+,[0-9a-f.:]+,\d+,\d+,[^,]*,[^,]*,[BCED],[^,]*,\d+,\d+,\d+,\d+$`),
}

// sekoiaIntake takes raw events, one a line.
func sekoiaIntake(t *testing.T, tuple *regexp.Regexp) receiver {
	var c collector
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Method != http.MethodPost || q.URL.Path != "/api/v1/intake-http/plain/batch" {
			t.Errorf("%s %s", q.Method, q.URL.Path)
		}
		if key := q.Header.Get("X-SEKOIAIO-INTAKE-KEY"); key != "open-sesame" {
			t.Errorf("key %q", key)
		}
		c.addLines(t, q, func(line string, e event.Event) {
			if flow, _ := e.Body.At("flow.0").(string); !tuple.MatchString(flow) {
				t.Errorf("its parser finds nothing in %s", line)
			}
		})
		io.WriteString(w, `{"event_ids": []}`)
	}))
	t.Cleanup(server.Close)
	env := []string{"SEKOIA_HOST=localhost", "SEKOIA_BASE=/api/v1/intake-http", "SEKOIA_INTAKE_KEY=open-sesame"}
	port, authority := startTLS(t, server)
	return receiver{env: append(env, "SEKOIA_PORT="+port, "SEKOIA_CA="+authority), received: c.all}
}

// With aggregate, each tuple arrives all the same, as the one of its flow log:
// the intake takes no other.
func TestSekoiaAggregated(t *testing.T) {
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		for family, tuple := range sekoiaTuples {
			t.Run(family, func(t *testing.T) {
				t.Parallel()
				log := loggen.Log{Family: map[string]loggen.Family{"nsg_v2": loggen.NSGv2, "vnet_v4": loggen.VNet}[family], Records: 2, Tuples: 40, Seed: 5, Traffic: loggen.Realistic}
				var input strings.Builder
				if err := log.Write(&input, loggen.Blob); err != nil {
					t.Fatal(err)
				}
				var want []event.Event
				for _, e := range r.Events(t, "sekoia", input.String()) {
					message, _ := e.Body.At("message").(string)
					want = append(want, event.ParseAll(t, message)...)
				}
				to := sekoiaIntake(t, tuple)
				root := fluentbit.Stage(t)
				textfile.Write(t, root, "flow-logs/input.log", input.String())
				change(t, root, "flow-logs.conf", "schema sekoia", "schema sekoia\n    aggregate host")
				got := to.from(t, r, root, "sekoia.conf", len(want))
				order := func(a, b event.Event) int { return strings.Compare(a.String(), b.String()) }
				slices.SortFunc(want, order)
				slices.SortFunc(got, order)
				event.Same(t, want, got)
			})
		}
	})
}

// What arrives are the flows as Azure wrote them: the field "message" of their
// events.
func TestSekoia(t *testing.T) {
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		for family, tuple := range sekoiaTuples {
			t.Run(family, func(t *testing.T) {
				t.Parallel()
				var want []event.Event
				for _, e := range event.Read(t, "test/cases/"+family+"/expected.ndjson") {
					message, _ := e.Body.At("message").(string)
					want = append(want, event.ParseAll(t, message)...)
				}
				to := sekoiaIntake(t, tuple)
				root := fluentbit.Stage(t)
				textfile.Write(t, root, "flow-logs/sample.json", textfile.Read(t, "conf/samples/"+family+".json"))
				event.Same(t, want, to.from(t, r, root, "sekoia.conf", len(want)))
			})
		}
	})
}
