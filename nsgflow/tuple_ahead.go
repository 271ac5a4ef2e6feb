package nsgflow

// readAhead are the next tuples of a group, where there is a context: what it keeps of
// their addresses is fetched from memory while the events of those before are written.
type readAhead struct {
	flows [mostAhead]parsedTuple
	bad   [mostAhead]int // columns
	used  int            // of flows, since release
}

const mostAhead = 8

// readTuple reads the tuple k of a group of the record at hand, in order. The flow is valid
// if there is no bad column.
func (n *Normalizer) readTuple(group, k int) (f *parsedTuple, bad int) {
	if n.ahead != nil && !n.aggregator.isOn() {
		at := k % mostAhead
		if at == 0 {
			n.fillAhead(group, k)
		}
		return &n.ahead.flows[at], n.ahead.bad[at]
	}
	r := n.document.record
	g := &r.groups[group]
	line, comma := r.lineOf(g, k)
	f = n.roomForFlow()
	return f, min(f.parse(g.family, line), comma) // tuple.go
}

// roomForFlow is where the next tuple is read to. A flow that begins an aggregate
// is kept there.
func (n *Normalizer) roomForFlow() *parsedTuple {
	if n.aggregator.isOn() {
		return n.aggregator.room()
	}
	return &n.flow
}

// fillAhead reads tuples of a group from one on.
func (n *Normalizer) fillAhead(group, from int) {
	a, r := n.ahead, n.document.record
	g := &r.groups[group]
	count := min(g.count()-from, mostAhead)
	for i := range count {
		line, comma := r.lineOf(g, from+i)
		a.bad[i] = min(a.flows[i].parse(g.family, line), comma)
	}
	a.used = max(a.used, count)
	if count == 1 {
		return // its event comes at once
	}
	for i := range count {
		if f := &a.flows[i]; a.bad[i] == noColumn && n.reasonToDrop(&f.Flow) == 0 {
			n.encoder.beginGroup(group)
			n.encoder.expect(f) // encoder_context.go
		}
	}
}

// release lets go of the source record's memory.
func (a *readAhead) release() {
	if a != nil {
		clear(a.flows[:a.used])
		a.used = 0
	}
}
