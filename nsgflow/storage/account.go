package storage

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"
)

// account is a storage account that is followed. Nothing in it waits for
// another account.
type account struct {
	f          *Follower
	name       string
	client     *client
	clock      *clock
	backoff    *backoff
	alerts     *alerts
	containers []*container
	requests   holding // of Agent.requests
	memory     holding // of Agent.memory

	mu        sync.Mutex
	changed   *sync.Cond // something below has
	active    map[blobID]*blobState
	forgotten uint64              // how many are not active any more
	queue     []*blobState        // to be read, first come, first served
	resting   map[*blobState]bool // to be read, not at once
	suspect   any                 // what failed last; nil: something has succeeded since
	ready     []part              // read, and not handed out
	stats     AccountStats
}

// namedAccount is an account and the URL of its blob service.
type namedAccount struct{ name, url string }

func newAccount(f *Follower, named namedAccount) (*account, error) {
	a := &account{f: f, name: named.name, active: map[blobID]*blobState{}, resting: map[*blobState]bool{}, stats: AccountStats{Requests: map[RequestKind]uint64{}}}
	a.changed = sync.NewCond(&a.mu)
	a.clock = &clock{now: time.Now}
	a.backoff = newBackoff()
	a.alerts = newAlerts(a.log)
	var err error
	if a.client, err = newClient(f.o, named, f.signIn, a.clock, counter{a}); err != nil {
		return nil, err
	}
	if a.client.inTheClear() {
		a.log(Warn, fmt.Sprintf("endpoint %q: the records and a SAS token can be read on the way, take https", a.client.url()))
	}
	for _, name := range f.o.Containers {
		a.containers = append(a.containers, newContainer(a, name))
	}
	return a, nil
}

func (a *account) start() {
	context.AfterFunc(a.f.ctx, a.wake)
	for _, c := range a.containers {
		a.f.run("account "+a.name+", container "+c.name, c.pollLoop)
	}
	a.f.run("account "+a.name+", sign-in", a.signInLoop)
	for range 1 + a.f.o.Concurrency {
		a.f.run("account "+a.name+", reading", a.readLoop)
	}
}

func (a *account) log(level Level, text string) {
	if a.client != nil {
		text = a.client.redact(text)
	}
	a.f.log(level, "account "+a.name+": "+text)
}

// wake makes everyone look again.
func (a *account) wake() {
	a.mu.Lock()
	a.changed.Broadcast()
	a.mu.Unlock()
}

// await waits until ready says so, with a.mu held. It reports false when the
// follower ends.
func (a *account) await(ready func() bool) bool {
	for a.f.ctx.Err() == nil && !ready() {
		a.changed.Wait()
	}
	return a.f.ctx.Err() == nil
}

// do sends a request, after all pauses of the account that are due. what it is
// for waits by itself where only that fails; what concerns the account makes it
// wait here, for some more tries. Errors are faults, or the end of the follower.
func (a *account) do(what any, timeout time.Duration, request func(context.Context, *service.Client) error) error {
	for try := 1; ; try++ {
		if err := a.backoff.hold(a.f.ctx); err != nil {
			return err
		}
		err := a.doOnce(timeout, request)
		if a.f.ctx.Err() != nil {
			return a.f.ctx.Err()
		}
		if err == nil {
			a.answered()
			return nil
		}
		f := newFault(err)
		switch {
		case waits[f.meaning] == NoReason:
			a.answered()
			return f
		case !a.concerned(f, what):
			return f
		}
		a.backoff.failed(f, "storage: "+describe(err))
		a.alerts.raise("storage", Warn, fmt.Sprintf("storage: %s, trying again", describe(err)))
		if mendable[f.meaning] {
			a.signInAgain()
		}
		if try == maxTries {
			return f
		}
		a.retried()
	}
}

// answered notes that the service does what it should.
func (a *account) answered() {
	a.mu.Lock()
	a.suspect = nil
	a.mu.Unlock()
	a.backoff.succeeded()
	a.alerts.clear("storage")
}

// concerned reports whether a fault is one of the account: by its meaning, or
// because different things have failed in a row.
func (a *account) concerned(f *fault, what any) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch f.meaning {
	case refusedSign, failedSign, refusedTurn:
		return true
	case forbidden:
		return false
	}
	before := a.suspect
	a.suspect = what
	return before != nil && before != what
}

func (a *account) retried() {
	a.mu.Lock()
	a.stats.Retries++
	a.mu.Unlock()
}

func (a *account) doOnce(timeout time.Duration, request func(context.Context, *service.Client) error) error {
	limit := a.f.agent.requests
	if err := limit.acquire(a.f.ctx, &a.requests, 1); err != nil {
		return err
	}
	defer limit.change(&a.requests, -1)
	ctx, cancel := context.WithTimeout(a.f.ctx, timeout)
	defer cancel()
	err := request(ctx, a.client.service())
	a.checkClock()
	return err
}

// signInLoop looks for a mended secret while something waits that it may mend.
func (a *account) signInLoop() {
	for a.f.sleep(lookAgain) {
		if slices.ContainsFunc(a.standings(), func(s *standing) bool {
			w, ok := s.waits()
			return ok && (w.Reason == SignIn || w.Reason == Forbidden || w.Reason == Refused)
		}) {
			a.signInAgain()
		}
	}
}

// lookAgain is between two looks for a mended secret.
const lookAgain = 2 * time.Second

// signInAgain ends all pauses where there is something new to sign in with.
func (a *account) signInAgain() {
	renewed, err := a.client.renew()
	if err != nil {
		a.alerts.raise("sign-in", Error, err.Error())
		return
	}
	a.alerts.clear("sign-in")
	if !renewed {
		return
	}
	a.log(Info, "signed in again")
	a.backoff.retry()
	for _, c := range a.containers {
		c.listing.retry()
		c.reading.retry()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for b := range a.resting {
		b.backoff.retry()
		a.enqueue(b)
	}
}

func (a *account) checkClock() {
	switch off := a.clock.off(); {
	case off.Abs() > maxSkew/3:
		a.alerts.raise("clock", Warn, fmt.Sprintf("clock: this machine and the storage service are %s apart, beyond %s it refuses to answer",
			off.Abs().Round(time.Second), maxSkew))
	case off.Abs() < maxSkew/6:
		a.alerts.clear("clock")
	}
}

// counter counts the requests of an account. It is a policy of its client.
type counter struct{ a *account }

func (c counter) Do(r *policy.Request) (*http.Response, error) {
	response, err := r.Next()
	kind := RequestKind{"get", "failed"}
	switch q := r.Raw().URL.Query(); {
	case r.Raw().Method == http.MethodHead:
		kind.Kind = "properties"
	case q.Get("comp") == "list":
		kind.Kind = "list"
	case q.Get("comp") == "blocklist":
		kind.Kind = "blocks"
	}
	if err == nil {
		kind.Status = fmt.Sprint(response.StatusCode)
	}
	c.a.mu.Lock()
	c.a.stats.Requests[kind]++
	if err == nil && (response.StatusCode == http.StatusTooManyRequests || response.StatusCode == http.StatusServiceUnavailable) {
		c.a.stats.Throttled++
	}
	c.a.mu.Unlock()
	return response, err
}
