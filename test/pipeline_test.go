package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"fluent-bit-nsgflow/test/loggen"
)

// service is a [SERVICE] section for short runs.
func service(root string) string {
	return fmt.Sprintf(`
[SERVICE]
    Flush        0.2
    Grace        1
    Plugins_File %[1]s/etc/plugins.conf
    Parsers_File %[1]s/etc/parsers.conf
`, root)
}

func tailing(root, file, tag, more string) string {
	return fmt.Sprintf(`
[INPUT]
    Name              tail
    Tag               %s
    Path              %s/flow-logs/%s
    Read_From_Head    On
    Refresh_Interval  1
    Buffer_Chunk_Size 256k
    Buffer_Max_Size   512M
%s`, tag, root, file, more)
}

func filtering(match string, options ...string) string {
	return "\n[FILTER]\n    Name nsgflow\n    Match " + match + "\n    " + strings.Join(options, "\n    ") + "\n"
}

// printing is the output whose lines parseEvent reads.
const printing = `
[OUTPUT]
    Name             stdout
    Match            *
    Format           json_lines
    json_date_format iso8601
`

const exitOnEOF = "    Exit_On_Eof On\n"

// printed are the events that an agent has written so far.
func (a *agent) printed() []event {
	a.t.Helper()
	// The last line may be half written.
	whole := a.out.String()
	whole = whole[:strings.LastIndexByte(whole, '\n')+1]
	return parseEvents(a.t, lines(whole))
}

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
	inEveryForm := func(t *testing.T, run func(*testing.T, pipelineCase) []event) {
		var first []event
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
				same(t, first, events)
			})
		}
	}
	t.Run("stand-in", func(t *testing.T) {
		t.Parallel()
		inEveryForm(t, func(t *testing.T, c pipelineCase) []event { return c.standIn(t, "3.2") })
	})
	inEveryRelease(t, func(t *testing.T, r release) {
		inEveryForm(t, func(t *testing.T, c pipelineCase) []event { return c.fluentBit(t, r) })
	})
}

// tupleOf is the tuple that an event keeps in its message.
func tupleOf(t *testing.T, e event) string {
	t.Helper()
	message, _ := e.Body.at("message").(string)
	var flat map[string]any
	if err := json.Unmarshal([]byte(message), &flat); err != nil {
		t.Fatalf("message %q: %v", message, err)
	}
	tuple, _ := flat["flow.0"].(string)
	return tuple
}

// Instances share nothing: each has its own options.
func TestTwoInstances(t *testing.T) {
	plain := parseEvents(t, lines(read(t, "cases/nsg_v1/expected.ndjson")))
	bare := parseEvents(t, lines(read(t, "cases/original_off/expected.ndjson")))
	inEveryRelease(t, func(t *testing.T, r release) {
		root := stage(t)
		write(t, root, "flow-logs/a.json", read(t, "../conf/samples/nsg_v1.json"))
		write(t, root, "flow-logs/b.json", read(t, "../conf/samples/nsg_v2.json"))
		write(t, root, "etc/two.conf", service(root)+
			tailing(root, "a.json", "a", "")+tailing(root, "b.json", "b", "")+
			filtering("a")+filtering("b", "original off")+printing)
		a := r.start(t, root, nil, "-c", "etc/two.conf")
		a.until("the events", func() bool { return len(a.printed()) >= len(plain)+len(bare) })
		a.stop()
		var with, without []event
		for _, e := range a.printed() {
			if e.Body.at("message") != nil {
				with = append(with, e)
			} else {
				without = append(without, e)
			}
		}
		same(t, plain, with)
		same(t, bare, without)
	})
}

func TestProcessor(t *testing.T) {
	processorGives(t, "original: off", "../conf/samples/nsg_v2.json", "cases/original_off/expected.ndjson")
}

// processorGives runs the filter as a processor with options on a file, in every
// release that has processors.
func processorGives(t *testing.T, options, input, expected string) {
	t.Helper()
	want := parseEvents(t, lines(read(t, expected)))
	inEveryRelease(t, func(t *testing.T, r release) {
		if r.before(2, 1) {
			t.Skipf("skipped: Fluent Bit %s has no processors", r.version)
		}
		root := stage(t)
		write(t, root, "flow-logs/sample.json", read(t, input))
		write(t, root, "etc/processor.yaml", processing(root, options))
		a := r.start(t, root, nil, "-c", "etc/processor.yaml")
		if code := a.wait(); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		same(t, want, a.printed())
	})
}

// A processor with a condition calls the filter for each record that meets it,
// one at a time (from 5.0 on). What does not meet it passes in its place.
func TestProcessorWithCondition(t *testing.T) {
	want := parseEvents(t, lines(read(t, "cases/original_off/expected.ndjson")))
	sample := strings.TrimSpace(read(t, "../conf/samples/nsg_v2.json"))
	inEveryRelease(t, func(t *testing.T, r release) {
		if r.before(5, 0) {
			t.Skipf("skipped: Fluent Bit %s has no conditions of processors", r.version)
		}
		root := stage(t)
		write(t, root, "flow-logs/sample.json", strings.Join([]string{"before", sample, "between", sample, "behind"}, "\n")+"\n")
		write(t, root, "etc/processor.yaml", processing(root, `original: off
            condition:
              op: and
              rules:
                - field: "$log"
                  op: regex
                  value: flowTuples`))
		a := r.start(t, root, nil, "-c", "etc/processor.yaml")
		if code := a.wait(); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		var all []event
		for _, text := range []string{"before", "between", "behind"} {
			all = append(all, event{Body: document{{"log", text}}})
			if text != "behind" {
				all = append(all, want...)
			}
		}
		same(t, all, a.printed())
		if !strings.Contains(a.log.String(), " 0 foreign records") {
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
	before := parseEvents(t, lines(read(t, "cases/nsg_v1/expected.ndjson")))
	after := parseEvents(t, lines(read(t, "cases/original_off/expected.ndjson")))
	inEveryRelease(t, func(t *testing.T, r release) {
		if r.before(2, 1) {
			t.Skipf("skipped: Fluent Bit %s has no hot reload", r.version)
		}
		root := stage(t)
		write(t, root, "flow-logs/a.json", read(t, "../conf/samples/nsg_v1.json"))
		a := r.start(t, root, nil, "-Y", "-c", filepath.Join(root, "etc", "fluent-bit.conf"))
		a.until("the events", func() bool { return len(a.printed()) >= len(before) })
		shipped := read(t, filepath.Join(root, "etc", "flow-logs.conf"))
		write(t, root, "etc/flow-logs.conf", strings.Replace(shipped, "schema sekoia", "original off", 1))
		// What starts last; before that the host refuses another reload.
		starts := func() int { return strings.Count(a.log.String(), "worker #0 started") }
		for n := range 3 {
			a.until("the start", func() bool { return starts() == n+1 })
			if err := a.cmd.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
		}
		a.until("the start", func() bool { return starts() == 4 })
		// 2.2 may drop the last lines of a log that it closes, its own too.
		stopped := strings.Count(a.log.String(), "worker #0 stopped")
		if ends := strings.Count(a.log.String(), " flows, "); ends < stopped {
			t.Errorf("%d instances have ended after %d reloads", ends, stopped)
		}
		appendTo(t, filepath.Join(root, "flow-logs", "a.json"), read(t, "../conf/samples/nsg_v2.json"))
		a.until("the events after the reload", func() bool { return len(a.printed()) >= len(before)+len(after) })
		a.stop()
		same(t, append(before[:len(before):len(before)], after...), a.printed())
	})
}

func appendTo(t *testing.T, name, content string) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(content)
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// What no output has taken yet survives a kill, and is filtered once.
func TestFilesystemBuffer(t *testing.T) {
	want := undated(parseEvents(t, lines(read(t, "cases/nsg_v2/expected.ndjson"))))
	inEveryRelease(t, func(t *testing.T, r release) {
		server := bulkServer(t, "ES")
		root := stage(t)
		write(t, root, "flow-logs/sample.json", read(t, "../conf/samples/nsg_v2.json"))
		// Port 1 answers nobody.
		a := r.start(t, root, []string{"ES_HOST=127.0.0.1", "ES_PORT=1"}, "-c", "etc/es.conf")
		a.until("a failed delivery", func() bool { return strings.Contains(a.log.String(), "retry") })
		if err := a.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-a.ended
		a = r.start(t, root, server.env, "-c", "etc/es.conf")
		a.until("the events", func() bool { return len(server.received(a)) >= len(want) })
		a.stop()
		same(t, want, server.received(a))
	})
}
