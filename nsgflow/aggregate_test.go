package nsgflow_test

import (
	"bytes"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/test/loggen"

	"github.com/google/go-cmp/cmp"
)

func aggregating(allowed, denied nsgflow.Aggregate) func(*nsgflow.Options) {
	return func(o *nsgflow.Options) { o.Aggregate, o.AggregateDenied = allowed, denied }
}

func inSchema(s nsgflow.Schema) func(*nsgflow.Options) {
	return func(o *nsgflow.Options) { *o = nsgflow.DefaultOptions(s) }
}

// everyAggregate calls f with all values of both options but off and off.
func everyAggregate(f func(allowed, denied nsgflow.Aggregate)) {
	for allowed := range nsgflow.Aggregates() {
		for denied := range nsgflow.Aggregates() {
			if allowed+denied > 0 {
				f(nsgflow.Aggregate(allowed), nsgflow.Aggregate(denied))
			}
		}
	}
}

// aggregateInputs are golden and generated logs of every shape, and one of
// flattened records that have several flows.
func aggregateInputs(t testing.TB) map[string]string {
	t.Helper()
	inputs := ecsInputs(t)
	_, golden := goldenCases(t)
	maps.Copy(inputs, golden)
	files, err := filepath.Glob("testdata/aggregate/*.input.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		content := readFile(t, file)
		inputs[file] = content
	}
	generated := []loggen.Log{
		{Family: loggen.NSGv2, Records: 1, Tuples: 600}, // more keys than flows are kept for
		{Family: loggen.VNet, Records: 2, Tuples: 100, Traffic: loggen.Realistic},
		{Family: loggen.NSGv1, Records: 2, Tuples: 60, Traffic: loggen.Realistic},
		{Family: loggen.NSGv2, Records: 2, Tuples: 60, Traffic: loggen.Realistic},
		{Family: loggen.VNet, Records: 1, Tuples: 60},
	}
	for i, log := range generated {
		log.Seed = 11
		var b bytes.Buffer
		if err := log.Write(&b, loggen.Blob); err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("generated %s %s %d", log.Family, log.Traffic, log.Tuples)
		inputs[name] = b.String()
		if i > 0 {
			inputs["flattened "+name] = flattened(log)
		}
	}
	return inputs
}

// flattened has all flows of each rule in one flattened record.
func flattened(l loggen.Log) string {
	var b strings.Builder
	operation := "NetworkSecurityGroupFlowEvents"
	if l.Family == loggen.VNet {
		operation = "FlowLogFlowEvent"
	}
	for i := range l.Records {
		r := l.Record(i)
		for _, g := range r.Groups {
			fmt.Fprintf(&b, `{"time":%q,"macAddress":"0022488F3B1D","operationName":%q,"rule":%q`, r.Time.Format(time.RFC3339Nano), operation, g.Rule)
			for n, tuple := range g.Tuples {
				fmt.Fprintf(&b, `,"flow.%d":%q`, n*3, tuple)
			}
			b.WriteString("}\n")
		}
	}
	return b.String()
}

// isAggregated says whether an event is of a group.
func isAggregated(body string) bool { return strings.Contains(body, `"aggregate":{"key":`) }

// Every aggregated event says what an independent reading of the log gives, and
// every other record is the one that comes without aggregation.
func TestAggregateOracle(t *testing.T) {
	t.Parallel()
	nsgflow.WithoutRaceDetector(t)
	for name, input := range aggregateInputs(t) {
		values, ok := trees(strings.TrimPrefix(input, "\ufeff"))
		if !ok {
			continue
		}
		var records []wantedRecord
		for _, v := range values {
			records = append(records, recordsIn(v)...)
		}
		// Those of the other schemas follow from ecs: TestSchemasSayTheSame.
		for _, schema := range []nsgflow.Schema{nsgflow.SchemaSekoia, nsgflow.SchemaECS} {
			for _, r := range []reading{asText, under("log"), asMap} {
				if testing.Short() && r.name != asText.name {
					continue
				}
				if _, isObject := values[0].(object); r.name == asMap.name && (len(values) != 1 || !isObject || strings.HasPrefix(input, "\ufeff") || hasMessage(t, input)) {
					continue
				}
				off := r.records(t, newNormalizer(t, inSchema(schema), withOriginal), input)
				everyAggregate(func(allowed, denied nsgflow.Aggregate) {
					if (r.name != asText.name || schema != nsgflow.SchemaECS || testing.Short()) && denied != nsgflow.AggregateHost {
						return // how the log is read, and written, has no part in what allowed and denied flows are by
					}
					n := newNormalizer(t, inSchema(schema), withOriginal, aggregating(allowed, denied))
					if !t.Run(fmt.Sprintf("%s/%s/%s/%s,%s", name, schema, r.name, allowed, denied), func(t *testing.T) {
						checkAggregates(t, schema, records, allowed, denied, off, r.records(t, n, input), n.Counts())
					}) {
						t.FailNow()
					}
				})
			}
		}
	}
}

func checkAggregates(t *testing.T, s nsgflow.Schema, records []wantedRecord, allowed, denied nsgflow.Aggregate, off, got []out, c nsgflow.Counts) {
	t.Helper()
	var want []map[string]any
	var alone int
	for _, r := range records {
		groups, by, others := groupsOf(r, allowed, denied)
		for i, g := range groups {
			want = append(want, wantedAggregate(s, g, by[i]))
		}
		alone += len(others)
	}
	var events []map[string]any
	var rest []out
	for _, o := range got {
		if !isAggregated(o.Body) {
			rest = append(rest, o)
			continue
		}
		e := decoded(t, o.Body)
		if at := timeOf(t, o.Body); !strings.HasPrefix(o.Time, at) {
			t.Errorf("time %s of %s", o.Time, o.Body)
		}
		events = append(events, gotAggregate(t, s, e))
	}
	if diff := cmp.Diff(want, events); diff != "" {
		t.Fatalf("aggregated events (-want +got): %s", diff)
	}
	// What is left is there without aggregation too, to the byte.
	known := map[out]int{}
	for _, o := range off {
		known[o]++
	}
	for _, o := range rest {
		if known[o]--; known[o] < 0 {
			t.Errorf("not without aggregation: %+v", o)
		}
	}
	if n := kindsOf(t, rest)["event"]; n != alone || int(c.Events) != n+len(events) {
		t.Errorf("%d flows alone, want %d; %d events counted", n, alone, c.Events)
	}
	before, after := kindsOf(t, off), kindsOf(t, rest)
	if before["event"] != int(flows(c)) || before["error"] != after["error"] || before["foreign"] != after["foreign"] || before["rest"] != after["rest"] {
		t.Errorf("%v became %v, %+v", before, after, c)
	}
}
