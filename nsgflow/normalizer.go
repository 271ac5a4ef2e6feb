package nsgflow

import "fmt"

// Normalizer turns records that are flow logs into events. It keeps its
// buffers from one record to the next and is not safe for concurrent use.
type Normalizer struct {
	options    Options
	document   document             // hop 1: the flow log that is being read
	flow       parsedTuple          // hop 2: the flow at hand, unless ahead or the aggregator holds it
	ahead      *readAhead           // the flows at hand and the next ones; nil without a context
	encoder    encoder              // hop 3: writes its events
	aggregator aggregator           // between hop 2 and hop 3, if events are of several flows
	drops      [3][stateCount]uint8 // reasons to leave a flow out: see Drops.reasons
	reserved   reserved             // the fields beside it, which events keep
	lines      lineByLine           // of a flow log that comes line by line
	counts     Counts
	before     Counts // the record at hand
	limit      int    // of its events, in bytes
	mostOutput int    // of the events of any record: see outputLimit
	factor     int    // outputFactor, or contextFactor
	again      int    // bytes that foreign records count besides their own: see againFactor

	inner *Normalizer // nil until a foreign record needs it
	depth int         // 0: this one is no other's inner
}

// What one source record may become is bounded: every event keeps the other
// fields of its record, so that a crafted record could otherwise become the
// square of its size. Real flow logs become at most some 30 times their size,
// and the rest is room for reserved fields and metadata of 2 KB.
const (
	outputLimit  = 1 << 30 // bytes, and
	outputFactor = 72      // times the size of the record and its metadata, and
	outputSlack  = 1 << 10 // bytes, for a small one

	// outputFactor where a context makes events larger. What threat lists say of an
	// address does not count: it may be more than that.
	contextFactor = 96

	// A structured foreign record is looked at again with the fields that it
	// keeps, which takes longer than to write them: they count so many times more.
	againFactor = 8
)

// New makes a Normalizer.
func New(o Options) (*Normalizer, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	n := &Normalizer{options: o, mostOutput: outputLimit, factor: outputFactor}
	if o.Context != nil {
		n.factor = contextFactor
	}
	n.encoder.table, n.encoder.templates = newTable(o), newTemplateCache()
	n.encoder.context = newContext(o)
	if o.Context != nil {
		n.ahead = &readAhead{}
	}
	n.reserved.names, n.reserved.contextEntries = n.encoder.table.names(), n.encoder.table.contextEntries
	n.drops = o.Drop.reasons()
	n.renew()
	return n, nil
}

// renew makes all buffers anew. What stays are the templates, which have a bound
// of their own.
func (n *Normalizer) renew() {
	old := &n.encoder
	n.document = document{}
	n.encoder = encoder{
		table:      old.table,
		templates:  old.templates,
		reserved:   &n.reserved,
		aggregator: &n.aggregator,
		context:    old.context,
		keep:       n.options.ReserveData,
		room:       old.room,
		progress:   old.progress,
	}
	n.aggregator = newAggregator(n.options, old.table.original)
	n.reserved = reserved{names: n.reserved.names, contextEntries: n.reserved.contextEntries}
	n.inner = nil
}

// AppendRecord reads the msgpack map that b begins with, the body of a record.
// If it is a flow log or holds one, its events are appended to dst, framed as
// frame says, and changed is true. Else dst comes back as it was.
// size is the length of the map; 0 where it is damaged or cut off.
// dst must not overlap b.
func (n *Normalizer) AppendRecord(dst, b []byte, frame Frame) (out []byte, size int, changed bool) {
	n.encoder.progress = progress{start: len(dst)}
	n.beginContext()
	return n.appendRecord(dst, b, frame, 0)
}

// appendRecord is AppendRecord of a part of an input, behind so many bytes.
func (n *Normalizer) appendRecord(dst, b []byte, frame Frame, done int) (out []byte, size int, changed bool) {
	var d detection
	b = b[:len(b):len(b)] // nobody looks behind it: see window in tuple_fast.go
	d.detect(b, n.options.Key)
	if !d.found(b) {
		if d.size > 0 {
			n.counts.Foreign++
		}
		if len(n.lines.field) > 0 {
			n.counts.LineByLine = n.lines.second(b[:d.size])
		}
		return dst, d.size, false
	}
	n.encoder.progress.beginSource(done, d.size)
	n.begin(dst, b[:d.size], d.size, frame)
	if d.structured {
		n.read(d.object)
	}
	// The first candidate that is a flow log is the one; a second one stays in
	// the events as a reserved field.
	for i := 0; i < d.count && !n.document.found; i++ {
		n.read(d.texts[i])
	}
	out, changed = n.end(dst)
	if !n.counts.LineByLine {
		n.lines.first(&d)
	}
	return out, d.size, changed
}

// AppendText reads JSON text like the string in a record's message field:
// AppendRecord of a record that has no other fields; see there.
func (n *Normalizer) AppendText(dst, text []byte, frame Frame) (out []byte, changed bool) {
	n.encoder.progress = progress{start: len(dst), size: len(text)}
	n.beginContext()
	n.begin(dst, nil, len(text), frame)
	if mayBeFlowLog(text) {
		n.read(candidate{field: messageField, value: text[:len(text):len(text)], isText: true})
	}
	return n.end(dst)
}

var messageField = []byte("message")

// read is the way of every flow. A document has records, a record has groups, a
// group has tuples, and each tuple becomes one event, or a part of one.
func (n *Normalizer) read(c candidate) {
	d, e := &n.document, &n.encoder
	d.reset(c)
	n.reserved.field = c.field
	for d.next() { // hop 1: document.go, record_read.go
		n.reserved.collect(d.shapes()) // reserved.go
		if d.record == nil {
			n.appendForeign(d.foreign) // foreign.go
			if n.overLimit() {
				return
			}
			continue
		}
		n.beginRecord()
		for i := range d.record.groups {
			g := &d.record.groups[i]
			for k := range g.count() {
				e.event.take(d.record, g, k)
				flow, bad := n.readTuple(i, k) // hop 2: tuple_ahead.go
				if bad == noColumn {
					n.appendFlow(i, flow)
				} else {
					n.appendError(i, k, bad)
				}
				if n.overLimit() {
					return
				}
			}
		}
		n.appendAggregates()
		if n.overLimit() {
			return
		}
	}
}

// beginRecord takes up the flow log record at hand.
func (n *Normalizer) beginRecord() {
	r := n.document.record
	if len(r.tuples) == 0 {
		n.counts.Empty++
	}
	end, _ := n.document.reader.At()
	n.encoder.progress.recordEnds(end)
	n.encoder.beginRecord(r)
	n.aggregator.beginRecord(r)
}

// appendFlow takes the flow at hand to what becomes of it: nothing, a part of
// an event, or an event. It is of the record's group with this number.
func (n *Normalizer) appendFlow(group int, f *parsedTuple) {
	e := &n.encoder
	if reason := n.reasonToDrop(&f.Flow); reason > 0 { // drop.go
		n.counts.Dropped[reason-1]++
		return
	}
	n.counts.addFlow(&f.Flow)
	if n.aggregator.takes(f) {
		n.aggregator.add(group, e.event.number, f) // aggregate.go
		return
	}
	n.counts.Events++
	e.beginGroup(group) // encoder_group.go
	e.appendEvent(f)    // hop 3: encoder.go
}

// appendAggregates writes the events of several flows, each by the first one.
func (n *Normalizer) appendAggregates() {
	e, r := &n.encoder, n.document.record
	group := 0
	for number := range n.aggregator.count {
		a := n.aggregator.at(number)
		for r.groups[group].to <= a.first {
			group++
		}
		g := &r.groups[group]
		k := int(a.first - g.from)
		e.event.take(r, g, k)
		f, kept := n.aggregator.flow(number)
		if !kept {
			line, _ := r.lineOf(g, k)
			f = &n.flow
			f.parse(g.family, line) // as before: it has no bad column
		}
		n.counts.Events++
		e.beginGroup(group)
		e.appendAggregate(a, f) // encoder_aggregate.go
		if n.overLimit() {
			return
		}
	}
}

// appendError counts the tuple k of a group, whose column bad does not parse, and
// writes its event.
func (n *Normalizer) appendError(group, k, bad int) {
	r := n.document.record
	g := &r.groups[group]
	more := 0
	if r.of(g)[k].Other {
		r.reported++
		switch {
		case r.reported > maxWrong:
			return // the last one before has counted it
		case r.reported == maxWrong:
			more = r.wrong[NSG] + r.wrong[VNet] - maxWrong
		}
	}
	err := n.document.tupleError(g, k, bad)
	err.More = more
	reason := err.Error()
	n.counts.addError(reason)
	n.counts.Errors += uint64(more)
	if !n.options.DropErrors {
		n.encoder.beginGroup(group)
		n.encoder.appendError(reason)
	}
}

// overLimit says whether the record at hand becomes too much.
func (n *Normalizer) overLimit() bool {
	size := len(n.encoder.out) - n.encoder.start + n.again
	return size-n.encoder.listed > n.limit || size > outputLimit
}

// begin takes up a source record of a size in bytes. body is nil of a text on its
// own.
func (n *Normalizer) begin(dst, body []byte, size int, frame Frame) {
	n.document.reset(candidate{})
	n.reserved.reset(body)
	n.encoder.frame, n.encoder.out, n.encoder.start, n.encoder.listed = frame, dst, len(dst), 0
	n.encoder.edited = n.encoder.edited[:0]
	n.before, n.again = n.counts, 0
	n.limit = min(n.mostOutput, n.factor*(size+len(frame.Metadata))+outputSlack)
}

// end passes on what could not be read, if the record was a flow log.
func (n *Normalizer) end(dst []byte) (out []byte, changed bool) {
	d, e := &n.document, &n.encoder
	n.flow = parsedTuple{}
	n.ahead.release()
	if !d.found {
		n.counts.Foreign++
		n.release()
		return dst, false
	}
	rest, reason, damaged := d.damaged()
	switch {
	case n.overLimit():
		n.rollBack()
		rest, reason, damaged = nil, fmt.Sprintf("more than %d bytes of events", n.limit), true
		if d.isText {
			rest = d.value
		}
	case damaged && !d.isText:
		// Behind damaged msgpack no field ends where it says, so that the whole
		// source record passes on instead of events of its first half.
		n.rollBack()
	}
	if damaged {
		n.appendDamaged(rest, reason)
	}
	out = e.out
	n.release()
	return out, true
}

// rollBack takes back the events of the record at hand, and what has been counted
// of it.
func (n *Normalizer) rollBack() {
	n.encoder.out, n.encoder.listed = n.encoder.out[:n.encoder.start], 0
	n.counts = n.before
}

// keptBytes is how much memory stays from one record to the next. It is enough
// for what Azure writes.
const keptBytes = 1 << 20

// release lets go of the source record's memory, which is not ours. After a
// large record the buffers are made anew, so that the next record finds what
// the first one found.
func (n *Normalizer) release() {
	if n.document.release()+n.encoder.release()+n.aggregator.release()+n.reserved.release() > keptBytes {
		n.renew()
	}
}
