package blob

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// A container holds a blob per NIC and hour, for as long as its owner keeps
// them, and a listing shows 5,000 names a call. Three ways to look:
//
//   - flat, all of it: cheapest where it takes no more calls than the others;
//   - sweep: down the folders, past all dates before the horizon. It finds new
//     folders and what came late, and is done every sweepEvery;
//   - live: only the folders of the hours that are being written.
const (
	sweepEvery = 5 * time.Minute
	// late is how long after its hour a blob may still appear or grow, and be
	// seen. Checkpoints are kept as long.
	late = 48 * time.Hour
	// stillWritten is how long into an hour the one before is live. Flow logs
	// are up to five minutes late.
	stillWritten = 20 * time.Minute
	// fewCalls is a flat listing that costs nothing worth saving.
	fewCalls = 3
)

// logs is a container that is followed.
type logs struct {
	name    string
	begun   bool      // it was listed once, now or by a follower before
	since   time.Time // valid iff not begun: where to begin
	horizon time.Time // hours before it are settled: not listed, not kept

	swept time.Time // by this machine's clock; zero: not yet
	flat  bool      // a flat listing is the cheapest

	mu      sync.Mutex      // what follows is gathered by several goroutines
	roots   map[string]bool // folders that hold dates from the horizon on
	undated map[string]bool // blobs without a date that this sweep has seen
	skipped map[place]mark  // blobs that were there before the beginning
}

func (f *Follower) listLoop() {
	var all []*logs
	for _, name := range f.o.Containers {
		all = append(all, &logs{name: name})
	}
	for f.unpaused() {
		for _, l := range all {
			if err := f.look(l); err != nil && f.ctx.Err() == nil && diagnose(err) >= ofRights {
				f.troubles.begin("container "+l.name, Warn, fmt.Sprintf("container %q: cannot be listed: %s", l.name, explain(err)))
			} else if err == nil {
				f.troubles.end("container " + l.name)
			}
		}
		if !f.sleep(f.o.PollInterval) {
			return
		}
	}
}

func (f *Follower) unpaused() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.await(func() bool { return f.paused.IsZero() })
}

// look finds what is new in a container, the cheapest way.
func (f *Follower) look(l *logs) error {
	if l.swept.IsZero() {
		if err := f.recall(l); err != nil {
			return err
		}
	}
	if l.swept.IsZero() || time.Since(l.swept) >= sweepEvery {
		return f.sweep(l)
	}
	if l.flat {
		if whole, err := f.listFlat(l, f.o.Prefix, true); whole || err != nil {
			return err
		}
		return f.sweep(l)
	}
	var folders []string
	for root := range l.roots {
		for _, hour := range liveHours(f.clock.time()) {
			if folder, ok := narrow(hourPath(root, hour), f.o.Prefix); ok {
				folders = append(folders, folder)
			}
		}
	}
	return f.each(folders, func(folder string) error {
		_, err := f.listFlat(l, folder, false)
		return err
	})
}

// recall brings back what the store knows of a container.
func (f *Follower) recall(l *logs) (err error) {
	l.horizon, l.begun, err = f.store.begun(l.name)
	if err != nil {
		f.storeFailed(err)
		return err
	}
	if l.begun {
		return nil
	}
	if err := f.touch(l); err != nil {
		return err
	}
	now := f.clock.earliest()
	switch start := f.o.Start; {
	case start.Now:
		l.since, l.horizon = now, now.Add(-time.Hour).Truncate(time.Hour)
	case start.Back > 0:
		l.since = now.Add(-start.Back).Truncate(time.Hour)
		l.horizon = l.since
	default:
		l.since = start.At.UTC().Truncate(time.Hour)
		l.horizon = l.since
	}
	return nil
}

// sweep looks at all that is not settled.
func (f *Follower) sweep(l *logs) error {
	l.roots, l.undated, l.skipped = map[string]bool{}, map[string]bool{}, map[place]mark{}
	flat, err := f.listFlat(l, f.o.Prefix, true)
	if err != nil {
		return err
	}
	l.flat = flat
	if !flat {
		if err := f.walk(l, f.o.Prefix); err != nil {
			return err
		}
	}
	if err := f.settle(l, f.clock.earliest()); err != nil {
		return err
	}
	l.swept = time.Now()
	return nil
}

// cheap tells whether a flat listing that has taken so many calls is still no
// dearer than the folders of the hours that are being written.
func (l *logs) cheap(calls int, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return calls < max(fewCalls, len(l.roots)*len(liveHours(now)))
}

func liveHours(now time.Time) []time.Time {
	hour := now.Truncate(time.Hour)
	if before := now.Add(-stillWritten).Truncate(time.Hour); before.Before(hour) {
		return []time.Time{before, hour}
	}
	return []time.Time{hour}
}

// narrow is the part of a folder that the prefix allows.
func narrow(folder, prefix string) (string, bool) {
	if strings.HasPrefix(prefix, folder) {
		return prefix, true
	}
	return folder, strings.HasPrefix(folder, prefix)
}

// settle ends a sweep: it moves the horizon as far as nothing before it is
// unread or not yet in the store, and forgets what lies before.
func (f *Follower) settle(l *logs, now time.Time) error {
	horizon := now.Add(-late).Truncate(time.Hour)
	f.mu.Lock()
	for _, s := range f.active {
		if s.container == l.name && s.path.dated() && s.path.hour.Before(horizon) {
			horizon = s.path.hour
		}
	}
	f.mu.Unlock()
	if horizon.Before(l.horizon) {
		horizon = l.horizon
	}
	if l.begun && horizon.Equal(l.horizon) {
		return nil
	}
	err := f.store.put(l.skipped)
	if err == nil {
		err = f.store.settle(l.name, horizon, func(name string) bool {
			p := parsePath(name)
			return p.dated() && !p.hour.Before(horizon) || l.undated[name]
		})
	}
	if err != nil {
		f.storeFailed(err)
		if l.begun {
			return nil // the horizon can wait, what is new cannot
		}
		return err
	}
	l.begun, l.horizon = true, horizon
	return nil
}

// walk lists a folder by level, past those before the horizon.
func (f *Follower) walk(l *logs, folder string) error {
	var below []string
	err := f.listLevel(l, folder, func(name string) {
		root, _, span := cutDate(name)
		if span.unit != unitNone && !span.to.After(l.horizon) {
			return
		}
		if span.unit >= unitDay {
			l.root(root)
		}
		below = append(below, name)
	})
	if err != nil {
		return err
	}
	return f.each(below, func(name string) error {
		if _, _, span := cutDate(name); span.unit >= unitDay {
			_, err := f.listFlat(l, name, false)
			return err
		}
		return f.walk(l, name)
	})
}

// each does one thing for several folders, concurrency of them at a time.
func (f *Follower) each(folders []string, do func(string) error) error {
	var all sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	turns := make(chan struct{}, f.o.Concurrency)
	for _, folder := range folders {
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			err := do(folder)
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func (l *logs) root(folder string) {
	l.mu.Lock()
	l.roots[folder] = true
	l.mu.Unlock()
}
