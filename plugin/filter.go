package main

import (
	"encoding/binary"
	"slices"

	"fluent-bit-nsgflow/nsgflow"
)

// filter turns chunks of Fluent Bit records into chunks of events. It is not
// safe for concurrent use.
type filter struct {
	normalizer *nsgflow.Normalizer
	out        []byte
}

func newFilter(o nsgflow.Options) (*filter, error) {
	n, err := nsgflow.New(o)
	if err != nil {
		return nil, err
	}
	return &filter{normalizer: n}, nil
}

func (f *filter) counts() nsgflow.Counts { return f.normalizer.Counts() }

// keepBuffer is the size up to which the output buffer is kept for the next
// chunk. Hosts make chunks of about 2 MB, which may grow tenfold.
const keepBuffer = 32 << 20

// run normalises one chunk: a sequence of records [time, body] or
// [[time, metadata], body]. changed is false where nothing in it is a flow
// log: the host then keeps its own bytes. What is damaged passes on as it is,
// from the damage to the end. out is valid until the next run.
func (f *filter) run(chunk []byte) (out []byte, changed bool) {
	if cap(f.out) > keepBuffer {
		f.out = nil
	}
	out = f.out[:0]
	copied := 0 // chunk up to here is in out, as it was or as events
	for p := 0; p < len(chunk); {
		frame, body, marker, ok := cutFrame(chunk[p:])
		if !ok {
			break
		}
		if marker {
			size, _, ok := nsgflow.SkipMsgpack(chunk[p:])
			if !ok {
				break
			}
			p += size
			continue
		}
		events, size, is := f.normalizer.AppendRecord(out, chunk[p+body:], frame)
		if size == 0 {
			break
		}
		if is {
			// What passed since the last events goes before these.
			out = slices.Insert(events, len(out), chunk[copied:p]...)
			copied, changed = p+body+size, true
		}
		p += body + size
	}
	if !changed {
		return nil, false
	}
	out = append(out, chunk[copied:]...)
	f.out = out
	return out, true
}

// cutFrame reads what stands before the body of the record that b begins
// with. marker: it is no record, but the start or the end of a group (Fluent
// Bit 3.1 and later), which stays as it is. ok is false where it is damaged,
// and the host will stop there too.
func cutFrame(b []byte) (frame nsgflow.Frame, body int, marker, ok bool) {
	const arrayOfTwo = 0x92
	if len(b) < 2 || b[0] != arrayOfTwo {
		return frame, 0, false, false
	}
	p := 1
	if b[1] == arrayOfTwo {
		p = 2
	}
	size, _, ok := nsgflow.SkipMsgpack(b[p:])
	if !ok {
		return frame, 0, false, false
	}
	frame.Time = b[p : p+size]
	p += size
	if b[1] == arrayOfTwo {
		size, _, ok = nsgflow.SkipMsgpack(b[p:])
		if !ok {
			return frame, 0, false, false
		}
		frame.Metadata = b[p : p+size]
		p += size
	}
	return frame, p, isMarker(frame.Time), true
}

// isMarker recognises the times that mark groups: -1 and -2 seconds.
func isMarker(time []byte) bool {
	if len(time) == 10 { // extension of eight bytes
		return binary.BigEndian.Uint32(time[2:]) >= 0xFFFFFFFE
	}
	return len(time) == 1 && time[0] >= 0xFE // -2 and -1 as they are
}
