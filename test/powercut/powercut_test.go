package powercut

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/engine"
	"fluent-bit-nsgflow/test/internal/needs"
	"fluent-bit-nsgflow/test/soak"
)

// inside is this machine's loopback as the guest sees it.
const inside = "10.0.2.2"

// started is what Fluent Bit says when its inputs run: the checkpoint file has
// been opened and read whole by then.
const started = "stream processor started"

// agentConf follows an account and brings what it reads to a port of the host.
func agentConf(s azure.Storage, service string, port int) string {
	return fmt.Sprintf(`
[SERVICE]
    Flush          ${flush}
    Grace          2
    Plugins_File   /agent/plugins.conf
    storage.path   /data/storage
    scheduler.base 1
    scheduler.cap  2
[INPUT]
    Name           nsgflow
    Tag            flow
    account        %s
    account_key    %s
    endpoint       %s/{account}
    containers     %s
    start          24h
    poll_interval  1s
    list_interval  1s
    state_path     /data/state
    storage.type   filesystem
[OUTPUT]
    Name           http
    Match          flow
    Host           %s
    Port           %d
    Format         json_lines
    Retry_Limit    no_limits
`, s.Account, azure.Key, service, azure.NameOf(s.VNet), inside, port)
}

// flowLogs are what the agent follows: they hold the tuples 0 to written-1.
type flowLogs struct {
	logs    []*azure.FlowLog
	written int
}

// grow puts a block into one of the logs: so many records of 32 KB.
func (f *flowLogs) grow(records int) {
	const perRecord = 420
	var texts []string
	for range records {
		var tuples []int
		for range perRecord {
			tuples = append(tuples, f.written)
			f.written++
		}
		texts = append(texts, azure.VNetRecord(tuples...))
	}
	f.logs[rand.IntN(len(f.logs))].Grow(texts...)
}

// receiver counts the tuples that come out of the machine.
type receiver struct {
	mu       sync.Mutex
	times    []uint16 // by tuple
	distinct int
	changed  time.Time

	stalled atomic.Bool
	pause   atomic.Int64 // before an answer
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if r.stalled.Load() {
		<-request.Context().Done()
		return
	}
	time.Sleep(time.Duration(r.pause.Load()))
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count(body)
	w.WriteHeader(http.StatusOK)
}

// count looks for what azure.VNetTuple writes: time,10.1.HIGH.4,192.0.2.7,LOW,…
func (r *receiver) count(body []byte) {
	const before, between = ",10.1.", ".4,192.0.2.7,"
	for {
		at := bytes.Index(body, []byte(before))
		if at < 0 {
			return
		}
		body = body[at+len(before):]
		high, rest, ok := bytes.Cut(body[:min(40, len(body))], []byte(between))
		low, _, ok2 := bytes.Cut(rest, []byte(","))
		a, err := strconv.Atoi(string(high))
		b, err2 := strconv.Atoi(string(low))
		if !ok || !ok2 || err != nil || err2 != nil {
			continue
		}
		n := a<<16 | b
		for n >= len(r.times) {
			r.times = append(r.times, 0)
		}
		if r.times[n]++; r.times[n] == 1 {
			r.distinct++
			r.changed = time.Now()
		}
	}
}

func (r *receiver) state() (distinct int, changed time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.distinct, r.changed
}

// moods are how a receiver is during a life of the machine: a backlog of chunks
// is on disk when it is slow or stands.
var moods = []struct {
	name    string
	stalled bool
	pause   time.Duration
}{
	{"well", false, 0},
	{"slow", false, time.Second},
	{"stalled", true, 0},
}

// writeback is when the guest writes its page cache by itself: after 30 seconds,
// as is the default, or at once, without a flush behind it.
var writeback = [][]string{nil, {"sysctl.vm.dirty_expire_centisecs=20", "sysctl.vm.dirty_writeback_centisecs=20"}}

// flushes are how long Fluent Bit writes to a chunk. What is no parameter of the
// kernel is a variable of its first process.
var flushes = []string{"flush=5", "flush=0.5"}

func (r *receiver) be(mood int) {
	r.stalled.Store(moods[mood].stalled)
	r.pause.Store(int64(moods[mood].pause))
}

// The power goes at random moments, while the agent catches up and while it
// follows, with and without chunks on disk: every tuple comes out, and each
// boot finds a checkpoint file that it can read.
func TestPowerCut(t *testing.T) {
	cuts, longest := soak.N("cuts"), 4*time.Second
	if soak.Long("cuts") {
		longest = 10 * time.Second
	}
	fluentBit, how := engine.Find()
	if fluentBit == "" {
		t.Skipf("skipped: no Fluent Bit: %s", how)
	}
	needs.Programs(t, qemu, "mkfs.ext4", "ldd")
	if _, _, err := kernelImage(); err != nil {
		t.Skipf("skipped: %v", err)
	}
	object, err := engine.Object()
	if err != nil {
		t.Fatal(err)
	}
	storage := azure.NewStorage(t)
	service, err := url.Parse(azure.Endpoint(t))
	if err != nil {
		t.Fatal(err)
	}
	var to receiver
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := http.Server{Handler: &to}
	go server.Serve(listener)
	defer server.Close()
	conf := agentConf(storage, "http://"+inside+":"+service.Port(), listener.Addr().(*net.TCPAddr).Port)
	// Paths of sockets are short.
	dir, err := os.MkdirTemp("", "power-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	m, err := newMachine(dir, fluentBit, object, conf)
	if err != nil {
		t.Fatal(err)
	}
	var from flowLogs
	for nic := range 4 {
		from.logs = append(from.logs, azure.NewFlowLog(t, storage.VNet, azure.VNetName(nic, azure.ThisHour)))
	}

	began := time.Now()
	withChunks := 0
	for i := range cuts + 1 {
		last := i == cuts
		mood, catchUp, inBoot := (i+1)%len(moods), i%2 == 0, i%5 == 4
		if last {
			mood, inBoot = 0, false
		}
		to.be(mood)
		if catchUp {
			for range 4 {
				from.grow(32)
			}
		}
		l, err := m.on(append(writeback[(i+1)/2%len(writeback)], flushes[(i+1)%len(flushes)])...)
		if err != nil {
			t.Fatal(err)
		}
		boot, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		first := started
		if inBoot {
			first = "guest: the disk is mounted"
		}
		if err := l.until(boot, first); err != nil {
			l.cut()
			t.Fatalf("boot %d: %v\n%s", i+1, err, l.console.String())
		}
		cancel()
		if !strings.Contains(l.console.String(), "with 0 chunks") {
			withChunks++
		}
		if last {
			to.drain(from.written)
		} else {
			lasts := time.Second + rand.N(longest-time.Second)
			if inBoot {
				lasts = rand.N(longest)
			}
			for end := time.Now().Add(lasts); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
				if !catchUp {
					from.grow(1)
				}
			}
		}
		select {
		case <-l.ended:
			t.Fatalf("boot %d: the machine ended\n%s", i+1, l.console.String())
		default:
		}
		if err := l.cut(); err != nil {
			t.Fatal(err)
		}
		got, _ := to.state()
		if soak.Long("cuts") {
			t.Logf("%s: boot %d, receiver %s: %d of %d tuples are out", time.Since(began).Round(time.Second), i+1, moods[mood].name, got, from.written)
		}
		if last && got < from.written {
			t.Logf("console of the last boot:\n%s", l.console.String())
		}
	}
	to.mu.Lock()
	defer to.mu.Unlock()
	repeated := 0
	for _, n := range to.times {
		repeated += max(0, int(n)-1)
	}
	t.Logf("%d cuts (%s) of %s in %s, after %d of them there were chunks on disk; the disk lost %d sectors, %d flushes; %d tuples written, %d missing, %d repeated",
		cuts, m.accel, fluentBit, time.Since(began).Round(time.Second), withChunks, m.disk.lost, m.disk.flushes, from.written, from.written-to.distinct, repeated)
	if to.distinct < from.written {
		t.Errorf("%d of %d tuples are missing", from.written-to.distinct, from.written)
	}
}

// drain waits until all tuples are there, or none comes any more.
func (r *receiver) drain(all int) {
	const patience = 45 * time.Second
	began := time.Now()
	for {
		got, changed := r.state()
		if began.After(changed) {
			changed = began
		}
		if got >= all || time.Since(changed) > patience {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}
