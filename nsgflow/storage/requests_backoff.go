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

// backoff slows down the requests of an account, a container or a blob while
// they fail.
type backoff struct {
	standing
	now func() time.Time

	mu    sync.Mutex
	until time.Time
	pause time.Duration // the last one; 0 while all is well
}

const (
	firstPause = time.Second
	maxPause   = time.Minute
	// glance is how often a pause looks whether it has been ended early.
	glance = 500 * time.Millisecond
)

func newBackoff() *backoff { return &backoff{now: time.Now} }

// hold waits until requests may go out again.
func (b *backoff) hold(ctx context.Context) error {
	for {
		left := b.left()
		if left <= 0 {
			return ctx.Err()
		}
		t := time.NewTimer(min(left, glance))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
	}
}

// left is how long requests have to wait from now on.
func (b *backoff) left() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(0, b.until.Sub(b.now()))
}

// lasts reports whether it has failed some times in a row.
func (b *backoff) lasts() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pause >= 8*firstPause
}

func (b *backoff) succeeded() {
	b.end()
	b.mu.Lock()
	b.pause = 0
	b.mu.Unlock()
}

// retry lets requests go out at once: there is something new to try with.
func (b *backoff) retry() {
	b.mu.Lock()
	b.pause, b.until = 0, time.Time{}
	b.mu.Unlock()
}

// failed makes the requests that follow wait. What failed while others were
// waiting already does not add to it. detail says what failed.
func (b *backoff) failed(err error, detail string) {
	if m, ok := meaningOf(err); ok && waits[m] != NoReason {
		b.begin(waits[m], detail)
	}
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
