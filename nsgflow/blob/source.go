package blob

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// source is a blob that has something unread, or read and not yet in the
// store. All but the first three are guarded by the follower's lock.
type source struct {
	place
	path blobPath
	url  string

	state  sourceState
	wanted string // version that the last listing showed
	closed bool   // its hour is long over: what has no end gets none
	read   mark   // how far it has been read into parts
	parts  int    // in ready
	handed int    // batches between handing over and the store
}

type sourceState uint8

const (
	idle sourceState = iota
	queued
	reading
)

func (f *Follower) readLoop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.await(func() bool { return f.paused.IsZero() && len(f.queue) > 0 }) {
		s := f.queue[0]
		f.queue[0] = nil
		f.queue = f.queue[1:]
		s.state = reading
		f.moved.Broadcast()
		f.finish(s, f.readUnlocked(s))
	}
}

// readUnlocked reads without the lock, whatever happens.
func (f *Follower) readUnlocked(s *source) (err error) {
	f.mu.Unlock()
	defer f.mu.Lock()
	defer func() {
		if p := recover(); p != nil {
			f.log(Error, fmt.Sprintf("blob %q: internal error: %v", s.url, p))
			err = errBroken
		}
	}()
	return f.read(s)
}

var (
	errChanged = errors.New("the blob has changed meanwhile")
	errBroken  = errors.New("internal error")
)

// finish decides what becomes of a blob after an attempt to read it.
func (f *Follower) finish(s *source, err error) {
	s.state = idle
	switch {
	case err == nil:
		f.troubles.end("rights")
		if s.wanted != s.read.ETag {
			f.enqueue(s)
		}
	case errors.Is(err, errBroken), err != errChanged && f.ctx.Err() == nil && diagnose(err) == ofBlob:
		if hasStatus(err, http.StatusNotFound) {
			f.log(Info, fmt.Sprintf("blob %q: deleted before all of it was read", s.url))
		} else {
			f.log(Error, fmt.Sprintf("blob %q: cannot be read, left out until it changes: %s", s.url, explain(err)))
		}
		s.read.ETag = s.wanted
		f.ready = append(f.ready, part{source: s, end: s.read})
		s.parts++
	default:
		if diagnose(err) == ofRights {
			f.troubles.begin("rights", Warn, fmt.Sprintf("blob %q: cannot be read: %s, trying again", s.url, explain(err)))
		}
		f.enqueue(s)
	}
	f.release(s)
}

// enqueue lines a blob up for reading, with the lock held.
func (f *Follower) enqueue(s *source) {
	s.state = queued
	f.queue = append(f.queue, s)
	f.moved.Broadcast()
}

// release forgets a blob that the store knows as well, with the lock held.
func (f *Follower) release(s *source) {
	if s.state == idle && s.parts == 0 && s.handed == 0 {
		delete(f.active, s.place)
	}
}

// closedAfter is how long after its hour a blob is not expected to grow any
// more. Flow logs are at most minutes late.
const closedAfter = 2 * time.Hour
