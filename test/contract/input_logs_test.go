package contract

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/engine"
)

// agentTime is more than anything here takes on a busy machine.
const agentTime = 30 * time.Second

// logs are flow logs in storage, and what was written to them.
type logs struct {
	storage azure.Storage
	blobs   []*azure.FlowLog
	records map[string]bool
	bytes   int
	tuples  int
}

// newLogs has four NICs, two of each family.
func newLogs(t *testing.T) *logs {
	t.Helper()
	l := &logs{storage: azure.NewStorage(t), records: map[string]bool{}}
	for nic := range 2 {
		l.blobs = append(l.blobs, azure.NewFlowLog(t, l.storage.NSG, azure.NSGName("EDGE-NSG", nic, azure.ThisHour)),
			azure.NewFlowLog(t, l.storage.VNet, azure.VNetName(nic, azure.ThisHour)))
	}
	return l
}

// grow writes to each NIC a block of so many records, of so many tuples each.
func (l *logs) grow(records, tuples int) *logs {
	for i, blob := range l.blobs {
		record := azure.NSGRecord
		if i%2 == 1 {
			record = azure.VNetRecord
		}
		var block []string
		for range records {
			var these []int
			for range tuples {
				these = append(these, l.tuples)
				l.tuples++
			}
			text := record(these...)
			l.records[text] = true
			l.bytes += len(text)
			block = append(block, text)
		}
		blob.Grow(block...)
	}
	return l
}

// growTimes grows so many times: one block to each NIC each time.
func (l *logs) growTimes(times, records, tuples int) *logs {
	for range times {
		l.grow(records, tuples)
	}
	return l
}

// host follows these logs, with state and chunks of its own.
func (l *logs) host(t *testing.T, flags ...string) engine.InputHost {
	t.Helper()
	dir := t.TempDir()
	return engine.InputHost{Dir: dir, Flags: flags, Env: l.storage.Environment,
		Options: [][]string{{"state_path=" + filepath.Join(dir, "state"), "poll_interval=1s", "list_interval=1s", "start=beginning"}}}
}

func begin(t *testing.T, h engine.InputHost) *engine.InputRun {
	t.Helper()
	r, refused, err := h.Start()
	if err != nil {
		t.Fatal(err)
	}
	if refused != nil {
		t.Fatalf("exit code %d\n%s", refused.Code, refused.Log)
	}
	t.Cleanup(r.Kill)
	return r
}

func do(t *testing.T, r *engine.InputRun, command string) engine.InputState {
	t.Helper()
	s, err := r.Do(command)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func until(t *testing.T, r *engine.InputRun, wanted func(engine.InputState) bool) engine.InputState {
	t.Helper()
	s, err := r.Until(agentTime, wanted)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func stop(t *testing.T, r *engine.InputRun) {
	t.Helper()
	if end := r.Stop(); end.Code != 0 {
		t.Fatalf("exit code %d\n%s", end.Code, end.Log)
	}
}

// beginUntilAll begins a host and waits until it has taken every record.
func (l *logs) beginUntilAll(t *testing.T, h engine.InputHost) *engine.InputRun {
	t.Helper()
	r := begin(t, h)
	until(t, r, l.all)
	return r
}

// stopAndCheck stops a host. It has delivered every record once.
func (l *logs) stopAndCheck(t *testing.T, r *engine.InputRun, h engine.InputHost) {
	t.Helper()
	stop(t, r)
	l.checkOnce(t, h)
}

// checkOnce fails the test where a record is missing or repeated.
func (l *logs) checkOnce(t *testing.T, h engine.InputHost) {
	t.Helper()
	if n := l.check(t, h, false); n > 0 {
		t.Errorf("%d records are repeated", n)
	}
}

// check compares what was delivered with what was written, and gives the number
// of repetitions. Within one process, a blob comes in its order.
func (l *logs) check(t *testing.T, h engine.InputHost, kept bool) (repeated int) {
	t.Helper()
	all := delivered(t, h, kept)
	times := map[string]int{}
	last := map[string]int{}
	for _, r := range all {
		if !l.records[r.Message] {
			t.Fatalf("never written: %.200s", r.Message)
		}
		times[r.Message]++
		at := fmt.Sprint(r.PID, r.Blob)
		if before, ok := last[at]; ok && r.Offset <= before {
			t.Errorf("%s: offset %d came after %d", r.Blob, r.Offset, before)
		}
		last[at] = r.Offset
	}
	if missing := len(l.records) - len(times); missing > 0 {
		t.Errorf("of %d records %d are missing", len(l.records), missing)
	}
	return len(all) - len(times)
}

// delivered is what all instances have delivered.
func delivered(t *testing.T, h engine.InputHost, kept bool) (all []engine.InputRecord) {
	t.Helper()
	for i := range h.Options {
		records, err := h.Delivered(i, kept)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, records...)
	}
	return all
}

// comes waits until every record is there. With kept, the host must hold on: a
// file that it delivers meanwhile would be gone.
func (l *logs) comes(t *testing.T, h engine.InputHost, kept bool) {
	t.Helper()
	for deadline := time.Now().Add(agentTime); ; time.Sleep(100 * time.Millisecond) {
		seen := map[string]bool{}
		for _, r := range delivered(t, h, kept) {
			seen[r.Message] = true
		}
		if len(seen) >= len(l.records) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("of %d records %d are missing", len(l.records), len(l.records)-len(seen))
		}
	}
}

// all reports whether the host has taken as many records as there are.
func (l *logs) all(s engine.InputState) bool { return s.Records >= len(l.records) }

// kinds of storage, and the stand-in's flags for them.
var kinds = map[string][]string{"memory": nil, "filesystem": {"-F"}}

func everyKind(t *testing.T, test func(t *testing.T, flags ...string)) {
	t.Parallel()
	for kind, flags := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			test(t, flags...)
		})
	}
}
