package nsgflow

import (
	"bytes"

	"fluent-bit-nsgflow/nsgflow/internal/jsontext"
	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// document is a flow log that is being read: a text, which is a sequence of
// records, or one structured record. It goes through lists of records, which
// may lie in each other, and gives what it finds in them.
type document struct {
	candidate
	reader  reader // the one of the two that reads it
	json    jsontext.Reader
	msgpack msgpack.Reader

	lists   []list    // that are open, the outermost first
	pool    []*record // by depth
	found   bool      // a flow log has been seen
	damage  int       // where a text is damaged; -1: nowhere
	stopped bool      // no more items are wanted
}

// list is a list of records that is open: the array of a records key, or the
// sequence of values that a text is, or an array in one of those.
type list struct {
	start   int    // the offset of its first record
	bare    bool   // it is an array in a list, or the document: no records key
	index   uint32 // of the record at hand
	found   bool   // a flow log is in it
	foreign uint32 // foreign records passed while there was none: see giveForeign
}

// item is what a document gives: a record that is a flow log, or, beside one, a
// foreign record.
type item struct {
	record  *record
	foreign []byte // valid iff record is nil
	shapes  shapes // that the source record has in its entries
}

// reset starts with another flow log.
func (d *document) reset(c candidate) {
	d.candidate = c
	d.lists = d.lists[:0]
	d.found, d.damage, d.stopped = false, -1, false
	if c.isText {
		d.json.Reset(c.value)
		d.reader = &d.json
	} else {
		d.msgpack.Reset(c.value)
		d.reader = &d.msgpack
	}
}

// keptRecords are those of a text, of a blob in it, and of the blob's records:
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
	d.candidate = candidate{}
	return kept
}

// items gives flow logs, and the foreign records beside them, in their order.
func (d *document) items(yield func(item) bool) {
	switch {
	case !d.isText && d.reader.Kind() == jsontext.Array:
		d.reader.OpenList()
		d.readList(yield, true)
	case !d.isText:
		d.readObject(yield)
	case isEnvelope(d.value): // a flow log without a tuple
		d.found = true
		d.give(yield, item{record: d.recordAt(0)})
	default:
		d.readList(yield, false)
	}
}

// give gives an item, unless no more are wanted.
func (d *document) give(yield func(item) bool, i item) {
	if !d.stopped {
		i.shapes = shapeBlob
		if len(d.lists) == 0 {
			i.shapes = i.record.shapes
		}
		d.stopped = !yield(i)
	}
}

// recordAt is an empty record, for one that lies in so many lists.
func (d *document) recordAt(depth int) *record {
	for len(d.pool) <= depth {
		d.pool = append(d.pool, &record{})
	}
	d.pool[depth].reset()
	return d.pool[depth]
}

// readList reads a list of records up to its end. It says whether there was a
// flow log in it.
func (d *document) readList(yield func(item) bool, bare bool) (found bool) {
	start, _ := d.reader.At()
	d.lists = append(d.lists, list{start: start, bare: bare})
	depth := len(d.lists) - 1
	for !d.stopped && next(d.reader) {
		start, _ := d.reader.At()
		isFlowLog := false
		switch d.reader.Kind() {
		case jsontext.Object:
			isFlowLog = d.readObject(yield)
		case jsontext.Array:
			d.reader.OpenList()
			isFlowLog = d.readList(yield, true)
		default:
			d.reader.Skip()
		}
		end, err := d.reader.At()
		if err != nil {
			d.setDamage(start, yield)
			break
		}
		switch l := &d.lists[depth]; {
		case isFlowLog:
			found = true
		case l.found:
			d.give(yield, item{foreign: d.value[start:end:end]})
		default:
			l.foreign++
		}
		d.lists[depth].index++
	}
	d.lists = d.lists[:depth]
	return found
}

// readObject reads the object that comes next, and gives it if it is a flow log
// record. It says whether it was a flow log.
func (d *document) readObject(yield func(item) bool) (isFlowLog bool) {
	r := d.recordAt(len(d.lists))
	start, _ := d.reader.At()
	d.reader.Open()
	for key, ok := d.reader.Next(); ok && !d.stopped; key, ok = d.reader.Next() {
		e := lookUp(key)
		if e.role != roleRecords || d.reader.Kind() != jsontext.Array {
			r.read(d.reader, key, e)
			continue
		}
		d.reader.OpenList()
		if d.readList(yield, false) {
			isFlowLog = true
			r.shapes |= shapeBlob
		}
	}
	end, err := d.reader.At()
	if err != nil {
		d.found = d.found || !d.isText && (r.shapes != 0 || len(r.flat) > 0 || r.isNamed())
		if isFlowLog {
			d.setDamage(end, yield)
		}
		return isFlowLog
	}
	if r.finish() {
		isFlowLog = true
		if d.isText {
			r.rawJSON = d.value[start:end:end]
		}
		d.giveForeign(yield)
		if r.long {
			d.reader.Fail(errText)
			return true
		}
		d.give(yield, item{record: r})
	}
	return isFlowLog
}

// giveForeign is called before each flow log is given. The foreign records that
// stand before the first one of a list become records of their own: only now
// is it known that the list has one. They are read again, because to remember
// them all could take many times the memory of the document.
func (d *document) giveForeign(yield func(item) bool) {
	d.found = true
	if len(d.lists) == 0 || d.lists[len(d.lists)-1].found {
		return // and so have the lists around it
	}
	for i := range d.lists {
		l := &d.lists[i]
		l.found = true
		if l.foreign == 0 {
			continue
		}
		again := d.readAgain(l.start)
		for ; l.foreign > 0; l.foreign-- {
			again.Next()
			d.give(yield, item{foreign: again.Skip()})
		}
	}
}

// readAgain reads the document from an offset on, as a sequence of values.
func (d *document) readAgain(offset int) reader {
	if d.isText {
		r := &jsontext.Reader{}
		r.Reset(d.value[offset:])
		return r
	}
	r := &msgpack.Reader{}
	r.Reset(d.value[offset:])
	return r
}

// setDamage notes where a text is damaged: at the innermost record that is, or
// behind the last one of a list. What stands before it counts.
func (d *document) setDamage(at int, yield func(item) bool) {
	if d.damage >= 0 {
		return
	}
	d.damage = at
	_, err := d.reader.At()
	if d.found || err != jsontext.ErrDepth && d.isText && holdsFlowLog(d.value) {
		d.giveForeign(yield)
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
	case d.damage < 0:
		return nil, "", false
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
