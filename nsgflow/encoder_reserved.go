package nsgflow

import (
	"slices"

	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// Events that have keys in common with reserved fields hold both, merged. What
// that changes in an event is the same for all events of a template and a source
// record. So the pieces of the template are edited once, instead of merging maps
// for every event.

// object is a map of a template.
type object struct {
	key         string
	names       []string // the keys in it
	header, end edit     // that replaces its header, or inserts at its end
	below       []object // the maps in it
	open        bool     // its header is a dynamic part
}

// edit puts bytes in the place of others, in the constant of a piece.
type edit struct {
	piece, at int
	skip      int    // bytes that go
	insert    []byte // what comes instead
	more      int    // entries that the dynamic part behind counts besides
}

// with is an edit of the same place.
func (e edit) with(insert []byte) edit { e.insert = insert; return e }

// edited are the pieces of a template with the reserved fields at hand in them.
type edited struct {
	template *template
	pieces   []piece
	keys     int      // of the event's map
	rest     [][]byte // entries at its end
	list     []edit   // in the order of the event
	headers  []byte   // of maps, for list
}

// maxEdited is how many edited templates there are for a source record. Each holds
// places of its template and of the reserved fields, no bytes of them.
const maxEdited = 64

// editedOf is a template with the reserved fields at hand. Real records have few
// templates; of crafted ones with more than maxEdited, they are edited again.
func (e *encoder) editedOf(t *template) *edited {
	for i := range e.edited {
		if e.edited[i].template == t {
			return &e.edited[i]
		}
	}
	if len(e.edited) == maxEdited {
		e.edited = e.edited[:0]
	}
	n := len(e.edited)
	e.edited = slices.Grow(e.edited, 1)[:n+1] // what is there is used again
	d := &e.edited[n]
	d.template = t
	d.edit(t, e.reserved)
	return d
}

// edit works out the pieces for the reserved fields at hand.
func (d *edited) edit(t *template, r *reserved) {
	d.list, d.headers = d.list[:0], d.headers[:0]
	d.editBelow(t.objects, r.parts)
	d.apply(t.pieces)
	d.keys, d.rest = t.keys, d.rest[:0]
	for i := range r.parts {
		if p := &r.parts[i]; !t.has(string(p.Key)) {
			d.keys += p.Count
			d.rest = append(d.rest, p.Entries)
		}
	}
}

// has says whether the map has the key of a part.
func (o *object) has(p *msgpack.Part) bool {
	return p.Key != nil && slices.Contains(o.names, string(p.Key))
}

// editBelow edits maps, in their order, where reserved fields have maps of the
// same names.
func (d *edited) editBelow(objects []object, parts []msgpack.Part) {
	for i := range objects {
		o := &objects[i]
		p := msgpack.PartOf(parts, o.key)
		if p == nil || len(p.Below) == 0 {
			continue // the event's value wins
		}
		added := 0
		for k := range p.Below {
			if !o.has(&p.Below[k]) {
				added += p.Below[k].Count
			}
		}
		switch {
		case added == 0:
		case o.open:
			more := o.header
			more.more = added
			d.list = append(d.list, more)
		default:
			from := len(d.headers)
			d.headers = msgpack.AppendMapHeader(d.headers, len(o.names)+added)
			d.list = append(d.list, o.header.with(d.headers[from:len(d.headers):len(d.headers)]))
		}
		d.editBelow(o.below, p.Below)
		for k := range p.Below {
			if !o.has(&p.Below[k]) {
				d.list = append(d.list, o.end.with(p.Below[k].Entries))
			}
		}
	}
}

// apply makes pieces of those of a template and of the edits between them.
func (d *edited) apply(pieces []piece) {
	d.pieces = d.pieces[:0]
	list := d.list
	for i := range pieces {
		p := pieces[i]
		if len(list) == 0 || list[0].piece != i {
			d.pieces = append(d.pieces, p)
			continue
		}
		at := 0
		for ; len(list) > 0 && list[0].piece == i; list = list[1:] {
			e := &list[0]
			d.addPiece(p.constant[at:e.at])
			d.addPiece(e.insert)
			at = e.at + e.skip
			p.count += uint32(e.more)
		}
		p.setConstant(p.constant[at:])
		d.pieces = append(d.pieces, p)
	}
}

// addPiece adds a piece that has no variable part.
func (d *edited) addPiece(constant []byte) {
	if len(constant) > 0 {
		p := piece{}
		p.setConstant(constant)
		d.pieces = append(d.pieces, p)
	}
}

// appendMerged writes an event's map with reserved fields that have keys which
// events have too. Where a context may add such a key, to some events and not to
// others, each event is merged on its own.
func (e *encoder) appendMerged(out []byte, t *template) []byte {
	if e.reserved.meetsContext {
		e.whole = e.appendMap(e.whole[:0], t, t.pieces, t.keys)
		return e.merger.Append(out, e.whole, e.reserved.fields)
	}
	d := e.editedOf(t)
	out = e.appendMap(out, t, d.pieces, d.keys)
	for _, entries := range d.rest {
		out = append(out, entries...)
	}
	return out
}
