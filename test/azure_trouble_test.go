package test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
)

// trouble is an agent that follows an account through a proxy and brings its
// events to a receiver, while one thing after another goes wrong.
type trouble struct {
	t       *testing.T
	r       release
	root    string
	disk    string // small, holds chunks and checkpoints; empty: there is none
	life    time.Duration
	storage azure.Storage
	service *troubledService
	sink    *sink
	port    int      // of the sink
	agents  []*agent // the last one runs

	pid atomic.Int64 // of the last one

	mu      sync.Mutex
	logs    []*troubledLog // those that grow all the time
	rare    []*troubledLog // those that get one block, in a fault
	full    []*troubledLog // of hours before
	written int            // tuples
}

// troubledLog is a flow log, and when each of its blocks was written.
type troubledLog struct {
	name   string
	log    *azure.FlowLog
	record func(...int) string
	blocks []troubledBlock
}

type troubledBlock struct {
	at       time.Time
	from, to int // tuples from <= n < to
}

// troubledService is the storage service behind a proxy that may answer for it.
type troubledService struct {
	url      string
	fault    atomic.Pointer[serviceFault]
	requests atomic.Int64
}

// serviceFault does something to a request, or to its answer.
type serviceFault struct {
	// instead answers for the service, or reports false.
	instead func(kind string, w http.ResponseWriter, r *http.Request) bool
	// answer changes an answer of the service.
	answer func(kind string, a *http.Response)
}

func newTroubledService(t *testing.T) *troubledService {
	to, err := url.Parse(strings.TrimSuffix(azure.Endpoint(t), "/"+azure.Account))
	if err != nil {
		t.Fatal(err)
	}
	s := &troubledService{}
	through := &httputil.ReverseProxy{
		Rewrite:       func(p *httputil.ProxyRequest) { p.SetURL(to) },
		FlushInterval: -1,
		ErrorLog:      noLog,
		ModifyResponse: func(a *http.Response) error {
			if f := s.fault.Load(); f != nil && f.answer != nil {
				f.answer(requestKind(a.Request), a)
			}
			return nil
		},
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		if f := s.fault.Load(); f != nil && f.instead != nil && f.instead(requestKind(r), w, r) {
			return
		}
		through.ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = noLog
	server.Start()
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

var noLog = log.New(io.Discard, "", 0)

func requestKind(r *http.Request) string {
	switch q := r.URL.Query(); {
	case r.Method == http.MethodHead:
		return "properties"
	case q.Get("comp") == "list":
		return "list"
	case q.Get("comp") == "blocklist":
		return "blocks"
	}
	return "download"
}

func refusal(status int, code string) func(w http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("x-ms-request-id", "5c0ffee0-0000-4000-8000-000000000000")
		w.Header().Set("x-ms-error-code", code)
		w.WriteHeader(status)
	}
}

// denied answers so where it concerns the request.
func denied(status int, code string, concerns func(kind string, r *http.Request) bool) *serviceFault {
	return &serviceFault{instead: func(kind string, w http.ResponseWriter, r *http.Request) bool {
		if !concerns(kind, r) {
			return false
		}
		refusal(status, code)(w)
		return true
	}}
}

func everything(string, *http.Request) bool   { return true }
func reads(kind string, _ *http.Request) bool { return kind == "blocks" || kind == "download" }
func anyHalf(string, *http.Request) bool      { return rand.IntN(2) == 0 }
func inPath(part string) func(string, *http.Request) bool {
	return func(_ string, r *http.Request) bool { return strings.Contains(r.URL.Path+r.URL.RawQuery, part) }
}

// page is what something on the way answers to half of all requests. It is no
// storage service.
func page(status int, ahead time.Duration) *serviceFault {
	return &serviceFault{instead: func(kind string, w http.ResponseWriter, r *http.Request) bool {
		if !anyHalf(kind, r) {
			return false
		}
		w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		io.WriteString(w, "<html>not now</html>")
		return true
	}}
}

// slowly is a body of which 4 KB come every 20 ms.
type slowly struct{ io.ReadCloser }

func (s slowly) Read(b []byte) (int, error) {
	time.Sleep(20 * time.Millisecond)
	return s.ReadCloser.Read(b[:min(len(b), 4096)])
}

// halved is a body that ends in the middle of it.
type halved struct {
	io.ReadCloser
	left int64
}

func (h *halved) Read(b []byte) (int, error) {
	if h.left <= 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := h.ReadCloser.Read(b[:min(int64(len(b)), h.left)])
	h.left -= int64(n)
	return n, err
}

// resetting breaks connections off.
var resetting = &serviceFault{instead: func(_ string, w http.ResponseWriter, _ *http.Request) bool {
	if rand.IntN(2) == 0 {
		return false
	}
	if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
		c.(*net.TCPConn).SetLinger(0)
		c.Close()
	}
	return true
}}

// deletedNIC has a blob that is listed, and gone when it is read.
const deletedNIC = 999

// faults are what may happen. Each begins, and what it returns ends it.
var faults = []struct {
	name  string
	begin func(*trouble) (end func())
}{
	{"409 PublicAccessNotPermitted on reads", during(denied(409, "PublicAccessNotPermitted", reads))},
	{"404 ResourceNotFound on reads", during(denied(404, "ResourceNotFound", reads))},
	{"404 of a proxy", during(page(404, 0))},
	{"a proxy's page from days ahead", during(page(502, 72*time.Hour))},
	{"one blob answers 500", during(denied(500, "InternalError", inPath("0022480B0001")))},
	{"403 on one container", during(denied(403, "AuthorizationPermissionMismatch", inPath("networksecuritygroupflowevent")))},
	{"a refused sign-in", during(denied(403, "AuthenticationFailed", everything))},
	{"throttling", during(denied(503, "ServerBusy", anyHalf))},
	{"connection resets", during(resetting)},
	{"slow bodies", during(&serviceFault{answer: func(kind string, a *http.Response) { a.Body = slowly{a.Body} }})},
	{"half bodies", during(&serviceFault{answer: func(kind string, a *http.Response) {
		if kind == "download" {
			a.Body = &halved{a.Body, a.ContentLength / 2}
		}
	}})},
	{"the service's clock an hour ahead", during(&serviceFault{answer: func(_ string, a *http.Response) {
		a.Header.Set("Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
	}})},
	{"a blob deleted between listing and read", func(s *trouble) func() {
		name := azure.VNetName(deletedNIC, time.Now())
		azure.NewFlowLog(s.t, s.storage.VNet, name).Grow(azure.VNetRecord())
		gone := inPath(fmt.Sprintf("%012X", 0x0022480B0000+deletedNIC))
		end := during(denied(404, "BlobNotFound", func(kind string, r *http.Request) bool { return reads(kind, r) && gone(kind, r) }))(s)
		return func() {
			s.storage.VNet.NewBlobClient(name).Delete(context.Background(), nil)
			end()
		}
	}},
	{"a dead output", func(s *trouble) func() { s.sink.dead.Store(true); return func() { s.sink.dead.Store(false) } }},
	{"a slow output", func(s *trouble) func() { s.sink.slow.Store(true); return func() { s.sink.slow.Store(false) } }},
	{"SIGKILL", func(s *trouble) func() { s.kill(); s.start(usual); return func() {} }},
	{"SIGTERM", func(s *trouble) func() { s.agent().stop(); s.start(usual); return func() {} }},
	{"SIGSTOP", func(s *trouble) func() {
		s.agent().cmd.Process.Signal(syscall.SIGSTOP)
		return func() { s.agent().cmd.Process.Signal(syscall.SIGCONT) }
	}},
	{"a full disk", func(s *trouble) func() {
		if s.disk == "" {
			return func() {}
		}
		ballast := filepath.Join(s.disk, "ballast")
		os.WriteFile(ballast, make([]byte, diskOfTroubleMB<<20), 0o600)
		return func() { os.Remove(ballast) }
	}},
	// More than pending_limit without a route, as long as the tag is another.
	{"a renamed tag while chunks are on disk", func(s *trouble) func() {
		s.sink.dead.Store(true)
		s.grow(800)
		s.await("full storage", 10*time.Second, func() bool { return s.stored() >= pendingOfTrouble })
		s.kill()
		s.start(setting{tag: "other", match: "other", storage: "filesystem"})
		s.sink.dead.Store(false)
		s.progress()
		return func() { s.kill(); s.start(usual) }
	}},
	{"memory storage and one dead output of two", func(s *trouble) func() {
		s.agent().stop()
		s.start(setting{tag: "flow", match: "*", storage: "memory", dead: true})
		time.Sleep(8 * time.Second) // what comes at first is no sign
		s.progress()
		return func() { s.agent().stop(); s.start(usual) }
	}},
}

const (
	diskOfTroubleMB  = 96
	pendingOfTrouble = 8 << 20
)

func during(f *serviceFault) func(*trouble) func() {
	return func(s *trouble) func() {
		s.service.fault.Store(f)
		return func() { s.service.fault.Store(nil) }
	}
}

// sink counts the events that come out, by the tuples they are of.
type sink struct {
	dead, slow atomic.Bool

	mu      sync.Mutex
	first   map[int]time.Time
	events  int
	newest  int // tuple
	changed time.Time
}

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.dead.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if s.slow.Load() {
		time.Sleep(time.Second)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for line := range bytes.Lines(body) {
		n, ok := sourceTuple(append(bytes.TrimRight(line, "\n"), '\n'))
		if !ok {
			continue
		}
		s.events++
		s.newest = max(s.newest, n)
		if s.first[n].IsZero() {
			s.first[n], s.changed = now, now
		}
	}
}

func (s *sink) seen() (n int, changed time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.first), s.changed
}

func (s *trouble) agent() *agent { return s.agents[len(s.agents)-1] }

// setting is what differs between two starts of the agent.
type setting struct {
	tag, match string
	storage    string // storage.type
	dead       bool   // a second output, which nobody answers
}

var usual = setting{tag: "flow", match: "*", storage: "filesystem"}

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
	write(s.t, s.root, "etc/trouble.conf", fmt.Sprintf(`
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
%[10]s`, s.root, dir, with.tag, with.match, s.storage.Account, azure.Key, s.service.url, s.port, with.storage, second, pendingOfTrouble))
	s.agents = append(s.agents, s.r.startFor(s.t, s.life, s.root, nil, "-c", "etc/trouble.conf"))
	s.pid.Store(int64(s.agent().cmd.Process.Pid))
	// Before, a signal would just end it.
	s.await("start of the agent", agentTimeout/2, func() bool { return strings.Contains(s.agent().log.String(), "stream processor started") })
}

func (s *trouble) kill() {
	s.agent().cmd.Process.Kill()
	<-s.agent().ended
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

// grow puts a block into each flow log of this hour, of tuples that are new.
func (s *trouble) grow(tuples int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	hour := time.Now().UTC().Truncate(time.Hour)
	if len(s.logs) == 0 || !strings.Contains(s.logs[0].name, hour.Format("/h=15/")) {
		s.full = append(s.full, s.logs...)
		s.logs = nil
		for nic := range writtenNICs {
			nsg, vnet := azure.NSGName("EDGE-NSG", nic, hour), azure.VNetName(nic, hour)
			s.logs = append(s.logs,
				&troubledLog{name: nsg, log: azure.NewFlowLog(s.t, s.storage.NSG, nsg), record: azure.NSGRecord},
				&troubledLog{name: vnet, log: azure.NewFlowLog(s.t, s.storage.VNet, vnet), record: azure.VNetRecord})
		}
	}
	for _, l := range s.logs {
		s.put(l, tuples)
	}
}

func (s *trouble) put(l *troubledLog, tuples int) {
	var these []int
	for range tuples {
		these = append(these, s.written)
		s.written++
	}
	l.log.Grow(l.record(these...))
	l.blocks = append(l.blocks, troubledBlock{time.Now(), these[0], s.written})
}

// rareNICs is how many flow logs grow once in a while only: what is lost in one
// fault does not come with what is written after it.
const rareNICs = 40

// growRarely puts one block into the flow log that has had none for longest.
func (s *trouble) growRarely() {
	s.mu.Lock()
	defer s.mu.Unlock()
	var l *troubledLog
	hour := time.Now().UTC().Truncate(time.Hour)
	if len(s.rare) < rareNICs {
		name := azure.VNetName(writtenNICs+len(s.rare), hour)
		l = &troubledLog{name: name, log: azure.NewFlowLog(s.t, s.storage.VNet, name), record: azure.VNetRecord}
	} else {
		l, s.rare = s.rare[0], s.rare[1:]
		if nic := strings.LastIndex(l.name, "/macAddress="); !strings.Contains(l.name, hour.Format("/h=15/")) {
			s.full = append(s.full, l)
			name := azure.VNetName(0, hour)
			name = name[:strings.LastIndex(name, "/macAddress=")] + l.name[nic:]
			l = &troubledLog{name: name, log: azure.NewFlowLog(s.t, s.storage.VNet, name), record: azure.VNetRecord}
		}
	}
	s.put(l, 1)
	s.rare = append(s.rare, l)
}

// keepGrowing goes on until stop.
func (s *trouble) keepGrowing(every time.Duration, tuples int) (stop func()) {
	stopped, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			s.grow(tuples)
			select {
			case <-stopped:
				return
			case <-time.After(every):
			}
		}
	}()
	return sync.OnceFunc(func() { close(stopped); <-done })
}

var complaint = regexp.MustCompile(`\[(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d)\S*\] \[ ?(?:warn|error)\] .*`)

// complaints are when agents said that something is wrong.
func (s *trouble) complaints() (at []time.Time) {
	for _, a := range s.agents {
		for _, m := range complaint.FindAllStringSubmatch(a.log.String(), -1) {
			if when, err := time.ParseInLocation("2006/01/02 15:04:05", m[1], time.Local); err == nil {
				at = append(at, when)
			}
		}
	}
	slices.SortFunc(at, time.Time.Compare)
	return at
}

func (s *trouble) all() []*troubledLog { return slices.Concat(s.full, s.rare, s.logs) }

// late are the blocks that took longer than any fault and the pauses behind it.
func (s *trouble) late(limit time.Duration) (found []string) {
	for _, l := range s.all() {
		for _, b := range l.blocks {
			if came := s.sink.first[b.from]; came.Sub(b.at) > limit {
				found = append(found, fmt.Sprintf("%s, written %s, came after %s", l.name[len(l.name)-36:], b.at.Format(time.TimeOnly), came.Sub(b.at).Round(time.Second)))
			}
		}
	}
	return found
}

// silences are the stretches of more than so long in which a flow log had
// tuples that did not come, and no agent said that something is wrong.
func (s *trouble) silences(limit time.Duration) (found []string) {
	complaints := s.complaints()
	for _, l := range s.all() {
		var before time.Time // when the block before came
		for _, b := range l.blocks {
			came := s.sink.first[b.from]
			if came.IsZero() {
				break // is missing: told elsewhere
			}
			began := b.at
			if before.After(began) {
				began = before
			}
			said := slices.ContainsFunc(complaints, func(at time.Time) bool {
				return at.After(began.Add(-2*time.Second)) && at.Before(began.Add(limit))
			})
			if came.Sub(began) > limit && !said {
				found = append(found, fmt.Sprintf("%s from %s for %s", l.name[len(l.name)-36:], began.Format(time.TimeOnly), came.Sub(began).Round(time.Second)))
			}
			if came.After(before) {
				before = came
			}
		}
	}
	return found
}

// A fault of another kind every few seconds, drawn at random, loses nothing;
// while reading stands for it the log says so; no fault makes the input ask in a
// loop; and the memory stays. NSGFLOW_TROUBLE is the length of the long form,
// NSGFLOW_SEED draws as another run did, NSGFLOW_FAULTS is a regular expression
// for those to draw from.
func TestAzureTrouble(t *testing.T) {
	t.Parallel()
	const (
		silence     = 40 * time.Second
		lateness    = 4 * time.Minute
		maxRequests = 300 // a second, in a fault
	)
	length, every, patience := 48*time.Second, 4*time.Second, 40*time.Second
	long := os.Getenv("NSGFLOW_TROUBLE")
	if long != "" {
		var err error
		if length, err = time.ParseDuration(long); err != nil {
			t.Fatalf("NSGFLOW_TROUBLE: %v", err)
		}
		every, patience = 20*time.Second, 4*time.Minute
	}
	seed := uint64(fromEnvironment(t, "NSGFLOW_SEED", int(rand.Uint32())))
	draw := rand.New(rand.NewPCG(seed, 0))
	if len(releases()) == 0 {
		t.Skip("skipped: no Fluent Bit found")
	}
	s := &trouble{t: t, r: releases()[0], life: length + patience + 5*time.Minute, storage: azure.NewStorage(t),
		service: newTroubledService(t), sink: &sink{first: map[int]time.Time{}}}
	s.root = stageInput(t, s.r)
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
		if ok, err := regexp.MatchString(os.Getenv("NSGFLOW_FAULTS"), f.name); err != nil {
			t.Fatalf("NSGFLOW_FAULTS: %v", err)
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
		requests, at := s.service.requests.Load(), time.Now()
		end := f.begin(s)
		s.growRarely()
		lasts := 3*every/8 + time.Duration(draw.Int64N(int64(3*every/8)))
		time.Sleep(time.Until(at.Add(lasts)))
		rate := float64(s.service.requests.Load()-requests) / time.Since(at).Seconds()
		end()
		time.Sleep(time.Until(at.Add(every)))
		got, _ := s.sink.seen()
		t.Logf("%s: %s for %s: %.0f requests a second; %d tuples have come", time.Since(began).Round(time.Second), f.name, lasts.Round(100*time.Millisecond), rate, got)
		if rate > maxRequests {
			t.Errorf("%s: %.0f requests a second", f.name, rate)
		}
		select {
		case <-s.agent().ended:
			t.Errorf("%s: the agent has ended: %v", f.name, s.agent().cmd.ProcessState)
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
	s.agent().stop()

	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	missing := 0
	for n := range s.written {
		if s.sink.first[n].IsZero() {
			missing++
		}
	}
	t.Logf("seed %d: %s of Fluent Bit %s, %d agents: %d tuples, %d missing, %d repeated; %s",
		seed, time.Since(began).Round(time.Second), s.r.version, len(s.agents), s.written, missing, s.sink.events-len(s.sink.first), memory)
	for _, text := range s.late(lateness) {
		t.Errorf("late: %s", text)
	}
	if missing > 0 {
		t.Errorf("%d of %d tuples are missing", missing, s.written)
	}
	for _, text := range s.silences(silence) {
		t.Errorf("nothing was said while reading stood: %s", text)
	}
	if long != "" && !memory.flat() {
		t.Errorf("%s", memory)
	}
}

// memory is the agent's private memory in the middle and at the end of a run:
// medians of its second and third third.
type memory struct{ middle, end int }

func (m memory) String() string {
	return fmt.Sprintf("private memory %d MB, %d MB at the end", m.middle, m.end)
}

// flat allows for a half more, and for what a busy moment takes.
func (m memory) flat() bool { return m.end <= m.middle+m.middle/2+16 }

// watchMemory looks at the agent that runs until stop.
func watchMemory(s *trouble) (stop func() memory) {
	stopped, samples := make(chan struct{}), make(chan []int)
	go func() {
		var mb []int
		for {
			select {
			case <-stopped:
				samples <- mb
				return
			case <-time.After(500 * time.Millisecond):
			}
			if now := privateMB(s.t, int(s.pid.Load())); now > 0 {
				mb = append(mb, now)
			}
		}
	}()
	return func() memory {
		close(stopped)
		mb := <-samples
		median := func(of []int) int {
			if len(of) == 0 {
				return 0
			}
			slices.Sort(of)
			return of[len(of)/2]
		}
		third := len(mb) / 3
		return memory{median(slices.Clone(mb[third : 2*third])), median(slices.Clone(mb[2*third:]))}
	}
}
