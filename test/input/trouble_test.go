package input

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/follow"
	"fluent-bit-nsgflow/test/internal/textfile"
	"fluent-bit-nsgflow/test/soak"
)

// trouble is an agent that follows an account through a proxy and brings its
// events to a receiver, while one thing after another goes wrong.
type trouble struct {
	t       *testing.T
	r       fluentbit.Release
	root    string
	disk    string // small, holds chunks and checkpoints; empty: there is none
	life    time.Duration
	storage azure.Storage
	service *service
	sink    *sink
	port    int                // of the sink
	agents  []*fluentbit.Agent // the last one runs

	pid atomic.Int64 // of the last one

	mu      sync.Mutex
	logs    []*troubledLog // those that grow all the time
	rare    []*troubledLog // those that get one block, in a fault
	full    []*troubledLog // of hours before
	written int            // tuples
}

const (
	diskOfTroubleMB  = 96
	pendingOfTrouble = 8 << 20
)

func (s *trouble) agent() *fluentbit.Agent { return s.agents[len(s.agents)-1] }

// setting is what differs between two starts of the agent.
type setting struct {
	tag, match string
	storage    string // storage.type
	dead       bool   // a second output, which nobody answers
	pending    int    // pending_limit
}

var usual = setting{tag: "flow", match: "*", storage: "filesystem", pending: pendingOfTrouble}

func (s *trouble) start(with setting) {
	s.t.Helper()
	dir := s.root
	if s.disk != "" {
		dir = s.disk
	}
	second := ""
	if with.dead { // port 1 answers nobody
		second = "[OUTPUT]\n    Name http\n    Match *\n    Host 127.0.0.1\n    Port 1\n    Retry_Limit no_limits\n"
	}
	textfile.Write(s.t, s.root, "etc/trouble.conf", fmt.Sprintf(`
[SERVICE]
    Flush          0.5
    Grace          2
    Plugins_File   %[1]s/etc/azure-plugins.conf
    storage.path   %[2]s/storage
    scheduler.base 1
    scheduler.cap  2
[INPUT]
    Name           nsgflow
    Tag            %[3]s
    account        %[5]s
    account_key    %[6]s
    endpoint       %[7]s/{account}
    poll_interval  1s
    list_interval  1s
    pending_limit  %[11]d
    state_path     %[2]s/state
    storage.type   %[9]s
[FILTER]
    Name           nsgflow
    Match          *
    schema         ecs
[OUTPUT]
    Name           http
    Match          %[4]s
    Host           127.0.0.1
    Port           %[8]d
    Format         json_lines
    Retry_Limit    no_limits
%[10]s`, s.root, dir, with.tag, with.match, s.storage.Account, azure.Key, s.service.url, s.port, with.storage, second, with.pending))
	s.agents = append(s.agents, s.r.StartFor(s.t, s.life, s.root, nil, "-c", "etc/trouble.conf"))
	s.pid.Store(int64(s.agent().Pid()))
	// Before, a signal would just end it.
	s.await("start of the agent", fluentbit.Timeout/2, func() bool { return s.agent().Says("stream processor started") })
}

func (s *trouble) kill() {
	s.agent().Kill()
}

// stored is the size of the chunks of the input on disk.
func (s *trouble) stored() (size int64) {
	dir := s.root
	if s.disk != "" {
		dir = s.disk
	}
	found, _ := filepath.Glob(filepath.Join(dir, "storage", "nsgflow.0", "*.flb"))
	for _, name := range found {
		if info, err := os.Stat(name); err == nil {
			size += info.Size()
		}
	}
	return size
}

// await gives up after a while, and says so.
func (s *trouble) await(what string, most time.Duration, ok func() bool) bool {
	for end := time.Now().Add(most); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Logf("no %s within %s", what, most)
			return false
		}
	}
	return true
}

// progress wants a tuple that is written from now on.
func (s *trouble) progress() {
	s.mu.Lock()
	from := s.written
	s.mu.Unlock()
	if !s.await("new tuple", 30*time.Second, func() bool {
		s.sink.mu.Lock()
		defer s.sink.mu.Unlock()
		return s.sink.newest >= from
	}) {
		s.t.Error("reading stands, while an output takes what it gets")
	}
}

var drawn = flag.String("faults", "", "a regular expression for the faults that TestAzureTrouble draws from")

// A fault of another kind every few seconds, drawn at random, loses nothing;
// while reading stands for it the log says so; no fault makes the input ask in a
// loop; and the memory stays. NSGFLOW_SEED draws as another run did.
func TestAzureTrouble(t *testing.T) {
	t.Parallel()
	const (
		silence     = 40 * time.Second
		lateness    = 4 * time.Minute
		maxRequests = 300 // a second, in a fault
	)
	length, every, patience := soak.Time("trouble"), 4*time.Second, 40*time.Second
	long := soak.Long("trouble")
	if long {
		length, every, patience = soak.Time("trouble"), 20*time.Second, 4*time.Minute
	}
	seed := uint64(rand.Uint32())
	if text := os.Getenv("NSGFLOW_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("NSGFLOW_SEED: %v", err)
		}
	}
	draw := rand.New(rand.NewPCG(seed, 0))
	s := &trouble{t: t, r: fluentbit.First(t), life: length + patience + 5*time.Minute, storage: azure.NewStorage(t),
		service: newService(t), sink: &sink{first: map[int]time.Time{}}}
	s.root = follow.Stage(t)
	receiver := httptest.NewServer(s.sink)
	t.Cleanup(receiver.Close)
	s.port = receiver.Listener.Addr().(*net.TCPAddr).Port
	s.disk = filepath.Join(s.root, "disk")
	if err := mountDisk(t, s.disk, fmt.Sprint(diskOfTroubleMB)); err != nil {
		t.Logf("left out: a full disk: %v", err)
		s.disk = ""
	}
	s.start(usual)
	stop := s.keepGrowing(time.Second, 40)
	defer stop()

	watched := watchMemory(s)
	began := time.Now()
	var may, turn []int
	for i, f := range faults {
		if ok, err := regexp.MatchString(*drawn, f.name); err != nil {
			t.Fatalf("-faults: %v", err)
		} else if ok && f.name == "SIGSTOP" && crashesOnSIGCONT(s.r) {
			t.Logf("left out: SIGSTOP: Fluent Bit %s crashes by itself on SIGCONT", s.r.Version)
		} else if ok {
			may = append(may, i)
		}
	}
	for n := 0; time.Since(began) < length; n++ {
		if len(turn) == 0 {
			turn = draw.Perm(len(may))
		}
		f := faults[may[turn[0]]]
		turn = turn[1:]
		requests, at := s.service.total(), time.Now()
		end := f.begin(s)
		s.growRarely()
		lasts := 3*every/8 + time.Duration(draw.Int64N(int64(3*every/8)))
		time.Sleep(time.Until(at.Add(lasts)))
		rate := float64(s.service.total()-requests) / time.Since(at).Seconds()
		end()
		time.Sleep(time.Until(at.Add(every)))
		got, _ := s.sink.seen()
		t.Logf("%s: %s for %s: %.0f requests a second; %d tuples have come", time.Since(began).Round(time.Second), f.name, lasts.Round(100*time.Millisecond), rate, got)
		if rate > maxRequests {
			t.Errorf("%s: %.0f requests a second", f.name, rate)
		}
		select {
		case <-s.agent().Ended:
			t.Errorf("%s: the agent has ended: %v", f.name, s.agent().State())
			s.start(usual)
		default:
		}
	}
	stop()
	memory := watched()
	for from := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		got, changed := s.sink.seen()
		if from.After(changed) {
			changed = from
		}
		if got >= s.written || time.Since(changed) > patience {
			break
		}
	}
	s.agent().Stop()

	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	missing := 0
	for n := range s.written {
		if s.sink.first[n].IsZero() {
			missing++
		}
	}
	t.Logf("seed %d: %s of Fluent Bit %s, %d agents: %d tuples, %d missing, %d repeated; %s",
		seed, time.Since(began).Round(time.Second), s.r.Version, len(s.agents), s.written, missing, s.sink.events-len(s.sink.first), memory)
	for _, text := range s.late(lateness) {
		t.Errorf("late: %s", text)
	}
	if missing > 0 {
		t.Errorf("%d of %d tuples are missing", missing, s.written)
	}
	for _, text := range s.silences(silence) {
		t.Errorf("nothing was said while reading stood: %s", text)
	}
	if long && !memory.flat() {
		t.Errorf("%s", memory)
	}
}
