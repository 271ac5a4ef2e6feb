package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/nsgflow/context"
	"fluent-bit-nsgflow/nsgflow/storage"
	"fluent-bit-nsgflow/plugin/tables"
	"fluent-bit-nsgflow/test/engine"
)

var arrival = time.Date(2024, 5, 6, 7, 8, 9, 123_456_789, time.UTC)

func testFilter(t testing.TB, s nsgflow.Schema) *filter {
	t.Helper()
	f, err := newFilter(tables.Filter{Options: nsgflow.DefaultOptions(s)}, nil, nil)
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
	f, err := newFilter(tables.Filter{Options: o}, func(out []byte, size int) []byte {
		if faulty && len(out) > 0 { // in the middle of the events
			panic("no more")
		}
		return append(make([]byte, 0, size), out...)
	}, nil)
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

// The goroutine that looks at files is there while a filter has a context.
func TestFilterWithContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "networks.csv")
	say := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var lines storage.Lines
	open := func(hasContext bool) (*filter, error) {
		o := tables.Filter{Options: nsgflow.DefaultOptions(nsgflow.SchemaECS), HasContext: hasContext}
		o.Files.Networks = []string{path}
		return newFilter(o, nil, lines.Add)
	}
	if _, err := open(false); err != nil {
		t.Error(err)
	}
	watch(t, 0)
	watcher = context.Watcher{} // of a process that starts
	say("cidr\nnone\n")
	if _, err := open(true); err == nil || !strings.HasPrefix(err.Error(), "context_networks "+path+": line 2") {
		t.Errorf("a bad file: %v", err)
	}
	watch(t, 0)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}

	first, err := open(true) // there is no such file yet
	if err != nil {
		t.Fatal(err)
	}
	said := ""
	lines.Drain(func(level storage.Level, text string) { said += fmt.Sprint(level, text) })
	if want := fmt.Sprint(storage.Warn, "context_networks ", path, ": there is no such file yet"); !strings.HasPrefix(said, want) {
		t.Errorf("%q, want %q", said, want)
	}
	second, err := open(true)
	if err != nil {
		t.Fatal(err)
	}
	watch(t, 1)
	first.close()
	watch(t, 1)
	second.close()
	watch(t, 0)

	// All are closed: what comes is a hot reload, which a bad file does not end. So it is where
	// the filters before had no context.
	say("cidr\nnone\n")
	watcher = context.Watcher{}
	without, err := open(false)
	if err != nil {
		t.Fatal(err)
	}
	without.close()
	reloaded, err := open(true)
	if err != nil {
		t.Fatal(err)
	}
	reloaded.close()
	watch(t, 0)
	say("cidr,name\n10.0.0.0/8,inside\n")
	f, err := open(true)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	out, _, _ := f.run(engine.PackText(engine.New, arrival, "log", `{"records":[{"flow.0":"1607984156,10.0.2.4,198.51.100.7,36422,443,T,O,A","rule":"r"}]}`), nil)
	if !bytes.Contains(out, []byte("inside")) {
		t.Error("the events have no name of a network")
	}
	figures := f.figures(time.Now())
	if figures.Context.Networks == 0 || len(figures.Sources) != 1 || figures.Sources[0].Entries != 1 {
		t.Errorf("%+v %+v", figures.Context, figures.Sources)
	}
}

// watch waits until so many goroutines look at files.
func watch(t *testing.T, want int) {
	t.Helper()
	stacks := make([]byte, 1<<20)
	for begun := time.Now(); ; runtime.Gosched() {
		n := strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "context.(*Watcher).watch(")
		if n == want {
			return
		}
		if time.Since(begun) > 10*time.Second {
			t.Fatalf("%d goroutines look at files, want %d", n, want)
		}
	}
}
