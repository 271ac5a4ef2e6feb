package main

import (
	"testing"
	"time"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/test/engine"
)

var arrival = time.Date(2024, 5, 6, 7, 8, 9, 123_456_789, time.UTC)

func testFilter(t testing.TB, s nsgflow.Schema) *filter {
	t.Helper()
	f, err := newFilter(nsgflow.DefaultOptions(s))
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
	if out, changed := f.run(foreign, nil); changed || out != nil || f.room(len(chunk)) != 0 {
		t.Errorf("a foreign chunk: changed %v, %q, room %d", changed, out, f.room(len(chunk)))
	}
	if _, changed := f.run(chunk, nil); !changed {
		t.Fatal("not changed")
	}
	memory := make([]byte, f.room(len(chunk)))
	out, changed := f.run(chunk, memory)
	if !changed || &out[0] != &memory[0] {
		t.Errorf("changed %v, %d bytes in %d are elsewhere", changed, len(out), len(memory))
	}
}
