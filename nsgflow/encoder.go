package nsgflow

import (
	"fluent-bit-nsgflow/nsgflow/internal/enrich"
	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// encoder writes the events of flows, by the templates of a schema.
type encoder struct {
	table      table
	templates  *templateCache
	reserved   *reserved
	keep       bool           // reserved fields stay with every event
	aggregator *aggregator    // of which it reads the tuples of an aggregate
	context    *enrich.Writer // nil: there is none

	// Of the source record at hand.
	frame  Frame
	out    []byte
	start  int // where its events begin in out
	listed int // bytes of them that say what threat lists know

	progress progress
	room     func(out []byte, size int) []byte // see Normalizer.GrowWith

	// Of the record and the group at hand.
	record  *record
	group   groupValues
	message message
	begun   int // number of the group; -1: none
	id      eventID

	// Of the tuple at hand.
	event event

	edited  []edited // templates with the reserved fields of the source record at hand
	clock   msgpack.Clock
	merger  msgpack.Merger
	scratch []byte
	whole   []byte // an event that is to be merged with reserved fields
}

// event is what differs from tuple to tuple.
type event struct {
	flow      *parsedTuple // valid iff err is ""
	err       string       // why the tuple does not parse
	tuple     *tuple
	place     uint64     // of the tuple; see record.place
	number    uint32     // of the tuple, among all of its record
	aggregate *aggregate // that the event is of; nil: of one flow
	time      msgpack.EventTime
}

// take takes up the tuple k of a group of the record.
func (v *event) take(r *record, g *group, k int) {
	v.tuple, v.place, v.number = &r.of(g)[k], r.place(g, k), g.from+uint32(k)
}

// beginRecord takes up a record.
func (e *encoder) beginRecord(r *record) {
	e.record, e.begun = r, -1
	if e.table.identifies {
		e.id.beginRecord(r)
	}
}

// beginGroup takes up the group i of the record, unless it is at hand: all that
// its events share is made ready here.
func (e *encoder) beginGroup(i int) {
	if i == e.begun {
		return
	}
	r := e.record
	e.begun = i
	g := &r.groups[i]
	e.group.collect(r, g, &e.table)
	if e.context != nil {
		e.group.setOrigin(e.context.BeginGroup(e.group.values[groupMAC], e.group.values[groupResource]))
	}
	e.group.pack(e.table.groups)
	e.templates.use(&e.group)
	if e.table.original {
		e.message.beginGroup(r, g)
	}
	if e.table.identifies {
		t := &e.group.values
		e.id.beginGroup(i, t[groupACL], t[groupRule], t[groupMAC])
	}
}

// appendEvent writes the event of a flow, which the tuple at hand says.
func (e *encoder) appendEvent(f *parsedTuple) {
	v := &e.event
	v.flow, v.err = f, ""
	v.time = eventTimeOf(f.Time)
	e.append(e.template(keyOf(f)))
}

// appendError writes the event of a tuple that does not parse.
func (e *encoder) appendError(reason string) {
	v := &e.event
	v.err = reason
	v.time = e.errorTime()
	e.append(e.template(keyOfError(e.group.family)))
}

// errorTime is the tuple's time if that parses, else the record's, else the
// source record's.
func (e *encoder) errorTime() msgpack.EventTime {
	if t := e.event.tuple; !t.Other {
		if ms, _, bad := parseTime(t.Text); bad == noColumn {
			return eventTimeOf(ms)
		}
	}
	if t, ok := recordTime(e.record.fields[fieldTime]); ok {
		return t
	}
	if t, ok := msgpack.ReadTime(e.frame.time()); ok {
		return t
	}
	return msgpack.EventTime{}
}

// append writes an event with its frame and the reserved fields.
func (e *encoder) append(t *template) {
	r := e.reserved
	count := 0
	if e.keep {
		count = r.count
	}
	merges := count > 0 && len(r.parts) > 0
	more := 0
	if e.context != nil && e.event.err == "" {
		more = e.lookUpAddresses() // encoder_context.go
		if !merges {
			t = e.outlinedOf(t) // template_outline.go
		}
		e.listed += e.context.Listed()
	}
	e.grow(e.sizeOf(t) + more)
	out := e.frame.appendAt(e.out, e.event.time)
	if merges {
		e.out = e.appendMerged(out, t) // encoder_reserved.go
		return
	}
	out = e.appendMap(out, t, t.pieces, t.keys+count)
	if count > 0 {
		out = append(out, r.entries()...)
	}
	e.out = out
}

// appendMap writes an event's map, which has so many keys besides those that a
// context adds.
func (e *encoder) appendMap(out []byte, t *template, pieces []piece, keys int) []byte {
	if e.context == nil || e.event.err != "" || t.hasContext {
		return e.appendFields(msgpack.AppendMapHeader(out, keys), t, pieces)
	}
	out = msgpack.AppendMapHeader(out, keys+e.context.Count(enrich.OpenEvent))
	return e.context.Append(e.appendFields(out, t, pieces), enrich.OpenEvent)
}

// sizeOf is about the size of an event, or somewhat more.
func (e *encoder) sizeOf(t *template) int {
	const values = 512 // the frame, the time as text, numbers, addresses
	size := len(e.frame.Metadata) + t.size + len(t.message) + 2*e.group.size + len(e.message.prefix) + len(e.message.rawJSON) +
		6*(len(e.event.tuple.Text)+len(e.event.err)) + values
	if e.keep {
		size += len(e.reserved.fields)
	}
	if g := e.event.aggregate; g != nil && e.table.original {
		size += int(g.tuples) * (len(e.event.tuple.Text) + len(`","flow.100000":"`))
	}
	return size
}

// release lets go of the source record's memory, which is not ours. It returns
// the bytes of buffers that it keeps.
func (e *encoder) release() (kept int) {
	e.frame, e.out, e.record, e.event = Frame{}, nil, nil, event{}
	e.group.release()
	e.message.release()
	if len(e.reserved.fields) > keptFields {
		clear(e.edited[:cap(e.edited)]) // places in them
	}
	return cap(e.group.buffer) + cap(e.message.prefix) + cap(e.message.constant) + cap(e.scratch) + cap(e.whole) + cap(e.id.buffer) + e.merger.Bytes()
}

// keptFields is how many bytes of reserved fields edited templates may hold on to,
// each of those of a record of its own.
const keptFields = 16 << 10
