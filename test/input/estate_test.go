package input

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/follow"
	"fluent-bit-nsgflow/test/internal/textfile"
	"fluent-bit-nsgflow/test/soak"
)

// estate is a number of accounts behind a service that fails for two of them:
// the first refuses every request, the second never answers.
type estate struct {
	t        *testing.T
	accounts []azure.Storage
	logs     []*azure.FlowLog
	service  *service

	mu      sync.Mutex
	written map[string]time.Time // tuples of the accounts that work
	seen    map[string]time.Time
	next    int
}

const nicsOfAccount = 10

func newEstate(t *testing.T, accounts int) *estate {
	t.Helper()
	e := &estate{t: t, written: map[string]time.Time{}, seen: map[string]time.Time{}}
	for range accounts {
		e.accounts = append(e.accounts, azure.NewStorage(t))
	}
	e.service = newService(t)
	e.service.set(&serviceFault{instead: func(_ string, w http.ResponseWriter, r *http.Request) bool {
		switch account, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/"); account {
		case e.accounts[0].Account:
			refuse(w, http.StatusForbidden, "AuthenticationFailed")
		case e.accounts[1].Account:
			<-r.Context().Done()
		default:
			return false
		}
		return true
	}})
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
// records of no other, and a kill now and then loses none. The
// long form goes on for ten minutes.
func TestAzureEstate(t *testing.T) {
	accounts, kills, between := soak.N("estate"), 2, 6*time.Second
	if soak.Long("estate") {
		kills, between = 30, 20*time.Second
	}
	r := fluentbit.First(t)
	e := newEstate(t, accounts)
	root := follow.Stage(t)
	textfile.Write(t, root, "etc/estate.conf", follow.Pipeline(root, e.service.options(e.accounts...)...))
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
		a := r.StartFor(t, 2*time.Minute, root, nil, "-c", "etc/estate.conf")
		started = append(started, time.Now())
		if i < kills {
			time.Sleep(between)
			a.Kill()
			continue
		}
		<-writing
		a.Until("all tuples", func() bool { e.mu.Lock(); defer e.mu.Unlock(); return len(e.seen) >= len(e.written) })
		a.Stop()
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
		accounts, nicsOfAccount, kills, r.Version, len(late), of(0.5), of(0.95), of(1))
	// A poll is a second here.
	if of(0.95) > 3*time.Second {
		t.Errorf("95 %% of the records came within %s, more than a poll and two seconds", of(0.95))
	}
}
