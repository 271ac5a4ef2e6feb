package nsgflow

import (
	"slices"

	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// event is what templates fill their gaps from.
type event struct {
	rec   *record
	group *group
	tuple *tuple
	flow  parsedTuple
	when  msgpack.EventTime

	texts   [textCount]text   // of the group, as they came
	packed  [textCount][]byte // the same as msgpack strings
	present uint32            // set of groupText, those that are valid in packed
	size    int               // of all in packed
	buffer  []byte            // holds packed
	time    []byte            // the record's time as a msgpack string; empty if it is none

	forms *forms // the templates for the group

	opening     []byte // of the message; see openMessage
	middle      []byte // of the message, where the template has none: that of
	middleState State  // this state; empty: of none
	verbatim    text   // the whole message; nil: it is composed

	err *TupleError // valid iff it is the event of a tuple that failed
}

// emit writes the events of a record.
func (n *Normalizer) emit(r *record) {
	in := r.shapes
	if len(n.lists) > 0 {
		in = shapeBlob
	}
	n.flush(in)
	if n.identifies {
		n.identity.begin(r, n.nodeText)
	}
	for i := range r.groups {
		g := &r.groups[i]
		if g.from == g.to {
			continue
		}
		n.beginGroup(r, i)
		tuples := r.of(g)
		for k := range tuples {
			if n.emitTuple(&tuples[k]); n.tooMuch {
				return
			}
		}
	}
	if len(r.tuples) == 0 {
		n.counts.Empty++
	}
}

// beginGroup takes up a group: all that its events share is made ready here.
func (n *Normalizer) beginGroup(r *record, place int) {
	e := &n.event
	g := &r.groups[place]
	e.rec, e.group, e.verbatim = r, g, nil
	e.buffer, e.middle = e.buffer[:0], e.middle[:0]
	n.readTexts(r, g)
	e.forms = n.formsOf(e)
	switch {
	case !n.options.Original:
	case g.place == placeFlattened && g.to-g.from == 1 && r.whole != nil:
		e.verbatim = msgpack.ValidUTF8(r.whole)
	default:
		e.openMessage()
	}
	if n.identifies {
		n.identity.beginGroup(place, e.texts[textACL], e.texts[textRule], e.texts[textMAC])
	}
}

func (n *Normalizer) emitTuple(t *tuple) {
	e := &n.event
	e.tuple = t
	if !n.readTuple(t) {
		n.emitError(t)
		return
	}
	f := &e.flow
	n.counts.Flows[f.Family][f.Decision]++
	n.counts.Unknown += uint64(f.Unknown)
	e.when = momentOf(f.Time)
	n.write(n.template(formOf(f, len(e.time) > 0)), len(t.text))
}

// readTuple reads t into the event's flow; if it does not parse, err says why.
func (n *Normalizer) readTuple(t *tuple) bool {
	e := &n.event
	e.err = nil
	g := e.group
	if want := wanted[g.place]; t.other {
		e.err = wrongType(n.path(t), want, n.nodeText(t))
		return false
	}
	line, comma := t.text, noColumn
	if e.rec.line != nil && g.place >= placeFlattened {
		line, comma = e.rec.line, int(e.rec.comma)
	}
	bad := e.flow.parse(g.family, line)
	if comma != noColumn && (bad == noColumn || bad > comma) {
		bad = comma // the columns behind it are not those that the record has
	}
	if bad != noColumn {
		e.err = n.tupleError(t, line, bad)
	}
	return bad == noColumn
}

// emitError writes the event of a tuple that does not parse.
func (n *Normalizer) emitError(t *tuple) {
	e := &n.event
	n.fail(e.err.Error())
	if n.options.DropErrors {
		return
	}
	e.when = n.errorTime(t)
	n.write(n.template(formOfError(e.group.family, len(e.time) > 0)), len(t.text)+len(n.counts.LastError))
}

// errorTime is the tuple's time if that parses, else the record's, else the
// source record's.
func (n *Normalizer) errorTime(t *tuple) msgpack.EventTime {
	if !t.other {
		seconds, p := digits(t.text, 0)
		if ms, ok := millis(seconds); ok && p > 0 && ended(t.text, p) {
			return momentOf(ms)
		}
	}
	if m, ok := recordTime(n.event.rec.fields[fieldTime]); ok {
		return m
	}
	if m, ok := msgpack.ReadTime(n.frame.time()); ok {
		return m
	}
	return msgpack.EventTime{}
}

// write writes an event. extra are the bytes of its tuple.
func (n *Normalizer) write(t *template, extra int) {
	e := &n.event
	others := 0
	if n.options.ReserveData {
		others = len(n.others)
	}
	const values = 256 // the frame, the time as text, numbers, addresses
	n.out = slices.Grow(n.out, len(n.frame.Metadata)+others+t.size+len(t.message)+2*e.size+len(e.opening)+len(e.verbatim)+6*extra+values)

	out := n.frame.appendAt(n.out, e.when)
	switch {
	case others == 0 || n.othersLen == 0:
		out = msgpack.AppendMapHeader(out, t.keys)
		out = n.fill(out, t)
	case !n.clash:
		out = msgpack.AppendMapHeader(out, t.keys+n.othersLen)
		out = n.fill(out, t)
		out = append(out, n.others[othersHeader:]...)
	default:
		body := msgpack.AppendMapHeader(n.scratch[:0], t.keys)
		n.scratch = n.fill(body, t)
		out = n.merger.Append(out, n.scratch, n.others)
	}
	n.out = out
	n.bound()
}
