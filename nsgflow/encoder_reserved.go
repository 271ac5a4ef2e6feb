package nsgflow

import (
	"bytes"
	"slices"

	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// Reserved fields have keys that events have too where the source record has,
// for instance, a host or an azure of its own: the maps are merged then, and
// where both have a value the event's wins. What that changes in an event is
// the same for all events of a template and a record. So the pieces of the
// template are edited once, instead of taking every event apart.

// place is a place in the constant of a piece.
type place struct{ piece, at int }

// object is a top-level key of a template, in the order of the event.
type object struct {
	key        string
	children   []string // keys of its map; nil: its value is no map
	header     place    // of its map
	headerSize int
	end        place // of its map
}

// edit changes constants at one place.
type edit struct {
	place
	skip   int    // bytes that go
	keys   int    // of the map whose header stands there then; 0: none does
	insert []byte // entries that come in
}

// edited are the pieces of a template with reserved fields in them.
type edited struct {
	template *template
	of       *reserved
	record   uint64 // of these that it holds for: see reserved.record
	merge    bool   // there is more to it than edits: pieces are not valid
	pieces   []piece
	list     []edit // in the order of the event
	buffer   []byte // holds the constants that have changed
}

// What is kept is bounded, whatever a source record holds.
const (
	maxEdited  = 64       // templates at a time
	maxEntries = 32 << 10 // bytes that come into one
)

// editedTemplates are those of the record at hand, each as often as there is
// room.
type editedTemplates struct {
	list []edited
	next int // the one that goes when another template comes
}

// of is the template with the reserved fields at hand.
func (et *editedTemplates) of(t *template, r *reserved) *edited {
	d := t.edited
	if d == nil || d.template != t {
		if et.list == nil {
			et.list = make([]edited, maxEdited)
		}
		d = &et.list[et.next]
		et.next = (et.next + 1) % maxEdited
		d.template, t.edited = t, d
	} else if d.of == r && d.record == r.record {
		return d
	}
	d.edit(t, r)
	return d
}

// edit works out the pieces for the reserved fields at hand.
func (d *edited) edit(t *template, r *reserved) {
	d.of, d.record, d.list, d.merge = r, r.record, d.list[:0], r.twice
	left, size := len(r.conflicts), 0
	for i := range t.objects {
		o := &t.objects[i]
		c := r.conflict(o.key)
		if c == nil {
			continue
		}
		left--
		if o.children == nil || !msgpack.IsMap(c.value) {
			continue // the event's value wins
		}
		entries, n := msgpack.Entries(c.value)
		if n == 0 {
			continue
		}
		size += len(entries)
		d.merge = d.merge || size > maxEntries || shareKey(entries, n, o.children)
		d.list = append(d.list, edit{place: o.header, skip: o.headerSize, keys: len(o.children) + n}, edit{place: o.end, insert: entries})
	}
	d.merge = d.merge || left > 0 // a key that other events have
	if !d.merge {
		d.apply(t.pieces)
	}
}

// apply makes the edits in copies of the pieces.
func (d *edited) apply(pieces []piece) {
	d.pieces, d.buffer = append(d.pieces[:0], pieces...), d.buffer[:0]
	list := d.list
	for i := range d.pieces {
		if len(list) == 0 || list[0].piece != i {
			continue
		}
		p := &d.pieces[i]
		from := len(d.buffer)
		d.buffer, list = appendEdited(d.buffer, i, p.constant, list)
		p.setConstant(d.buffer[from:])
	}
}

// shareKey says whether one of n entries has one of the keys, or a key that is
// no text.
func shareKey(entries []byte, n int, keys []string) bool {
	for range n {
		var key []byte
		key, entries = msgpack.Cut(entries)
		_, entries = msgpack.Cut(entries)
		if t, ok := msgpack.StringOf(key); !ok || slices.Contains(keys, string(t)) {
			return true
		}
	}
	return false
}

// conflict is a reserved field whose key events have too.
type conflict struct{ key, value []byte }

func (r *reserved) conflict(key string) *conflict {
	for i := range r.conflicts {
		if string(r.conflicts[i].key) == key {
			return &r.conflicts[i]
		}
	}
	return nil
}

// findConflicts divides fields into those that events may have too and others.
func (r *reserved) findConflicts() {
	r.conflicts = r.conflicts[:0]
	r.others, r.otherCount = appendSome(r.others[:0], r.fields, func(key, value []byte) bool {
		if !r.names[string(key)] {
			return true
		}
		r.conflicts = append(r.conflicts, conflict{key, value})
		return false
	})
	for i, c := range r.conflicts { // a key that comes twice is for the merger
		for _, d := range r.conflicts[:i] {
			r.twice = r.twice || bytes.Equal(c.key, d.key)
		}
	}
}

// appendMerged writes an event's map with reserved fields that have keys which
// events have too.
func (e *encoder) appendMerged(out []byte, t *template) []byte {
	r := e.reserved
	d := e.edited.of(t, r)
	if d.merge {
		body := msgpack.AppendMapHeader(e.scratch[:0], t.keys)
		e.scratch = e.appendFields(body, t, t.pieces)
		return e.merger.Append(out, e.scratch, r.fields)
	}
	out = msgpack.AppendMapHeader(out, t.keys+r.otherCount)
	out = e.appendFields(out, t, d.pieces)
	return append(out, r.others[fieldsHeader:]...)
}

// appendEdited appends the constant of the piece i with the edits that are for
// it, and returns those that are left.
func appendEdited(out []byte, i int, constant []byte, list []edit) ([]byte, []edit) {
	at := 0
	for len(list) > 0 && list[0].piece == i {
		d := &list[0]
		out = append(out, constant[at:d.at]...)
		if d.keys > 0 {
			out = msgpack.AppendMapHeader(out, d.keys)
		}
		out = append(out, d.insert...)
		at = d.at + d.skip
		list = list[1:]
	}
	return append(out, constant[at:]...), list
}
