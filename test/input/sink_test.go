package input

import (
	"bytes"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// sink counts the events that come out, by the tuples they are of.
type sink struct {
	dead, slow atomic.Bool

	mu      sync.Mutex
	first   map[int]time.Time
	events  int
	newest  int // tuple
	changed time.Time
}

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.dead.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if s.slow.Load() {
		time.Sleep(time.Second)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for line := range bytes.Lines(body) {
		n, ok := sourceTuple(append(bytes.TrimRight(line, "\n"), '\n'))
		if !ok {
			continue
		}
		s.events++
		s.newest = max(s.newest, n)
		if s.first[n].IsZero() {
			s.first[n], s.changed = now, now
		}
	}
}

func (s *sink) seen() (n int, changed time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.first), s.changed
}
