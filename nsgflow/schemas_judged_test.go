package nsgflow_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/test/adverse"
	"fluent-bit-nsgflow/test/schemas"

	"github.com/google/go-cmp/cmp"
)

// A case in testdata/examples is a flow log and, by schema, its one event as the
// mapping has it. Of the case aggregate it is one of three flows.
func TestWorkedExamples(t *testing.T) {
	files, err := filepath.Glob("testdata/examples/*.expected.ndjson")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		name, schemaName, _ := strings.Cut(strings.TrimSuffix(file, ".expected.ndjson"), ".")
		t.Run(filepath.Base(name)+"/"+schemaName, func(t *testing.T) {
			schema, err := nsgflow.ParseSchema(schemaName)
			if err != nil {
				t.Fatal(err)
			}
			options := []func(*nsgflow.Options){inSchema(schema)}
			if filepath.Base(name) == "aggregate" {
				options = append(options, aggregating(nsgflow.AggregateService, nsgflow.AggregateService))
			}
			want := strings.TrimSuffix(readFile(t, file), "\n")
			for _, r := range []reading{asText, under("message"), under("log"), asMap} {
				records := r.records(t, newNormalizer(t, options...), readFile(t, name+".input.json"))
				if len(records) != 1 {
					t.Fatalf("%s: %d records", r.name, len(records))
				}
				got := records[0].Body
				if r.name == asMap.name { // the walk begins at the record, not at the text
					got = strings.Replace(got, `"flowRecords.`, `"records[0].flowRecords.`, 1)
				}
				if got != want {
					t.Errorf("%s:\n%s", r.name, cmp.Diff(decoded(t, want), decoded(t, got)))
				}
				if got != want && cmp.Equal(decoded(t, want), decoded(t, got)) {
					t.Errorf("%s: in another order:\n%s\nwant\n%s", r.name, got, want)
				}
			}
		})
	}
}

// marks are fields that events of a schema have, and foreign records have not.
var marks = map[string]string{"asim": "EventSchemaVersion", "ocsf": "class_uid", "otel": "otel.event.name"}

// notJudged are inputs whose events say more than the schemas' words: states that
// are not Azure's stand in events as they are, and there were seconds before 1973.
var notJudged = map[string]bool{"a long flow state": true, "flattened_several": true, "bad_nodes": true}

// judgedInputs are flow logs of every shape, kind and hostile ones among them.
func judgedInputs(t *testing.T) map[string]string {
	t.Helper()
	inputs := aggregateInputs(t)
	for _, h := range hostile {
		inputs["hostile: "+h.name] = h.input
	}
	for name := range notJudged {
		delete(inputs, name)
	}
	step := 1
	if testing.Short() {
		step = 5
	}
	for protocol := 0; protocol < 256; protocol += step {
		inputs[fmt.Sprint("protocol ", protocol)] = vnet(fmt.Sprintf(`"1607984156123,192.0.2.4,198.51.100.7,36422,443,%d,O,E,NX,1,74,1,74"`, protocol))
	}
	inputs["all the time there is"] = vnet(`"0,192.0.2.4,198.51.100.7,36422,443,6,O,B,NX,0,0,0,0","2147483647999,192.0.2.4,198.51.100.7,36422,443,6,O,E,NX,1,74,1,74"`)
	return inputs
}

// Whatever is read, in whatever shape, aggregated or not, with and without the
// flow's own JSON: events are what those say who made the schema.
func TestEventsAreOfTheirSchema(t *testing.T) {
	nsgflow.WithoutRaceDetector(t)
	inputs, letters := judgedInputs(t), everyLetter()
	if testing.Short() {
		var some []string
		for i := 0; i < len(letters); i += 7 {
			some = append(some, letters[i])
		}
		letters = some
	}
	for number, name := range nsgflow.Schemas() {
		check := schemas.Of(name)
		if check == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			judged := 0
			judgeAll := func(input string, records []out) {
				for _, o := range records {
					event := decoded(t, o.Body)
					if event[marks[name]] == nil {
						continue
					}
					judged++
					if err := check(event); err != nil {
						t.Errorf("%s: %v\n%.2000s", input, err, o.Body)
					}
				}
			}
			judge := func(n *nsgflow.Normalizer, input, text string) { judgeAll(input, asText.records(t, n, text)) }
			inThis := inSchema(nsgflow.Schema(number))
			bare := func(o *nsgflow.Options) { o.ReserveData = false }
			for _, n := range []*nsgflow.Normalizer{
				newNormalizer(t, inThis, bare),
				newNormalizer(t, inThis, bare, withOriginal, aggregating(nsgflow.AggregateConnection, nsgflow.AggregateHost)),
				newNormalizer(t, inThis, bare, aggregating(nsgflow.AggregateService, nsgflow.AggregateOff)),
			} {
				for input, text := range inputs {
					judge(n, input, text)
				}
			}
			n := newNormalizer(t, inThis, bare)
			for _, text := range letters {
				judge(n, text, text)
			}
			for _, f := range adverse.Families {
				chunk, _ := n.AppendChunk(nil, f.Chunk(4_000))
				if f.Damaged || notJudged[f.Name] {
					continue
				}
				records, err := unpacked(chunk)
				if err != nil {
					t.Fatalf("%s: %v", f.Name, err)
				}
				judgeAll(f.Name, records)
			}
			if judged < 1000 {
				t.Errorf("%d events are judged", judged)
			}
		})
	}
}
