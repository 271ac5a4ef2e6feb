package main

import "fluent-bit-nsgflow/nsgflow"

// filter turns chunks of Fluent Bit records into chunks of events. It is not
// safe for concurrent use.
type filter struct {
	normalizer *nsgflow.Normalizer
	growth     float64 // bytes out for a byte in, of the last chunk; 0: it was not changed
}

func newFilter(o nsgflow.Options) (*filter, error) {
	n, err := nsgflow.New(o)
	if err != nil {
		return nil, err
	}
	return &filter{normalizer: n}, nil
}

func (f *filter) counts() nsgflow.Counts { return f.normalizer.Counts() }

const roomSlack = 4 << 10

// room is how much a chunk of this size is likely to need, by the growth of
// the one before; 0 where that was no flow log.
func (f *filter) room(size int) int {
	const most = 1 << 30
	if f.growth == 0 {
		return 0
	}
	return int(min(float64(size)*f.growth*1.06, most)) + roomSlack
}

// run normalises one chunk. changed is false where nothing in it is a flow log:
// the host then keeps its own bytes. out is in the memory of dst where that is
// large enough.
func (f *filter) run(chunk, dst []byte) (out []byte, changed bool) {
	out, changed = f.normalizer.AppendChunk(dst[:0], chunk)
	if !changed {
		f.growth = 0
		return nil, false
	}
	f.growth = float64(len(out)) / float64(len(chunk))
	return out, true
}
