package outputs

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/proto"

	"fluent-bit-nsgflow/test/internal/event"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// otlpServer is the receiver of an OpenTelemetry Collector: logs as protobuf. An
// event is what read makes of a log record.
func otlpServer(t *testing.T, read func(*testing.T, *logs.LogRecord) event.Event) receiver {
	var c collector
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Method != http.MethodPost || q.URL.Path != "/v1/logs" || q.Header.Get("Content-Type") != "application/x-protobuf" {
			t.Errorf("%s %s of %q", q.Method, q.URL.Path, q.Header.Get("Content-Type"))
		}
		if key := q.Header.Get("Authorization"); key != "Bearer open-sesame" {
			t.Errorf("key %q", key)
		}
		text, err := io.ReadAll(unpacked(t, q))
		if err != nil {
			t.Error(err)
		}
		// An ExportLogsServiceRequest has the same one field as LogsData.
		var request logs.LogsData
		if err := proto.Unmarshal(text, &request); err != nil {
			t.Error(err)
		}
		for _, r := range request.ResourceLogs {
			for _, s := range r.ScopeLogs {
				for _, one := range s.LogRecords {
					c.add(read(t, one))
				}
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(server.Close)
	return receiver{env: append(hostPort("OTLP", server.URL), "OTLP_KEY=open-sesame"), received: c.all}
}

// otlpEvent is the body of a log record, whose time is the event's.
func otlpEvent(t *testing.T, r *logs.LogRecord) event.Event {
	body, ok := otlpValue(r.Body).(event.Document)
	if !ok {
		t.Errorf("no object: %v", r.Body)
	}
	if own, _ := body.At("@timestamp").(string); own != "" {
		if at := time.Unix(0, int64(r.TimeUnixNano)).UTC().Format(event.OwnTime); at != own {
			t.Errorf("at %s: %s", at, own)
		}
	}
	return event.Event{Body: body}
}

func otlpValue(v *common.AnyValue) any {
	switch v := v.GetValue().(type) {
	case nil:
		return nil
	case *common.AnyValue_StringValue:
		return v.StringValue
	case *common.AnyValue_IntValue:
		return json.Number(fmt.Sprint(v.IntValue))
	case *common.AnyValue_ArrayValue:
		list := []any{}
		for _, element := range v.ArrayValue.Values {
			list = append(list, otlpValue(element))
		}
		return list
	case *common.AnyValue_KvlistValue:
		o := event.Document{}
		for _, kv := range v.KvlistValue.Values {
			o = append(o, event.Member{Key: kv.Key, Value: otlpValue(kv.Value)})
		}
		return o
	}
	return fmt.Sprintf("%T", v)
}

// The body is the whole event, also where it has a field "log", as those of the
// input have; more events than the output sends at once (1000) are all there.
func TestOTLPWholeEvents(t *testing.T) {
	record := strings.TrimSpace(strings.SplitN(textfile.Read(t, "nsgflow/testdata/ecs/nsg_v2.input.json"), "\n", 2)[0])
	record = strings.Replace(record, "{", `{"log":{"file":{"path":"flow.json"},"offset":1},`, 1) + "\n"
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		root := fluentbit.Stage(t)
		forOTLP(t, r, root)
		input := strings.Repeat(record, 1+1100/len(r.Events(t, "ecs", record)))
		want := event.Undated(r.Events(t, "ecs", input))
		if len(want) < 1100 || want[0].Body.At("log", "file", "path") != "flow.json" {
			t.Fatalf("%d events like %s: the input shows nothing", len(want), want[0])
		}
		to := otlpServer(t, otlpEvent)
		textfile.Write(t, root, "flow-logs/input.log", input)
		withParser(t, root)
		got := to.from(t, r, root, "otlp.conf", len(want))
		for _, all := range [][]event.Event{want, got} { // chunks overtake each other
			slices.SortStableFunc(all, func(a, b event.Event) int { return strings.Compare(idOf(a), idOf(b)) })
		}
		event.Same(t, want, got)
	})
}

func idOf(e event.Event) string { return fmt.Sprint(e.Body.At("event", "id")) }

// forOTLP makes of otlp.conf what its comment says of older releases.
func forOTLP(t *testing.T, r fluentbit.Release, root string) {
	t.Helper()
	if r.Before(2, 1) {
		t.Skipf("skipped: the output of Fluent Bit %s sends no logs", r.Version)
	}
	if r.Before(3, 0) {
		change(t, root, "otlp.conf", "    Logs_Body_Key  $the_whole_record\n", "")
	}
}
