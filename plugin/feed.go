package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"fluent-bit-nsgflow/nsgflow/storage"
	"fluent-bit-nsgflow/plugin/config"
)

// feed stands between a follower, whose goroutines prepare records, and the
// host, whose one thread appends them. It decides when the next segment may be
// appended, and when the host has a segment for good:
//
//   - With storage.type filesystem, when the append has returned: the records
//     are in a file then, or in pages of it that outlive the process. At most
//     batch_bytes are appended beyond the checkpoint on disk.
//   - Else when the host holds nothing of the instance any more. For that to
//     happen, appending stops after a while until all is delivered.
type feed struct {
	follower *storage.Follower
	options  storage.Options
	name     string // numbered, as the folder of chunks is called; may be empty
	began    time.Time
	wake     func() // rings the collector
	lines    storage.Lines

	prepared chan *segment
	stop     chan struct{}
	running  sync.WaitGroup
	paused   atomic.Bool

	mu        sync.Mutex
	current   *segment      // the next to be appended
	appended  []*segment    // and not behind a checkpoint on disk, oldest first
	unsaved   int           // bytes of these
	given     int           // bytes that the host has taken
	dirBytes  int           // of chunks on disk a moment ago, less what the host had taken before
	last      storage.Token // of the last one
	committed storage.Token
	kind      storageKind
	dir       string    // of chunks; empty: not known
	looked    time.Time // when kind was looked for
	since     time.Time // when the oldest segment was appended that is not committed; zero: none
	draining  bool      // no append until the host holds nothing
	retryAt   time.Time // after a refused append
	waiting   bool      // a segment may not be appended yet
	refused   uint64    // appends
}

// segment is a number of records, encoded for the host.
type segment struct {
	buffer  bytes.Buffer
	records int
	size    int // of the texts
	token   storage.Token
	pinned  runtime.Pinner // while the host has the buffer
}

// storageKind is how the host keeps chunks.
type storageKind uint8

const (
	unknownStorage storageKind = iota
	memoryStorage              // or one that may lose what it has acknowledged
	diskStorage
)

const (
	segmentBytes = 64 << 10
	// maxSince bounds what a crash repeats with memory storage.
	maxSince = 5 * time.Second
	// retryRefused is how long a refused append waits.
	retryRefused = 100 * time.Millisecond
	// lookAgain is how often memory storage is doubted.
	lookAgain = 10 * time.Second
)

func openFeed(agent *storage.Agent, o storage.Options, name string, wake func()) (*feed, error) {
	f := &feed{options: o, name: name, began: time.Now(), wake: wake, prepared: make(chan *segment, 4), stop: make(chan struct{})}
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
			return // the follower has logged why
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
		f.mu.Lock()
		dir, given, busy := f.dir, f.given, f.waiting || f.current != nil || !f.since.IsZero()
		f.mu.Unlock()
		if dir != "" && (busy || n%10 == 0) {
			size := sizeOf(dir)
			f.mu.Lock()
			f.dirBytes = size - given
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
	if f.waiting = !f.mayAppend(held); f.waiting {
		return nil
	}
	return f.current
}

func (f *feed) mayAppend(held int) bool {
	f.forgetSaved()
	if f.pending(held) >= f.options.PendingLimit {
		// Where all is committed there is nothing to drain: what an earlier
		// process has left may reach the limit alone.
		f.draining = f.kind != diskStorage && f.committed < f.last
		return false
	}
	if f.kind == diskStorage {
		return f.unsaved == 0 || f.unsaved+f.current.size <= f.options.BatchBytes
	}
	if !f.since.IsZero() && time.Since(f.since) > maxSince {
		f.draining = true
	}
	return !f.draining
}

// pending is what the host holds of the instance, on disk or in memory. What it
// has taken since the folder was looked at counts as on disk.
func (f *feed) pending(held int) int {
	if f.dir == "" {
		return held
	}
	return max(held, f.dirBytes+f.given)
}

func (f *feed) forgetSaved() {
	saved := f.follower.Saved()
	for len(f.appended) > 0 && f.appended[0].token <= saved {
		f.unsaved -= f.appended[0].size
		f.appended[0] = nil
		f.appended = f.appended[1:]
	}
}

// done says whether the host has taken the segment that next returned.
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
	f.given += s.buffer.Len()
	s.buffer = bytes.Buffer{}
	f.last = s.token
	f.appended = append(f.appended, s)
	f.unsaved += s.size
	if f.kind != diskStorage && held > 0 && time.Since(f.looked) > lookAgain {
		f.kind, f.dir, f.looked = unknownStorage, "", time.Now()
		f.kind, f.dir = lookAtStorage(f.name, f.began)
		f.dirBytes = sizeOf(f.dir) - f.given
	}
	switch {
	case f.kind == diskStorage:
		f.commit()
	case f.since.IsZero():
		f.since = time.Now()
	}
}

func (f *feed) commit() {
	f.committed, f.since, f.draining = f.last, time.Time{}, false
	f.follower.Commit(f.last)
}

// tick is called after appends, and now and then. It reports whether the host
// should flush before its time.
func (f *feed) tick(held int) (flush bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if held == 0 && f.committed < f.last {
		f.commit()
	}
	return f.draining || f.pending(held) >= f.options.PendingLimit/2
}

// close ends the feed. What the host still holds in memory it drops: that is
// read again after the next start.
func (f *feed) close(held int) error {
	f.tick(held)
	close(f.stop)
	f.mu.Lock()
	lost := f.committed < f.last
	f.mu.Unlock()
	err := f.follower.Close()
	f.running.Wait()
	if lost {
		f.lines.Add(storage.Warn, fmt.Sprintf("the outputs have not taken %d bytes that are in memory only: they are read again after the next start", held))
	}
	return err
}

func (f *feed) recoverPanic() {
	if p := recover(); p != nil {
		f.lines.Add(storage.Error, "internal error: "+config.Quote(fmt.Sprint(p)))
	}
}

// sizeOf is what the files of a folder take.
func sizeOf(dir string) (total int) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && filepath.Ext(e.Name()) == ".flb" {
			total += int(info.Size())
		}
	}
	return total
}
