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

// requests is how the blob service of an account is asked: signed in, so many at
// a time, and after the pauses that its answers call for.
type requests struct {
	ctx     context.Context // of the follower
	client  *client
	clock   *clock
	backoff *backoff
	alerts  *alerts
	figures *figures
	slots   *limiter // requests under way in the process
	held    holding  // of them
	refused func()   // called where another secret may mend what failed

	mu      sync.Mutex
	suspect any // what failed last; nil: something has succeeded since
}

const (
	// listTimeout and readTimeout are for one request.
	listTimeout = time.Minute
	readTimeout = 2 * time.Minute
	// maxTries is how often a request is sent before its turn comes last.
	maxTries = 5
)

// do sends a request, after all pauses of the account that are due. The parameter
// what names the blob or container that it is for. A fault of that alone is
// returned at once; one of the account is tried again here, some times. Errors are
// faults, or the end of the follower.
func (r *requests) do(what any, timeout time.Duration, request func(context.Context, *service.Client) error) error {
	for try := 1; ; try++ {
		if err := r.backoff.hold(r.ctx); err != nil {
			return err
		}
		err := r.once(timeout, request)
		if r.ctx.Err() != nil {
			return r.ctx.Err()
		}
		if err == nil {
			r.answered()
			return nil
		}
		f := newFault(err)
		if f.meaning == refusedSign || f.meaning == forbidden {
			f.signedIn = r.client.signedIn()
		}
		switch {
		case waits[f.meaning] == NoReason:
			r.answered()
			return f
		case !r.concerned(f, what):
			return f
		}
		r.backoff.failed(f, "storage: "+describe(err))
		r.alerts.raise("storage", Warn, fmt.Sprintf("storage: %s, trying again", describe(err)))
		if mendable[f.meaning] {
			r.refused()
		}
		if try == maxTries {
			return f
		}
		r.retried()
	}
}

func (r *requests) once(timeout time.Duration, request func(context.Context, *service.Client) error) error {
	if err := r.slots.acquire(r.ctx, &r.held, 1); err != nil {
		return err
	}
	defer r.slots.change(&r.held, -1)
	ctx, cancel := context.WithTimeout(r.ctx, timeout)
	defer cancel()
	err := request(ctx, r.client.service())
	r.checkClock()
	return err
}

// answered notes that the service does what it should.
func (r *requests) answered() {
	r.mu.Lock()
	r.suspect = nil
	r.mu.Unlock()
	r.backoff.succeeded()
	r.alerts.clear("storage")
}

// concerned reports whether a fault is one of the account: by its meaning, or
// because different things have failed in a row.
func (r *requests) concerned(f *fault, what any) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch f.meaning {
	case refusedSign, failedSign, refusedTurn:
		return true
	case forbidden:
		return false
	}
	before := r.suspect
	r.suspect = what
	return before != nil && before != what
}

func (r *requests) retried() { r.figures.add(func(s *AccountStats) { s.Retries++ }) }

func (r *requests) checkClock() {
	switch off := r.clock.off(); {
	case off.Abs() > maxSkew/3:
		r.alerts.raise("clock", Warn, fmt.Sprintf("clock: this machine and the storage service are %s apart, beyond %s it refuses to answer",
			off.Abs().Round(time.Second), maxSkew))
	case off.Abs() < maxSkew/6:
		r.alerts.clear("clock")
	}
}

// counter counts the requests of an account. It is a policy of its client.
type counter struct{ figures *figures }

func (c counter) Do(r *policy.Request) (*http.Response, error) {
	response, err := r.Next()
	kind := RequestKind{"get", "failed"}
	switch q := r.Raw().URL.Query(); {
	case q.Get("comp") == "list":
		kind.Kind = "list"
	case q.Get("comp") == "blocklist":
		kind.Kind = "blocks"
	case r.Raw().Header.Get("If-Match") == "":
		kind.Kind = "ask"
	}
	if err == nil {
		kind.Status = fmt.Sprint(response.StatusCode)
	}
	c.figures.add(func(s *AccountStats) {
		s.Requests[kind]++
		if err == nil && (response.StatusCode == http.StatusTooManyRequests || response.StatusCode == http.StatusServiceUnavailable) {
			s.Throttled++
		}
	})
	return response, err
}
