package storage

import "context"

// memory is what an account holds of the memory for blobs, which the process
// shares out.
type memory struct {
	ctx   context.Context // of the follower
	agent *Agent
	held  holding
}

// change changes what is held, without waiting: n < 0 gives back.
func (m *memory) change(n int64) { m.agent.memory.change(&m.held, n) }

func (m *memory) close() { m.change(-m.held.held) }

// openRecord is the memory of a record that has begun in one piece of a blob and
// goes on in the next. Records longer than a piece are read one at a time in the
// whole process, and without waiting for memory then: several that each wait for
// what the others hold would wait for ever.
type openRecord struct {
	m    *memory
	held int64
	long bool // it has its turn
}

// acquire waits for the memory of the next piece.
func (o *openRecord) acquire(piece int64) error {
	m := o.m
	if !o.long && o.held > pieceBytes {
		select {
		case m.agent.long <- struct{}{}:
			o.long = true
		case <-m.ctx.Done():
			return m.ctx.Err()
		}
	}
	if o.long {
		m.change(piece)
		return nil
	}
	return m.agent.memory.acquire(m.ctx, &m.held, piece)
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
	o.m.change(size - o.held)
	o.held = size
	if o.long && size <= pieceBytes {
		<-o.m.agent.long
		o.long = false
	}
}
