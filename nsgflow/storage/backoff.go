package storage

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// backoff slows down all requests of an account together while its service
// fails: throttling, a lost network and a refused sign-in concern all of them.
type backoff struct {
	now func() time.Time

	mu    sync.Mutex
	until time.Time
	pause time.Duration // the last one; 0 while all is well
}

const (
	firstPause = time.Second
	maxPause   = time.Minute
	// glance is how often a pause looks whether it may end early.
	glance = 2 * time.Second
)

// hold waits until requests may go out again. early ends the wait when it says
// so; it is asked every two seconds.
func (b *backoff) hold(ctx context.Context, early func() bool) error {
	for {
		b.mu.Lock()
		left := b.until.Sub(b.now())
		b.mu.Unlock()
		if left <= 0 {
			return ctx.Err()
		}
		t := time.NewTimer(min(left, glance))
		select {
		case <-t.C:
			if left > glance && early() {
				b.end()
				return ctx.Err()
			}
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
	}
}

func (b *backoff) succeeded() {
	b.mu.Lock()
	b.pause = 0
	b.mu.Unlock()
}

// end lets requests go out at once.
func (b *backoff) end() {
	b.mu.Lock()
	b.pause, b.until = 0, time.Time{}
	b.mu.Unlock()
}

// failed makes the requests that follow wait. What failed while others were
// waiting already does not add to it.
func (b *backoff) failed(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if now.Before(b.until) {
		return
	}
	b.pause = min(max(2*b.pause, firstPause), maxPause)
	wait := b.pause/2 + rand.N(b.pause)
	b.until = now.Add(max(wait, retryAfter(err, now)))
}

// retryAfter is what the service asks for, within an hour.
func retryAfter(err error, now time.Time) time.Duration {
	var response *azcore.ResponseError
	if !errors.As(err, &response) || response.RawResponse == nil {
		return 0
	}
	text := response.RawResponse.Header.Get("Retry-After")
	wait := time.Duration(0)
	if seconds, err := strconv.ParseUint(text, 10, 16); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now)
	}
	return min(wait, time.Hour)
}
