package storage

import (
	"bytes"
	"context"
	"sync"
	"time"

	"fluent-bit-nsgflow/nsgflow/storage/checkpoint"
)

// Token names a batch. Later batches have larger ones. 0 is none.
//
// Its life, and who moves it on:
//
//	handed out  [Follower.Next]    it is in flight
//	appended    [Follower.Taken]   the host has it, be it in memory only: it counts as read
//	committed   [Follower.Commit]  the host has it for good, or in files that ChunksIn has named
//	saved       committer.flush    its checkpoints are in the journal: a kill repeats nothing of it ([Follower.Saved])
//	on disk     checkpoint.Store   chunks, then checkpoints, a second later: neither does a power cut
//
// Checkpoints are written in the order of the tokens, up to the last that is
// committed: what is not committed is read again by the next follower.
type Token uint64

// Batch is what is handed out at a time: of one account and container.
type Batch struct {
	Records []Record
	Token   Token // 0 iff there are no records
}

// inFlight is a batch between its handing out and its checkpoint.
type inFlight struct {
	token       Token // 0: it has no records, nothing could get lost
	checkpoints map[*blob]checkpoint.Checkpoint
	a           *account
	records     int
	bytes       int       // of their texts
	newest      time.Time // of its records; zero: not known
	taken       bool      // the host has it, be it in memory only
}

// committer hands out batches and writes checkpoints behind those that are
// committed: hop 4.
type committer struct {
	checkpoints *checkpoints
	notify      func()        // tells the host that a token is saved
	more        chan struct{} // Follower.ready
	commits     chan struct{} // holds one where flush may have something

	mu        sync.Mutex // before those of ready and blobs
	closed    bool       // nothing is handed out any more
	turn      int        // of the account that next begins with
	inFlight  []inFlight // in the order of their tokens
	token     Token      // of the last one
	taken     Token      // up to here the host has them
	committed Token      // up to here the host has them for good
	saved     Token      // up to here checkpoints outlive a kill
	chunksIn  string     // a folder, see ChunksIn; empty: not in files
}

// next is what is ready now of the first account that has something, in turns.
func (c *committer) next(accounts []*account, limit int) (Batch, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return Batch{}, ErrClosed
	}
	for range accounts {
		a := accounts[c.turn%len(accounts)]
		c.turn++
		records, checkpoints := a.ready.take(limit)
		if len(checkpoints) == 0 {
			continue
		}
		flight := inFlight{a: a, checkpoints: checkpoints, records: len(records), newest: newest(records, a.requests.clock.time())}
		for _, r := range records {
			flight.bytes += len(r.Text)
		}
		if len(records) > 0 {
			c.token++
			flight.token = c.token
		}
		c.inFlight = append(c.inFlight, flight)
		if len(records) > 0 {
			signal(c.more) // there may be more
			return Batch{records, c.token}, nil
		}
		signal(c.commits)
	}
	return Batch{}, nil
}

// close waits for next, and ends it. It reports false where it was closed before.
func (c *committer) close() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.closed
	c.closed = true
	return !before
}

// Taken says that the host has all batches up to this one, be it in memory only.
// They count as read from now on.
func (c *committer) Taken(t Token) {
	c.mu.Lock()
	c.taken = max(c.taken, t)
	c.mu.Unlock()
	signal(c.commits)
}

// Commit says that the host has all batches up to this one for good, or in the
// files that ChunksIn has named. Their checkpoints are written at once, in the
// background: see Saved.
func (c *committer) Commit(t Token) {
	c.mu.Lock()
	c.taken, c.committed = max(c.taken, t), max(c.committed, t)
	c.mu.Unlock()
	signal(c.commits)
}

// ChunksIn says that the batches which are committed from now on may be in files
// in a folder, which the system has not brought to disk yet. That is done before
// the checkpoints that are to outlive a power cut are written.
func (c *committer) ChunksIn(folder string) {
	c.mu.Lock()
	c.chunksIn = folder
	c.mu.Unlock()
}

// Saved is the last batch whose checkpoint outlives a kill of the process.
func (c *committer) Saved() Token {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.saved
}

func (c *committer) flushLoop(ctx context.Context) {
	for {
		select {
		case <-c.commits:
		case <-ctx.Done():
			return
		}
		for !c.flush() && sleep(ctx, saveRetry) {
		}
	}
}

// saveRetry is how long a disk that takes nothing is left alone.
const saveRetry = 500 * time.Millisecond

// flush writes the checkpoints of what is committed. It reports false where
// that has to be tried again.
func (c *committer) flush() bool {
	c.countTaken()
	due, folder, n, last := c.due()
	if n == 0 {
		return true
	}
	if c.checkpoints.commit(due, folder) != nil {
		return false
	}
	c.mu.Lock()
	done := c.inFlight[:n]
	c.inFlight = append([]inFlight(nil), c.inFlight[n:]...)
	c.saved = max(c.saved, last)
	c.mu.Unlock()
	for _, flight := range done {
		for b := range flight.checkpoints {
			flight.a.blobs.released(b)
		}
		flight.a.figures.add(func(s *AccountStats) { s.Checkpoints += uint64(len(flight.checkpoints)) })
	}
	c.notify()
	return true
}

// due are the checkpoints that may be written, of the first n batches in
// flight, the last of which is named last. Their chunks may be in folder.
func (c *committer) due() (all checkpoint.Set, folder string, n int, last Token) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all = checkpoint.Set{}
	for _, flight := range c.inFlight {
		if flight.token > c.committed {
			break
		}
		for b, at := range flight.checkpoints {
			bucket := b.in.bucket
			if all[bucket] == nil {
				all[bucket] = map[string]checkpoint.Checkpoint{}
			}
			all[bucket][b.name] = at
		}
		last = max(last, flight.token)
		n++
	}
	return all, c.chunksIn, n, last
}

// countTaken adds what the host has taken to the figures. The engine's thread
// does not do so itself: it would wait for the figures.
func (c *committer) countTaken() {
	var taken []inFlight
	c.mu.Lock()
	for i := range c.inFlight {
		flight := &c.inFlight[i]
		if flight.token > c.taken {
			break
		}
		if !flight.taken {
			flight.taken = true
			taken = append(taken, *flight)
		}
	}
	c.mu.Unlock()
	for _, flight := range taken {
		flight.a.figures.add(func(s *AccountStats) {
			s.Records += uint64(flight.records)
			s.Bytes += uint64(flight.bytes)
			if flight.newest.After(s.Newest) {
				s.Newest = flight.newest
			}
		})
	}
}

// signal puts an element into a channel that holds one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// aheadOfTime is how far ahead of the clock a record's time is believed.
const aheadOfTime = time.Minute

// newest is the time at which Azure wrote the newest record; zero: not known.
// One that is ahead of the service says nothing of how far behind reading is.
func newest(records []Record, now time.Time) (newest time.Time) {
	for _, r := range records {
		if at := timeOf(r.Text); at.After(newest) && at.Before(now.Add(aheadOfTime)) {
			newest = at
		}
	}
	return newest
}

// timeOf is the time in a record; zero: not found.
func timeOf(text []byte) time.Time {
	_, rest, ok := bytes.Cut(text, []byte(`"time"`))
	if !ok {
		return time.Time{}
	}
	rest = bytes.TrimLeft(rest, " :\t\r\n")
	if len(rest) == 0 || rest[0] != '"' {
		return time.Time{}
	}
	text, _, _ = bytes.Cut(rest[1:min(len(rest), 64)], []byte{'"'})
	at, _ := time.Parse(time.RFC3339, string(text))
	return at
}
