package storage

import (
	"bytes"
	"time"
)

// Record is the exact JSON text of one record, or bytes that are none but
// stood among them.
type Record struct {
	Text      []byte
	Account   string // name of the storage account
	Path      string // URL of the blob, without what may be secret
	Container string
	Blob      string
	Offset    int64 // of Text in the blob
}

// Token names a batch. Later batches have larger ones. 0 is none.
type Token uint64

// Batch is what is handed out at a time.
type Batch struct {
	Records []Record
	Token   Token // 0 iff there are no records
}

// part is what was read of one blob at a time, in the order of the blob.
type part struct {
	blob    *blobState
	records []Record
	end     checkpoint // holds behind the records; valid iff its ETag is not empty
}

// inFlight is a batch between its handing out and its checkpoint.
type inFlight struct {
	token       Token // 0: it has no records, nothing could get lost
	checkpoints map[*blobState]checkpoint
	a           *account
	records     int
	bytes       int       // of their texts
	newest      time.Time // of its records; zero: not known
	taken       bool      // the host has it, be it in memory only
}

// batches are those that were handed out.
type batches struct {
	inFlight  []inFlight // and are not yet behind a checkpoint
	token     Token      // of the last one
	taken     Token      // up to here the host has them
	committed Token      // up to here the host has them for good
	saved     Token      // up to here checkpoints outlive a kill
	chunksIn  string     // a folder, see ChunksIn; empty: not in files
}

// Ready holds an element when Next may have something.
func (f *Follower) Ready() <-chan struct{} { return f.ready }

// Next is what is ready now: whole records of one account, of at most limit
// bytes together, or one that is larger. It does not wait; accounts take turns.
// Every batch must be committed, see Commit.
func (f *Follower) Next(limit int) (Batch, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.damaged.Load(); err != nil {
		return Batch{}, *err
	}
	if f.closed || f.ctx.Err() != nil {
		return Batch{}, ErrClosed
	}
	for range f.accounts {
		a := f.accounts[f.turn%len(f.accounts)]
		f.turn++
		records, checkpoints := a.take(limit)
		if len(checkpoints) == 0 {
			continue
		}
		flight := inFlight{a: a, checkpoints: checkpoints, records: len(records), newest: a.newest(records)}
		for _, r := range records {
			flight.bytes += len(r.Text)
		}
		if len(records) > 0 {
			f.token++
			flight.token = f.token
		}
		f.inFlight = append(f.inFlight, flight)
		if len(records) > 0 {
			signal(f.ready) // there may be more
			return Batch{records, f.token}, nil
		}
		signal(f.commits)
	}
	return Batch{}, nil
}

// take removes records from what is ready, up to limit bytes, and gives the
// checkpoints that hold behind them.
func (a *account) take(limit int) (records []Record, checkpoints map[*blobState]checkpoint) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.ready) == 0 {
		return nil, nil
	}
	checkpoints = map[*blobState]checkpoint{}
	size := 0
	for len(a.ready) > 0 {
		p := &a.ready[0]
		n := 0
		for n < len(p.records) && (size == 0 || size+len(p.records[n].Text) <= limit) {
			size += len(p.records[n].Text)
			n++
		}
		if n > 0 {
			last := p.records[n-1]
			checkpoints[p.blob] = p.blob.stamp(checkpointAfter(last.Text, last.Offset))
			records = append(records, p.records[:n]...)
		}
		if n < len(p.records) {
			p.records = p.records[n:]
			break
		}
		if p.end.ETag != "" {
			checkpoints[p.blob] = p.blob.stamp(p.end)
		}
		p.blob.parts--
		a.ready[0] = part{}
		a.ready = a.ready[1:]
	}
	for b := range checkpoints {
		b.inFlight++
	}
	a.f.agent.memory.change(&a.memory, -int64(size))
	return records, checkpoints
}

// Taken says that the host has all batches up to this one, be it in memory only.
// They count as read from now on.
func (f *Follower) Taken(t Token) {
	f.mu.Lock()
	f.taken = max(f.taken, t)
	f.mu.Unlock()
	signal(f.commits)
}

// Commit says that the host has all batches up to this one for good, or in the
// files that ChunksIn has named. Their checkpoints are written at once, in the
// background: see Saved.
func (f *Follower) Commit(t Token) {
	f.mu.Lock()
	f.taken, f.committed = max(f.taken, t), max(f.committed, t)
	f.mu.Unlock()
	signal(f.commits)
}

// ChunksIn says that the batches which are committed from now on may be in files
// in a folder, which the system has not brought to disk yet. That is done before
// the checkpoints that are to outlive a power cut are written.
func (f *Follower) ChunksIn(folder string) {
	f.mu.Lock()
	f.chunksIn = folder
	f.mu.Unlock()
}

// Saved is the last batch whose checkpoint outlives a kill of the process.
func (f *Follower) Saved() Token {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.saved
}

func (f *Follower) flushLoop() {
	for {
		select {
		case <-f.commits:
		case <-f.ctx.Done():
			return
		}
		for !f.flush() && f.sleep(saveRetry) {
		}
	}
}

// flush writes the checkpoints of what is committed. It reports false where
// that has to be tried again.
func (f *Follower) flush() bool {
	f.countTaken()
	due, folder, n, last := f.due()
	if n == 0 {
		return true
	}
	err := f.store.chunksIn(folder)
	if err == nil {
		err = f.store.put(due)
	}
	if err != nil {
		f.storeFailed(err)
		return false
	}
	f.alerts.clear("checkpoints")
	f.saving.end()
	f.mu.Lock()
	done := f.inFlight[:n]
	f.inFlight = append([]inFlight(nil), f.inFlight[n:]...)
	f.saved = max(f.saved, last)
	f.mu.Unlock()
	for _, flight := range done {
		for b := range flight.checkpoints {
			b.a.mu.Lock()
			b.inFlight--
			b.a.stats.Checkpoints++
			b.safe()
			b.a.forget(b)
			b.a.mu.Unlock()
		}
	}
	f.notify()
	return true
}

// due are the checkpoints that may be written, of the first n batches in
// flight, the last of which is named last. Their chunks may be in folder.
func (f *Follower) due() (all checkpoints, folder string, n int, last Token) {
	f.mu.Lock()
	defer f.mu.Unlock()
	all = checkpoints{}
	for _, flight := range f.inFlight {
		if flight.token > f.committed {
			break
		}
		for b, c := range flight.checkpoints {
			bucket := b.bucket
			if all[bucket] == nil {
				all[bucket] = map[string]checkpoint{}
			}
			all[bucket][b.name] = c
		}
		last = max(last, flight.token)
		n++
	}
	return all, f.chunksIn, n, last
}

// signal puts an element into a channel that holds one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// countTaken adds what the host has taken to the figures. The engine's thread
// does not do so itself: it would wait for the locks of accounts.
func (f *Follower) countTaken() {
	var taken []inFlight
	f.mu.Lock()
	for i := range f.inFlight {
		flight := &f.inFlight[i]
		if flight.token > f.taken {
			break
		}
		if !flight.taken {
			flight.taken = true
			taken = append(taken, *flight)
		}
	}
	f.mu.Unlock()
	for _, flight := range taken {
		a := flight.a
		a.mu.Lock()
		a.stats.Records += uint64(flight.records)
		a.stats.Bytes += uint64(flight.bytes)
		if flight.newest.After(a.stats.Newest) {
			a.stats.Newest = flight.newest
		}
		a.mu.Unlock()
	}
}

// aheadOfTime is how far ahead of the clock a record's time is believed.
const aheadOfTime = time.Minute

// newest is the time at which Azure wrote the newest record; zero: not known.
// One that is ahead of the service says nothing of how far behind reading is.
func (a *account) newest(records []Record) (newest time.Time) {
	for _, r := range records {
		if at := timeOf(r.Text); at.After(newest) && at.Before(a.clock.time().Add(aheadOfTime)) {
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
