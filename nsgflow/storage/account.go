package storage

import (
	"context"
	"fmt"
	"net/http"
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

	mu      sync.Mutex
	changed *sync.Cond // something below has
	active  map[blobID]*blobState
	queue   []*blobState // to be read, first come, first served
	ready   []part       // read, and not handed out
	stats   AccountStats
}

// namedAccount is an account and the URL of its blob service.
type namedAccount struct{ name, url string }

func newAccount(f *Follower, named namedAccount) (*account, error) {
	a := &account{f: f, name: named.name, active: map[blobID]*blobState{}, stats: AccountStats{Requests: map[RequestKind]uint64{}}}
	a.changed = sync.NewCond(&a.mu)
	a.clock = &clock{now: time.Now}
	a.backoff = &backoff{now: time.Now}
	a.alerts = newAlerts(a.log)
	var err error
	if a.client, err = newClient(f.o, named, f.signIn, a.clock, counter{a}); err != nil {
		return nil, err
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

// do sends a request, after all pauses that are due, and some more times
// where the service fails. It logs what it could not mend, unless that
// concerns a single blob or container.
func (a *account) do(timeout time.Duration, request func(context.Context, *service.Client) error) (err error) {
	for try := range maxTries {
		if try > 0 {
			a.mu.Lock()
			a.stats.Retries++
			a.mu.Unlock()
		}
		if err := a.backoff.hold(a.f.ctx, a.signInAgain); err != nil {
			return err
		}
		err = a.doOnce(timeout, request)
		if a.f.ctx.Err() != nil {
			return a.f.ctx.Err()
		}
		class := classify(err)
		if err == nil || class == blobError {
			a.backoff.succeeded()
			a.alerts.clear("storage")
			return err
		}
		a.backoff.failed(err)
		if class != rightsError {
			a.alerts.raise("storage", Warn, fmt.Sprintf("storage: %s, trying again", describe(err)))
		}
		if class != serviceError && a.signInAgain() {
			a.backoff.end()
		} else if class == rightsError {
			return err
		}
	}
	return err
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

// signInAgain reports whether there was something new to sign in with.
func (a *account) signInAgain() bool {
	renewed, err := a.client.renew()
	if err != nil {
		a.alerts.raise("sign-in", Error, err.Error())
		return false
	}
	a.alerts.clear("sign-in")
	if renewed {
		a.log(Info, "signed in again")
	}
	return renewed
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
