package nsgflow_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what comes out into testdata; check it against the mapping before it is kept")

// A golden case is a pair of files in testdata: <case>.input.json, a flow log
// as structured record or as text, or <case>.input.txt, as text only; and
// <case>.expected.ndjson, the bodies that come out. Where the structured form
// gives something else on purpose (other fields are kept, there is no text
// that could be kept verbatim), that stands in <case>.map.ndjson.
func goldenCases(t testing.TB) (names []string, inputs map[string]string) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.input.*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	inputs = map[string]string{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name, kind, _ := strings.Cut(filepath.Base(file), ".input.")
		if kind == "txt" {
			name += textOnly
		}
		inputs[name] = string(content)
		names = append(names, name)
	}
	return names, inputs
}

const textOnly = " (text)" // behind the name of a case that has no structured form

func TestGolden(t *testing.T) {
	names, inputs := goldenCases(t)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			input := inputs[name]
			file := filepath.Join("testdata", strings.TrimSuffix(name, textOnly))
			expected, expectedOfMap := file+".expected.ndjson", file+".map.ndjson"
			switch {
			case strings.HasSuffix(name, textOnly):
				golden(t, asText, input, expected)
				golden(t, under("message"), input, expected)
			case hasMessage(t, input):
				golden(t, asMap, input, expected)
			default:
				golden(t, asText, input, expected)
				golden(t, under("message"), input, expected)
				if _, err := os.Stat(expectedOfMap); *update || errors.Is(err, fs.ErrNotExist) {
					expectedOfMap = expected
				}
				golden(t, asMap, input, expectedOfMap)
			}
		})
	}
}

// hasMessage says of a record that it brings its flow log in a field.
func hasMessage(t *testing.T, input string) bool {
	t.Helper()
	var body map[string]json.RawMessage
	if err := json.Unmarshal([]byte(input), &body); err != nil {
		t.Fatal(err)
	}
	return body["message"] != nil
}

func golden(t *testing.T, r reading, input, file string) {
	t.Helper()
	records := r.records(t, newNormalizer(t), input)
	var got []string
	for i, o := range records {
		if want := timeOf(t, o.Body); !strings.HasPrefix(o.Time, want) {
			t.Errorf("%s: record %d has time %s, want %s", r.name, i, o.Time, want)
		}
		if o.Metadata != "{}" {
			t.Errorf("%s: record %d has metadata %q", r.name, i, o.Metadata)
		}
		got = append(got, o.Body)
	}
	text := strings.Join(append(got, ""), "\n")
	content, err := os.ReadFile(file)
	if *update && r.name == asMap.name && err == nil && string(content) != text {
		file = strings.Replace(file, ".expected.", ".map.", 1)
	}
	if *update {
		content = []byte(text)
		if err := os.WriteFile(file, content, 0o644); err != nil {
			t.Fatal(err)
		}
	} else if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(content), "\n"), strings.Split(text, "\n")); diff != "" {
		t.Errorf("%s: %s", r.name, diff)
	}
}

// timeOf is how the time of a record must begin: with what its event says, down to
// milliseconds; else it is its source's. otel says it in the record's time only.
func timeOf(t *testing.T, body string) string {
	t.Helper()
	var fields struct {
		Timestamp     string `json:"@timestamp"`
		TimeGenerated string
		Time          json.RawMessage
		Name          string `json:"otel.event.name"`
	}
	if err := json.Unmarshal([]byte(body), &fields); err != nil {
		t.Fatal(err)
	}
	fields.Timestamp += fields.TimeGenerated
	switch ms, err := strconv.ParseInt(string(fields.Time), 10, 64); {
	case err == nil: // ocsf
		return fmt.Sprintf("%d.%03d", ms/1000, ms%1000)
	case fields.Name != "":
		return ""
	case fields.Timestamp == "":
		return arrivalText
	}
	at, err := time.Parse("2006-01-02T15:04:05.000Z", fields.Timestamp)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d.%03d", at.Unix(), at.Nanosecond()/1e6)
}
