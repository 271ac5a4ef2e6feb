package storage

import (
	"context"

	"fluent-bit-nsgflow/nsgflow/internal/split"
)

// memory is what an account holds of the memory for blobs, which the process
// shares out.
type memory struct {
	ctx   context.Context // of the follower
	agent *Agent
	large int64 // of a record, see openRecord
	held  holding
}

// newMemory shares among readers of an account: together they may hold the
// account's own part of large records. Azure's records of 32 KB never are large.
func newMemory(ctx context.Context, agent *Agent, readers int) *memory {
	return &memory{ctx: ctx, agent: agent, large: max(64<<10, pieceBytes/int64(readers))}
}

// change changes what is held, without waiting: n < 0 gives back.
func (m *memory) change(n int64) { m.agent.memory.change(&m.held, n) }

func (m *memory) close() { m.change(-m.held.held) }

// openRecord is the memory of a record that has begun in one piece of a blob and
// goes on in the next. Several readers that each hold a part of one, and wait for
// memory for the rest, would wait for each other for ever. So what they hold then
// is small: large records are read one at a time in the whole process, and who
// waits for its turn has let go of what it has read of it.
type openRecord struct {
	m    *memory
	held int64
	turn bool // to read large ones
}

// mustBegin reports whether the record is to be read anew, when its turn has come.
func (o *openRecord) mustBegin() bool { return !o.turn && o.held > o.m.large }

// begin lets go of the record and waits for the turn.
func (o *openRecord) begin() error {
	o.set(0)
	select {
	case o.m.agent.long <- struct{}{}:
		o.turn = true
		return nil
	case <-o.m.ctx.Done():
		return o.m.ctx.Err()
	}
}

// acquire waits for the memory of the next piece. One who has read a piece in its
// turn does not wait: the end of the record gives everything back.
func (o *openRecord) acquire(piece int64) error {
	if o.turn && o.held > pieceBytes {
		o.m.change(piece)
		return nil
	}
	return o.m.agent.memory.acquire(o.m.ctx, &o.m.held, piece)
}

// hold counts what is open behind a piece.
func (o *openRecord) hold(s *split.Splitter) {
	size := int64(0)
	if s.Open() {
		size = int64(len(s.Rest()))
	}
	o.set(size)
	if o.turn && size <= o.m.large {
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
	<-o.m.agent.long
	o.turn = false
}

func (o *openRecord) set(size int64) {
	o.m.change(size - o.held)
	o.held = size
}
