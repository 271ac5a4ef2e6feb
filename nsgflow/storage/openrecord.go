package storage

// openRecord is the memory of a record that has begun in one piece of a blob and
// goes on in the next. Records longer than a piece are read one at a time in the
// whole process, and without waiting for memory then: several that each wait for
// what the others hold would wait for ever.
type openRecord struct {
	a    *account
	held int64
	long bool // it has its turn
}

// acquire waits for the memory of the next piece.
func (o *openRecord) acquire(piece int64) error {
	f := o.a.f
	if !o.long && o.held > pieceBytes {
		select {
		case f.agent.long <- struct{}{}:
			o.long = true
		case <-f.ctx.Done():
			return f.ctx.Err()
		}
	}
	if o.long {
		f.agent.memory.change(&o.a.memory, piece)
		return nil
	}
	return f.agent.memory.acquire(f.ctx, &o.a.memory, piece)
}

// hold counts what is open behind a piece.
func (o *openRecord) hold(s *splitter) {
	size := int64(0)
	if s.open() {
		size = int64(len(s.rest()))
	}
	o.set(size)
}

func (o *openRecord) end() { o.set(0) }

func (o *openRecord) set(size int64) {
	o.a.f.agent.memory.change(&o.a.memory, size-o.held)
	o.held = size
	if o.long && size <= pieceBytes {
		<-o.a.f.agent.long
		o.long = false
	}
}
