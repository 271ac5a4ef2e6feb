package nsgflow

import (
	"bytes"
	"strings"

	"github.com/vmihailenco/msgpack/v5"
)

// How events are written. All that makes up an event but the texts of its
// group and the values of its tuple follows from the letters of the tuple
// (the variant) and from which texts and values there are. So a schema's
// table is worked through once for each such combination; what comes out is
// a template: pieces of ready msgpack with gaps. An event is its pieces
// copied, and its gaps filled. Groups with the same texts come again and again:
// for those the texts are filled in once and for all (bake).

// template writes events of one form.
type template struct {
	pieces []piece
	tail   []byte // what stands behind the last gap
	keys   int    // of the event's map
	size   int    // of all pieces and the tail
}

// piece is ready msgpack, followed by one gap.
type piece struct {
	ready []byte
	text  groupText // the gap: this text, or
	slot  slot      // this value
}

// newTemplate works through the fields of a schema. The writing of its pieces
// is not on the way of the data and uses the msgpack package's encoder.
func newTemplate(rows []row, f form) *template {
	root := &branch{}
	for i := range rows {
		if value, gap, ok := rows[i].resolve(f); ok {
			root.add(rows[i].path, leaf{value, gap, gap.text != textNone && strings.HasPrefix(rows[i].typ, "[]")})
		}
	}
	w := templateWriter{}
	w.enc = msgpack.NewEncoder(&w.ready)
	for _, b := range root.below {
		w.write(b)
	}
	w.t.tail = padded(w.ready.Bytes())
	w.t.size += len(w.t.tail)
	w.t.keys = len(root.below)
	return &w.t
}

// bake makes a template for one group's texts: what is left are the values
// that differ from tuple to tuple.
func (t *template) bake(packed *[textCount][]byte) *template {
	b := &template{keys: t.keys}
	var ready []byte
	for _, p := range t.pieces {
		ready = append(ready, p.ready...)
		if p.slot == slotNone {
			ready = append(ready, packed[p.text]...)
			continue
		}
		b.add(piece{ready: ready, slot: p.slot})
		ready = nil
	}
	b.tail = padded(append(ready, t.tail...))
	b.size += len(b.tail)
	return b
}

func (t *template) add(p piece) {
	p.ready = padded(p.ready)
	t.size += len(p.ready)
	t.pieces = append(t.pieces, p)
}

// padded is b with room behind it: see appendShort.
func padded(b []byte) []byte { return append(make([]byte, 0, len(b)+short), b...) }

// row is a field of a schema with its name in parts.
type row struct {
	field
	path []string
}

// leaf is the value of a field: ready, or else a gap.
type leaf struct {
	value any
	gap   piece
	list  bool // an array of the gap's one text
}

// resolve finds where the field's value comes from in events of a form.
func (fd *field) resolve(f form) (value any, gap piece, ok bool) {
	in := kinds(1 << f.family)
	if f.failed {
		in = inError
	}
	if fd.in&in == 0 || fd.only != nil && !fd.only(f.variant) {
		return nil, gap, false
	}
	if fd.variant != nil {
		switch v := fd.variant(f.variant); v {
		case nil:
		case "":
			return nil, gap, false
		default:
			return v, gap, true
		}
	}
	if fd.text != textNone && f.texts&(1<<fd.text) != 0 {
		return nil, piece{text: fd.text}, true
	}
	if fd.slot != slotNone && f.slots&(1<<fd.slot) != 0 {
		return nil, piece{slot: fd.slot}, true
	}
	return nil, gap, false
}

// branch is a key of an object of the event, with what stands below it.
type branch struct {
	key   string
	list  bool // its value is an array of one object
	below []*branch
	leaf  leaf // valid iff there is nothing below
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
	t     template
	ready bytes.Buffer
	enc   *msgpack.Encoder
}

// write writes a key and its value. The encoder's errors are those of its
// writer, and a bytes.Buffer has none.
func (w *templateWriter) write(b *branch) {
	_ = w.enc.EncodeString(b.key)
	if b.list {
		_ = w.enc.EncodeArrayLen(1)
	}
	switch {
	case len(b.below) > 0:
		_ = w.enc.EncodeMapLen(len(b.below))
		for _, c := range b.below {
			w.write(c)
		}
	case b.leaf.value != nil:
		_ = w.enc.Encode(b.leaf.value)
	default:
		if b.leaf.list {
			_ = w.enc.EncodeArrayLen(1)
		}
		gap := b.leaf.gap
		gap.ready = w.ready.Bytes()
		w.t.add(gap)
		w.ready.Reset()
	}
}
