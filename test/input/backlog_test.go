package input

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/follow"
	"fluent-bit-nsgflow/test/internal/textfile"
	"fluent-bit-nsgflow/test/soak"
)

// backlog is what an agent finds that was away for a while: blobs with records
// of 32 KB, as Azure cuts them. Every tuple of it is another.
type backlog struct {
	storage azure.Storage
	bytes   int
	records int
	tuples  int
}

func newBacklog(t *testing.T, mb int) backlog { return newBacklogOf(t, mb, azure.ThisHour) }

func newBacklogOf(t *testing.T, mb int, hour time.Time) backlog {
	t.Helper()
	const perRecord, perBlock, blocks = 420, 32, 8 // 1 MB a block, 8 MB a blob
	b := backlog{storage: azure.NewStorage(t)}
	var all sync.WaitGroup
	turns := make(chan struct{}, 4)
	for blob := 0; b.bytes < mb*1e6; blob++ {
		l := azure.NewFlowLog(t, b.storage.VNet, azure.VNetName(blob, hour))
		first := b.tuples
		b.tuples += perRecord * perBlock * blocks
		b.records += perBlock * blocks
		b.bytes += blocks * perBlock * (perRecord*len(azure.VNetTuple(first)) + 900)
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			n := first
			for range blocks {
				var records []string
				for range perBlock {
					var tuples []int
					for range perRecord {
						tuples = append(tuples, n)
						n++
					}
					records = append(records, azure.VNetRecord(tuples...))
				}
				l.Grow(records...)
			}
		})
	}
	all.Wait()
	return b
}

// catchingUp is a pipeline with default options that meets a backlog.
func catchingUp(root string, port int, output string, service ...string) string {
	return fmt.Sprintf(`
[SERVICE]
    Flush        1
    Grace        5
    HTTP_Server  On
    HTTP_Listen  127.0.0.1
    HTTP_Port    %[1]d
    Plugins_File %[2]s/etc/azure-plugins.conf
    storage.path %[2]s/storage
    storage.metrics on
    %[3]s
[INPUT]
    Name         nsgflow
    Tag          flow
    state_path   %[2]s/state
    # Long forms of these tests go on for hours.
    start        24h
    storage.type filesystem
[INPUT]
    Name         dummy
    Tag          tick
    Rate         1
    Dummy        {"tick":1}
[OUTPUT]
    Name         file
    Match        tick
    Path         %[2]s/out
    File         ticks
    Mkdir        On
    Format       plain
%[4]s`, port, root, strings.Join(service, "\n    "), output)
}

const (
	toNull = `
[OUTPUT]
    Name   null
    Match  flow
`
	filtered = `
[FILTER]
    Name   nsgflow
    Match  flow
    schema ecs
`
)

func toFile(root string) string {
	return fmt.Sprintf(`
[OUTPUT]
    Name   file
    Match  flow
    Path   %s/out
    File   flow
    Mkdir  On
    Format plain
    Retry_Limit no_limits
`, root)
}

// A backlog is read at the pace of the storage service or of the filter, in
// bounded memory, while the agent goes on serving others.
func TestAzureBacklog(t *testing.T) {
	const maxOwnMB = 256
	mb := soak.N("backlog")
	r := fluentbit.First(t)
	b := newBacklog(t, mb)
	plain := b.download(t)
	t.Logf("plain download of %d MB with Azure's SDK: %.0f MB/s", b.bytes/1e6, plain)
	for _, tt := range []struct {
		name, output string
	}{{"null", toNull}, {"filter ecs, null", filtered + toNull}} {
		port := fluentbit.FreePort(t)
		root := follow.Stage(t)
		textfile.Write(t, root, "etc/backlog.conf", catchingUp(root, port, tt.output))
		life := fluentbit.Timeout + time.Duration(mb)*time.Second/4
		a := r.StartFor(t, life, root, b.storage.Environment, "-c", "etc/backlog.conf")
		began := time.Now()
		idle, peak := 0, 0
		for deadline := began.Add(life); recordsOf(port) < b.records; time.Sleep(50 * time.Millisecond) {
			own := privateMB(t, a.Pid())
			if idle == 0 {
				idle = own
			}
			peak = max(peak, own)
			if time.Now().After(deadline) {
				t.Fatalf("%d of %d records", recordsOf(port), b.records)
			}
		}
		took := time.Since(began)
		stopping := time.Now()
		a.Stop()
		rate := float64(b.bytes) / 1e6 / took.Seconds()
		ticks := lineCount(root, "ticks")
		t.Logf("Fluent Bit %s, %s: %d MB, %d records in %s: %.1f MB/s, %.2f of the plain download; private memory at most %d MB, %d MB before; %d ticks; stopped in %s",
			r.Version, tt.name, b.bytes/1e6, b.records, took.Round(100*time.Millisecond), rate, rate/plain, peak, idle, ticks, time.Since(stopping).Round(100*time.Millisecond))
		if peak-idle > maxOwnMB {
			t.Errorf("%d MB of the input's own, more than %d", peak-idle, maxOwnMB)
		}
		if want := int(took.Seconds()) - 1; ticks < want {
			t.Errorf("%d ticks of the input beside it, want %d", ticks, want)
		}
	}
}

// What is written while a backlog is read comes out in time: each second a record goes
// into a blob of this hour, beside blobs of hours ago. A small backlog says nothing:
// Fluent Bit holds as much (pending_limit).
func TestAzureBacklogAndNow(t *testing.T) {
	const inTime, enough = 10 * time.Second, 200
	mb := soak.N("backlog")
	if mb < enough {
		t.Skipf("skipped: a backlog of %d MB is too small, NSGFLOW_LONG=backlog=%d", mb, enough)
	}
	r := fluentbit.First(t)
	b := newBacklogOf(t, mb, azure.ThisHour.Add(-3*time.Hour))
	port := fluentbit.FreePort(t)
	root := follow.Stage(t)
	configuration := catchingUp(root, port, strings.NewReplacer("Match  flow\n", "Match  flow.*\n").Replace(filtered+toNull)+`
[OUTPUT]
    Name   file
    Match  flow.*networksecuritygroup*
    Path   `+root+`/out
    File   now
    Mkdir  On
    Format plain
`)
	textfile.Write(t, root, "etc/backlog.conf", strings.Replace(configuration, "Tag          flow\n", "Tag          flow.{container}\n    poll_interval 1s\n", 1))
	live := azure.NewFlowLog(t, b.storage.NSG, azure.NSGName("EDGE-NSG", 1, azure.ThisHour))
	live.Grow(azure.NSGRecord(0))
	life := fluentbit.Timeout + time.Duration(mb)*time.Second/4
	a := r.StartFor(t, life, root, b.storage.Environment, "-c", "etc/backlog.conf")
	began := time.Now()
	a.Until("the first record", func() bool { return lineCount(root, "now") >= 1 })
	worst, n := time.Duration(0), 1
	for ; recordsOf(port) < b.records+n; n++ {
		written := time.Now()
		live.Grow(azure.NSGRecord(n))
		a.Until("a record of now", func() bool { return lineCount(root, "now") > n })
		worst = max(worst, time.Since(written))
		if wait := time.Second - time.Since(written); wait > 0 {
			time.Sleep(wait) // the pace of what is written, not of what is tested
		}
		if time.Since(began) > life {
			t.Fatalf("%d of %d records", recordsOf(port), b.records)
		}
	}
	t.Logf("Fluent Bit %s: %d records of now came at most %s late during a backlog of %d MB, read in %s", r.Version, n,
		worst.Round(100*time.Millisecond), b.bytes/1e6, time.Since(began).Round(time.Second))
	if worst > max(inTime, time.Since(began)/5) { // a machine may be slow
		t.Errorf("a record of now came %s late", worst)
	}
	a.Stop()
}

// download reads all blobs with Azure's SDK, four at a time, and gives MB/s.
func (b backlog) download(t *testing.T) float64 {
	t.Helper()
	began := time.Now()
	var all sync.WaitGroup
	turns := make(chan struct{}, 4)
	for blob := range b.records / (32 * 8) {
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			answer, err := b.storage.VNet.NewBlobClient(azure.VNetName(blob, azure.ThisHour)).DownloadStream(context.Background(), nil)
			if err == nil {
				_, err = io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	return float64(b.bytes) / 1e6 / time.Since(began).Seconds()
}

// An agent that is killed while it catches up, with the filter and its events
// on the way to a file, loses nothing and repeats at most what was under way.
func TestAzureBacklogKill(t *testing.T) {
	tries, mb := soak.N("interruptions"), soak.N("interrupted")
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		b := newBacklog(t, mb)
		for i := range tries {
			for _, tt := range []struct {
				name    string
				starved bool
				service string
			}{
				{"full speed", false, ""},
				{"a third of a core", true, ""},
				{"8 chunks up", false, "storage.max_chunks_up 8"},
			} {
				t.Run(fmt.Sprintf("%s %d", tt.name, i), func(t *testing.T) { b.kill(t, r, tt.starved, tt.service) })
			}
		}
	})
}

func (b backlog) kill(t *testing.T, r fluentbit.Release, starved bool, service string) {
	const maxAnonymousMB = 512
	root := follow.Stage(t)
	port := fluentbit.FreePort(t)
	textfile.Write(t, root, "etc/backlog.conf", catchingUp(root, port, filtered+toFile(root), service))
	slow := 1
	if starved {
		slow = 3
	}
	peak := 0
	watch := func(a *fluentbit.Agent, d time.Duration, until func() bool) {
		for end := time.Now().Add(d); time.Now().Before(end) && !until(); time.Sleep(50 * time.Millisecond) {
			peak = max(peak, privateMB(t, a.Pid()))
		}
	}
	a := r.Start(t, root, b.storage.Environment, "-c", "etc/backlog.conf")
	plenty := func() {}
	if starved {
		plenty = starve(t, a.Pid())
	}
	began := time.Now()
	watch(a, 20*time.Second, func() bool { return size(root, "flow") > 0 })
	first := time.Since(began)
	watch(a, time.Duration(rand.IntN(4000*slow))*time.Millisecond, func() bool { return false })
	a.Kill()
	plenty()

	// However slow the machine and the host's output are: as long as events come.
	const life, patience = 15 * time.Minute, time.Minute
	a = r.StartFor(t, life+time.Minute, root, b.storage.Environment, "-c", "etc/backlog.conf")
	atRestart := size(root, "flow")
	written, grown := atRestart, time.Now()
	seen := backlogSeen{seen: make([]bool, b.tuples)}
	watch(a, life, func() bool {
		if now := size(root, "flow"); now > written {
			written, grown = now, time.Now()
		}
		if time.Since(grown) > patience {
			return true
		}
		// A machine with more to do may be quiet for a while before all is there.
		if !drained(root) || written <= atRestart || !quiet(root) {
			return false
		}
		seen.read(t, root)
		return seen.tuples == b.tuples
	})
	stopping := time.Now()
	a.Stop()
	stopped := time.Since(stopping)
	seen.read(t, root)
	t.Logf("first event after %s, killed; %d of %d tuples, %d lines repeated, private memory at most %d MB, stopped in %s",
		first.Round(100*time.Millisecond), seen.tuples, b.tuples, seen.lines-seen.tuples, peak, stopped.Round(100*time.Millisecond))
	if seen.tuples != b.tuples {
		t.Errorf("%d tuples are missing", b.tuples-seen.tuples)
	}
	// A batch of the input, and of the output the chunks that it had written and
	// the host had not deleted: up to some MB of events each.
	batch, chunks := 1<<20/len(azure.VNetTuple(b.tuples-1)), 4*(4<<20)/1500
	if repeated := seen.lines - seen.tuples; repeated > batch+chunks {
		t.Errorf("%d repeated, more than a batch and what was under way (%d)", repeated, batch+chunks)
	}
	if peak > maxAnonymousMB {
		t.Errorf("%d MB of anonymous memory, more than %d", peak, maxAnonymousMB)
	}
	if first > time.Duration(3*slow)*time.Second {
		t.Errorf("the first event came after %s", first)
	}
	if stopped > 10*time.Second {
		t.Errorf("the stop took %s", stopped)
	}
}

// starve gives a process about a third of a core, until stop is called: it and two that
// do nothing but run have one processor. Not by SIGSTOP and SIGCONT: in the handler of the
// latter Fluent Bit writes the state of its inputs into its log, beside the threads that
// change them, and crashes now and then.
func starve(t *testing.T, pid int) (stop func()) {
	t.Helper()
	var all, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		t.Fatal(err)
	}
	for cpu := 0; one.Count() == 0; cpu++ {
		if all.IsSet(cpu) {
			one.Set(cpu)
		}
	}
	pin := func(id int) {
		if err := unix.SchedSetaffinity(id, &one); err != nil && !errors.Is(err, unix.ESRCH) {
			t.Error(err)
		}
	}
	var others []*exec.Cmd
	for range 2 {
		c := exec.Command("sh", "-c", "while :; do :; done")
		c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		pin(c.Process.Pid)
		others = append(others, c)
	}
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		t.Error(err)
	}
	for _, thread := range threads { // those to come are where these are
		id, _ := strconv.Atoi(thread.Name())
		pin(id)
	}
	stop = func() {
		for _, c := range others {
			c.Process.Kill()
			c.Wait()
		}
	}
	t.Cleanup(stop) // where the test ends before
	return stop
}

// drained reports whether no chunk of the input is on disk.
func drained(root string) bool {
	chunks, _ := filepath.Glob(filepath.Join(root, "storage", "nsgflow.0", "*.flb"))
	return len(chunks) == 0
}

// quiet reports whether the file of events has stopped growing.
func quiet(root string) bool {
	before := size(root, "flow")
	time.Sleep(2 * time.Second)
	return size(root, "flow") == before && drained(root)
}

func size(root, name string) int64 {
	info, err := os.Stat(filepath.Join(root, "out", name))
	if err != nil {
		return 0
	}
	return info.Size()
}

func lineCount(root, name string) int {
	content, _ := os.ReadFile(filepath.Join(root, "out", name))
	return bytes.Count(content, []byte("\n"))
}

// backlogSeen is what has come out of a backlog so far.
type backlogSeen struct {
	tuples, lines int
	seen          []bool
	offset        int64 // of the file of events: what is before it has been read
}

// read looks for tuples in what has come to the file of events since.
func (s *backlogSeen) read(t *testing.T, root string) {
	t.Helper()
	file, err := os.Open(filepath.Join(root, "out", "flow"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.Seek(s.offset, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReaderSize(file, 1<<24)
	for {
		line, err := in.ReadSlice('\n')
		if err == io.EOF {
			return // the rest of a line may come yet
		}
		if err != nil {
			t.Fatal(err)
		}
		s.offset += int64(len(line))
		n, ok := sourceTuple(line)
		if !ok {
			continue
		}
		if n >= len(s.seen) {
			t.Fatalf("a tuple that nobody wrote: %s", line)
		}
		s.lines++
		if !s.seen[n] {
			s.seen[n] = true
			s.tuples++
		}
	}
}

// sourceTuple is the number of the tuple whose event a line is: azure.VNetTuple
// writes it into the source's address and port. A kill may cut a line short.
func sourceTuple(line []byte) (n int, ok bool) {
	at := bytes.LastIndex(line, []byte(`"source":{"address":"10.1.`))
	if at < 0 || !bytes.HasSuffix(line, []byte("}\n")) {
		return 0, false
	}
	high, rest, _ := bytes.Cut(line[at+len(`"source":{"address":"10.1.`):], []byte(`.4","ip":"`))
	_, rest, ok = bytes.Cut(rest, []byte(`","port":`))
	low := rest[:len(rest)-len(bytes.TrimLeft(rest, "0123456789"))]
	a, err := strconv.Atoi(string(high))
	b, err2 := strconv.Atoi(string(low))
	return a<<16 | b, ok && err == nil && err2 == nil
}

var inputRecords = regexp.MustCompile(`"nsgflow\.0":\{"records":(\d+)`)

// recordsOf is what the host has counted so far.
func recordsOf(port int) (n int) {
	answer, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/api/v1/metrics", port))
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if m := inputRecords.FindSubmatch(body); err == nil && m != nil {
		n, _ = strconv.Atoi(string(m[1]))
	}
	return n
}
