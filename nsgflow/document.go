package nsgflow

import (
	"bytes"
	"encoding/binary"

	"fluent-bit-nsgflow/nsgflow/internal/jsontext"
	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// document is a flow log that is being read: a sequence of records as text, or
// one structured value. Lists of records may lie in records and in each other.
// next moves from record to record.
type document struct {
	candidate
	reader  reader // the one of the two that reads it
	json    jsontext.Reader
	msgpack msgpack.Reader

	// What next has moved to. Both are valid until it moves on.
	record  *record // that is a flow log; nil: there is a foreign record
	foreign []byte

	lists  []list    // that are open, the outermost first
	pool   []*record // by depth
	ready  *record   // a flow log that comes after the foreign records that wait
	found  bool      // a flow log has been seen
	damage int       // where a text is damaged; -1: nowhere

	// Foreign records that wait: for each its offset and its length, as uvarints.
	// It is not known yet whether a list around them has a flow log.
	waiting []byte
	taken   int // bytes of waiting: those have been given
}

// list is a list of records that is open: the document itself, the array of a
// records key, or an array in one of those.
type list struct {
	bare   bool   // an array in a list: it has no records key
	found  bool   // a flow log is in it
	count  uint32 // of its elements that have begun
	before int    // bytes of waiting when it began

	// Of the element at hand.
	start   int     // its offset; -1: there is none
	object  *record // it is an object, and open
	flowLog bool    // it is a flow log, or has one in it
}

// reset starts with another flow log.
func (d *document) reset(c candidate) {
	d.candidate = c
	d.lists = append(d.lists[:0], list{})
	d.record, d.ready, d.found, d.damage = nil, nil, false, -1
	d.waiting, d.taken = d.waiting[:0], 0
	if !c.isText {
		d.msgpack.Reset(c.value)
		d.reader = &d.msgpack
		return
	}
	d.json.Reset(c.value)
	d.reader = &d.json
	if isEnvelope(c.value) { // a flow log without a tuple
		d.found, d.ready = true, d.recordAt(0)
		d.lists = d.lists[:0]
	}
}

// keptRecords are those of the document, of a blob in it, and of lists in that:
// nearly nothing lies deeper.
const keptRecords = 3

// release lets go of memory that is not ours. It returns the bytes of buffers
// that it keeps.
func (d *document) release() (kept int) {
	if len(d.pool) > keptRecords {
		clear(d.pool[keptRecords:])
		d.pool = d.pool[:keptRecords]
	}
	for _, r := range d.pool {
		r.reset()
		kept += r.bytes()
	}
	d.json.Reset(nil)
	kept += d.msgpack.Release()
	d.candidate, d.foreign = candidate{}, nil
	return kept + cap(d.waiting)
}

// next moves to the next flow log, or to the next foreign record of a list that
// has one. It says whether there is any.
func (d *document) next() bool {
	for {
		open := len(d.lists)
		switch {
		case open > 0 && d.lists[open-1].found && len(d.waiting) > 0:
			d.record, d.foreign = nil, d.takeWaiting()
			return true
		case d.ready != nil:
			d.record, d.ready = d.ready, nil
			return true
		case open == 0 || d.damage >= 0:
			return false
		}
		if l := &d.lists[open-1]; l.object != nil {
			d.readObject(l)
		} else {
			d.readElement(l)
		}
		if at, err := d.reader.At(); err != nil {
			d.setDamage(at, err)
		}
	}
}

// shapes are those that the source record has in its entries, where there is a
// record.
func (d *document) shapes() shapes {
	if d.record != nil && len(d.lists) <= 1 {
		return d.record.shapes
	}
	return shapeBlob
}

// recordAt is an empty record, for one at a depth: in so many lists of others.
func (d *document) recordAt(depth int) *record {
	for len(d.pool) <= depth {
		d.pool = append(d.pool, &record{dirty: true})
	}
	d.pool[depth].reset()
	return d.pool[depth]
}

// openList enters a list of records.
func (d *document) openList(bare bool) {
	d.reader.OpenList()
	d.lists = append(d.lists, list{bare: bare, before: len(d.waiting)})
}

// readElement reads the next element of a list, or begins to: a list in it is left
// open.
func (d *document) readElement(l *list) {
	more := next(d.reader)
	at, err := d.reader.At()
	switch {
	case err != nil:
		l.start = -1
		return
	case !more:
		d.endList(at)
		return
	}
	l.start = at
	l.count++
	l.flowLog = false
	switch d.reader.Kind() {
	case jsontext.Object:
		l.object = d.recordAt(len(d.lists) - 1)
		d.reader.Open()
		d.readObject(l)
	case jsontext.Array:
		d.openList(true)
	default:
		d.reader.Skip()
		if end, err := d.reader.At(); err == nil {
			d.endElement(l, end)
		}
	}
}

// endElement ends the element at hand. If it is foreign, it waits until it is
// known whether the list has a flow log.
func (d *document) endElement(l *list, end int) {
	l.object = nil
	if !l.flowLog {
		d.waiting = binary.AppendUvarint(binary.AppendUvarint(d.waiting, uint64(l.start)), uint64(end-l.start))
	}
}

// closeList closes the innermost list. What waits in it is forgotten.
func (d *document) closeList() (found bool) {
	last := len(d.lists) - 1
	if found = d.lists[last].found; !found {
		d.waiting = d.waiting[:d.lists[last].before]
	}
	d.lists = d.lists[:last]
	return found
}

// endList closes a list that has ended, and so its element in the list around it;
// the object that has the list under a key goes on.
func (d *document) endList(end int) {
	found := d.closeList()
	if len(d.lists) == 0 {
		return
	}
	around := &d.lists[len(d.lists)-1]
	switch {
	case around.object == nil:
		d.endElement(around, end)
	case found:
		around.object.shapes |= shapeBlob
	}
}

// readObject reads the entries of the object at hand, up to one that is a list
// of records.
func (d *document) readObject(l *list) {
	r := l.object
	for key, ok := d.reader.Next(); ok; key, ok = d.reader.Next() {
		r.dirty = true
		e := entryOf(key)
		if e.role == roleRecords && d.reader.Kind() == jsontext.Array {
			d.openList(false)
			return
		}
		r.readEntry(d.reader, key, e)
	}
	end, err := d.reader.At()
	if err != nil {
		return
	}
	if r.finish() {
		d.setFound()
		if d.isText {
			r.rawJSON = d.value[l.start:end:end]
		}
		if r.long {
			d.damage = l.start
			d.reader.Fail(errText)
			return
		}
		d.ready = r
	}
	d.endElement(l, end)
}

// setFound notes a flow log in all lists that are open.
func (d *document) setFound() {
	d.found = true
	for i := range d.lists {
		d.lists[i].found, d.lists[i].flowLog = true, true
	}
}

// takeWaiting takes the first foreign record that waits.
func (d *document) takeWaiting() []byte {
	start, n := binary.Uvarint(d.waiting[d.taken:])
	size, m := binary.Uvarint(d.waiting[d.taken+n:])
	if d.taken += n + m; d.taken == len(d.waiting) {
		d.waiting, d.taken = d.waiting[:0], 0
	}
	end := start + size
	return d.value[start:end:end]
}

// setDamage notes where a text is damaged: at the innermost element that is, or
// behind the last flow log in it. What stands before it counts.
func (d *document) setDamage(end int, err error) {
	for i := len(d.lists) - 1; i >= 0; i-- {
		l := &d.lists[i]
		r := l.object
		d.found = d.found || !d.isText && r != nil && (r.shapes != 0 || len(r.flat) > 0 || r.isNamed())
		switch {
		case d.damage >= 0:
		case l.start < 0: // there is no closing bracket: the element around the list is damaged
			d.closeList()
		case r != nil && l.flowLog:
			d.damage = end
		default:
			d.damage = l.start
		}
	}
	if d.found || err != jsontext.ErrDepth && d.isText && holdsFlowLog(d.value) {
		d.setFound()
	}
}

// damaged says what has to be passed on as it came, and why: a text from its
// damage on, of a structured record nothing but the reason.
func (d *document) damaged() (rest []byte, reason string, is bool) {
	at, err := d.reader.At()
	switch {
	case err == nil:
		return nil, "", false
	case !d.isText:
		return nil, err.Error(), true
	}
	damage := TextError{at, err.Error()}
	return d.value[d.damage:], damage.Error(), true
}

// holdsFlowLog says of a text that does not parse whether it was a flow log.
func holdsFlowLog(t []byte) bool {
	for _, key := range []string{`"flowTuples"`, `"flowTuple"`, `"flowRecords"`, `"nsgRuleName"`} {
		if bytes.Contains(t, []byte(key)) {
			return true
		}
	}
	for {
		i := bytes.Index(t, []byte(`"flow.`))
		if i < 0 {
			return false
		}
		t = t[i+1:]
		if end := bytes.IndexByte(t, '"'); end > 0 {
			if _, ok := flowIndex(t[:end]); ok {
				return true
			}
		}
	}
}
