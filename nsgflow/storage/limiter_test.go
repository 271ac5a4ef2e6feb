package storage

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// free checks that nobody holds anything or waits.
func (l *limiter) free(t *testing.T) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.beyond != 0 || l.holders != 0 || len(l.waiting) != 0 {
		t.Errorf("at the end: %d beyond, %d holders, %d waiting", l.beyond, l.holders, len(l.waiting))
	}
}

// mustNotWait fails where n is not granted at once.
func mustNotWait(t *testing.T, l *limiter, h *holding, n int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := l.acquire(ctx, h, n); err != nil {
		t.Fatalf("%d: %v", n, err)
	}
}

// mustWait begins to wait for n, and gives what tells that it is granted.
func mustWait(t *testing.T, ctx context.Context, l *limiter, h *holding, n int64) <-chan error {
	t.Helper()
	l.mu.Lock()
	before := len(l.waiting)
	l.mu.Unlock()
	done := make(chan error, 1)
	go func() { done <- l.acquire(ctx, h, n) }()
	await(t, "somebody waits", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.waiting) == before+1
	})
	return done
}

// Whatever one account holds and waits for, the others have their own part.
func TestLimiterOwnPart(t *testing.T) {
	t.Parallel()
	l := newLimiter(10, 40)
	var greedy, other, third holding
	mustNotWait(t, l, &greedy, 50)
	ctx, cancel := context.WithCancel(t.Context())
	waits := mustWait(t, ctx, l, &greedy, 1)
	mustNotWait(t, l, &other, 10)
	mustNotWait(t, l, &third, 4)
	mustNotWait(t, l, &third, 6)
	cancel()
	if err := <-waits; err == nil {
		t.Error("granted beyond the limit")
	}
	l.change(&greedy, -50)
	l.change(&other, -10)
	l.change(&third, -10)
	l.free(t)
}

// One account alone may have all, one of several half of it.
func TestLimiterHalf(t *testing.T) {
	t.Parallel()
	l := newLimiter(0, 40)
	var a, b holding
	mustNotWait(t, l, &a, 40)
	waits := mustWait(t, t.Context(), l, &b, 1)
	l.change(&a, -40)
	if err := <-waits; err != nil {
		t.Fatal(err)
	}
	mustNotWait(t, l, &a, 20)
	more := mustWait(t, t.Context(), l, &a, 1)
	mustNotWait(t, l, &b, 19)
	l.change(&b, -20) // alone again
	if err := <-more; err != nil {
		t.Fatal(err)
	}
	l.change(&a, -21)
	l.free(t)
}

// What is large is not passed by what is small for ever: first come, first
// served.
func TestLimiterStarvesNobody(t *testing.T) {
	t.Parallel()
	l := newLimiter(0, 40)
	var large, first, second holding
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var all sync.WaitGroup
	for i := range 16 { // together they hold nearly everything at any time
		small := []*holding{&first, &second}[i%2]
		all.Go(func() {
			for ctx.Err() == nil {
				if l.acquire(ctx, small, 5) == nil {
					time.Sleep(time.Duration(rand.IntN(1000)) * time.Microsecond)
					l.change(small, -5)
				}
			}
		})
	}
	await(t, "the others hold much", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.beyond >= 35
	})
	mustNotWait(t, l, &large, 20)
	for range 5 {
		l.change(&large, -20)
		mustNotWait(t, l, &large, 20)
	}
	cancel()
	all.Wait()
	l.change(&large, -20)
	l.free(t)
}

// Those who wait are served in their order, where they wait for the same.
func TestLimiterOrder(t *testing.T) {
	t.Parallel()
	l := newLimiter(0, 1)
	var h holding
	mustNotWait(t, l, &h, 1)
	var waits []<-chan error
	for range 10 {
		waits = append(waits, mustWait(t, t.Context(), l, &h, 1))
	}
	for i, w := range waits {
		l.change(&h, -1)
		if err := <-w; err != nil {
			t.Fatal(err)
		}
		for _, later := range waits[i+1:] {
			if len(later) > 0 {
				t.Fatalf("served before number %d", i)
			}
		}
	}
	l.change(&h, -1)
	l.free(t)
}

// Many accounts at a time, some of which give up: the limit is kept at any
// moment, and everything is given back.
func TestLimiterUnderLoad(t *testing.T) {
	t.Parallel()
	const own, limit, accounts = 8, 100, 20
	l := newLimiter(own, limit)
	var gaveUp, granted atomic.Int64
	var all sync.WaitGroup
	for range accounts {
		h := &holding{}
		for range 6 {
			all.Go(func() {
				for range 300 {
					n := 1 + rand.Int64N(own)
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(2000))*time.Microsecond)
					if err := l.acquire(ctx, h, n); err != nil {
						gaveUp.Add(1)
					} else {
						granted.Add(1)
						l.mu.Lock()
						if l.beyond > limit || h.held < n || l.holders > 1 && h.held-own > limit {
							t.Errorf("%d of %d held beyond the own parts, %d by one", l.beyond, limit, h.held)
						}
						l.mu.Unlock()
						if rand.IntN(4) == 0 {
							time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond)
						}
						l.change(h, -n)
					}
					cancel()
				}
			})
		}
	}
	all.Wait()
	t.Logf("%d granted, %d gave up", granted.Load(), gaveUp.Load())
	if granted.Load() == 0 || gaveUp.Load() == 0 {
		t.Error("one of the two was not tried")
	}
	l.free(t)
}
