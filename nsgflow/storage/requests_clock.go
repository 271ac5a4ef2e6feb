package storage

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// clock is the time of the service, by the dates of its answers: the hours in
// the names of blobs are its hours. What a proxy answers by itself has no
// x-ms-request-id, and its date is not the service's. It is a policy of the
// client's requests.
type clock struct {
	now  func() time.Time
	skew atomic.Int64 // of the service against here
}

// maxSkew is what the service accepts in a signed request.
const maxSkew = 15 * time.Minute

func (c *clock) Do(r *policy.Request) (*http.Response, error) {
	response, err := r.Next()
	if err == nil && response.Header.Get("x-ms-request-id") != "" {
		if date, err := http.ParseTime(response.Header.Get("Date")); err == nil {
			c.skew.Store(int64(date.Sub(c.now())))
		}
	}
	return response, err
}

func (c *clock) off() time.Duration { return time.Duration(c.skew.Load()) }

func (c *clock) time() time.Time { return c.now().Add(c.off()).UTC() }

// earliest is the earlier of the service's time and this machine's: what is
// forgotten for good must not depend on one clock that is ahead.
func (c *clock) earliest() time.Time { return c.now().Add(min(c.off(), 0)).UTC() }
