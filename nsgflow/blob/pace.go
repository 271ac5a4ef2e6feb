package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// pace slows down all requests together while the service is in trouble:
// throttling, a lost network and a refused sign-in concern the whole account.
type pace struct {
	now func() time.Time

	mu    sync.Mutex
	until time.Time
	pause time.Duration // the last one; 0 while all is well
}

const (
	firstPause = time.Second
	maxPause   = time.Minute
)

// hold waits until requests are in order again.
func (p *pace) hold(ctx context.Context) error {
	p.mu.Lock()
	left := p.until.Sub(p.now())
	p.mu.Unlock()
	if left <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(left)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *pace) well() {
	p.mu.Lock()
	p.pause = 0
	p.mu.Unlock()
}

// ill makes the requests that follow wait. What failed while others were
// waiting already does not add to it.
func (p *pace) ill(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if now.Before(p.until) {
		return
	}
	p.pause = min(max(2*p.pause, firstPause), maxPause)
	wait := p.pause/2 + rand.N(p.pause)
	p.until = now.Add(max(wait, retryAfter(err, now)))
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

// ailment is what kind of trouble an error stands for.
type ailment uint8

const (
	ofService ailment = iota // passes, and concerns all requests
	ofSignIn                 // as ofService, and a new secret may help
	ofRights                 // as ofSignIn, but concerns this container
	ofBlob                   // concerns this blob or container as it stands
)

func diagnose(err error) ailment {
	var response *azcore.ResponseError
	if !errors.As(err, &response) {
		return ofService
	}
	switch response.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		if strings.HasPrefix(response.ErrorCode, "Authorization") {
			return ofRights
		}
		return ofSignIn
	case http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed, http.StatusRequestedRangeNotSatisfiable:
		return ofBlob
	}
	return ofService
}

// explain is an error in one line, without the URL, which may hold a secret,
// and without the body of the response.
func explain(err error) string {
	var response *azcore.ResponseError
	if errors.As(err, &response) {
		text := fmt.Sprintf("HTTP %d %s", response.StatusCode, response.ErrorCode)
		if response.RawResponse != nil {
			if id := response.RawResponse.Header.Get("x-ms-request-id"); id != "" {
				text += " (request " + id + ")"
			}
		}
		return text
	}
	var inURL *url.Error
	if errors.As(err, &inURL) {
		err = inURL.Err
	}
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return "no answer in time"
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Error()
	}
	text := strings.Join(strings.Fields(err.Error()), " ")
	return text[:min(len(text), 400)]
}

// clock is the time of the service, by the dates of its answers: the hours in
// the paths are its hours.
type clock struct {
	now  func() time.Time
	skew atomic.Int64 // of the service against here
}

// maxSkew is what the service bears in a signed request.
const maxSkew = 15 * time.Minute

func (c *clock) Do(r *policy.Request) (*http.Response, error) {
	response, err := r.Next()
	if err == nil {
		if date, err := http.ParseTime(response.Header.Get("Date")); err == nil {
			c.skew.Store(int64(date.Sub(c.now())))
		}
	}
	return response, err
}

func (c *clock) off() time.Duration { return time.Duration(c.skew.Load()) }

func (c *clock) time() time.Time { return c.now().Add(c.off()).UTC() }

// earliest is the earlier of the service's time and this machine's: what is
// put behind for good must not depend on one clock that is ahead.
func (c *clock) earliest() time.Time { return c.now().Add(min(c.off(), 0)).UTC() }
