package follow

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
)

// Writer grows flow logs of both families and remembers every tuple.
type Writer struct {
	Logs    []*azure.FlowLog
	Tuples  map[string]bool
	t       testing.TB
	n       int
	stopped atomic.Bool
	done    chan struct{}
}

// NICs is how many flow logs a writer has of each family and account.
const NICs = 4

// NewWriter begins with nothing written.
func NewWriter(t testing.TB, accounts ...azure.Storage) *Writer {
	t.Helper()
	w := &Writer{t: t, Tuples: map[string]bool{}, done: make(chan struct{})}
	for _, s := range accounts {
		for nic := range NICs {
			w.Logs = append(w.Logs, azure.NewFlowLog(t, s.NSG, azure.NSGName("EDGE-NSG", nic, azure.ThisHour)),
				azure.NewFlowLog(t, s.VNet, azure.VNetName(nic, azure.ThisHour)))
		}
	}
	return w
}

// Minute puts a block of two records into each log.
func (w *Writer) Minute() {
	for i, l := range w.Logs {
		record, tuple := azure.NSGRecord, azure.NSGTuple
		if i%2 == 1 {
			record, tuple = azure.VNetRecord, azure.VNetTuple
		}
		n := w.n
		w.n += 5
		l.Grow(record(n, n+1, n+2), record(n+3, n+4))
		for k := range 5 {
			w.Tuples[tuple(n+k)] = true
		}
	}
}

// KeepWriting goes on until Stop.
func (w *Writer) KeepWriting() {
	go func() {
		defer close(w.done)
		for !w.stopped.Load() {
			w.Minute()
			time.Sleep(100 * time.Millisecond)
		}
	}()
}

// Stop ends KeepWriting.
func (w *Writer) Stop() {
	w.stopped.Store(true)
	<-w.done
}

// Seen is what is in the files that agents wrote: how often each tuple came,
// and with which ids.
type Seen struct {
	Times map[string]int
	IDs   map[string]map[string]bool
}

// Read reads what agents have written below these roots so far.
func Read(t testing.TB, roots ...string) Seen {
	t.Helper()
	s := Seen{map[string]int{}, map[string]map[string]bool{}}
	for _, root := range roots {
		file, err := os.Open(filepath.Join(root, "out", "flow"))
		if err != nil {
			continue // not yet
		}
		lines := bufio.NewScanner(file)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var e struct {
				Event struct{ ID, Original string }
			}
			var flat struct {
				Tuple string `json:"flow.0"`
			}
			// A kill may cut a line short; it is written again then.
			text := lines.Text()
			if i := strings.LastIndex(text, `{"@timestamp"`); i > 0 {
				text = text[i:]
			}
			if json.Unmarshal([]byte(text), &e) != nil || json.Unmarshal([]byte(e.Event.Original), &flat) != nil {
				continue
			}
			s.Times[flat.Tuple]++
			if s.IDs[flat.Tuple] == nil {
				s.IDs[flat.Tuple] = map[string]bool{}
			}
			s.IDs[flat.Tuple][e.Event.ID] = true
		}
		file.Close()
	}
	return s
}

// Check compares with what was written and gives the number of repetitions.
func (s Seen) Check(t testing.TB, w *Writer) (repeated int) {
	t.Helper()
	missing, invented, otherIDs := 0, 0, 0
	for tuple := range w.Tuples {
		if s.Times[tuple] == 0 {
			missing++
		}
	}
	for tuple, times := range s.Times {
		if !w.Tuples[tuple] {
			invented++
		}
		if len(s.IDs[tuple]) != 1 {
			otherIDs++
		}
		repeated += times - 1
	}
	if missing+invented+otherIDs > 0 {
		t.Errorf("of %d tuples %d are missing, %d came with several ids; %d were never written", len(w.Tuples), missing, otherIDs, invented)
	}
	return repeated
}

// AllSeen reports whether as many tuples have come as were written.
func (w *Writer) AllSeen(roots ...string) func() bool {
	return func() bool { return len(Read(w.t, roots...).Times) >= len(w.Tuples) }
}

// Seen reports whether all its tuples have come, beside those of others.
func (w *Writer) Seen(roots ...string) bool {
	s := Read(w.t, roots...)
	for tuple := range w.Tuples {
		if s.Times[tuple] == 0 {
			return false
		}
	}
	return true
}
