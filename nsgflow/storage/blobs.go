package storage

import (
	"context"
	"fmt"
	"sync"
	"time"

	"fluent-bit-nsgflow/nsgflow/storage/checkpoint"
)

// stage is where a blob is on its way. Only the methods of blobs move it:
//
//	idle     →  queued    listed: a listing shows another version than the one that was read
//	         →  queued    asked: its name is known, and it may have changed
//	queued   →  reading   next: a reader takes it
//	         →  resting   next: its container waits for rights
//	reading  →  idle      finished: there is nothing to do, or nothing but a name is known of an hour that is over
//	         →  queued    finished: it was read, and a listing has shown another version meanwhile; or it gave way to one of now
//	         →  resting   finished: it could not be read
//	resting  →  queued    the timer of rest: the pause is over
//	         →  queued    rested: another secret is there
//
// A blob that is idle, and of which all that was read is behind a checkpoint, is
// dropped: the store knows it, and the next listing shows what is unread.
type stage uint8

const (
	idle stage = iota
	queued
	reading
	resting
)

// blob is a blob that is on its way. The first group does not change; blobs.mu
// guards the rest.
type blob struct {
	blobID
	in      *container
	path    blobPath
	url     string
	backoff *backoff

	stage       stage
	ofNow       bool                  // its hour is still written; as it was when it had no parts, so that these keep their order
	byName      bool                  // not seen in a listing: ask first whether it has changed
	listed      string                // the version that a listing has shown last
	again       bool                  // a listing has shown it while it was read
	closed      bool                  // its hour is long over: what has no end gets none
	modified    time.Time             // when it was written last, as far as known
	unreadSince time.Time             // when the oldest change was written that is not read yet; zero: none
	unsavedOf   time.Time             // likewise, of what is read and not yet behind a checkpoint
	read        checkpoint.Checkpoint // how far it has been read
	unsaved     int                   // parts and batches that are not behind a checkpoint
}

// blobID is a blob within its account.
type blobID struct{ container, name string }

func (b *blob) quoted() string { return fmt.Sprintf("blob %q", b.url) }

// store is what the checkpoint of a blob is asked of.
type store interface {
	get(bucket, name string) (c checkpoint.Checkpoint, ok bool, err error)
}

// blobs are those of an account that are on their way, and the queue to the
// readers.
type blobs struct {
	ctx   context.Context // of the follower
	most  int             // of a container on their way; its listings wait beyond it
	store store

	mu        sync.Mutex
	changed   *sync.Cond // something below has
	byID      map[blobID]*blob
	forgotten uint64         // how many were dropped
	queue     lanes[*blob]   // queued
	resting   map[*blob]bool // at the stage resting
}

func newBlobs(ctx context.Context, most int, known store) *blobs {
	all := &blobs{ctx: ctx, most: most, store: known, byID: map[blobID]*blob{}, resting: map[*blob]bool{}}
	all.changed = sync.NewCond(&all.mu)
	return all
}

// wake makes everybody look again, as at the end of the follower.
func (all *blobs) wake() {
	all.mu.Lock()
	all.changed.Broadcast()
	all.mu.Unlock()
}

// asked lines up a blob whose name is known, to be read if it has changed. It
// reports false for one that is read just now, maybe without that change.
func (all *blobs) asked(c *container, name string, now time.Time) (ok bool, err error) {
	all.mu.Lock()
	defer all.mu.Unlock()
	b, err := all.of(c, name, nil)
	if err != nil {
		return false, err
	}
	b.closed = b.path.dated() && now.Sub(b.written()) > closedAfter
	if b.stage == idle {
		b.byName = true
		all.enqueue(b)
	}
	return b.stage != reading, nil
}

// listed lines up a blob of a listing if it has changed. It waits while too many blobs
// of the container are on their way, unless the blob is one of now. skip says that
// blobs without a checkpoint are to be left out, for they were there before the
// beginning: of such a blob known is false, and the caller makes its checkpoint.
func (all *blobs) listed(c *container, name, version string, modified, now time.Time, skip bool) (known bool, err error) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if !stillOpen(parsePath(name), modified, now) && !all.await(func() bool { return c.underWay < all.most }) {
		return false, all.ctx.Err()
	}
	b, err := all.of(c, name, func() bool { return !skip })
	if err != nil || b == nil {
		return false, err
	}
	b.closed = now.Sub(b.writtenBy(modified)) > closedAfter
	if b.read.Half && !b.closed {
		c.known.unended(b)
	}
	if b.read.ETag == version && !(b.read.Half && b.closed) {
		all.forget(b)
		return true, nil
	}
	b.changedAt(modified)
	switch b.stage {
	case idle:
		b.byName = b.read.ETag != "" // one request is enough, mostly
		all.enqueue(b)
	case reading:
		b.again = b.again || b.listed != version // once more, whatever this attempt finds
	default:
		b.byName = false
	}
	b.listed = version
	return true, nil
}

// next waits for a blob to be read, and says what is known of it. It is nil at
// the end of the follower.
func (all *blobs) next() (*blob, task) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for all.await(func() bool { return all.queue.len() > 0 }) {
		b := all.queue.pop()
		all.changed.Broadcast()
		if pause := b.in.reading.left(); pause > 0 {
			all.rest(b, pause)
			continue
		}
		b.stage = reading
		return b, task{b.read, b.byName, b.closed, b.listed != "" && b.listed != b.read.ETag}
	}
	return nil, task{}
}

// task is what a reader is told of a blob.
type task struct {
	from   checkpoint.Checkpoint // how far it has been read
	ask    bool                  // first whether it has changed
	closed bool                  // what has no end gets none
	listed bool                  // a listing has another version than that was read
}

// outcome is how a reader's turn has ended.
type outcome uint8

const (
	readWhole outcome = iota // all of the version that was there; or it has not changed, or is gone by now
	notThere                 // it was deleted: nothing is waited for
	inArchive                // it is waited for by the listings
	notRead                  // what was read is; the rest waits for its backoff
	gaveWay                  // likewise; the rest waits for its turn behind a blob of now
	notLooked                // the follower ends
)

// finished ends a reader's turn. A blob that could not be read rests for a
// while. allWell reports whether no blob of the account rests.
func (all *blobs) finished(b *blob, how outcome, pause time.Duration) (allWell bool) {
	all.mu.Lock()
	defer all.mu.Unlock()
	b.stage = idle
	switch how {
	case readWhole:
		if b.again {
			b.byName = false
			all.enqueue(b)
		}
	case notThere:
		b.unreadSince = time.Time{}
	case inArchive:
		b.unreadSince = time.Time{}
		b.in.archive.add(b.written())
	case gaveWay:
		b.byName = false
		all.enqueue(b)
	case notRead:
		if !b.isGuess() {
			all.rest(b, pause)
		}
	}
	b.again = false
	if b.read.Half && !b.closed {
		b.in.known.unended(b)
	}
	all.forget(b)
	return len(all.resting) == 0
}

// rest lines a blob up again later: the others go on. all.mu is held.
func (all *blobs) rest(b *blob, pause time.Duration) {
	b.stage = resting
	all.resting[b] = true
	time.AfterFunc(pause, func() {
		all.mu.Lock()
		defer all.mu.Unlock()
		if b.stage == resting && b.backoff.left() == 0 {
			b.in.requests.retried()
			all.enqueue(b)
		}
	})
}

// rested ends all pauses.
func (all *blobs) rested() {
	all.mu.Lock()
	defer all.mu.Unlock()
	for b := range all.resting {
		b.backoff.retry()
		all.enqueue(b)
	}
}

// enqueue lines a blob up for reading, with all.mu held.
func (all *blobs) enqueue(b *blob) {
	b.stage = queued
	delete(all.resting, b)
	if b.unsaved == 0 {
		b.ofNow = stillOpen(b.path, b.modified, b.in.requests.clock.time())
	}
	all.queue.push(b.ofNow, b)
	all.changed.Broadcast()
}

// givesWay reports whether a blob is to be read on later, because one of now waits.
func (all *blobs) givesWay(b *blob) bool {
	all.mu.Lock()
	defer all.mu.Unlock()
	return !b.ofNow && all.queue.ofNow()
}

// of is the blob of a name, with all.mu held but while the store is read: nobody
// waits for a disk. Where nothing is known of it, unknown decides whether there
// is to be one; nil stands for yes.
func (all *blobs) of(c *container, name string, unknown func() bool) (*blob, error) {
	id := blobID{c.name, name}
	for {
		if b := all.byID[id]; b != nil {
			return b, nil
		}
		forgotten, from := all.forgotten, all.store
		read, ok, err := func() (checkpoint.Checkpoint, bool, error) {
			all.mu.Unlock()
			defer all.mu.Lock()
			return from.get(c.bucket, name)
		}()
		switch {
		case err != nil:
			return nil, err
		case all.byID[id] != nil || all.forgotten != forgotten:
			continue // the checkpoint may have moved meanwhile
		case !ok && unknown != nil && !unknown():
			return nil, nil
		}
		b := &blob{blobID: id, in: c, path: parsePath(name), url: c.urlOf(name), backoff: newBackoff(), read: read, modified: read.Modified}
		all.byID[id] = b
		c.underWay++
		return b, nil
	}
}

// await waits until ready says so, with all.mu held. It reports false when the
// follower ends.
func (all *blobs) await(ready func() bool) bool {
	for all.ctx.Err() == nil && !ready() {
		all.changed.Wait()
	}
	return all.ctx.Err() == nil
}

// forget drops a blob that the store knows as well, with all.mu held.
func (all *blobs) forget(b *blob) {
	if b.stage == idle && b.unsaved == 0 && all.byID[b.blobID] == b {
		if b.in.underWay == all.most {
			all.changed.Broadcast() // a listing may wait for it
		}
		b.in.underWay--
		delete(all.byID, b.blobID)
		all.forgotten++
	}
}

// wrote notes when a blob was written that is found to have changed.
func (all *blobs) wrote(b *blob, at time.Time) {
	all.mu.Lock()
	b.changedAt(at)
	all.mu.Unlock()
}

// reached notes how far a blob has been read: to the end of this version, where
// the checkpoint has an ETag. There is a part more that is behind no checkpoint,
// if part says so.
func (all *blobs) reached(b *blob, c checkpoint.Checkpoint, part bool) {
	all.mu.Lock()
	defer all.mu.Unlock()
	b.read = c
	if c.ETag != "" {
		b.unsavedOf, b.unreadSince = b.oldest(), time.Time{}
	}
	if part {
		b.unsaved++
	}
}

// stamped is a checkpoint, complete: without a date in its name, a blob is as
// old as its last change. A batch more is behind none then.
func (all *blobs) stamped(b *blob, c checkpoint.Checkpoint) checkpoint.Checkpoint {
	all.mu.Lock()
	defer all.mu.Unlock()
	b.unsaved++
	if !b.path.dated() {
		c.Modified = b.modified
	}
	return c
}

// released notes that a part has become a batch, or that a batch is behind a
// checkpoint.
func (all *blobs) released(b *blob) {
	all.mu.Lock()
	defer all.mu.Unlock()
	b.unsaved--
	if b.unsaved == 0 {
		b.unsavedOf = time.Time{}
	}
	all.forget(b)
}

// unsettled says how many blobs have something that is behind no checkpoint, and when
// the oldest of that was written.
func (all *blobs) unsettled() (n int, oldest time.Time) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for _, b := range all.byID {
		if since := b.oldest(); !since.IsZero() {
			n++
			if oldest.IsZero() || since.Before(oldest) {
				oldest = since
			}
		}
	}
	return n, oldest
}

// settledBefore is the hour before which everything of a container is read and
// behind a checkpoint: limit, or an earlier one.
func (all *blobs) settledBefore(container string, limit time.Time) time.Time {
	all.mu.Lock()
	defer all.mu.Unlock()
	for _, b := range all.byID {
		if written := b.written(); b.container == container && !written.IsZero() && written.Add(-time.Hour).Before(limit) {
			limit = written.Add(-time.Hour).Truncate(time.Hour)
		}
	}
	return limit
}

// none reports whether no blob of a container is on its way.
func (all *blobs) none(c *container) bool {
	all.mu.Lock()
	defer all.mu.Unlock()
	return c.underWay == 0
}

// standings are why blobs rest.
func (all *blobs) standings() (waits []*standing) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for b := range all.resting {
		waits = append(waits, &b.backoff.standing)
	}
	return waits
}

// oldest is when the oldest change was written that is not behind a checkpoint;
// zero: there is none.
func (b *blob) oldest() time.Time {
	if b.unreadSince.IsZero() || !b.unsavedOf.IsZero() && b.unsavedOf.Before(b.unreadSince) {
		return b.unsavedOf
	}
	return b.unreadSince
}

func (b *blob) changedAt(at time.Time) {
	b.modified = at
	if b.unreadSince.IsZero() {
		b.unreadSince = at
	}
}

// isGuess reports whether nothing but a name is known of a blob whose hour is over:
// where it is there, the listings show it.
func (b *blob) isGuess() bool {
	return b.listed == "" && b.modified.IsZero() && b.read == checkpoint.Checkpoint{} && !stillOpen(b.path, b.modified, b.in.requests.clock.time())
}

// written is the time by which a blob was or will be complete; zero: unknown.
func (b *blob) written() time.Time { return b.writtenBy(b.modified) }

func (b *blob) writtenBy(modified time.Time) time.Time { return writtenBy(b.path, modified) }

func writtenBy(path blobPath, modified time.Time) time.Time {
	if path.dated() {
		return path.hour.Add(time.Hour)
	}
	return modified
}

// closedAfter is how long after its hour a blob is not expected to grow any
// more. Flow logs are at most minutes late.
const closedAfter = 2 * time.Hour
