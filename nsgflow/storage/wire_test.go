package storage

import (
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		followChild()
		return
	}
	m.Run()
}

// wire is the transport between the follower and Azurite: it counts, and may
// do harm.
type wire struct {
	mu     sync.Mutex
	counts map[string]int // by kind of request
	harm   func(kind string, r *http.Request) (*http.Response, error)
	hurt   func(kind string, r *http.Response)
	ahead  time.Duration // of the service's clock
}

func (w *wire) Do(r *http.Request) (*http.Response, error) {
	kind := "download"
	switch q := r.URL.Query(); {
	case r.Method != http.MethodGet:
		kind = "write"
	case q.Get("comp") == "list":
		kind = "list"
	case q.Get("comp") == "blocklist":
		kind = "blocks"
	case !hasHeader(r, "If-Match"):
		kind = "ask"
	}
	w.mu.Lock()
	if w.counts == nil {
		w.counts = map[string]int{}
	}
	w.counts[kind]++
	harm, hurt, ahead := w.harm, w.hurt, w.ahead
	w.mu.Unlock()
	if harm != nil {
		if response, err := harm(kind, r); response != nil || err != nil {
			return response, err
		}
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && ahead != 0 {
		response.Header.Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
	}
	if err == nil && hurt != nil {
		hurt(kind, response)
	}
	return response, err
}

func (w *wire) setAhead(d time.Duration) {
	w.mu.Lock()
	w.ahead = d
	w.mu.Unlock()
}

func (w *wire) count(kind string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.counts[kind]
}

func (w *wire) reset() {
	w.mu.Lock()
	w.counts = nil
	w.mu.Unlock()
}

// hasHeader is for names as the SDK writes them, in any case.
func hasHeader(r *http.Request, name string) bool {
	for key := range r.Header {
		if strings.EqualFold(key, name) {
			return true
		}
	}
	return false
}
