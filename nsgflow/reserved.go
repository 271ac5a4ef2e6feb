package nsgflow

import (
	"encoding/binary"
	"slices"

	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// reserved are the fields of the source record that are not the flow log: a
// hostname for instance. Events keep them, and so do foreign records.
//
// They may have keys that events have too: a host, or an azure of the source
// record's own. Maps are merged then, at every level, and where both have a value the
// event's wins. Which fields are concerned follows from the schema, so that they are
// looked for once for each source record, however many events it becomes.
type reserved struct {
	names msgpack.Names // of events

	body   []byte // the source record; nil of a text on its own
	field  []byte // that holds the flow log; nil: the body is the flow log
	ready  bool   // what follows is valid
	fields []byte // a map
	count  int    // of its entries

	contextEntries msgpack.Names // that a context may add; nil: there is none
	meetsContext   bool          // fields have one of them

	parts []msgpack.Part // of fields, if one has a key that events may have too

	foreign      []byte // fields for foreign records: see forForeign
	foreignReady bool
	category     string // of flow logs, if the fields call the record one; valid iff foreignReady
	rule         string // of some text, if they have one of layerFields; likewise
}

func (r *reserved) reset(body []byte) {
	r.body, r.field = body, nil
	r.ready, r.foreignReady = false, false
}

const fieldsHeader = 5 // a map header with a count of four bytes, written last

// collect makes fields. own are the shapes that a flow log has that is the body
// itself: entries of those are its parts.
func (r *reserved) collect(own shapes) {
	if r.ready {
		return
	}
	r.ready = true
	conflict := false
	r.fields, r.count = appendSome(r.fields[:0], r.body, func(key []byte, _ []byte) bool {
		if r.field != nil && string(key) == string(r.field) || r.field == nil && entryOf(key).shapes&own != 0 {
			return false
		}
		_, ours := r.names[string(key)]
		conflict = conflict || ours
		return true
	})
	r.parts, r.meetsContext = nil, false
	if conflict {
		r.parts = r.names.Divide(r.entries(), r.count)
		r.meetsContext = r.contextEntries.Meet(r.fields)
	}
}

// entries are the reserved fields without the header of their map.
func (r *reserved) entries() []byte { return r.fields[fieldsHeader:] }

// forForeign is the map of the fields that foreign records keep: all but a
// field that is a flow log as well, which has not been read. The events keep
// that. If a foreign record out of the same list did, the filter would take it
// for that flow log the next time, once for each such record.
func (r *reserved) forForeign(isFlowLog func(key []byte, value []byte) bool) []byte {
	if !r.foreignReady {
		r.foreignReady = true
		r.findSigns()
		r.foreign, _ = appendSome(r.foreign[:0], r.fields, func(key []byte, value []byte) bool { return !isFlowLog(key, value) })
	}
	return r.foreign
}

// findSigns looks what the fields say about a flow log among them.
func (r *reserved) findSigns() {
	r.category, r.rule = "", ""
	for field := range msgpack.Each(msgpack.Entries(r.fields)) {
		text, _ := msgpack.StringOf(field.Value)
		e := entryOf(field.Name)
		switch {
		case e.role != roleField:
		case e.field.namesFlowLog(text):
			r.category = "FlowLogFlowEvent"
		case len(text) > 0 && slices.Contains(layerFields[:], e.field):
			r.rule = "a rule"
		}
	}
}

// appendSome appends to dst, which is empty, a map of those entries of object
// that want wants. object may be nil.
func appendSome(dst, object []byte, want func(key []byte, value []byte) bool) (some []byte, count int) {
	dst = append(dst, msgpack.Map32, 0, 0, 0, 0)
	if object != nil {
		for e := range msgpack.Each(msgpack.Entries(object)) {
			if want(e.Name, e.Value) {
				dst = append(dst, e.Bytes...)
				count++
			}
		}
	}
	binary.BigEndian.PutUint32(dst[1:], uint32(count))
	return dst, count
}

// release lets go of the source record's memory. It returns the bytes of
// buffers that it keeps.
func (r *reserved) release() (kept int) {
	r.body, r.field, r.parts = nil, nil, nil
	return cap(r.fields) + cap(r.foreign)
}
