package storage

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// blobState is a blob that has something unread, or read and not yet behind a
// checkpoint. All but the first group is guarded by the account's lock.
type blobState struct {
	blobID
	a      *account
	bucket string // of the store
	path   blobPath
	url    string

	progress    progress
	byName      bool       // not seen in a listing: ask first whether it has changed
	wanted      string     // version that the last listing showed
	closed      bool       // its hour is long over: what has no end gets none
	modified    time.Time  // when it was written last, as far as known
	unreadSince time.Time  // when the oldest change was written that is not read yet; zero: none
	read        checkpoint // how far it has been read into parts
	parts       int        // in ready
	inFlight    int        // batches between handing out and checkpoint
}

type progress uint8

const (
	idle progress = iota
	queued
	reading
)

var (
	errChanged  = errors.New("the blob has changed meanwhile")
	errInternal = errors.New("internal error")
)

func (a *account) readLoop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.await(func() bool { return len(a.queue) > 0 }) {
		b := a.queue[0]
		a.queue[0] = nil
		a.queue = a.queue[1:]
		b.progress = reading
		a.changed.Broadcast()
		a.finish(b, a.readUnlocked(b))
	}
}

// readUnlocked reads without the lock, whatever happens.
func (a *account) readUnlocked(b *blobState) (err error) {
	a.mu.Unlock()
	defer a.mu.Lock()
	defer func() {
		if p := recover(); p != nil {
			a.log(Error, fmt.Sprintf("blob %q: internal error: %v", b.url, p))
			err = errInternal
		}
	}()
	return a.read(b)
}

// finish decides what becomes of a blob after an attempt to read it.
func (a *account) finish(b *blobState, err error) {
	b.progress = idle
	switch {
	case err == nil:
		a.alerts.clear("rights")
		if b.wanted != "" && b.read.ETag != "" && b.wanted != b.read.ETag {
			a.enqueue(b)
		}
	case errors.Is(err, errInternal), err != errChanged && a.f.ctx.Err() == nil && classify(err) == blobError:
		if hasStatus(err, http.StatusNotFound) {
			a.log(Info, fmt.Sprintf("blob %q: deleted before all of it was read", b.url))
		} else {
			a.alerts.raise(b.quoted(), Error, fmt.Sprintf("%s: cannot be read, left out until it changes: %s", b.quoted(), describe(err)))
		}
		b.unreadSince = time.Time{}
		if b.wanted != "" { // else asked again at the next poll
			b.read.ETag = b.wanted
			a.ready = append(a.ready, part{blob: b, end: b.read})
			b.parts++
			signal(a.f.ready)
		}
	default:
		if classify(err) == rightsError {
			a.alerts.raise("rights", Warn, fmt.Sprintf("blob %q: cannot be read: %s, trying again", b.url, describe(err)))
		}
		a.enqueue(b)
	}
	if b.read.Half && !b.closed {
		a.unended(b)
	}
	a.forget(b)
}

// enqueue lines a blob up for reading, with the lock held.
func (a *account) enqueue(b *blobState) {
	b.progress = queued
	a.queue = append(a.queue, b)
	a.changed.Broadcast()
}

// forget drops a blob that the store knows as well, with the lock held.
func (a *account) forget(b *blobState) {
	if b.progress == idle && b.parts == 0 && b.inFlight == 0 {
		if len(a.active) == a.f.o.mostOpen() {
			a.changed.Broadcast() // a listing may wait for it
		}
		delete(a.active, b.blobID)
	}
}

func (b *blobState) quoted() string { return fmt.Sprintf("blob %q", b.url) }

// changedAt notes a change of a blob, with the lock held.
func (b *blobState) changedAt(at time.Time) {
	b.modified = at
	if b.unreadSince.IsZero() {
		b.unreadSince = at
	}
}

// stamp completes a checkpoint: without a date in its name, a blob is as old
// as its last change.
func (b *blobState) stamp(c checkpoint) checkpoint {
	if !b.path.dated() {
		c.Modified = b.modified
	}
	return c
}

// written is the time by which a blob was or will be complete; zero: unknown.
func (b *blobState) written() time.Time { return b.writtenBy(b.modified) }

func (b *blobState) writtenBy(modified time.Time) time.Time {
	if b.path.dated() {
		return b.path.hour.Add(time.Hour)
	}
	return modified
}

// closedAfter is how long after its hour a blob is not expected to grow any
// more. Flow logs are at most minutes late.
const closedAfter = 2 * time.Hour
