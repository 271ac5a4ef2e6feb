package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/engine"
	"fluent-bit-nsgflow/test/internal/event"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/needs"
	"fluent-bit-nsgflow/test/internal/textfile"
)

var update = flag.Bool("update", false, "write what the stand-in gives into test/cases; check it against the mapping before it is kept")

// A pipelineCase is a folder of test/cases: an input file, what comes of it in
// expected.ndjson, and in case.json what is not usual about it. In
// expected.ndjson each record's time stands under date, in the form of the
// output stdout; a record without it keeps its time of arrival.
type pipelineCase struct {
	name string
	// Why says what the case is there to show.
	Why string
	// Input names a file elsewhere, relative to test/cases.
	Input string
	// Structured has tail parse the lines as JSON.
	Structured bool
	// Filters are the options of each filter, one after the other; without
	// any there is one filter with the defaults.
	Filters []map[string]string

	input    string
	expected string // file name
}

func pipelineCases(t *testing.T) (cases []pipelineCase) {
	t.Helper()
	for _, expected := range textfile.Glob(t, "test/cases/*/expected.ndjson") {
		folder := filepath.Dir(expected)
		c := pipelineCase{name: filepath.Base(folder), expected: expected}
		content, err := os.ReadFile(filepath.Join(folder, "case.json"))
		if err == nil {
			d := json.NewDecoder(bytes.NewReader(content))
			d.DisallowUnknownFields()
			err = d.Decode(&c)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("%s: %v", folder, err)
		}
		input := filepath.Join("test", "cases", c.Input)
		if c.Input == "" {
			input = filepath.Join(folder, "input.log")
		}
		c.input = textfile.Read(t, input)
		if c.Filters == nil {
			c.Filters = []map[string]string{{}}
		}
		cases = append(cases, c)
	}
	return cases
}

func TestCasesInStandIn(t *testing.T) {
	for _, c := range pipelineCases(t) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, layout := range engine.Layouts {
				got := c.standIn(t, layout)
				if *update {
					c.write(t, got)
				}
				want := event.Read(t, c.expected)
				t.Run(layout, func(t *testing.T) { event.Same(t, want, got) })
			}
		})
	}
}

func TestCasesInFluentBit(t *testing.T) {
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		for _, c := range pipelineCases(t) {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				event.Same(t, event.Read(t, c.expected), c.fluentBit(t, r))
			})
		}
	})
}

// fluentBit runs the case in a pipeline of its own.
func (c pipelineCase) fluentBit(t *testing.T, r fluentbit.Release) []event.Event {
	t.Helper()
	root := fluentbit.Stage(t)
	textfile.Write(t, root, "flow-logs/input.log", c.input)
	textfile.Write(t, root, "etc/case.conf", c.configuration(root))
	a := r.Start(t, root, nil, "-c", "etc/case.conf")
	if code := a.Wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	return a.Printed()
}

// standIn runs the case's filters one after the other.
func (c pipelineCase) standIn(t *testing.T, layout string) (events []event.Event) {
	t.Helper()
	framing := engine.New
	if layout == "1.9" {
		framing = engine.Old
	}
	arrival := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	var chunk []byte
	for _, line := range textfile.Lines(c.input) {
		record := engine.PackText(framing, arrival, "log", line)
		if c.Structured && strings.HasPrefix(line, "{") {
			if parsed, err := engine.Pack(framing, arrival, []byte(line)); err == nil {
				record = parsed
			}
		}
		chunk = append(chunk, record...)
	}
	needs.Programs(t, "go", "make", "cc") // they build the stand-in
	ctx, cancel := context.WithTimeout(context.Background(), fluentbit.Timeout)
	defer cancel()
	for _, options := range c.Filters {
		var args []string
		for key, value := range options {
			args = append(args, key+"="+value)
		}
		out, err := engine.StandIn{Layout: layout, Options: [][]string{args}}.Run(ctx, chunk)
		if err != nil || out.Code != 0 {
			t.Fatalf("code %d: %v\n%s", out.Code, err, out.Log)
		}
		chunk = out.Chunks[0]
	}
	records, err := engine.Unpack(chunk)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		e, err := event.Parse(string(r.Body))
		if err != nil {
			t.Fatal(err)
		}
		if !r.Time.Equal(arrival) {
			e.Date = r.Time.UTC().Format(event.PrintedTime)
		}
		if r.Framing != framing {
			t.Errorf("framing %v of %s, the source record has %v", r.Framing, r.Body, framing)
		}
		events = append(events, e)
	}
	return events
}

// configuration is the case as a Fluent Bit reads it.
func (c pipelineCase) configuration(root string) string {
	var b strings.Builder
	b.WriteString(fluentbit.Service(root))
	parser := ""
	if c.Structured {
		parser = "    Parser flow_log\n"
	}
	b.WriteString(fluentbit.Tailing(root, "*", "flow", fluentbit.ExitOnEOF+parser))
	for _, options := range c.Filters {
		var set []string
		for key, value := range options {
			set = append(set, key+" "+value)
		}
		b.WriteString(fluentbit.Filtering("*", set...))
	}
	b.WriteString(fluentbit.Printing)
	return b.String()
}

func (c pipelineCase) write(t *testing.T, events []event.Event) {
	t.Helper()
	var b strings.Builder
	for _, e := range events {
		b.WriteString(e.String() + "\n")
	}
	if err := os.WriteFile(c.expected, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
