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
	"fluent-bit-nsgflow/plugin/config"
)

// feed stands between a follower, whose goroutines prepare records, and the
// host, whose one thread appends them.
type feed struct {
	follower *storage.Follower
	options  storage.Options
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
	waiting  bool      // a segment may not be appended yet
	refused  uint64    // appends
}

// segment is a number of records, encoded for the host.
type segment struct {
	buffer  bytes.Buffer
	records int
	size    int // of the texts
	token   storage.Token
	pinned  runtime.Pinner // while the host has the buffer
}

const (
	segmentBytes = 64 << 10
	// retryRefused is how long a refused append waits.
	retryRefused = 100 * time.Millisecond
	// sayAgain is between two lines about a follower that has ended by itself.
	sayAgain = time.Minute
)

func openFeed(agent *storage.Agent, o storage.Options, name string, wake func()) (*feed, error) {
	f := &feed{options: o, wake: wake, prepared: make(chan *segment, 4), stop: make(chan struct{})}
	f.handover.name, f.handover.began = name, time.Now()
	for _, warning := range o.Warnings {
		f.lines.Add(storage.Warn, warning)
	}
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
	defer f.recoverPanic()
	for {
		batch, err := f.follower.Next(min(segmentBytes, f.options.BatchBytes))
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
		s := &segment{records: len(batch.Records), token: batch.Token}
		for i := range batch.Records {
			s.size += len(batch.Records[i].Text)
		}
		if err := encodeRecords(&s.buffer, batch.Records, time.Now()); err != nil {
			f.lines.Add(storage.Error, err.Error())
			return
		}
		select {
		case f.prepared <- s:
			f.wake()
		case <-f.stop:
			return
		}
	}
}

// sayWhy repeats why a follower has ended by itself. The follower logs it once,
// and without these lines the agent looks healthy.
func (f *feed) sayWhy(err error) {
	again := time.NewTicker(sayAgain)
	defer again.Stop()
	for !errors.Is(err, storage.ErrClosed) {
		select {
		case <-again.C:
			f.lines.Add(storage.Error, err.Error())
		case <-f.stop:
			return
		}
	}
}

// watch rings the collector while something waits, and now and then for the log
// and the metrics.
func (f *feed) watch() {
	defer f.recoverPanic()
	tick := time.NewTicker(retryRefused)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-tick.C:
		case <-f.stop:
			return
		}
		h := &f.handover
		f.mu.Lock()
		dir, given, busy := h.dir, h.given, f.waiting || f.current != nil || h.outstanding()
		f.mu.Unlock()
		if dir != "" && (busy || n%10 == 0) {
			size := sizeOf(dir)
			f.mu.Lock()
			h.inDir, h.givenAt = size, given
			f.mu.Unlock()
		}
		if busy || n%10 == 0 {
			f.wake()
		}
	}
}

// next is the segment to append now, if any. held is what the host holds of
// the instance in memory.
func (f *feed) next(held int) *segment {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.commitDelivered(held)
	f.handover.forget(f.follower.Saved())
	f.waiting = false
	if f.paused.Load() || time.Now().Before(f.retryAt) {
		f.waiting = true
		return nil
	}
	if f.current == nil {
		select {
		case f.current = <-f.prepared:
		default:
			return nil
		}
	}
	if f.waiting = !f.handover.mayTake(f.current.size, held, &f.options); f.waiting {
		return nil
	}
	return f.current
}

// done is told whether the host has taken the segment that next returned.
func (f *feed) done(ok bool, held int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.current.pinned.Unpin()
	if !ok {
		f.refused++
		f.retryAt, f.waiting = time.Now().Add(retryRefused), true
		return
	}
	s := f.current
	f.current = nil
	encodedBytes := s.buffer.Len()
	s.buffer = bytes.Buffer{}
	if f.handover.took(s, encodedBytes, held) {
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
// should flush before its time.
func (f *feed) tick(held int) (flush bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.commitDelivered(held)
	return f.handover.draining || f.handover.pending(held) >= f.options.PendingLimit/2
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

func (f *feed) recoverPanic() {
	if p := recover(); p != nil {
		f.lines.Add(storage.Error, "internal error: "+config.Quote(fmt.Sprint(p)))
	}
}
