package main

import (
	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/plugin/tables"
)

// filter turns chunks of Fluent Bit records into chunks of events. It is not
// safe for concurrent use.
type filter struct {
	options    nsgflow.Options
	room       roomMaker
	normalizer *nsgflow.Normalizer
	earlier    tables.FilterCounts // those of Normalizers that have failed
	growth     float64             // bytes out for a byte in, of the last chunk; 0: it was not changed
}

// roomMaker makes room for output: see nsgflow.Normalizer.GrowWith. nil: on Go's
// heap.
type roomMaker func(out []byte, size int) []byte

func newFilter(o nsgflow.Options, room roomMaker) (*filter, error) {
	f := &filter{options: o, room: room}
	return f, f.renew()
}

// renew takes a new Normalizer.
func (f *filter) renew() error {
	n, err := nsgflow.New(f.options)
	if err != nil {
		return err
	}
	n.GrowWith(f.room)
	f.normalizer = n
	return nil
}

func (f *filter) counts() tables.FilterCounts {
	c := f.earlier
	c.Add(f.normalizer.Counts())
	return c
}

const roomSlack = 4 << 10

// firstRoom is how much a chunk of this size is likely to need, by the growth of
// the one before; 0 where that was no flow log.
func (f *filter) firstRoom(size int) int {
	const most = 1 << 30
	if f.growth == 0 {
		return 0
	}
	return int(min(float64(size)*f.growth*1.06, most)) + roomSlack
}

// run normalises one chunk. changed is false where nothing in it is a flow log:
// the host then keeps its own bytes. out is in the memory of dst where that is
// large enough. After a panic, which fault tells of, the chunk counts as unchanged,
// and nothing of what it left behind is used again.
func (f *filter) run(chunk, dst []byte) (out []byte, changed bool, fault string) {
	before := f.counts()
	defer recoverPanic(func(text string) {
		f.earlier, f.growth = before, 0
		f.earlier.Faults++
		_ = f.renew() // with these options it has worked before
		out, changed, fault = nil, false, text
	})
	out, changed = f.normalizer.AppendChunk(dst[:0], chunk)
	if !changed {
		f.growth = 0
		return nil, false, ""
	}
	f.growth = float64(len(out)) / float64(len(chunk))
	return out, true, ""
}
