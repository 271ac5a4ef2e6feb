package storage

// openRecord is the memory of a record that has begun in one piece of a blob and
// goes on in the next. Several readers that each hold a part of one, and wait for
// memory for the rest, would wait for each other for ever. So what they hold then
// is small: large records are read one at a time in the whole process, and who
// waits for its turn has let go of what it has read of it.
type openRecord struct {
	a    *account
	held int64
	turn bool // to read large ones
}

// large is what all readers of an account may hold together without more than the
// account's own part. Azure's records of 32 KB never are.
func (o *openRecord) large() int64 {
	return max(64<<10, pieceBytes/int64(1+o.a.f.o.Concurrency))
}

// mustBegin reports whether the record is to be read anew, when its turn has come.
func (o *openRecord) mustBegin() bool { return !o.turn && o.held > o.large() }

// begin lets go of the record and waits for the turn.
func (o *openRecord) begin() error {
	o.set(0)
	select {
	case o.a.f.agent.long <- struct{}{}:
		o.turn = true
		return nil
	case <-o.a.f.ctx.Done():
		return o.a.f.ctx.Err()
	}
}

// acquire waits for the memory of the next piece. One who has read a piece in its
// turn does not wait: the end of the record gives everything back.
func (o *openRecord) acquire(piece int64) error {
	f := o.a.f
	if o.turn && o.held > pieceBytes {
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
	if o.turn && size <= o.large() {
		o.pass()
	}
}

// end gives back everything.
func (o *openRecord) end() {
	o.set(0)
	if o.turn {
		o.pass()
	}
}

func (o *openRecord) pass() {
	<-o.a.f.agent.long
	o.turn = false
}

func (o *openRecord) set(size int64) {
	o.a.f.agent.memory.change(&o.a.memory, size-o.held)
	o.held = size
}
