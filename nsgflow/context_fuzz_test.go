package nsgflow_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/test/contexts"
	"fluent-bit-nsgflow/test/engine"
)

// FuzzContext holds for any chunk and any choice of options: with a context come the
// same records as without, each with all that it has without, the same again when the
// chunk comes again, and known records behind them are those of a new instance.
func FuzzContext(f *testing.F) {
	files := maps.Clone(contexts.All)
	files["feodo.csv"] += "\"2024-02-12 13:50:35\",\"20.60.0.1\",\"443\",,,\n" // has no malware
	c := contexts.Open(f, files)
	for i, seed := range append(chunkSeeds(f), contextSeeds(f)...) {
		for schema := range nsgflow.Schemas() {
			f.Add(seed, uint8(schema), uint64(i))
		}
	}
	known := engine.PackText(engine.New, arrival, "log", shopRecord)
	f.Fuzz(func(t *testing.T, chunk []byte, number uint8, choice uint64) {
		o := anyOptions(nsgflow.Schema(int(number)%len(nsgflow.Schemas())), choice)
		without := newFor(t, o)
		o.Context = c
		with := newFor(t, o)
		with.WithoutPatience()

		plain, changed := without.AppendChunk(nil, chunk)
		got, changedToo := with.AppendChunk(nil, chunk)
		if changed != changedToo || with.Counts() != without.Counts() {
			t.Errorf("%q: changed %v, without %v; counts %+v, without %+v", chunk, changedToo, changed, with.Counts(), without.Counts())
		}
		if _, err := engine.Unpack(chunk); err == nil && changed {
			checkAdded(t, got, plain)
		}
		for times := range 3 {
			if again, _ := with.AppendChunk(nil, chunk); !bytes.Equal(again, got) {
				t.Errorf("%+v: the chunk once more, %d: %q, was %q", o, times, again, got)
			}
		}
		want, _ := newFor(t, o).AppendChunk(nil, known)
		if after, _ := with.AppendChunk(nil, known); !bytes.Equal(after, want) {
			t.Errorf("%+v: known records after %q: %q, a new instance gives %q", o, chunk, after, want)
		}
	})
}

// checkAdded checks that records are others with more fields.
func checkAdded(t *testing.T, chunk, without []byte) {
	t.Helper()
	got, err := engine.Unpack(chunk)
	if err != nil {
		t.Fatalf("%q: %v", chunk, err)
	}
	plain, err := engine.Unpack(without)
	if err != nil || len(got) != len(plain) {
		t.Fatalf("%d records, without %d: %v", len(got), len(plain), err)
	}
	for i := range got {
		// Foreign maps may have keys that JSON has not.
		if !bytes.Equal(got[i].Body, plain[i].Body) && json.Valid(plain[i].Body) {
			added(t, decoded(t, string(got[i].Body)), decoded(t, string(plain[i].Body)))
		}
	}
}

// anyOptions are some that a choice stands for, with excluded fields among those of
// the schema and of its context, maybe objects.
func anyOptions(s nsgflow.Schema, choice uint64) nsgflow.Options {
	r := rand.New(rand.NewPCG(choice, 0))
	o := nsgflow.DefaultOptions(s)
	by := everyContext[r.IntN(len(everyContext))]
	o.Aggregate, o.AggregateDenied = by[0], by[1]
	o.Original, o.ReserveData = r.IntN(2) == 0, r.IntN(4) > 0
	objects := r.IntN(2) == 0
	var names []string
	for _, f := range slices.Concat(s.Fields(), s.ContextFields()) {
		name := strings.ReplaceAll(f.Name, "[]", "")
		names = append(names, name)
		for i := strings.LastIndexByte(name, '.'); i > 0 && objects && s != nsgflow.SchemaOTel; i = strings.LastIndexByte(name, '.') {
			name = name[:i]
			names = append(names, name)
		}
	}
	slices.Sort(names)
	share := []float64{0, 0.02, 0.1, 0.5, 0.9}[r.IntN(5)]
	for _, name := range slices.Compact(names) {
		if r.Float64() < share {
			o.ExcludeFields = append(o.ExcludeFields, name)
		}
	}
	return o
}

// contextSeeds are chunks of addresses that the context knows.
func contextSeeds(f *testing.F) (seeds [][]byte) {
	// Each level has a protocol of its own, so that no template is there already.
	of := func(protocol string) string { return strings.ReplaceAll(shopRecord, ",443,6,", ",443,"+protocol+",") }
	nested := `{"log":[{"x":1},` + of("6") + `,{"log":[{"x":1},` + of("17") + `,{"log":[{"source":{"ip":1}},` + of("1") + `]}]}]}`
	for _, body := range []string{nested, `{"source":{"ip":"x","geo":{"a":1}},"threat":1,"log":` + quoted(shopRecord) + `}`, shopRecord} {
		chunk, err := engine.Pack(engine.New, arrival, []byte(body))
		if err != nil {
			f.Fatal(err)
		}
		seeds = append(seeds, chunk, append(bytes.Clone(chunk), chunk...))
	}
	return seeds
}
