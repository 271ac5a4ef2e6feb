package main

import (
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
		frame, body, ok := nsgflow.ReadFrame(chunk[p:])
		if !ok {
			break
		}
		if frame.IsGroupMarker() {
			size, _, ok := nsgflow.SkipMsgpack(chunk[p+body:])
			if !ok {
				break
			}
			p += body + size
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
