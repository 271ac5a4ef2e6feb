package nsgflow

// The output of a large blob is some hundred megabytes. A buffer that doubles
// would take three times as much while it grows. So the size of the output is
// told from how far the input has been read, early, while there is little to
// copy.

// progress is how far an input has been read: a chunk, or a record on its own.
type progress struct {
	size  int // of the input, in bytes; 0: it is the source record at hand
	start int // where the output of the input begins
	check int // the length of the output at which room is looked at next

	done     int // bytes of the input before the source record at hand
	from, to int // of the flow log record at hand, in the document
}

// beginSource takes up a source record of a size, with so many bytes before it.
func (p *progress) beginSource(done, size int) {
	if p.size == 0 {
		p.size = size
	}
	p.done, p.from, p.to = done, 0, 0
}

const (
	firstRoom  = 4 << 10 // bytes
	firstCheck = 1 << 20 // before that, the output doubles
)

// recordEnds takes up the flow log record that ends at an offset.
func (p *progress) recordEnds(end int) { p.from, p.to = p.to, end }

// forecast is about the size that the output will have, or somewhat more: it is
// long now, at this tuple of the record at hand, which has so many.
func (p *progress) forecast(long, tuple, tuples int) int {
	read := float64(p.done + p.from)
	if tuples > 0 {
		read += float64(p.to-p.from) * float64(tuple) / float64(tuples)
	}
	if read <= 0 {
		return 2 * long
	}
	whole := float64(long-p.start) * float64(p.size) / read
	most := contextFactor * 17 / 16 * float64(p.size)
	return p.start + int(min(whole*17/16, most, outputLimit)) + firstRoom
}

// GrowWith makes n take the memory of its output from room, instead of Go's heap.
// room returns a slice with the content of out and a capacity of at least size
// bytes; nil where there is no memory: then n takes it from Go's heap. The memory
// of out stays valid until the call of n returns. What room gives is used from
// then on, but output may end on Go's heap all the same.
func (n *Normalizer) GrowWith(room func(out []byte, size int) []byte) {
	n.encoder.room = room
}

// grow makes room for so many more bytes of output.
func (e *encoder) grow(more int) {
	if len(e.out)+more > e.progress.check {
		e.makeRoom(more)
	}
}

func (e *encoder) makeRoom(more int) {
	p := &e.progress
	need := len(e.out) + more
	size := 0 // that is wanted
	if need-p.start < firstCheck {
		p.check = p.start + firstCheck
	} else {
		tuples := 0
		if e.record != nil {
			tuples = len(e.record.tuples)
		}
		size = p.forecast(need, int(e.event.number), tuples)
		p.check = p.start + 4*(need-p.start)
	}
	// The room that is there is enough if the forecast is a little above it.
	if has := cap(e.out); need > has || size > has/31*32 {
		e.out = grown(e.out, need, size, e.room)
	}
	p.check = min(p.check, cap(e.out))
}

// grown is out with a capacity for twice need bytes, and for size: all that was
// kept before is then no more than the output, and what stays empty is not in use.
func grown(out []byte, need, size int, room func([]byte, int) []byte) []byte {
	size = max(size, 2*need, firstRoom)
	if room != nil {
		if more := room(out, size); more != nil {
			return more
		}
	}
	// Not slices.Grow, which clears what it adds: that is memory in use, then.
	more := make([]byte, len(out), size)
	copy(more, out)
	return more
}
