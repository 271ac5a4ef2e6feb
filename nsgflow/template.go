package nsgflow

import (
	"bytes"
	"slices"
	"strings"
	"unsafe"

	"fluent-bit-nsgflow/nsgflow/internal/enrich"
	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// How events are written. An event has values of its group, values of its tuple,
// and constants. The constants follow from the letters of the tuple (the
// variant) and from which values there are. So a schema's table is worked
// through once for each such combination. The result is a template: fixed parts
// of msgpack, with a dynamic part behind each. An event is the fixed parts and the
// values of the dynamic ones. Groups with the same values come again and again:
// there the group's values become fixed too (specialize).

// template writes the events of one variant.
type template struct {
	pieces  []piece  // the last one has no dynamic part
	message []byte   // the fixed part of the message; nil: it is made for each group
	keys    int      // of the event's map
	size    int      // of all fixed parts
	names   []string // the keys of that map
	objects []object // the maps in it

	outlined   []outlined // templates beside it: see template_outline.go
	missed     int        // its events since one was made
	hasContext bool       // it is one of those: events have nothing of a context but what it writes
}

// piece is a fixed part, in msgpack, followed by a dynamic one.
type piece struct {
	constant []byte
	short    [16]byte       // constant, if it fits: a copy of a fixed size takes one step
	group    groupValue     // the dynamic part: this value of the group, or
	slot     slot           // this value of the tuple
	opening  enrich.Opening // of slotOpen and slotFar
	count    uint32         // of slotOpen: the entries that there are without a context
}

func (p *piece) setConstant(b []byte) {
	p.constant = b
	copy(p.short[:], b)
}

// newTemplate works through the fields of a schema, for events of a variant in
// groups that have some set of values.
func newTemplate(table *table, v variant, groups uint32) *template {
	rows := table.rows
	root := &branch{}
	slots := v.slots()
	for i := range rows {
		if l, ok := rows[i].resolve(v, groups, slots); ok {
			root.add(rows[i].path, l)
		}
	}
	if !v.failed {
		for o, path := range table.open {
			if path != nil {
				root.object(path).opening = enrich.Opening(o)
			}
		}
	}
	var w templateWriter
	w.t.keys = len(root.below)
	for _, b := range root.below {
		w.t.names = append(w.t.names, b.key)
		w.write(b, &w.t.objects)
	}
	w.end(groupNone, slotNone)
	return &w.t
}

// specialize makes a template for groups with the same values: only the values of
// the tuple still vary.
func (t *template) specialize(packed *[groupCount][]byte) *template {
	var w templateWriter
	w.t.keys, w.t.names, w.t.objects = t.keys, t.names, cloned(t.objects)
	for i, p := range t.pieces {
		base := w.here()
		moved(w.t.objects, t.objects, i, base)
		w.constant = append(w.constant, p.constant...)
		if p.slot == slotNone {
			w.constant = append(w.constant, packed[p.group]...)
		} else {
			w.endOpening(p.slot, p.opening, int(p.count))
		}
	}
	w.end(groupNone, slotNone)
	return &w.t
}

// leaf is the value of a field: constant, or of the group, or of the tuple.
type leaf struct {
	constants []string
	number    []byte // a constant too, as msgpack
	group     groupValue
	slot      slot
	list      bool // the constants are, or the group's value is, an array
}

// resolve finds where the field's value comes from in events of a variant that
// have these values. ok is false where they lack the field.
func (fd *field) resolve(v variant, groups uint32, slots uint64) (l leaf, ok bool) {
	in := kinds(1 << v.family)
	switch {
	case v.failed:
		in = inError
	case aggregated(v):
		in |= inAggregated
	}
	if fd.in&in == 0 || fd.only != nil && !fd.only(v) ||
		fd.given != groupNone && groups&(1<<fd.given) == 0 || fd.lacking != groupNone && groups&(1<<fd.lacking) != 0 {
		return leaf{}, false
	}
	l.list = strings.HasPrefix(fd.typ, "[]")
	switch {
	case fd.constants != nil && (fd.fromGroup == nil || !fd.fromGroup(v)):
		l.constants = fd.constants(v)
		return l, l.constants != nil
	case fd.number != nil:
		n := fd.number(v)
		l.number = msgpack.AppendUint(nil, uint64(max(n, 0)))
		return l, n >= 0
	case fd.group != groupNone:
		l.group = fd.group
		return l, groups&(1<<fd.group) != 0
	}
	l.slot = fd.slot
	if v.alone {
		l.slot, l.number = v.slotAlone(l.slot)
	}
	return l, slots&(1<<fd.slot) != 0
}

// branch is a key of an object of the event, with what stands below it.
type branch struct {
	key   string
	list  bool // its value is an array of one object
	below []*branch
	leaf  leaf // valid iff there is nothing below

	opening enrich.Opening // it gets entries from a context
}

// object is the branch of an object, which is made where there is none.
func (b *branch) object(path []string) *branch {
	if len(path) == 0 {
		return b
	}
	i := slices.IndexFunc(b.below, func(c *branch) bool { return c.key == path[0] })
	if i < 0 {
		i = len(b.below)
		b.below = append(b.below, &branch{key: path[0]})
	}
	return b.below[i].object(path[1:])
}

func (b *branch) add(path []string, l leaf) {
	if len(path) == 0 {
		b.leaf = l
		return
	}
	key, list := strings.CutSuffix(path[0], "[]")
	var next *branch
	if n := len(b.below); n > 0 && b.below[n-1].key == key {
		next = b.below[n-1]
	} else {
		next = &branch{key: key, list: list}
		b.below = append(b.below, next)
	}
	next.add(path[1:], l)
}

type templateWriter struct {
	t        template
	constant []byte // the fixed part of the piece at hand, so far
}

// end ends a piece with its dynamic part.
func (w *templateWriter) end(group groupValue, s slot) {
	p := piece{group: group, slot: s}
	p.setConstant(bytes.Clone(w.constant))
	w.t.pieces = append(w.t.pieces, p)
	w.t.size += len(p.constant)
	w.constant = w.constant[:0]
}

// endOpening ends a piece with a value of an opening.
func (w *templateWriter) endOpening(s slot, o enrich.Opening, count int) {
	w.end(groupNone, s)
	last := &w.t.pieces[len(w.t.pieces)-1]
	last.opening, last.count = o, uint32(count)
}

// writeBelow writes the entries of a map.
func (w *templateWriter) writeBelow(b *branch, o *object) {
	for _, c := range b.below {
		o.names = append(o.names, c.key)
		w.write(c, &o.below)
	}
	o.end = w.here()
}

func (w *templateWriter) here() edit { return edit{piece: len(w.t.pieces), at: len(w.constant)} }

// has says whether events of the template have a key at the top.
func (t *template) has(name string) bool { return slices.Contains(t.names, name) }

// bytes is the memory of a template, about.
func (t *template) bytes() int {
	return t.size + len(t.message) + cap(t.pieces)*int(unsafe.Sizeof(piece{})) + bytesOfObjects(t.objects)
}

func bytesOfObjects(objects []object) (n int) {
	n = cap(objects) * int(unsafe.Sizeof(object{}))
	for i := range objects {
		n += bytesOfObjects(objects[i].below)
	}
	return n
}

func cloned(objects []object) []object {
	objects = slices.Clone(objects)
	for i := range objects {
		objects[i].below = cloned(objects[i].below)
	}
	return objects
}

// moved makes the places of objects those that they have in a template whose piece
// i begins at base.
func moved(objects, old []object, i int, base edit) {
	for k := range objects {
		o, was := &objects[k], &old[k]
		if was.header.piece == i {
			o.header.piece, o.header.at = base.piece, base.at+was.header.at
		}
		if was.end.piece == i {
			o.end.piece, o.end.at = base.piece, base.at+was.end.at
		}
		moved(o.below, was.below, i, base)
	}
}

// write writes a key and its value. A map is noted among objects: those that
// are in the same map.
func (w *templateWriter) write(b *branch, objects *[]object) {
	w.constant = msgpack.AppendString(w.constant, b.key)
	if b.list {
		w.constant = append(w.constant, msgpack.FixArray|1)
	}
	if b.opening != enrich.NotOpen {
		o := object{key: b.key, header: w.here(), open: true}
		w.endOpening(slotOpen, b.opening, len(b.below))
		w.writeBelow(b, &o)
		*objects = append(*objects, o)
		return
	}
	if len(b.below) > 0 {
		o := object{key: b.key, header: w.here()}
		w.constant = msgpack.AppendMapHeader(w.constant, len(b.below))
		o.header.skip = len(w.constant) - o.header.at
		w.writeBelow(b, &o)
		if !b.list { // an array of maps has nothing to do with a map
			*objects = append(*objects, o)
		}
		return
	}
	l := b.leaf
	switch {
	case l.number != nil:
		w.constant = append(w.constant, l.number...)
		return
	case l.slot != slotNone: // writes its array itself
	case l.group != groupNone && l.list:
		w.constant = append(w.constant, msgpack.FixArray|1)
	case l.list:
		w.constant = append(w.constant, msgpack.FixArray|byte(len(l.constants)))
	}
	for _, c := range l.constants {
		w.constant = msgpack.AppendString(w.constant, c)
	}
	if l.constants == nil {
		w.end(l.group, l.slot)
	}
}
