package blob

import (
	"bytes"
	"fmt"
	"time"
)

// Record is the exact JSON text of one record, or bytes that are none but
// stood among them.
type Record struct {
	Text      []byte
	Path      string // URL of the blob, without what may be secret
	Container string
	Blob      string
	Offset    int64 // of Text in the blob
}

// Token names a batch. 0 is none.
type Token uint64

// Batch is what is handed over at a time.
type Batch struct {
	Records []Record
	Token   Token // 0 iff there are no records
}

// part is what was read of one blob at a time, in the order of the blob.
type part struct {
	source  *source
	records []Record
	end     mark // holds behind the records; valid iff its ETag is not empty
}

// handed is a batch between its handing over and the store.
type handed struct {
	token     Token
	committed time.Time // zero: not yet
	marks     map[*source]mark
}

// Next is what is ready now: whole records of at most max bytes together, or
// one that is larger. max <= 0 stands for the option batch_bytes. It does not
// wait. Every batch must be committed, in any order.
func (f *Follower) Next(max int) (Batch, error) {
	if max <= 0 {
		max = f.o.BatchBytes
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || f.ctx.Err() != nil {
		return Batch{}, ErrClosed
	}
	if !f.paused.IsZero() {
		return Batch{}, nil
	}
	var b Batch
	h := handed{marks: map[*source]mark{}}
	size := 0
	for len(f.ready) > 0 {
		p := &f.ready[0]
		n := 0
		for n < len(p.records) && (size == 0 || size+len(p.records[n].Text) <= max) {
			size += len(p.records[n].Text)
			n++
		}
		if n > 0 {
			last := p.records[n-1]
			h.marks[p.source] = behind(last.Text, last.Offset)
			b.Records = append(b.Records, p.records[:n]...)
			f.newest(last.Text)
		}
		if n < len(p.records) {
			p.records = p.records[n:]
			break
		}
		if p.end.ETag != "" {
			h.marks[p.source] = p.end
		}
		p.source.parts--
		f.ready[0] = part{}
		f.ready = f.ready[1:]
	}
	if len(h.marks) == 0 {
		return Batch{}, nil
	}
	for s := range h.marks {
		s.handed++
	}
	f.token++
	h.token = f.token
	if len(b.Records) == 0 {
		// Only ends of blobs: there is nothing that could get lost.
		h.committed = time.Now().Add(-f.o.CheckpointLag)
	} else {
		b.Token = h.token
	}
	f.handed = append(f.handed, h)
	f.held -= size
	f.stats.Records += uint64(len(b.Records))
	f.stats.Bytes += uint64(size)
	f.moved.Broadcast()
	return b, nil
}

// Commit says that the host has taken a batch. Its checkpoint moves when
// checkpoint_lag has passed from now, and not before those of all earlier
// batches.
func (f *Follower) Commit(t Token) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.handed {
		if f.handed[i].token == t && f.handed[i].committed.IsZero() {
			f.handed[i].committed = time.Now()
		}
	}
}

// nextOfAge is when the oldest batch may go to the store. It reports false
// where there is none, or its time does not come.
func (f *Follower) nextOfAge() (time.Time, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.handed) == 0 {
		return time.Time{}, false
	}
	return f.ofAge(f.handed[0])
}

// ofAge is when a batch may go to the store. It reports false where that
// depends on the host.
func (f *Follower) ofAge(h handed) (time.Time, bool) {
	lag := f.o.CheckpointLag
	if f.closed && !f.paused.IsZero() {
		lag = min(lag, Settled)
	}
	at := h.committed.Add(lag)
	return at, !h.committed.IsZero() && (f.paused.IsZero() || !at.After(f.paused))
}

func (f *Follower) flushLoop() {
	for summary := time.Now().Add(summaryEvery); f.sleep(flushEvery); {
		f.flush()
		if now := time.Now(); now.After(summary) {
			summary = now.Add(summaryEvery)
			f.log(Info, f.summary())
		}
	}
}

// flush brings to disk what has come of age. Where that fails, it stays for
// the next time, and nothing else waits for it.
func (f *Follower) flush() (ok bool) {
	f.mu.Lock()
	now := time.Now()
	n := 0
	marks := map[place]mark{}
	for n < len(f.handed) {
		h := f.handed[n]
		if at, ok := f.ofAge(h); !ok || at.After(now) {
			break
		}
		for s, m := range h.marks {
			marks[s.place] = m
		}
		n++
	}
	f.mu.Unlock()
	if n == 0 {
		return true
	}
	if err := f.store.put(marks); err != nil {
		f.storeFailed(err)
		return false
	}
	f.troubles.end("checkpoints")
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, h := range f.handed[:n] {
		for s := range h.marks {
			s.handed--
			f.release(s)
		}
		f.handed[i] = handed{}
	}
	f.handed = f.handed[n:]
	return true
}

func (f *Follower) storeFailed(err error) {
	f.troubles.begin("checkpoints", Error, fmt.Sprintf("checkpoints: cannot be written to %q: %s; reading goes on, and is repeated after a restart",
		f.o.StatePath, explain(err)))
}

// Stats are the figures of the summary line, since Open.
type Stats struct {
	Records  uint64 // handed over
	Bytes    uint64 // of their texts
	Read     uint64 // bytes of blobs read
	Requests uint64
	Open     int       // blobs that have something unread
	Newest   time.Time // time of the newest record handed over; zero: none yet
	Lag      time.Duration
}

// Stats are the figures as of now.
func (f *Follower) Stats() Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.stats
	for _, source := range f.active {
		if source.state != idle || source.parts > 0 {
			s.Open++
		}
	}
	if !s.Newest.IsZero() {
		s.Lag = max(0, f.clock.time().Sub(s.Newest))
	}
	return s
}

// summary is the line of a minute.
func (f *Follower) summary() string {
	s := f.Stats()
	before := f.told
	f.told = s
	lag := "unknown"
	if !s.Newest.IsZero() {
		lag = s.Lag.Round(time.Second).String()
	}
	return fmt.Sprintf("last minute: %d records, %d bytes, %d requests; lag %s, %d blobs open",
		s.Records-before.Records, s.Bytes-before.Bytes, s.Requests-before.Requests, lag, s.Open)
}

// newest keeps the time of a record: when Azure flushed it.
func (f *Follower) newest(text []byte) {
	_, rest, ok := bytes.Cut(text, []byte(`"time"`))
	if !ok {
		return
	}
	rest = bytes.TrimLeft(rest, " :\t\r\n")
	if len(rest) == 0 || rest[0] != '"' {
		return
	}
	text, _, _ = bytes.Cut(rest[1:min(len(rest), 64)], []byte{'"'})
	if at, err := time.Parse(time.RFC3339, string(text)); err == nil && at.After(f.stats.Newest) {
		f.stats.Newest = at
	}
}
