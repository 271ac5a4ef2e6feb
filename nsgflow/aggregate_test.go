package nsgflow_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
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
	for _, family := range []loggen.Family{loggen.NSGv1, loggen.NSGv2, loggen.VNet} {
		for _, traffic := range []loggen.Traffic{loggen.Mixed, loggen.Realistic} {
			log := loggen.Log{Family: family, Records: 2, Tuples: 150, Seed: 11, Traffic: traffic}
			var b bytes.Buffer
			if err := log.Write(&b, loggen.Blob); err != nil {
				t.Fatal(err)
			}
			inputs[fmt.Sprintf("generated %s %s", family, traffic)] = b.String()
			inputs[fmt.Sprintf("flattened %s %s", family, traffic)] = flattened(log)
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
	for name, input := range aggregateInputs(t) {
		values, ok := trees(strings.TrimPrefix(input, "\ufeff"))
		if !ok {
			continue
		}
		var records []wantedRecord
		for _, v := range values {
			records = append(records, recordsIn(v)...)
		}
		for schema := range nsgflow.Schemas() {
			for _, r := range []reading{asText, under("log"), asMap} {
				if _, isObject := values[0].(object); r.name == asMap.name && (len(values) != 1 || !isObject || strings.HasPrefix(input, "\ufeff") || hasMessage(t, input)) {
					continue
				}
				off := r.records(t, newNormalizer(t, inSchema(nsgflow.Schema(schema)), withOriginal), input)
				everyAggregate(func(allowed, denied nsgflow.Aggregate) {
					if (r.name != asText.name || testing.Short()) && denied != nsgflow.AggregateHost {
						return // how the log is read has no part in what allowed and denied flows are by
					}
					n := newNormalizer(t, inSchema(nsgflow.Schema(schema)), withOriginal, aggregating(allowed, denied))
					if !t.Run(fmt.Sprintf("%s/%s/%s/%s,%s", name, nsgflow.Schema(schema), r.name, allowed, denied), func(t *testing.T) {
						checkAggregates(t, nsgflow.Schema(schema), records, allowed, denied, off, r.records(t, n, input), n.Counts())
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

var stateWords = map[string]string{"B": "begin", "C": "continue", "E": "end", "D": "deny"}

// wantedAggregate is what an event has to have of all that aggregation decides.
func wantedAggregate(s nsgflow.Schema, g *wantedGroup, by nsgflow.Aggregate) map[string]any {
	first := g.tuples[0].columns
	at := func(tuple wantedTuple) int64 { ms, _ := strconv.ParseInt(tuple.columns[0], 10, 64); return ms }
	start, end := at(g.tuples[0]), at(g.tuples[0])
	for _, tuple := range g.tuples {
		start, end = min(start, at(tuple)), max(end, at(tuple))
	}
	stamp := func(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }
	want := map[string]any{
		"@timestamp": stamp(start), "event.start": stamp(start), "event.end": stamp(end),
		"source.ip": first[1], "destination.ip": first[2],
	}
	set := func(name, value string, is bool) {
		if is && value != "" {
			want[name] = value
		}
	}
	const prefix = "azure.flow_log.aggregate."
	for name, value := range map[string]any{
		"key": by, "tuples": len(g.tuples), "begin": g.stage("B"), "continue": g.stage("C"), "end": g.stage("E"), "denied": g.stage("D"),
		"source_ports": len(g.different(3)), "destination_ports": len(g.different(4)),
	} {
		want[prefix+name] = fmt.Sprint(value)
	}
	set("rule.name", g.tuples[0].rule, true)
	set("event.action", first[13], true)
	set("network.direction", map[string]string{"I": "inbound", "O": "outbound"}[first[6]], true)
	set("source.packets", g.sum(9), true)
	set("source.bytes", g.sum(10), true)
	set("destination.packets", g.sum(11), true)
	set("destination.bytes", g.sum(12), true)
	set("source.port", first[3], len(g.different(3)) == 1)
	set("destination.port", first[4], len(g.different(4)) == 1)
	var texts []string
	for _, tuple := range g.tuples {
		texts = append(texts, tuple.text)
	}
	want["tuples"] = strings.Join(texts, "|")
	want["event.type"] = "connection"
	if word := map[string]string{"accept": ",allowed", "reject": ",denied"}[first[13]]; word != "" {
		want["event.type"] = "connection" + word
	}
	if s == nsgflow.SchemaECS {
		want["event.duration"] = strconv.FormatInt((end-start)*1e6, 10)
		set("network.packets", g.sum(9, 11), true)
		set("network.bytes", g.sum(10, 12), true)
		set("azure.flow_log.encryption.code", first[8], true)
		set("azure.flow_log.acl_id", g.tuples[0].acl, true)
		state := stateWords[first[7]]
		if first[7] == "" {
			state = g.tuples[0].state
		}
		set("azure.flow_log.state", state, len(g.different(7)) == 1 && (first[7] != "D" || g.tuples[0].vnet))
	}
	return want
}

// gotAggregate is what an event has of the same.
func gotAggregate(t *testing.T, s nsgflow.Schema, e map[string]any) map[string]any {
	t.Helper()
	got := map[string]any{}
	names := []string{"@timestamp", "event.start", "event.end", "source.ip", "destination.ip", "rule.name", "event.action", "network.direction",
		"source.port", "source.packets", "source.bytes", "destination.port", "destination.packets", "destination.bytes"}
	for _, name := range []string{"key", "tuples", "begin", "continue", "end", "denied", "source_ports", "destination_ports"} {
		names = append(names, "azure.flow_log.aggregate."+name)
	}
	original := "message"
	if s == nsgflow.SchemaECS {
		original = "event.original"
		names = append(names, "event.duration", "network.packets", "network.bytes", "azure.flow_log.encryption.code", "azure.flow_log.acl_id", "azure.flow_log.state")
	}
	for _, name := range names {
		if v := valueIn(t, e, name); v != nil {
			got[name] = fmt.Sprint(v)
		}
	}
	var types []string
	for _, v := range valueIn(t, e, "event.type").([]any) {
		types = append(types, v.(string))
	}
	got["event.type"] = strings.Join(types, ",")
	got["tuples"] = strings.Join(tuplesIn(t, valueIn(t, e, original).(string)), "|")
	return got
}

// tuplesIn are the tuples of a flattened JSON, in the order of their numbers.
func tuplesIn(t *testing.T, message string) (texts []string) {
	t.Helper()
	values, ok := trees(message)
	if !ok || len(values) != 1 {
		t.Fatalf("no JSON: %s", message)
	}
	o, ok := values[0].(object)
	if !ok {
		t.Fatalf("no object: %s", message)
	}
	var numbers []int
	byNumber := map[int]string{}
	for _, m := range o {
		if digits := flowKey.FindStringSubmatch(m.key); digits != nil {
			n, _ := strconv.Atoi(digits[1])
			numbers = append(numbers, n)
			byNumber[n], _ = m.value.(string)
		}
	}
	if !slices.IsSorted(numbers) {
		t.Errorf("numbers %v", numbers)
	}
	for _, n := range numbers {
		texts = append(texts, byNumber[n])
	}
	return texts
}

// Aggregates of each key, and flows, never share an id; the same log has the
// same ids whenever it is read, also after other logs.
func TestAggregateIDs(t *testing.T) {
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
	var tuples []string
	for i := range 100 {
		tuples = append(tuples, fmt.Sprintf("1746525600,10.8.0.4,192.0.2.9,%d,443,T,O,A,E,%s,%s,%s,%s", 1000+i, most, most, most, most))
	}
	log := idRecord{tuples: tuples}.String()
	n := newNormalizer(t, inECS, aggregating(nsgflow.AggregateService, nsgflow.AggregateService))
	records := asText.records(t, n, log)
	if len(records) < 20 || len(records) > 30 {
		t.Fatalf("%d events", len(records)) // four of both sides fit in 2^63
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
			if _, err := valueIn(t, decoded(t, r.Body), name).(json.Number).Int64(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
