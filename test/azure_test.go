package test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
)

// stageInput is stage with the input beside the filter, as a link to the same
// file.
func stageInput(t *testing.T, r release) string {
	t.Helper()
	root := stage(t)
	for _, name := range []string{"flb-in_nsgflow.so", "in_nsgflow.so"} {
		if err := os.Symlink("flb-filter_nsgflow.so", filepath.Join(root, "plugins", name)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// following is a pipeline from storage to the file root/out/flow, an event a
// line. Secrets come from the environment.
func following(root string, options ...string) string {
	return fmt.Sprintf(`
[SERVICE]
    Flush        0.2
    Grace        2
    Plugins_File %[1]s/etc/azure-plugins.conf
    storage.path %[1]s/storage

[INPUT]
    Name           nsgflow
    Tag            flow
    poll_interval  1s
    list_interval  1s
    state_path     %[1]s/state
    storage.type   filesystem
    %[2]s
%[3]s
[OUTPUT]
    Name   file
    Match  flow
    Path   %[1]s/out
    File   flow
    Mkdir  On
    Format plain
    Retry_Limit no_limits
`, root, strings.Join(options, "\n    "), filtering("flow", "schema ecs", "original on"))
}

// writer grows flow logs of both families and remembers every tuple.
type writer struct {
	t       testing.TB
	logs    []*azure.FlowLog
	tuples  map[string]bool
	n       int
	stopped atomic.Bool
	done    chan struct{}
}

const writtenNICs = 4 // of each family

func newWriter(t testing.TB, accounts ...azure.Storage) *writer {
	t.Helper()
	w := &writer{t: t, tuples: map[string]bool{}, done: make(chan struct{})}
	for _, s := range accounts {
		for nic := range writtenNICs {
			w.logs = append(w.logs, azure.NewFlowLog(t, s.NSG, azure.NSGName("EDGE-NSG", nic, azure.ThisHour)),
				azure.NewFlowLog(t, s.VNet, azure.VNetName(nic, azure.ThisHour)))
		}
	}
	return w
}

// minute puts a block of two records into each log.
func (w *writer) minute() {
	for i, l := range w.logs {
		record, tuple := azure.NSGRecord, azure.NSGTuple
		if i%2 == 1 {
			record, tuple = azure.VNetRecord, azure.VNetTuple
		}
		n := w.n
		w.n += 5
		l.Grow(record(n, n+1, n+2), record(n+3, n+4))
		for k := range 5 {
			w.tuples[tuple(n+k)] = true
		}
	}
}

// keepWriting goes on until stop.
func (w *writer) keepWriting() {
	go func() {
		defer close(w.done)
		for !w.stopped.Load() {
			w.minute()
			time.Sleep(100 * time.Millisecond)
		}
	}()
}

func (w *writer) stop() {
	w.stopped.Store(true)
	<-w.done
}

// seen is what is in the files that agents wrote: how often each tuple came,
// and with which ids.
type seen struct {
	times map[string]int
	ids   map[string]map[string]bool
}

func readSeen(t testing.TB, roots ...string) seen {
	t.Helper()
	s := seen{map[string]int{}, map[string]map[string]bool{}}
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
			s.times[flat.Tuple]++
			if s.ids[flat.Tuple] == nil {
				s.ids[flat.Tuple] = map[string]bool{}
			}
			s.ids[flat.Tuple][e.Event.ID] = true
		}
		file.Close()
	}
	return s
}

// check compares with what was written and gives the number of repetitions.
func (s seen) check(t testing.TB, w *writer) (repeated int) {
	t.Helper()
	missing, invented, otherIDs := 0, 0, 0
	for tuple := range w.tuples {
		if s.times[tuple] == 0 {
			missing++
		}
	}
	for tuple, times := range s.times {
		if !w.tuples[tuple] {
			invented++
		}
		if len(s.ids[tuple]) != 1 {
			otherIDs++
		}
		repeated += times - 1
	}
	if missing+invented+otherIDs > 0 {
		t.Errorf("of %d tuples %d are missing, %d came with several ids; %d were never written", len(w.tuples), missing, otherIDs, invented)
	}
	return repeated
}

func (w *writer) allSeen(roots ...string) func() bool {
	return func() bool { return len(readSeen(w.t, roots...).times) >= len(w.tuples) }
}

// settled is how long after an event is seen a clean stop does not make any
// release repeat it.
const settled = 1500 * time.Millisecond

// Every tuple written comes out once: while the blobs grow, over a hot reload
// and over restarts.
func TestAzureFollow(t *testing.T) {
	t.Parallel()
	inEveryRelease(t, func(t *testing.T, r release) {
		storage := azure.NewStorage(t)
		root := stageInput(t, r)
		conf := filepath.Join(root, "etc", "follow.conf")
		write(t, root, "etc/follow.conf", following(root))
		w := newWriter(t, storage)
		w.minute()
		reloads := !r.before(2, 1)
		args := []string{"-c", conf}
		if reloads {
			args = append(args, "-Y")
		}
		a := r.start(t, root, storage.Environment, args...)
		a.until("the first minute", w.allSeen(root))
		w.minute()
		a.until("the second minute", w.allSeen(root))
		if n := readSeen(t, root).check(t, w); n > 0 {
			t.Errorf("%d repeated without any restart", n)
		}
		if reloads {
			starts := func() int { return strings.Count(a.log.String(), "[sp] stream processor started") }
			time.Sleep(settled)
			before := starts()
			if err := a.cmd.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
			a.until("the reload", func() bool { return starts() > before })
			w.minute()
			a.until("the minute after the reload", w.allSeen(root))
		} else {
			t.Logf("not tried: Fluent Bit %s has no hot reload", r.version)
		}
		time.Sleep(settled)
		a.stop()
		for range 2 {
			w.minute()
			a = r.start(t, root, storage.Environment, "-c", conf)
			a.until("the minute before the restart", w.allSeen(root))
			time.Sleep(settled)
			a.stop()
		}
		if n := readSeen(t, root).check(t, w); n > 0 {
			t.Errorf("%d repeated by clean stops", n)
		}
	})
}

// A stop in the middle of it loses nothing, and repeats what the host drops
// when it stops: nothing where it takes what it has first.
func TestAzureStopInTheMiddle(t *testing.T) {
	t.Parallel()
	inEveryRelease(t, func(t *testing.T, r release) {
		storage := azure.NewStorage(t)
		root := stageInput(t, r)
		write(t, root, "etc/follow.conf", following(root))
		w := newWriter(t, storage)
		w.keepWriting()
		for range 4 {
			a := r.start(t, root, storage.Environment, "-c", "etc/follow.conf")
			seen := len(readSeen(t, root).times)
			a.until("some events", func() bool { return len(readSeen(t, root).times) > seen })
			time.Sleep(900 * time.Millisecond)
			a.stop()
		}
		w.stop()
		a := r.start(t, root, storage.Environment, "-c", "etc/follow.conf")
		a.until("all events", w.allSeen(root))
		a.stop()
		n := readSeen(t, root).check(t, w)
		t.Logf("%d tuples, %d repeated by 4 stops in Fluent Bit %s", len(w.tuples), n, r.version)
		if n > 0 {
			t.Errorf("%d repeated", n)
		}
	})
}

// Two agents share an account.
func TestAzureShards(t *testing.T) {
	t.Parallel()
	inEveryRelease(t, func(t *testing.T, r release) {
		storage := azure.NewStorage(t)
		w := newWriter(t, storage)
		w.minute()
		var roots []string
		var agents []*agent
		for i := range 2 {
			root := stageInput(t, r)
			write(t, root, "etc/follow.conf", following(root, fmt.Sprintf("shard %d/2", i+1)))
			agents = append(agents, r.start(t, root, storage.Environment, "-c", "etc/follow.conf"))
			roots = append(roots, root)
		}
		agents[0].until("the first minute", w.allSeen(roots...))
		w.minute()
		agents[0].until("the second minute", w.allSeen(roots...))
		for i, a := range agents {
			a.stop()
			if n := len(readSeen(t, roots[i]).times); n == 0 || n == len(w.tuples) {
				t.Errorf("shard %d has %d of %d tuples", i+1, n, len(w.tuples))
			}
		}
		if n := readSeen(t, roots...).check(t, w); n > 0 {
			t.Errorf("%d tuples in both shards", n)
		}
	})
}

// several are accounts of one storage service, and the options that follow
// them all.
func several(t *testing.T, n int) (accounts []azure.Storage, options []string) {
	t.Helper()
	var names []string
	for range n {
		s := azure.NewStorage(t)
		accounts = append(accounts, s)
		names = append(names, s.Account)
	}
	return accounts, []string{"account " + strings.Join(names, ","), "account_key " + azure.Key,
		"endpoint " + strings.TrimSuffix(azure.Endpoint(t), azure.Account) + "{account}"}
}

// Killed at any moment, again and again, an agent that follows three accounts
// loses nothing, and repeats under equal ids next to nothing: what was appended
// and not behind a checkpoint yet, or delivered and not off the host's disk.
// NSGFLOW_KILLS sets how often.
func TestAzureKill(t *testing.T) {
	t.Parallel()
	kills := fromEnvironment(t, "NSGFLOW_KILLS", 5)
	for name, storage := range map[string][2]string{
		"filesystem": {"filesystem", ""},
		"memory":     {"memory", ""},
		// After a kill the host drops the newest chunk, whose checksum is not
		// up to date.
		"checksum": {"filesystem", "    storage.checksum on\n"},
	} {
		t.Run(name, func(t *testing.T) {
			inEveryRelease(t, func(t *testing.T, r release) {
				killAgain(t, r, kills, storage[0], storage[1])
			})
		})
	}
}

func killAgain(t *testing.T, r release, kills int, storage, service string) {
	accounts, options := several(t, 3)
	root := stageInput(t, r)
	write(t, root, "etc/follow.conf", strings.NewReplacer("filesystem", storage, "[SERVICE]\n", "[SERVICE]\n"+service).Replace(following(root, options...)))
	w := newWriter(t, accounts...)
	w.keepWriting()
	began := time.Now()
	var lives time.Duration
	for range kills {
		a := r.start(t, root, nil, "-c", "etc/follow.conf")
		life := time.Duration(500+rand.IntN(2500)) * time.Millisecond
		time.Sleep(life)
		lives += life
		if err := a.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-a.ended
	}
	w.stop()
	perSecond := float64(len(w.tuples)) / time.Since(began).Seconds()
	a := r.start(t, root, nil, "-c", "etc/follow.conf")
	// What is missing then, check tells.
	for deadline := time.Now().Add(agentTimeout / 2); !w.allSeen(root)() && time.Now().Before(deadline); {
		time.Sleep(100 * time.Millisecond)
	}
	a.stop()
	n := readSeen(t, root).check(t, w)
	t.Logf("%d kills of Fluent Bit %s with storage.type %s, lives of %s on average: %d tuples written, %d repeated (%.1f a kill, %.0f are written a second)",
		kills, r.version, storage, (lives / time.Duration(kills)).Round(time.Millisecond), len(w.tuples), n, float64(n)/float64(kills), perSecond)
	// With memory storage, what the host held: of a flush interval and a
	// delivery, each 0.2 s here, on a machine with more to do.
	if most := perSecond * 2 * float64(kills); float64(n) > most {
		t.Errorf("%d repeated, more than was under way (%.0f)", n, most)
	}
}
