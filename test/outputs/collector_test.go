package outputs

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/child"
	"fluent-bit-nsgflow/test/engine"
	"fluent-bit-nsgflow/test/internal/event"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/pages"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// otelCollector is a real OpenTelemetry Collector, which writes log records to a file.
type otelCollector struct {
	receiver
	t    *testing.T
	file string
}

// startCollector starts one with processors, in YAML, and the pipeline that
// they go into.
func startCollector(t *testing.T, processors string) otelCollector {
	t.Helper()
	if err := engine.Make("build/test/collector"); err != nil {
		t.Skipf("skipped: there is no OpenTelemetry Collector: %.1000v", err)
	}
	port, err := azure.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	c := otelCollector{t: t, file: filepath.Join(folder, "records")}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	textfile.Write(t, folder, "collector.yaml", fmt.Sprintf(`
receivers: {otlp: {protocols: {http: {endpoint: %q}}}}
exporters: {file: {path: %q, flush_interval: 10ms}}
%s  telemetry: {metrics: {level: none}}
`, address, c.file, processors))
	program := exec.Command(engine.Path("build", "test", "collector"), "--config", "file:"+folder+"/collector.yaml")
	var log engine.Buffer
	program.Stdout, program.Stderr = &log, &log
	child.Start(t, program)
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(log.String(), "Everything is ready"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the collector does not start:\n%s", log.String())
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of the collector:\n%s", log.String())
		}
	})
	c.env = append(hostPort("OTLP", address), "OTLP_KEY=open-sesame")
	c.received = func(*fluentbit.Agent) (all []event.Event) {
		for _, r := range c.records() {
			all = append(all, r.Event)
		}
		return all
	}
	return c
}

// collected is a log record behind a Collector, with the attributes of its
// resource.
type collected struct {
	event.Event
	resource event.Document
}

func (c otelCollector) records() (all []collected) {
	text, err := os.ReadFile(c.file)
	if err != nil {
		return nil // nothing has come
	}
	for line := range bytes.Lines(text) {
		var data logs.LogsData
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // half written
		}
		if err := protojson.Unmarshal(line, &data); err != nil {
			c.t.Errorf("%v: %.500s", err, line)
		}
		for _, r := range data.ResourceLogs {
			resource := event.Document{}
			for _, a := range r.GetResource().GetAttributes() {
				resource = append(resource, event.Member{Key: a.Key, Value: otlpValue(a.Value)})
			}
			for _, s := range r.ScopeLogs {
				for _, one := range s.LogRecords {
					all = append(all, collected{recordEvent(c.t, one), resource})
				}
			}
		}
	}
	return all
}

// collectorSettings is what docs/outputs.md gives a Collector.
func collectorSettings(t *testing.T) string {
	t.Helper()
	for _, s := range pages.Snippets(t, "yaml") {
		if strings.HasPrefix(s.Text, "processors:\n") {
			return s.Text
		}
	}
	t.Fatal("no page has processors")
	return ""
}

// Behind a real Collector, with what the page says of it, each event is a log
// record at the flow's time whose attributes and resource are, together with its
// body, the fields of the event. Fluent Bit 2.1 and 2.2 give the same.
func TestCollectorAttributes(t *testing.T) {
	t.Parallel()
	input := flowLogsOfAllKinds(t)
	settings := collectorSettings(t)
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		root := fluentbit.Stage(t)
		forOTLPAttributes(t, r, root)
		want := map[string]string{}
		for _, e := range r.Events(t, "otel", input) {
			want[fmt.Sprint(e.Body.At("log.record.uid"))] = sorted(e)
		}
		to := startCollector(t, settings)
		textfile.Write(t, root, "flow-logs/input.log", input)
		withParser(t, root)
		to.from(t, r, root, "otlp-attributes.conf", len(want))
		all := to.records()
		if len(all) != len(want) {
			t.Errorf("%d log records of %d events", len(all), len(want))
		}
		for _, one := range all {
			if one.Body.At("cloud.provider") != nil || one.resource.At("cloud.provider") != "azure" {
				t.Errorf("the resource is %v of %s", one.resource, one)
			}
			whole := event.Event{Date: one.Date, Body: append(one.resource, one.Body...)}
			if id := fmt.Sprint(one.Body.At("log.record.uid")); sorted(whole) != want[id] {
				t.Errorf("behind the collector\n%s\nwant\n%s", sorted(whole), want[id])
			}
			judge(t, "otel", event.Event{Body: whole.Body})
		}
	})
}

// sorted is an event with its fields in the order of their names.
func sorted(e event.Event) string {
	body := slices.Clone(e.Body)
	slices.SortFunc(body, func(a, b event.Member) int { return strings.Compare(a.Key, b.Key) })
	return event.Event{Date: e.Date, Body: body}.String()
}

// Whole ECS events are bodies of log records at the flow's time.
func TestCollectorBodies(t *testing.T) {
	t.Parallel()
	const pass = "service:\n  pipelines: {logs: {receivers: [otlp], exporters: [file]}}\n"
	want := event.Read(t, "nsgflow/testdata/ecs/nsg_v2.expected.ndjson")
	for i := range want {
		at, err := time.Parse(event.OwnTime, want[i].Body.Text("@timestamp"))
		if err != nil {
			t.Fatal(err)
		}
		want[i].Date = at.Format(event.PrintedTime)
	}
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		root := fluentbit.Stage(t)
		forOTLP(t, r, root)
		to := startCollector(t, pass)
		textfile.Write(t, root, "flow-logs/sample.json", textfile.Read(t, "nsgflow/testdata/ecs/nsg_v2.input.json"))
		event.Same(t, want, to.from(t, r, root, "otlp.conf", len(want)))
	})
}
