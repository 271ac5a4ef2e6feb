package storage

import (
	"context"
	"slices"
	"sync"
)

// limiter shares out a quantity among accounts. Each account may always hold
// its own part, so that none waits for another; what accounts hold beyond that
// is limited for all together, and one of several gets at most half of it.
type limiter struct {
	mu      sync.Mutex
	own     int64 // that every account may hold
	limit   int64 // of what all accounts hold beyond own
	beyond  int64 // that they hold now
	holders int   // accounts that hold something or wait
	waiting []*waiter
}

// holding is what one account holds of a limiter. The zero value holds nothing.
type holding struct{ held, waits int64 }

type waiter struct {
	h  *holding
	n  int64
	ok chan struct{} // closed when it is granted
}

func newLimiter(own, limit int64) *limiter { return &limiter{own: own, limit: limit} }

// raise makes the limit at least so large.
func (l *limiter) raise(limit int64) {
	l.mu.Lock()
	l.limit = max(l.limit, limit)
	l.grant()
	l.mu.Unlock()
}

// acquire waits for n. It returns an error iff the context ends before.
func (l *limiter) acquire(ctx context.Context, h *holding, n int64) error {
	l.mu.Lock()
	l.count(h, func() { h.waits++ })
	w := &waiter{h, n, make(chan struct{})}
	l.waiting = append(l.waiting, w)
	l.grant()
	l.mu.Unlock()
	select {
	case <-w.ok:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.waiting, w); i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
		l.count(h, func() { h.waits-- })
		l.grant()
	} else {
		l.add(h, -n)
	}
	return ctx.Err()
}

// change changes what an account holds, without waiting: n < 0 gives back.
func (l *limiter) change(h *holding, n int64) {
	l.mu.Lock()
	l.add(h, n)
	l.mu.Unlock()
}

func (l *limiter) add(h *holding, n int64) {
	l.count(h, func() {
		_, more := h.beyond(l.own, n)
		l.beyond += more
		h.held += n
	})
	l.grant()
}

// count keeps the number of holders over a change of one.
func (l *limiter) count(h *holding, change func()) {
	before := h.held > 0 || h.waits > 0
	change()
	switch after := h.held > 0 || h.waits > 0; {
	case after && !before:
		l.holders++
	case before && !after:
		l.holders--
	}
}

// grant serves those who wait, first come, first served. One for whom too little is
// left keeps those behind it from anything beyond their own parts, else it might wait
// for ever. One whose account has its share already holds up nobody.
func (l *limiter) grant() {
	full := false
	l.waiting = slices.DeleteFunc(l.waiting, func(w *waiter) bool {
		all, more := w.h.beyond(l.own, w.n)
		switch {
		case more > 0 && (full || all > l.share(w.n)):
			return false
		case more > 0 && l.beyond+more > l.limit:
			full = true
			return false
		}
		w.h.waits--
		w.h.held += w.n
		l.beyond += more
		close(w.ok)
		return true
	})
}

// share is what an account that wants n may hold beyond its own part.
func (l *limiter) share(n int64) int64 {
	if l.holders > 1 {
		return max(l.limit/2, n)
	}
	return l.limit
}

// beyond is what an account would hold beyond its own part with n more, and how
// much of that it does not hold yet.
func (h *holding) beyond(own, n int64) (all, more int64) {
	all = max(0, h.held+n-own)
	return all, all - max(0, h.held-own)
}

// try takes n if nobody has to wait for it.
func (l *limiter) try(h *holding, n int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	all, more := h.beyond(l.own, n)
	if more > 0 && (len(l.waiting) > 0 || all > l.share(n) || l.beyond+more > l.limit) {
		return false
	}
	l.add(h, n)
	return true
}
