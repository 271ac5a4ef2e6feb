package nsgflow_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fluent-bit-nsgflow/nsgflow"

	"github.com/google/go-cmp/cmp"
)

// Aggregates of each key, and flows, never share an id; the same log has the
// same ids whenever it is read, also after other logs.
func TestAggregateIDs(t *testing.T) {
	t.Parallel()
	nsgflow.WithoutRaceDetector(t)
	for name, input := range aggregateInputs(t) {
		seen := map[string]string{}
		for i, by := range nsgflow.Aggregates() {
			a := nsgflow.Aggregate(i)
			n := newNormalizer(t, inECS, aggregating(a, a))
			first := idsIn(t, asText.records(t, n, input))
			asText.records(t, n, goldenNSG)
			again := idsIn(t, asText.records(t, n, input))
			if !slices.Equal(first, again) {
				t.Errorf("%s, %s: %v, then %v", name, by, first, again)
			}
			for _, id := range first {
				if other, ok := seen[id]; ok && (other != by || !sharesIDs(name)) {
					t.Errorf("%s: id %s of %s is one of %s", name, id, by, other)
				}
				seen[id] = by
			}
		}
	}
}

// sharesIDs: equal records have equal ids, and some inputs have such.
func sharesIDs(name string) bool {
	return strings.Contains(name, "nested") || strings.Contains(name, "flattened") || strings.Contains(name, "denormalised") || strings.Contains(name, "fragment")
}

const goldenNSG = `{"records":[{"time":"2025-05-06T10:01:12Z","properties":{"flows":[{"rule":"r","flows":[{"flowTuples":["1746525600,10.8.0.4,192.0.2.9,50112,443,T,O,A,E,1,60,2,120"]}]}]}}]}`

// idsIn are the ids of events; error events have them whatever is aggregated.
func idsIn(t testing.TB, records []out) (ids []string) {
	t.Helper()
	for _, o := range records {
		if strings.Contains(o.Body, `"kind":"event"`) {
			ids = append(ids, valueIn(t, decoded(t, o.Body), "event.id").(string))
		}
	}
	return ids
}

// An aggregate has another id where drop may take tuples from it: another sum
// under one id would stand for it after a change of the configuration. What
// drop cannot change keeps its id.
func TestAggregateIDsOfDrop(t *testing.T) {
	const log = `{"properties":{"flows":[{"rule":"r","flows":[{"flowTuples":["1746525600,10.8.0.4,192.0.2.9,50112,443,T,O,A,E,1,60,2,120","1746525600,10.8.0.4,192.0.2.9,50113,443,T,O,A,C,1,60,2,120",` +
		`"1746525600,10.8.0.4,192.0.2.9,50114,443,T,O,Z,C,1,60,2,120","1746525600,10.8.0.4,192.0.2.9,50114,443,T,O,Z,E,1,60,2,120","1746525600,10.8.0.4,192.0.2.9,1,443,T,O,D,B,,,,"]}]}]}}`
	aggregates := map[string]map[string]string{}
	for _, drop := range []string{"", "continue", "begin", "begin,continue", "denied", "denied,continue", "allowed,continue"} {
		changes := []func(*nsgflow.Options){inECS, aggregating(nsgflow.AggregateService, nsgflow.AggregateService)}
		if drop != "" {
			changes = append(changes, dropping(drop))
		}
		ids := map[string]string{}
		for _, o := range asText.records(t, newNormalizer(t, changes...), log) {
			e := decoded(t, o.Body)
			ids[fmt.Sprint(valueIn(t, e, "event.action"))] = valueIn(t, e, "event.id").(string)
		}
		aggregates[drop] = ids
	}
	for _, test := range []struct {
		drops    [2]string
		decision string
		same     bool
	}{
		{[2]string{"", "continue"}, "accept", false},
		{[2]string{"", "begin"}, "accept", false}, // it counts tuples, and ports
		{[2]string{"continue", "begin,continue"}, "accept", false},
		{[2]string{"", "continue"}, "<nil>", false},
		{[2]string{"continue", "allowed,continue"}, "<nil>", true},
		{[2]string{"", "denied"}, "accept", true},
		{[2]string{"continue", "denied,continue"}, "accept", true},
		{[2]string{"", "begin,continue"}, "reject", true},
	} {
		a, b := aggregates[test.drops[0]][test.decision], aggregates[test.drops[1]][test.decision]
		if a == "" || b == "" || (a == b) != test.same {
			t.Errorf("%s flows, drop %q: %s, drop %q: %s", test.decision, test.drops[0], a, test.drops[1], b)
		}
	}
}

// A case is a log of testdata/aggregate: its services, and its denied hosts.
func TestAggregateGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/aggregate/*.input.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		for schema, name := range nsgflow.Schemas() {
			n := newNormalizer(t, inSchema(nsgflow.Schema(schema)), withOriginal, aggregating(nsgflow.AggregateService, nsgflow.AggregateHost))
			expected := strings.TrimSuffix(file, ".input.json") + "." + name + ".expected.ndjson"
			for _, r := range []reading{asText, under("message")} {
				goldenOf(t, r, n, readFile(t, file), expected)
			}
		}
	}
}

// A sum that does not fit begins the event of its key anew: nothing wraps,
// nothing is lost, and no id is there twice.
func TestAggregateSumsFit(t *testing.T) {
	const most = "999999999999999999"
	for name, counters := range map[string][2]string{
		"both sides":          {strings.Repeat(","+most, 4), strings.Repeat(","+most, 4)},
		"one side and other":  {"," + most + "," + most + ",,", ",,," + most + "," + most},
		"both sides and none": {strings.Repeat(","+most, 4), ",,,,"},
	} {
		t.Run(name, func(t *testing.T) {
			var tuples []string
			for i := range 100 {
				tuples = append(tuples, fmt.Sprintf("1746525600,10.8.0.4,192.0.2.9,%d,443,T,O,A,E%s", 1000+i, counters[i%2]))
			}
			checkSumsFit(t, idRecord{tuples: tuples}.String())
		})
	}
}

func checkSumsFit(t *testing.T, log string) {
	t.Helper()
	n := newNormalizer(t, inECS, aggregating(nsgflow.AggregateService, nsgflow.AggregateService))
	records := asText.records(t, n, log)
	if len(records) < 10 || len(records) > 30 {
		t.Fatalf("%d events", len(records)) // nine counters fit in 2^63
	}
	got := totalsOf(t, records)
	want := totalsOf(t, asText.records(t, newNormalizer(t, inECS), log))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	ids := idsIn(t, records)
	if slices.Sort(ids); len(slices.Compact(ids)) != len(records) {
		t.Error("an id twice")
	}
	for _, r := range records {
		for _, name := range []string{"source.bytes", "network.bytes"} {
			if sum, ok := valueIn(t, decoded(t, r.Body), name).(json.Number); ok {
				if n, err := sum.Int64(); n < 0 || err != nil {
					t.Errorf("%s: %s, %v", name, sum, err)
				}
			}
		}
	}
}
