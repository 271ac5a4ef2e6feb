package main

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"fluent-bit-nsgflow/nsgflow/storage"
	"fluent-bit-nsgflow/plugin/tables"
)

// feed stands between a follower, whose goroutines prepare records, and the
// host, whose one thread appends them.
type feed struct {
	follower *storage.Follower
	options  storage.Options
	tag      tables.Tag
	wake     func() // rings the collector
	lines    storage.Lines

	prepared chan *segment
	stop     chan struct{}
	running  sync.WaitGroup
	paused   atomic.Bool

	mu       sync.Mutex
	handover handover
	current  *segment  // the next to be appended
	retryAt  time.Time // after a refused append
	blocked  wait      // what the next waits for
	fault    wait      // that stops the preparing
	refused  uint64    // appends
	flushed  flushed
	lasting  []wait // what waits for a while
	left     bool   // it was said that chunks are left

	lookAt time.Time // when the folder of chunks may be looked at again; for watch alone
}

// flushed is when the host was last asked to flush, and what it had then.
type flushed struct {
	at    time.Time
	given int
}

// segment is a number of records, encoded for the host.
type segment struct {
	buffer  bytes.Buffer
	records int
	size    int // of the texts
	token   storage.Token
	tag     []byte         // empty: the instance's
	pinned  runtime.Pinner // while the host has the buffer and the tag
}

const (
	segmentBytes = 64 << 10
	// retryRefused is how long a refused append waits.
	retryRefused = 100 * time.Millisecond
	// retryFault is how long an internal error waits.
	retryFault = time.Second
	// chunkBytes is what a chunk of the host is closed at.
	chunkBytes = 2 << 20
	// lookShare is of the time, what goes at most into looking at chunks: after an
	// outage there may be ten thousands.
	lookShare = 10
	// flushInterval is between two flushes of less.
	flushInterval = time.Second
)

func openFeed(agent *storage.Agent, o storage.Options, name string, tag tables.Tag, wake func()) (*feed, error) {
	f := &feed{options: o, tag: tag, wake: wake, prepared: make(chan *segment, 4), stop: make(chan struct{})}
	f.handover.name, f.handover.began = name, time.Now()
	var err error
	if f.follower, err = agent.Open(o, f.lines.Add, wake); err != nil {
		return nil, err
	}
	f.running.Go(f.prepare)
	f.running.Go(f.watch)
	return f, nil
}

// prepare encodes what the follower has, some segments ahead.
func (f *feed) prepare() {
	for {
		batch, err := f.take()
		if err != nil {
			f.sayWhy(err)
			return
		}
		if len(batch.Records) == 0 {
			select {
			case <-f.follower.Ready():
				continue
			case <-f.stop:
				return
			}
		}
		s, err := f.encode(batch)
		for err != nil {
			f.faults(err)
			select {
			case <-time.After(retryFault):
			case <-f.stop:
				return
			}
			s, err = f.encode(batch)
		}
		f.faults(nil)
		select {
		case f.prepared <- s:
			f.wake()
		case <-f.stop:
			return
		}
	}
}

// take makes an error of a panic. What the follower had in hand then is behind
// no checkpoint, so nothing that comes later may be.
func (f *feed) take() (batch storage.Batch, err error) {
	defer recoverPanic(func(text string) { err = errors.New(text) })
	return f.follower.Next(min(segmentBytes, f.options.BatchBytes))
}

// encode makes an error of a panic. The batch is kept until it is a segment: a
// later one, committed, would carry the checkpoint over it.
func (f *feed) encode(batch storage.Batch) (s *segment, err error) {
	defer recoverPanic(func(text string) { err = errors.New(text) })
	s = &segment{records: len(batch.Records), token: batch.Token, tag: f.tag.Of(batch.Records[0])}
	for i := range batch.Records {
		s.size += len(batch.Records[i].Text)
	}
	return s, encode(&s.buffer, batch.Records, time.Now())
}

// encode is replaced in tests.
var encode = encodeRecords

// faults notes what stops the preparing, and says it once at once; nil: nothing.
func (f *feed) faults(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		f.fault = wait{}
		return
	}
	if f.fault.reason == "" {
		f.lines.Add(storage.Error, err.Error())
	}
	f.fault.is(tables.WaitFault)
	f.fault.detail = err.Error()
}

// sayWhy keeps why nothing is prepared any more. What a follower says of itself
// when it ends it says again, too.
func (f *feed) sayWhy(err error) {
	if !errors.Is(err, storage.ErrClosed) && len(f.follower.Waiting()) == 0 {
		f.faults(err)
	}
}

// watch rings the collector while something waits, and now and then for the log
// and the metrics.
func (f *feed) watch() {
	tick := time.NewTicker(retryRefused)
	defer tick.Stop()
	said := waits{}
	for n := 0; ; n++ {
		select {
		case <-tick.C:
		case <-f.stop:
			return
		}
		f.lookAround(n%10 == 0, said)
	}
}

// lookAround looks at what the host holds in files, and at what waits.
func (f *feed) lookAround(whole bool, said waits) {
	defer recoverPanic(func(text string) { f.lines.Add(storage.Error, text) })
	h := &f.handover
	f.mu.Lock()
	dir, given, busy := h.dir, h.given, f.current != nil || h.outstanding()
	f.mu.Unlock()
	if began := time.Now(); dir != "" && (busy || whole) && !began.Before(f.lookAt) {
		now := lookAtChunks(dir, h.began)
		f.lookAt = time.Now().Add((lookShare - 1) * time.Since(began))
		f.mu.Lock()
		h.look(now, given)
		f.sayUnrouted()
		f.mu.Unlock()
	}
	if whole {
		lasting := said.update(time.Now(), f.present(), f.lines.Add)
		f.mu.Lock()
		f.lasting = lasting
		f.mu.Unlock()
	}
	if busy || whole {
		f.wake()
	}
}

// sayUnrouted says once that there are chunks which the host does not take up.
func (f *feed) sayUnrouted() {
	unrouted := f.handover.unrouted()
	if unrouted && !f.left {
		f.lines.Add(storage.Warn, fmt.Sprintf("%q holds %d bytes of chunks from before this start that Fluent Bit does not take up: no output matches their tag, "+
			"or they are damaged; they do not count towards pending_limit any more; what to do: give their tag an output and start the agent anew, or delete them",
			f.handover.dir, f.handover.inDir.left))
	}
	f.left = unrouted
}

// next is the segment to append now, if any. held is what the host holds of
// the instance in memory.
func (f *feed) next(held int) *segment {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.handover.holds(held)
	f.commitDelivered(held)
	f.handover.forget(f.follower.Saved())
	if f.current == nil {
		select {
		case f.current = <-f.prepared:
		default:
			f.blocked = wait{}
			return nil
		}
	}
	if why := f.waitsFor(held); why != "" {
		f.blocked.is(why)
		return nil
	}
	return f.current
}

func (f *feed) waitsFor(held int) string {
	switch {
	case f.paused.Load():
		return tables.WaitPaused
	case time.Now().Before(f.retryAt):
		return tables.WaitAppend
	}
	f.handover.drain(held, f.options.PendingLimit)
	return f.handover.waitsFor(f.current.size, held, &f.options)
}

// done is told whether the host has taken the segment that next returned.
func (f *feed) done(ok bool, held int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.current.pinned.Unpin()
	if !ok {
		f.refused++
		f.retryAt = time.Now().Add(retryRefused)
		f.blocked.is(tables.WaitAppend)
		return
	}
	f.blocked = wait{}
	s := f.current
	f.current = nil
	encodedBytes := s.buffer.Len()
	s.buffer = bytes.Buffer{}
	safe := f.handover.took(s, encodedBytes, held)
	f.follower.Taken(s.token)
	if safe {
		f.follower.ChunksIn(f.handover.dir)
		f.follower.Commit(f.handover.allSafe())
	}
}

// commitDelivered commits everything where the host holds nothing any more.
func (f *feed) commitDelivered(held int) {
	if held == 0 && f.handover.outstanding() {
		f.follower.Commit(f.handover.allSafe())
	}
}

// tick is called after appends, and now and then. It reports whether the host
// should flush what it holds of the instance before its time: a backlog need not
// wait for that. Each flush makes a task of each chunk, and tasks are few: so
// there is one for a whole chunk, or one a second.
func (f *feed) tick(held int) (flush bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := &f.handover
	h.holds(held)
	f.commitDelivered(held)
	more := h.given - f.flushed.given
	if more == 0 || !h.draining && h.pending(held) < f.options.PendingLimit/2 {
		return false
	}
	if more < chunkBytes && time.Since(f.flushed.at) < flushInterval {
		return false
	}
	f.flushed = flushed{time.Now(), h.given}
	return true
}

// close ends the feed. The host drops what it still holds in memory; these
// records are read again after the next start.
func (f *feed) close(held int) error {
	f.tick(held)
	close(f.stop)
	f.mu.Lock()
	repeated := f.handover.outstanding()
	f.mu.Unlock()
	err := f.follower.Close()
	f.running.Wait()
	if repeated {
		f.lines.Add(storage.Warn, fmt.Sprintf("the outputs have not taken %d bytes that are in memory only: they are read again after the next start", held))
	}
	return err
}
