package pipeline

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"fluent-bit-nsgflow/test/internal/event"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/textfile"
	"fluent-bit-nsgflow/test/loggen"
)

// One event for each tuple, in order, however the blob comes in.
func TestBlobOfSixtyRecords(t *testing.T) {
	log := loggen.Log{Family: loggen.NSGv2, Records: 60, Tuples: 48, Seed: 7}
	var tuples []string
	for i := range log.Records {
		for _, g := range log.Record(i).Groups {
			tuples = append(tuples, g.Tuples...)
		}
	}
	forms := []struct {
		name       string
		shape      loggen.Shape
		structured bool
	}{
		{"one line", loggen.Blob, false},
		{"record a line", loggen.Records, false},
		{"parsed by tail", loggen.Records, true},
		{"blob parsed by tail", loggen.Blob, true},
	}
	inEveryForm := func(t *testing.T, run func(*testing.T, pipelineCase) []event.Event) {
		var first []event.Event
		for _, form := range forms {
			t.Run(form.name, func(t *testing.T) {
				var text strings.Builder
				if err := log.Write(&text, form.shape); err != nil {
					t.Fatal(err)
				}
				events := run(t, pipelineCase{input: text.String(), Structured: form.structured, Filters: []map[string]string{{}}})
				if len(events) != len(tuples) {
					t.Fatalf("%d events of %d tuples", len(events), len(tuples))
				}
				for i, e := range events {
					if got := tupleOf(t, e); got != tuples[i] {
						t.Fatalf("event %d is of tuple %q, want %q", i, got, tuples[i])
					}
				}
				if first == nil {
					first = events
				}
				event.Same(t, first, events)
			})
		}
	}
	t.Run("stand-in", func(t *testing.T) {
		t.Parallel()
		inEveryForm(t, func(t *testing.T, c pipelineCase) []event.Event { return c.standIn(t, "3.2") })
	})
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		inEveryForm(t, func(t *testing.T, c pipelineCase) []event.Event { return c.fluentBit(t, r) })
	})
}

// tupleOf is the tuple that an event keeps in its message.
func tupleOf(t *testing.T, e event.Event) string {
	t.Helper()
	message, _ := e.Body.At("message").(string)
	var flat map[string]any
	if err := json.Unmarshal([]byte(message), &flat); err != nil {
		t.Fatalf("message %q: %v", message, err)
	}
	tuple, _ := flat["flow.0"].(string)
	return tuple
}

// Instances share nothing: each has its own options.
func TestTwoInstances(t *testing.T) {
	plain := event.Read(t, "test/cases/nsg_v1/expected.ndjson")
	bare := event.Read(t, "test/cases/original_off/expected.ndjson")
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		root := fluentbit.Stage(t)
		textfile.Write(t, root, "flow-logs/a.json", textfile.Read(t, "conf/samples/nsg_v1.json"))
		textfile.Write(t, root, "flow-logs/b.json", textfile.Read(t, "conf/samples/nsg_v2.json"))
		textfile.Write(t, root, "etc/two.conf", fluentbit.Service(root)+
			fluentbit.Tailing(root, "a.json", "a", "")+fluentbit.Tailing(root, "b.json", "b", "")+
			fluentbit.Filtering("a")+fluentbit.Filtering("b", "original off")+fluentbit.Printing)
		a := r.Start(t, root, nil, "-c", "etc/two.conf")
		a.Until("the events", func() bool { return len(a.Printed()) >= len(plain)+len(bare) })
		a.Stop()
		var with, without []event.Event
		for _, e := range a.Printed() {
			if e.Body.At("message") != nil {
				with = append(with, e)
			} else {
				without = append(without, e)
			}
		}
		event.Same(t, plain, with)
		event.Same(t, bare, without)
	})
}

func TestProcessor(t *testing.T) {
	processorGives(t, "original: off", "conf/samples/nsg_v2.json", "test/cases/original_off/expected.ndjson")
}

// processorGives runs the filter as a processor with options on a file, in every
// release that has processors.
func processorGives(t *testing.T, options, input, expected string) {
	t.Helper()
	want := event.Read(t, expected)
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		if r.Before(2, 1) {
			t.Skipf("skipped: Fluent Bit %s has no processors", r.Version)
		}
		root := fluentbit.Stage(t)
		textfile.Write(t, root, "flow-logs/sample.json", textfile.Read(t, input))
		textfile.Write(t, root, "etc/processor.yaml", processing(root, options))
		a := r.Start(t, root, nil, "-c", "etc/processor.yaml")
		if code := a.Wait(); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		event.Same(t, want, a.Printed())
	})
}

// A processor with a condition calls the filter for each record that meets it,
// one at a time (from 5.0 on). What does not meet it passes in its place.
func TestProcessorWithCondition(t *testing.T) {
	want := event.Read(t, "test/cases/original_off/expected.ndjson")
	sample := strings.TrimSpace(textfile.Read(t, "conf/samples/nsg_v2.json"))
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		if r.Before(5, 0) {
			t.Skipf("skipped: Fluent Bit %s has no conditions of processors", r.Version)
		}
		root := fluentbit.Stage(t)
		textfile.Write(t, root, "flow-logs/sample.json", strings.Join([]string{"before", sample, "between", sample, "behind"}, "\n")+"\n")
		textfile.Write(t, root, "etc/processor.yaml", processing(root, `original: off
            condition:
              op: and
              rules:
                - field: "$log"
                  op: regex
                  value: flowTuples`))
		a := r.Start(t, root, nil, "-c", "etc/processor.yaml")
		if code := a.Wait(); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		var all []event.Event
		for _, text := range []string{"before", "between", "behind"} {
			all = append(all, event.Event{Body: event.Document{{Key: "log", Value: text}}})
			if text != "behind" {
				all = append(all, want...)
			}
		}
		event.Same(t, all, a.Printed())
		if !a.Says(" 0 foreign records") {
			t.Error("the filter was called for records that do not meet the condition")
		}
	})
}

// processing is a pipeline with the filter as a processor of its input.
func processing(root, option string) string {
	return fmt.Sprintf(`
service:
  flush: 0.2
  grace: 1
  plugins_file: %[1]s/etc/plugins.conf
pipeline:
  inputs:
    - name: tail
      tag: flow
      path: %[1]s/flow-logs/*
      read_from_head: on
      exit_on_eof: on
      buffer_chunk_size: 256k
      buffer_max_size: 512M
      processors:
        logs:
          - name: nsgflow
            %[2]s
  outputs:
    - name: stdout
      match: "*"
      format: json_lines
      json_date_format: iso8601
`, root, option)
}

// A reload replaces the instance inside the running process: what comes
// after it is filtered like what came before.
func TestHotReload(t *testing.T) {
	before := event.Read(t, "test/cases/nsg_v1/expected.ndjson")
	after := event.Read(t, "test/cases/original_off/expected.ndjson")
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		if r.Before(2, 1) {
			t.Skipf("skipped: Fluent Bit %s has no hot reload", r.Version)
		}
		root := fluentbit.Stage(t)
		textfile.Write(t, root, "flow-logs/a.json", textfile.Read(t, "conf/samples/nsg_v1.json"))
		a := r.Start(t, root, nil, "-Y", "-c", filepath.Join(root, "etc", "fluent-bit.conf"))
		a.Until("the events", func() bool { return len(a.Printed()) >= len(before) })
		shipped := textfile.Read(t, filepath.Join(root, "etc", "flow-logs.conf"))
		textfile.Write(t, root, "etc/flow-logs.conf", strings.Replace(shipped, "schema sekoia", "original off", 1))
		// What starts last.
		starts := func() int { return strings.Count(a.Log.String(), "worker #0 started") }
		for n := range 3 {
			a.Until("the start", func() bool { return starts() == n+1 })
			a.Reload()
		}
		a.Until("the start", func() bool { return starts() == 4 })
		// 2.2 may drop the last lines of a log that it closes, its own too.
		stopped := strings.Count(a.Log.String(), "worker #0 stopped")
		if ends := strings.Count(a.Log.String(), " flows, "); ends < stopped {
			t.Errorf("%d instances have ended after %d reloads", ends, stopped)
		}
		textfile.Append(t, filepath.Join(root, "flow-logs", "a.json"), textfile.Read(t, "conf/samples/nsg_v2.json"))
		a.Until("the events after the reload", func() bool { return len(a.Printed()) >= len(before)+len(after) })
		a.Stop()
		event.Same(t, append(before[:len(before):len(before)], after...), a.Printed())
	})
}
