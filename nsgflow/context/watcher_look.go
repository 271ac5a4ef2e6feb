package context

import (
	"fmt"
	"os"
	"slices"
	"time"
)

// lookSafely is look that outlives its own faults: nothing else in the process would
// survive them. The tables stay what they are.
func (w *Watcher) lookSafely(now time.Time) (next time.Time) {
	defer func() {
		if fault := recover(); fault != nil {
			next = now.Add(time.Minute)
			w.sayToAll(Error, fmt.Sprintf("internal error while looking at the files of a context: %v: what is in use stays in use", fault))
		}
	}()
	return w.look(now)
}

// sayToAll tells all Contexts.
func (w *Watcher) sayToAll(level Level, line string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.contexts {
		if c.options.Log != nil {
			c.options.Log(level, line)
		}
	}
}

// look looks at the files whose time has come, and says when the next one's does.
func (w *Watcher) look(now time.Time) (next time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	changed := map[*source]bool{}
	for _, f := range w.files {
		if !now.Before(f.due()) {
			if w.lookAt(f, now) {
				for _, s := range f.of {
					changed[s] = true
				}
			}
		}
		if due := f.due(); next.IsZero() || due.Before(next) {
			next = due
		}
	}
	for _, c := range w.contexts {
		if slices.ContainsFunc(c.sources, func(s *source) bool { return changed[s] }) {
			w.publish(c)
		}
		c.report()
	}
	return next
}

// lookAt says whether a file has something new. What is in use goes out of date also
// while there is no file, or a bad one.
func (w *Watcher) lookAt(f *file, now time.Time) bool {
	f.looked = now
	return w.renew(f, now) || f.expire(now)
}

// renew reads a file that has changed, and says whether it is in use now.
func (w *Watcher) renew(f *file, now time.Time) bool {
	info, err := os.Stat(f.path)
	switch {
	case err != nil:
		f.pending, f.tried, f.said, f.refusedPart = nil, nil, "", nil
		if !f.isBad {
			f.isBad = true
			f.bad++
			w.log(f, Error, f.says(f.of[0], reasonOf(err).Error()+"; "+f.stays(f.of[0], now)))
		}
	case same(info, f.tried):
		f.pending = nil
	case !same(info, f.pending):
		f.pending, f.since = info, now
	case !now.Before(f.rests()):
		if err := w.load(f, info, now, false); err != nil {
			w.logError(f, err)
			return false
		}
		return f.pending == nil && !f.isBad
	}
	return false
}

// start starts the goroutine, or tells it of a new Context.
func (w *Watcher) start() {
	if w.stop != nil {
		select {
		case w.sooner <- struct{}{}:
		default:
		}
		return
	}
	w.stop, w.stopped, w.sooner = make(chan struct{}), make(chan struct{}), make(chan struct{}, 1)
	go w.watch(w.stop, w.stopped, w.sooner)
}

func (w *Watcher) watch(stop, stopped, sooner chan struct{}) {
	defer close(stopped)
	for {
		wait := time.Hour // without a file
		if next := w.lookSafely(time.Now()); !next.IsZero() {
			wait = max(time.Until(next), 0)
		}
		timer := time.NewTimer(wait)
		select {
		case <-stop:
			timer.Stop()
			return
		case <-sooner:
			timer.Stop()
		case <-timer.C:
		}
	}
}
