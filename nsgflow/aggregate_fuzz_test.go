package nsgflow_test

import (
	"encoding/json"
	"maps"
	"math/big"
	"strings"
	"testing"

	"fluent-bit-nsgflow/nsgflow"

	"github.com/google/go-cmp/cmp"
)

// totals are sums of events by decision and direction, in words.
type totals map[string]string

var summed = []string{"source.packets", "source.bytes", "destination.packets", "destination.bytes"}

// totalsOf adds the counters of events in big integers, and counts their
// tuples. In each event, network has what source and destination have together.
func totalsOf(t testing.TB, records []out) totals {
	t.Helper()
	sums := map[string]*big.Int{}
	add := func(name, number string) {
		n, ok := new(big.Int).SetString(number, 10)
		if !ok || n.Sign() < 0 {
			t.Fatalf("%s is %q", name, number)
		}
		if sums[name] == nil {
			sums[name] = new(big.Int)
		}
		sums[name].Add(sums[name], n)
	}
	for _, o := range records {
		if !strings.Contains(o.Body, `"kind":"event"`) {
			continue
		}
		e := decoded(t, o.Body)
		word := func(name string) string { v, _ := valueIn(t, e, name).(string); return v }
		key := word("event.action") + " " + word("network.direction") + " "
		for _, name := range summed {
			if v, ok := valueIn(t, e, name).(json.Number); ok {
				add(key+name, v.String())
			}
		}
		for _, counter := range []string{".packets", ".bytes"} {
			want := ""
			source, hasSource := valueIn(t, e, "source"+counter).(json.Number)
			destination, hasDestination := valueIn(t, e, "destination"+counter).(json.Number)
			if hasSource && hasDestination && strings.Contains(o.Body, `"dataset"`) {
				s, _ := new(big.Int).SetString(source.String(), 10)
				d, _ := new(big.Int).SetString(destination.String(), 10)
				want = s.Add(s, d).String()
			}
			if got, _ := valueIn(t, e, "network"+counter).(json.Number); got.String() != want {
				t.Fatalf("network%s %q, want %q: %s", counter, got, want, o.Body)
			}
		}
		tuples := "1"
		if v, ok := valueIn(t, e, "azure.flow_log.aggregate.tuples").(json.Number); ok {
			tuples = v.String()
		}
		add(key+"tuples", tuples)
	}
	all := totals{}
	for name, sum := range sums {
		all[name] = sum.String()
	}
	return all
}

// FuzzAggregate: for any text, bytes, packets and tuples per decision and
// direction are the same with and without aggregation; what is no flow is the
// same to the byte; a drop takes away what it counts, and nothing else; and with
// beginnings, no byte goes.
func FuzzAggregate(f *testing.F) {
	_, inputs := goldenCases(f)
	for _, input := range inputs {
		f.Add(input, uint8(0xa), uint8(0))
	}
	for _, input := range aggregateInputs(f) {
		if len(input) < 10_000 {
			f.Add(input, uint8(0xe), uint8(4))
		}
	}
	f.Fuzz(func(t *testing.T, text string, by, drop uint8) {
		allowed, denied := nsgflow.Aggregate(by&3), nsgflow.Aggregate(by>>2&3)
		off := newNormalizer(t, inECS)
		want := asText.records(t, off, text)
		n := newNormalizer(t, inECS, aggregating(allowed, denied))
		got := asText.records(t, n, text)
		if diff := cmp.Diff(totalsOf(t, want), totalsOf(t, got)); diff != "" {
			t.Errorf("totals: %s", diff)
		}
		if diff := cmp.Diff(othersOf(want), othersOf(got)); diff != "" {
			t.Errorf("what is no flow: %s", diff)
		}
		checkDrop(t, text, nsgflow.Drops(drop&31), off.Counts(), n.Counts(), aggregating(allowed, denied))
	})
}

// othersOf are the records that are no events of flows.
func othersOf(records []out) (others []out) {
	for _, o := range records {
		if !strings.Contains(o.Body, `"kind":"event"`) {
			others = append(others, o)
		}
	}
	return others
}

// counted are the sums of events that are more than 0.
func counted(t testing.TB, records []out) totals {
	sums := totalsOf(t, records)
	maps.DeleteFunc(sums, func(name, sum string) bool { return sum == "0" || strings.HasSuffix(name, " tuples") })
	return sums
}

func checkDrop(t *testing.T, text string, drop nsgflow.Drops, off, all nsgflow.Counts, changes func(*nsgflow.Options)) {
	t.Helper()
	n := newNormalizer(t, inECS, changes, func(o *nsgflow.Options) { o.Drop = drop })
	records := asText.records(t, n, text)
	c := n.Counts()
	if drop == nsgflow.DropBegin {
		if diff := cmp.Diff(counted(t, asText.records(t, newNormalizer(t, inECS), text)), counted(t, records)); diff != "" {
			t.Errorf("drop begin: %s", diff)
		}
	}
	if all.AllFlows() != off.AllFlows() || c.AllFlows()+c.AllDropped() != off.AllFlows() || c.Errors != off.Errors {
		t.Errorf("drop %b: %+v, without %+v", drop, c, off)
	}
	if int(c.Events) != len(records)-len(othersOf(records)) {
		t.Errorf("%d events counted of %d records", c.Events, len(records))
	}
}
