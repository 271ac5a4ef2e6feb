package storage

import (
	"fmt"
	"maps"
	"sync"
	"time"
)

// AccountStats are the figures of one account since Open.
type AccountStats struct {
	Account     string
	Records     uint64 // that the host has taken
	Bytes       uint64 // of their texts
	Read        uint64 // bytes of blobs fetched
	Requests    map[RequestKind]uint64
	Throttled   uint64        // answers 429 and 503
	Retries     uint64        // requests after a failed one
	Checkpoints uint64        // written
	Restarts    uint64        // of blobs that were replaced or have shrunk
	Open        int           // blobs with something that is not behind a checkpoint
	Newest      time.Time     // time of the newest record that the host has taken; zero: none yet
	Lag         time.Duration // of Newest, behind the service's clock
	Oldest      time.Duration // age of the oldest change that is not behind a checkpoint; at least as long as nobody could look for changes
}

// RequestKind tells requests apart: list, ask, blocks or get, and the
// HTTP status of the answer, or failed.
type RequestKind struct{ Kind, Status string }

// figures are the counters of an account.
type figures struct {
	mu sync.Mutex // after all others
	s  AccountStats
}

func newFigures(account string) *figures {
	return &figures{s: AccountStats{Account: account, Requests: map[RequestKind]uint64{}}}
}

func (f *figures) add(change func(*AccountStats)) {
	f.mu.Lock()
	change(&f.s)
	f.mu.Unlock()
}

func (f *figures) now() AccountStats {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.s
	s.Requests = maps.Clone(s.Requests)
	return s
}

// Stats are the figures of every account as of now.
func (f *Follower) Stats() []AccountStats {
	var all []AccountStats
	for _, a := range f.all() {
		all = append(all, a.stats())
	}
	return all
}

func (a *account) stats() AccountStats {
	s := a.figures.now()
	now := a.requests.clock.time()
	var oldest time.Time
	if s.Open, oldest = a.blobs.unsettled(); s.Open > 0 {
		s.Oldest = max(0, now.Sub(oldest))
	}
	s.Oldest = max(s.Oldest, a.blind())
	if !s.Newest.IsZero() {
		s.Lag = max(0, now.Sub(s.Newest))
	}
	return s
}

// blind is how long nobody could look into the account or one of its containers.
func (a *account) blind() (longest time.Duration) {
	for _, s := range a.wide() {
		if w, ok := s.waits(); ok {
			longest = max(longest, time.Since(w.Since))
		}
	}
	return longest
}

func (f *Follower) summaryLoop() {
	var before AccountStats
	var asked uint64
	for sleep(f.ctx, summaryInterval) {
		if f.ended.Load() {
			continue
		}
		now, requests := sum(f.Stats())
		lag := "unknown"
		if !now.Newest.IsZero() {
			lag = now.Lag.Round(time.Second).String()
		}
		f.log(Info, fmt.Sprintf("last minute: %d records, %d bytes, %d requests; lag %s, %d blobs open",
			now.Records-before.Records, now.Bytes-before.Bytes, requests-asked, lag, now.Open))
		before, asked = now, requests
	}
}

// sum adds the figures of all accounts up; the lag is the smallest.
func sum(all []AccountStats) (total AccountStats, requests uint64) {
	for _, s := range all {
		total.Records += s.Records
		total.Bytes += s.Bytes
		total.Open += s.Open
		for _, n := range s.Requests {
			requests += n
		}
		if s.Newest.After(total.Newest) {
			total.Newest, total.Lag = s.Newest, s.Lag
		}
	}
	return total, requests
}
