package storage

import (
	"errors"
	"fmt"
	"time"
)

// blobState is a blob that has something unread, or read and not yet behind a
// checkpoint. All but the first group is guarded by the account's lock.
type blobState struct {
	blobID
	a       *account
	bucket  string // of the store
	path    blobPath
	url     string
	backoff *backoff

	progress    progress
	byName      bool       // not seen in a listing: ask first whether it has changed
	again       bool       // a listing has shown it while it was read
	closed      bool       // its hour is long over: what has no end gets none
	modified    time.Time  // when it was written last, as far as known
	unreadSince time.Time  // when the oldest change was written that is not read yet; zero: none
	unsafeSince time.Time  // likewise, of what is read and not yet behind a checkpoint
	read        checkpoint // how far it has been read into parts
	parts       int        // in ready
	inFlight    int        // batches between handing out and checkpoint
}

type progress uint8

const (
	idle progress = iota
	queued
	reading
	resting // after a failure, until it is queued again
)

var errInternal = errors.New("internal error")

func (a *account) readLoop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.await(func() bool { return len(a.queue) > 0 }) {
		b := a.queue[0]
		a.queue[0] = nil
		a.queue = a.queue[1:]
		a.changed.Broadcast()
		if pause := a.containerOf(b).reading.left(); pause > 0 {
			a.rest(b, pause, "")
			continue
		}
		b.progress = reading
		a.finish(b, a.readUnlocked(b))
	}
}

// readUnlocked reads without the lock, whatever happens.
func (a *account) readUnlocked(b *blobState) (err error) {
	a.mu.Unlock()
	defer a.mu.Lock()
	return a.guarded(b.quoted(), func() error { return a.read(b) })
}

// guarded makes an error of a panic, which would take the whole agent along.
func (a *account) guarded(what string, do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			a.log(Error, fmt.Sprintf("%s: internal error: %v", what, p))
			err = errInternal
		}
	}()
	return do()
}

// finish decides what becomes of a blob after an attempt to read it. Its
// checkpoint has moved by what was read, whatever the error.
func (a *account) finish(b *blobState, err error) {
	b.progress = idle
	c := a.containerOf(b)
	m, answered := meaningOf(err)
	switch {
	case err == nil:
		b.backoff.succeeded()
		c.reading.succeeded()
		if b.again {
			b.byName = false
			a.enqueue(b)
		}
	case answered && m == gone:
		b.unreadSince = time.Time{}
		a.alerts.note(b.quoted()+" gone", Info, b.quoted()+": deleted before all of it was read")
	case answered && m == archived:
		b.unreadSince = time.Time{}
		c.setAside(b.written())
	case answered && m == changed:
		text := ""
		if b.backoff.failed(err, ""); b.backoff.lasts() {
			text = b.quoted() + ": changes again and again before it is read"
			b.backoff.begin(Refused, text)
		}
		a.rest(b, b.backoff.left(), text)
	case answered && m == forbidden:
		text := fmt.Sprintf("container %q: %s: cannot be read: %s", c.name, b.quoted(), describe(err))
		c.reading.failed(err, text)
		a.rest(b, c.reading.left(), text)
	case a.f.ctx.Err() == nil:
		text := fmt.Sprintf("%s: cannot be read: %s", b.quoted(), describe(err))
		b.backoff.failed(err, text)
		if errors.Is(err, errInternal) {
			b.backoff.begin(Internal, text)
		}
		a.rest(b, b.backoff.left(), text)
	}
	b.again = false
	if len(a.resting) == 0 {
		a.alerts.clear("reading")
	}
	if b.read.Half && !b.closed {
		a.unended(b)
	}
	a.forget(b)
}

// rest lines a blob up again later, with the lock held: the others go on.
func (a *account) rest(b *blobState, pause time.Duration, why string) {
	b.progress = resting
	a.resting[b] = true
	if why != "" {
		a.alerts.raise("reading", Warn, why+", trying again")
	}
	time.AfterFunc(pause, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if b.progress == resting && b.backoff.left() == 0 {
			a.stats.Retries++
			a.enqueue(b)
		}
	})
}

// enqueue lines a blob up for reading, with the lock held.
func (a *account) enqueue(b *blobState) {
	b.progress = queued
	delete(a.resting, b)
	a.queue = append(a.queue, b)
	a.changed.Broadcast()
}

// forget drops a blob that the store knows as well, with the lock held.
func (a *account) forget(b *blobState) {
	if b.progress == idle && b.parts == 0 && b.inFlight == 0 && a.active[b.blobID] == b {
		c := a.containerOf(b)
		if c.open == a.f.o.mostOpen() {
			a.changed.Broadcast() // a listing may wait for it
		}
		c.open--
		delete(a.active, b.blobID)
		a.forgotten++
	}
}

// oldest is when the oldest change was written that is not behind a checkpoint;
// zero: there is none.
func (b *blobState) oldest() time.Time {
	if b.unreadSince.IsZero() || !b.unsafeSince.IsZero() && b.unsafeSince.Before(b.unreadSince) {
		return b.unsafeSince
	}
	return b.unreadSince
}

// safe notes that a part or a batch is done with, with the lock held.
func (b *blobState) safe() {
	if b.parts == 0 && b.inFlight == 0 {
		b.unsafeSince = time.Time{}
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

func (b *blobState) writtenBy(modified time.Time) time.Time { return writtenBy(b.path, modified) }

func writtenBy(path blobPath, modified time.Time) time.Time {
	if path.dated() {
		return path.hour.Add(time.Hour)
	}
	return modified
}

// closedAfter is how long after its hour a blob is not expected to grow any
// more. Flow logs are at most minutes late.
const closedAfter = 2 * time.Hour
