package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/test/engine"
)

var arrival = time.Date(2024, 5, 6, 7, 8, 9, 123_456_789, time.UTC)

func testFilter(t testing.TB, s nsgflow.Schema) *filter {
	t.Helper()
	f, err := newFilter(nsgflow.DefaultOptions(s), nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// After a chunk with flow logs there is room for the next one that is like it,
// and its events are written there.
func TestRoom(t *testing.T) {
	const flowLog = `{"records":[{"flow.0":"1607984156,192.0.2.4,198.51.100.7,36422,443,T,O,A","rule":"r"}]}`
	f := testFilter(t, nsgflow.SchemaSekoia)
	foreign := engine.PackText(engine.New, arrival, "log", "GET /")
	chunk := engine.PackText(engine.New, arrival, "log", flowLog, flowLog)
	if out, changed, _ := f.run(foreign, nil); changed || out != nil || f.firstRoom(len(chunk)) != 0 {
		t.Errorf("a foreign chunk: changed %v, %q, room %d", changed, out, f.firstRoom(len(chunk)))
	}
	if _, changed, _ := f.run(chunk, nil); !changed {
		t.Fatal("not changed")
	}
	memory := make([]byte, f.firstRoom(len(chunk)))
	out, changed, _ := f.run(chunk, memory)
	if !changed || &out[0] != &memory[0] {
		t.Errorf("changed %v, %d bytes in %d are elsewhere", changed, len(out), len(memory))
	}
}

// After a fault the chunk passes on as it was, is counted as a fault and as
// nothing else, and the next chunk finds a filter like a new one.
func TestFault(t *testing.T) {
	const flowLog = `{"records":[{"flow.0":"1607984156,192.0.2.4,198.51.100.7,36422,443,T,O,A","rule":"r","time":"x"},{"flow.0":"bad"}]}`
	chunk := engine.PackText(engine.New, arrival, "log", flowLog, flowLog)
	faulty := false
	o := nsgflow.DefaultOptions(nsgflow.SchemaECS)
	o.Aggregate = nsgflow.AggregateService
	f, err := newFilter(o, func(out []byte, size int) []byte {
		if faulty && len(out) > 0 { // in the middle of the events
			panic("no more")
		}
		return append(make([]byte, 0, size), out...)
	})
	if err != nil {
		t.Fatal(err)
	}
	want, _, _ := f.run(chunk, nil)
	want = bytes.Clone(want)
	once := f.counts()
	faulty = true
	big := engine.PackText(engine.New, arrival, "log", strings.Repeat(flowLog, 100))
	for faults := uint64(1); faults <= 3; faults++ {
		out, changed, fault := f.run(big, nil)
		if changed || out != nil || fault != `internal error: "no more"` {
			t.Errorf("changed %v, %d bytes, fault %v", changed, len(out), fault)
		}
		counts := once
		counts.Faults = faults
		if got := f.counts(); got != counts {
			t.Errorf("counts %+v, want %+v", got, counts)
		}
	}
	faulty = false
	if got, changed, fault := f.run(chunk, nil); !changed || fault != "" || !bytes.Equal(got, want) {
		t.Errorf("after a fault: changed %v, %v:\n got %q\nwant %q", changed, fault, got, want)
	}
	if got := f.counts(); got.Events != 2*once.Events || got.Errors != 2*once.Errors {
		t.Errorf("counts %+v, before %+v", got, once)
	}
}
