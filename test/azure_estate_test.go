package test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
)

// estate is a number of accounts behind a service that fails for two of them:
// the first refuses every request, the second never answers.
type estate struct {
	t        *testing.T
	accounts []azure.Storage
	logs     []*azure.FlowLog
	service  string // URL

	mu      sync.Mutex
	written map[string]time.Time // tuples of the accounts that work
	seen    map[string]time.Time
	next    int
}

const nicsOfAccount = 10

func newEstate(t *testing.T, accounts int) *estate {
	t.Helper()
	e := &estate{t: t, written: map[string]time.Time{}, seen: map[string]time.Time{}}
	e.accounts, _ = several(t, accounts)
	to, err := url.Parse(strings.TrimSuffix(azure.Endpoint(t), "/"+azure.Account))
	if err != nil {
		t.Fatal(err)
	}
	through := httputil.NewSingleHostReverseProxy(to)
	direct := through.Director
	through.Director = func(r *http.Request) { direct(r); r.Host = to.Host }
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch account, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/"); account {
		case e.accounts[0].Account:
			w.Header().Set("x-ms-error-code", "AuthenticationFailed")
			w.WriteHeader(http.StatusForbidden)
		case e.accounts[1].Account:
			<-r.Context().Done()
		default:
			through.ServeHTTP(w, r)
		}
	})}
	port, err := azure.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	server.Addr = fmt.Sprintf("127.0.0.1:%d", port)
	e.service = "http://" + server.Addr
	go server.ListenAndServe()
	t.Cleanup(func() { server.Close() })
	for _, s := range e.accounts[2:] {
		for nic := range nicsOfAccount {
			e.logs = append(e.logs, azure.NewFlowLog(t, s.VNet, azure.VNetName(nic, azure.ThisHour)))
		}
	}
	return e
}

// minute puts a record into each flow log.
func (e *estate) minute() {
	var all sync.WaitGroup
	turns := make(chan struct{}, 8)
	for _, l := range e.logs {
		turns <- struct{}{}
		e.mu.Lock()
		n := e.next
		e.next++
		e.mu.Unlock()
		all.Go(func() {
			defer func() { <-turns }()
			l.Grow(azure.VNetRecord(n))
			e.mu.Lock()
			e.written[fmt.Sprint(n)] = time.Now()
			e.mu.Unlock()
		})
	}
	all.Wait()
}

var estateSource = regexp.MustCompile(`"source":\{"address":"10\.1\.(\d+)\.4","ip":"[^"]*","port":(\d+)`)

// watch notes when tuples come out, until stop is closed.
func (e *estate) watch(root string, stop chan struct{}) {
	var file *os.File
	var in *bufio.Reader
	var partial string
	for {
		if file == nil {
			if f, err := os.Open(filepath.Join(root, "out", "flow")); err == nil {
				file, in = f, bufio.NewReaderSize(f, 1<<20)
				defer file.Close()
			}
		}
		for in != nil {
			text, err := in.ReadString('\n')
			partial += text
			if err == io.EOF {
				break
			}
			if m := estateSource.FindStringSubmatch(partial); m != nil {
				var high, low int
				fmt.Sscan(m[1], &high)
				fmt.Sscan(m[2], &low)
				e.mu.Lock()
				if n := fmt.Sprint(high<<16 | low); e.seen[n].IsZero() {
					e.seen[n] = time.Now()
				}
				e.mu.Unlock()
			}
			partial = ""
		}
		select {
		case <-stop:
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Many accounts in one agent: one that refuses and one that hangs keep the
// records of no other, and a kill now and then loses none. NSGFLOW_ESTATE is
// the long form: 28 accounts for ten minutes.
func TestAzureEstate(t *testing.T) {
	accounts, kills, between := 6, 2, 6*time.Second
	if os.Getenv("NSGFLOW_ESTATE") != "" {
		accounts, kills, between = 28, 30, 20*time.Second
	}
	if len(releases()) == 0 {
		t.Skip("skipped: no Fluent Bit found")
	}
	r := releases()[0]
	e := newEstate(t, accounts)
	root := stageInput(t, r)
	var names []string
	for _, s := range e.accounts {
		names = append(names, s.Account)
	}
	write(t, root, "etc/estate.conf", following(root, "account "+strings.Join(names, ","), "account_key "+azure.Key, "endpoint "+e.service+"/{account}"))
	stop, done := make(chan struct{}), make(chan struct{})
	go func() { e.watch(root, stop); close(done) }()
	writing := make(chan struct{})
	go func() {
		for end := time.Now().Add(time.Duration(kills+1) * between); time.Now().Before(end); time.Sleep(2 * time.Second) {
			e.minute()
		}
		close(writing)
	}()
	var started []time.Time
	for i := range kills + 1 {
		a := r.startFor(t, 2*time.Minute, root, nil, "-c", "etc/estate.conf")
		started = append(started, time.Now())
		if i < kills {
			time.Sleep(between)
			a.cmd.Process.Kill()
			<-a.ended
			continue
		}
		<-writing
		a.until("all tuples", func() bool { e.mu.Lock(); defer e.mu.Unlock(); return len(e.seen) >= len(e.written) })
		a.stop()
	}
	close(stop)
	<-done
	var late []time.Duration
	for n, at := range e.written {
		seen := e.seen[n]
		if seen.IsZero() {
			t.Fatalf("tuple %s is missing", n)
		}
		// Time without an agent is nobody's fault.
		for _, s := range started {
			if s.After(at) && s.Before(seen) {
				at = s
			}
		}
		late = append(late, seen.Sub(at))
	}
	slices.Sort(late)
	of := func(share float64) time.Duration {
		return late[int(share*float64(len(late)-1))].Round(10 * time.Millisecond)
	}
	t.Logf("%d accounts of %d NICs, 2 of them failing, %d kills of Fluent Bit %s: %d tuples, all there; late by %s (median), %s (95 %%), %s (all)",
		accounts, nicsOfAccount, kills, r.version, len(late), of(0.5), of(0.95), of(1))
	// A poll is a second here.
	if of(0.95) > 3*time.Second {
		t.Errorf("95 %% of the records came within %s, more than a poll and two seconds", of(0.95))
	}
}
