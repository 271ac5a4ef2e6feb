package nsgflow_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/test/loggen"
)

func readFile(t testing.TB, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func dropping(names string) func(*nsgflow.Options) {
	return func(o *nsgflow.Options) {
		var err error
		if o.Drop, err = nsgflow.ParseDrops(names); err != nil {
			panic(err)
		}
	}
}

// tuplesToDrop are tuples of each decision and state, by what may drop them.
var tuplesToDrop = []struct {
	vnet           bool
	columns, drops string
}{
	{false, "A,B,,,,", "allowed,begin"},
	{false, "A,B,0,0,0,0", "allowed,begin"},
	{false, "A,B,0,0,,1", "allowed"}, // it counts something
	{false, "A,B,1,60,,", "allowed"},
	{false, "A,C,1,2,3,4", "allowed,continue"},
	{false, "A,E,1,2,3,4", "allowed,end"},
	{false, "A", "allowed"},
	{false, "D,B,,,,", "denied"}, // not a beginning
	{false, "D", "denied"},
	{false, "D,E,1,2,3,4", "denied"},
	{false, "Z,B,,,,", ""},
	{false, "Z,E,1,2,3,4", "end"},
	{true, "B,NX,0,0,0,0", "allowed,begin"},
	{true, "B,NX,,,,", "allowed,begin"},
	{true, "B,NX,0,1,0,0", "allowed"},
	{true, "B,NX,0,0,1,0", "allowed"},
	{true, "C,NX,1,2,3,4", "allowed,continue"},
	{true, "E,NX,1,2,3,4", "allowed,end"},
	{true, "D,NX,0,0,0,0", "denied"},
	{true, "Z,NX,1,2,3,4", ""},
}

// Every set of drops leaves out what one of its members means, counts it under
// the first of them, and keeps the rest.
func TestDrop(t *testing.T) {
	for drop := nsgflow.Drops(0); drop < 32; drop++ {
		for _, row := range tuplesToDrop {
			n := newNormalizer(t, func(o *nsgflow.Options) { o.Drop = drop })
			protocol := map[bool]string{false: "T", true: "6"}[row.vnet]
			log := idRecord{vnet: row.vnet, tuples: []string{"1746525600,10.8.0.4,192.0.2.9,50112,443," + protocol + ",O," + row.columns}}
			records := asText.records(t, n, log.String())
			reason := slices.IndexFunc(nsgflow.DropNames(), func(name string) bool {
				i := slices.Index(nsgflow.DropNames(), name)
				return drop&(1<<i) != 0 && slices.Contains(strings.Split(row.drops, ","), name)
			})
			var want [5]uint64
			if reason >= 0 {
				want[reason] = 1
			}
			if c := n.Counts(); c.Dropped != want || (len(records) == 0) != (reason >= 0) || c.Events != uint64(len(records)) || c.AllFlows() != c.Events {
				t.Errorf("drop %05b of %s: %d events, %+v", drop, row.columns, len(records), c)
			}
		}
	}
}

func TestParseDropAndAggregate(t *testing.T) {
	if d, err := nsgflow.ParseDrops("Begin, denied"); d != nsgflow.DropBegin|nsgflow.DropDenied || err != nil {
		t.Errorf("%b, %v", d, err)
	}
	for _, names := range []string{"", "begin,", "all"} {
		if _, err := nsgflow.ParseDrops(names); err == nil {
			t.Errorf("drop %q is allowed", names)
		}
	}
	for i, name := range nsgflow.Aggregates() {
		if a, err := nsgflow.ParseAggregate(strings.ToUpper(name)); a != nsgflow.Aggregate(i) || err != nil || a.String() != name {
			t.Errorf("%s: %v, %v", name, a, err)
		}
	}
	if _, err := nsgflow.ParseAggregate("hosts"); err == nil {
		t.Error("aggregate hosts is allowed")
	}
	for name, change := range map[string]func(*nsgflow.Options){
		"aggregate": func(o *nsgflow.Options) { o.AggregateDenied = 4 },
		"drop":      func(o *nsgflow.Options) { o.Drop = 32 },
		"field":     func(o *nsgflow.Options) { o.ExcludeFields = []string{"observer", "observer.n"} },
		"prefix":    func(o *nsgflow.Options) { o.ExcludeFields = []string{"obs"} },
		"nothing":   func(o *nsgflow.Options) { o.ExcludeFields = []string{""} },
	} {
		o := nsgflow.DefaultOptions(nsgflow.SchemaECS)
		if change(&o); o.Check() == nil {
			t.Errorf("%s: %+v is allowed", name, o)
		}
	}
}

// Each field, and each object, can be excluded: then events lack it, and
// nothing else.
func TestExcludeFields(t *testing.T) {
	t.Parallel()
	nsgflow.WithoutRaceDetector(t)
	inputs := aggregateInputs(t)
	for schema, schemaName := range nsgflow.Schemas() {
		s := nsgflow.Schema(schema)
		names := map[string]bool{}
		for _, f := range s.Fields() {
			parts := strings.Split(f.Name, ".")
			for i := range parts {
				names[strings.Join(parts[:i+1], ".")] = true
			}
		}
		changes := []func(*nsgflow.Options){inSchema(s), withOriginal, aggregating(nsgflow.AggregateService, nsgflow.AggregateOff)}
		for _, input := range []string{"testdata/aggregate/nsg.input.json", "testdata/aggregate/vnet.input.json"} {
			whole := asText.records(t, newNormalizer(t, changes...), inputs[input])
			for name := range names {
				exclude := func(o *nsgflow.Options) { o.ExcludeFields = []string{name} }
				got := asText.records(t, newNormalizer(t, append(changes, exclude)...), inputs[input])
				if len(got) != len(whole) {
					t.Fatalf("%d events, %d with all fields", len(got), len(whole))
				}
				for i := range got {
					want := without(t, whole[i].Body, name)
					if leavesText(t, got[i].Body) != want {
						t.Errorf("%s without %s: %s\nwant %s", schemaName, name, leavesText(t, got[i].Body), want)
					}
				}
			}
		}
	}
}

// goWith are the fields that say something of another one.
var goWith = map[string][]string{"DvcId": {"DvcIdType"}, "cloud.account.uid": {"cloud.account.type_id", "cloud.account.type"}}

// without is leavesText of a body but for what is excluded. Names of arrays of
// objects end there, in leaves too.
func without(t *testing.T, body, name string) string {
	t.Helper()
	object, inArray, array := strings.Cut(name, "[].")
	if name = strings.TrimSuffix(object, "[]"); array {
		body = dropKey(body, inArray)
		name = "no such field"
	}
	var all []string
	for _, l := range leavesOf(t, body) {
		if l.name != name && !strings.HasPrefix(l.name, name+".") && !slices.Contains(goWith[name], l.name) {
			all = append(all, fmt.Sprint(l))
		}
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// dropKey takes a member with a text as its value out of a JSON text.
func dropKey(body, key string) string {
	before, after, ok := strings.Cut(body, fmt.Sprintf("%q:", key))
	if !ok {
		return body
	}
	_, after, _ = strings.Cut(after[1:], `"`)
	if before, ok := strings.CutSuffix(before, ","); ok {
		return before + after
	}
	return before + strings.TrimPrefix(after, ",")
}

func leavesText(t *testing.T, body string) string { return without(t, body, "no such field") }

// A field of the source record that events would have too stays as it is where
// theirs is excluded.
func TestExcludedFieldsAreNotOurs(t *testing.T) {
	n := newNormalizer(t, inECS, func(o *nsgflow.Options) { o.ExcludeFields = []string{"observer"} })
	body := packed(t, `{"observer":{"name":"edge"},"log":`+quoted(goldenNSG)+`}`)
	chunk, _, _ := n.AppendRecord(nil, body, source)
	records, err := unpacked(chunk)
	if err != nil || len(records) != 1 || !strings.Contains(records[0].Body, `"observer":{"name":"edge"}`) {
		t.Errorf("%v, %v", records, err)
	}
}

// What is dropped, aggregated or excluded costs no allocation for each tuple.
func TestAllocationsOfLess(t *testing.T) {
	nsgflow.WithoutRaceDetector(t)
	for _, traffic := range []loggen.Traffic{loggen.Mixed, loggen.Realistic} {
		for _, l := range volumeLogs(t, traffic, 1_000) {
			for _, structured := range []bool{false, true} {
				for name, changes := range map[string][]func(*nsgflow.Options){
					"service":  {inECS, aggregating(nsgflow.AggregateService, nsgflow.AggregateHost)},
					"original": {withOriginal, aggregating(nsgflow.AggregateConnection, nsgflow.AggregateConnection)},
					"drop":     {inECS, dropping("denied,begin")},
					"exclude":  {inECS, func(o *nsgflow.Options) { o.ExcludeFields = []string{"observer", "event.id"} }},
				} {
					n := newNormalizer(t, changes...)
					inputs := l.inputs(t, structured)
					dst := appendAll(n, nil, inputs, structured)
					if got := testing.AllocsPerRun(20, func() { dst = appendAll(n, dst[:0], inputs, structured) }); got > 0 {
						t.Errorf("%s, %s, structured %v: %v allocations for %d tuples", name, l.name, structured, got, l.tuples)
					}
				}
			}
		}
	}
}

// volumeLogs are logs of a size in every family, in records of all tuples.
func volumeLogs(tb testing.TB, traffic loggen.Traffic, tuples int) (logs []flowLog) {
	tb.Helper()
	for _, family := range []loggen.Family{loggen.NSGv1, loggen.NSGv2, loggen.VNet} {
		var b strings.Builder
		if err := (loggen.Log{Family: family, Records: 1, Tuples: tuples, Seed: 1, Traffic: traffic}).Write(&b, loggen.Blob); err != nil {
			tb.Fatal(err)
		}
		logs = append(logs, flowLog{fmt.Sprintf("%s %s", family, traffic), tuples, []string{strings.TrimSuffix(b.String(), "\n")}})
	}
	return logs
}

// Records of one tuple become as many events, each larger: denormalised ones,
// flattened ones with flow.0, and those with a flowTuple, on their own and in a
// blob.
func TestAggregateOfOneTuple(t *testing.T) {
	for _, file := range []string{"../conf/samples/nsg_denormalised.ndjson", "../conf/samples/nsg_flattened.ndjson",
		"../conf/samples/vnet_flattened.ndjson", "../test/cases/unrolled/input.log"} {
		lines := strings.Split(strings.TrimSpace(readFile(t, file)), "\n")
		for _, input := range []string{strings.Join(lines, "\n"), `{"records":[` + strings.Join(lines, ",") + `]}`} {
			off := newNormalizer(t, inECS)
			plain, _ := asText.read(t, off, input)
			n := newNormalizer(t, inECS, aggregating(nsgflow.AggregateHost, nsgflow.AggregateHost))
			aggregated, _ := asText.read(t, n, input)
			before, after := off.Counts(), n.Counts()
			if after.Events != before.Events || before.Events < 2 || len(aggregated) <= len(plain) {
				t.Errorf("%s: %d events of %d flows, %d bytes, without aggregation %d", file, after.Events, before.Events, len(aggregated), len(plain))
			}
		}
	}
}

// What the filter has written it leaves alone, also aggregated, and with the
// originals that have many flows.
func TestAggregateTwice(t *testing.T) {
	for name, input := range aggregateInputs(t) {
		for schema := range nsgflow.Schemas() {
			changes := []func(*nsgflow.Options){inSchema(nsgflow.Schema(schema)), withOriginal, aggregating(nsgflow.AggregateService, nsgflow.AggregateHost)}
			chunk, changed := under("log").read(t, newNormalizer(t, changes...), input)
			if changed {
				checkTwice(t, newNormalizer(t, changes...), chunk)
			}
			_ = name
		}
	}
}
