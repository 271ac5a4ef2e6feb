package storage

import (
	"sync"

	"fluent-bit-nsgflow/nsgflow/storage/checkpoint"
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

// part is what was read of one blob at a time, in the order of the blob.
type part struct {
	blob    *blob
	records []Record
	end     checkpoint.Checkpoint // holds behind the records; valid iff its ETag is not empty
}

// ready is what was read of an account and not handed out.
type ready struct {
	blobs  *blobs
	memory *memory
	signal chan struct{} // Follower.ready

	mu    sync.Mutex
	parts lanes[part]
}

// push adds records to what is ready and gives the checkpoint behind them. The
// account holds the memory of the records in place of that of the piece.
func (r *ready) push(b *blob, records []Record, c checkpoint.Checkpoint, piece int64) checkpoint.Checkpoint {
	size := int64(0)
	for _, one := range records {
		size += int64(len(one.Text))
	}
	if len(records) > 0 {
		last := records[len(records)-1]
		c = checkpoint.After(last.Text, last.Offset)
	}
	r.memory.change(size - piece)
	more := len(records) > 0 || c.ETag != ""
	r.blobs.reached(b, c, more)
	if more {
		r.mu.Lock()
		r.parts.push(b.ofNow, part{blob: b, records: records, end: c})
		r.mu.Unlock()
	}
	signal(r.signal)
	return c
}

// take removes records of one container from what is ready, up to limit bytes, and
// gives the checkpoints that hold behind them.
func (r *ready) take(limit int) (records []Record, checkpoints map[*blob]checkpoint.Checkpoint) {
	r.mu.Lock()
	defer r.mu.Unlock()
	checkpoints = map[*blob]checkpoint.Checkpoint{}
	var whole []*blob // of parts that are taken to their end
	size := 0
	for lane := r.parts.next(); lane != nil; lane = r.parts.next() {
		p := &(*lane)[0]
		if len(records) > 0 && len(p.records) > 0 && p.blob.container != records[0].Container {
			break
		}
		n := 0
		for n < len(p.records) && (size == 0 || size+len(p.records[n].Text) <= limit) {
			size += len(p.records[n].Text)
			n++
		}
		if n > 0 {
			last := p.records[n-1]
			checkpoints[p.blob] = checkpoint.After(last.Text, last.Offset)
			records = append(records, p.records[:n]...)
		}
		if n < len(p.records) {
			p.records = p.records[n:]
			break
		}
		if p.end.ETag != "" {
			checkpoints[p.blob] = p.end
		}
		whole = append(whole, p.blob)
		r.parts.pop()
	}
	for b, c := range checkpoints {
		checkpoints[b] = r.blobs.stamped(b, c)
	}
	for _, b := range whole {
		r.blobs.released(b)
	}
	r.memory.change(-int64(size))
	return records, checkpoints
}
