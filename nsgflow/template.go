package nsgflow

import (
	"strings"

	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// How events are written. All that makes up an event but the texts of its
// group and the values of its tuple follows from the letters of the tuple
// (the variant) and from which texts and values there are. So a schema's
// table is worked through once for each such combination; what comes out is
// a template: pieces of ready msgpack with holes, for values that are of one
// size in all events, and gaps between the pieces, for the others. An event is
// its pieces copied, and its holes and gaps filled. Groups with the same texts
// come again and again: for those the texts are filled in once and for all
// (bake).
//
// Numbers are written in holes of four bytes (ports: two) instead of the form
// that is shortest for each: that is what makes most of an event one copy.

// template writes events of one form.
type template struct {
	pieces  []piece // the last one has no gap
	numbers []hole
	texts   []hole
	message []byte // the middle of the message; nil: made for each event
	keys    int    // of the event's map
	size    int    // of all pieces
}

// piece is ready msgpack, followed by one gap.
type piece struct {
	ready []byte
	text  groupText // the gap: this text, or
	slot  slot      // this value
}

// hole is a place in a piece.
type hole struct {
	at    uint32
	piece uint16
	size  uint8
	slot  slot
}

// fixed are the values that have holes: their msgpack headers, and how many
// bytes follow.
var fixed = [slotCount]struct {
	header, size byte
}{
	slotTimestamp:          {msgpack.FixStr | byte(timestampLen), byte(timestampLen)},
	slotEventID:            {msgpack.FixStr | eventIDLen, eventIDLen},
	slotCommunityID:        {msgpack.FixStr | communityIDLen, communityIDLen},
	slotSourcePort:         {msgpack.Uint16Code, 2},
	slotDestinationPort:    {msgpack.Uint16Code, 2},
	slotSourcePackets:      {msgpack.Uint32Code, 4},
	slotSourceBytes:        {msgpack.Uint32Code, 4},
	slotDestinationPackets: {msgpack.Uint32Code, 4},
	slotDestinationBytes:   {msgpack.Uint32Code, 4},
	slotPackets:            {msgpack.Uint32Code, 4},
	slotBytes:              {msgpack.Uint32Code, 4},
}

// newTemplate works through the fields of a schema.
func newTemplate(rows []row, f form) *template {
	root := &branch{}
	for i := range rows {
		if value, gap, ok := rows[i].resolve(f); ok {
			root.add(rows[i].path, leaf{value, gap, gap.text != textNone && strings.HasPrefix(rows[i].typ, "[]")})
		}
	}
	w := templateWriter{wide: f.wide}
	for _, b := range root.below {
		w.write(b)
	}
	w.gap(piece{})
	w.t.keys = len(root.below)
	return &w.t
}

// bake makes a template for one group's texts: what is left are the values
// that differ from tuple to tuple.
func (t *template) bake(packed *[textCount][]byte) *template {
	b := &template{keys: t.keys}
	var whole piece                   // so far
	at := make([]hole, len(t.pieces)) // where each piece came to lie
	for i, p := range t.pieces {
		at[i] = hole{at: uint32(len(whole.ready)), piece: uint16(len(b.pieces))}
		whole.ready = append(whole.ready, p.ready...)
		if p.slot == slotNone {
			whole.ready = append(whole.ready, packed[p.text]...)
			continue
		}
		whole.slot = p.slot
		b.add(whole)
		whole = piece{}
	}
	b.add(whole)
	for _, h := range t.numbers {
		b.numbers = append(b.numbers, h.moved(at))
	}
	for _, h := range t.texts {
		b.texts = append(b.texts, h.moved(at))
	}
	return b
}

// moved is the hole with its piece behind others.
func (h hole) moved(to []hole) hole {
	h.at, h.piece = h.at+to[h.piece].at, to[h.piece].piece
	return h
}

func (t *template) add(p piece) {
	t.size += len(p.ready)
	t.pieces = append(t.pieces, p)
}

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
	wide  bool // counters are as large as they get
	ready []byte
}

// write writes a key and its value.
func (w *templateWriter) write(b *branch) {
	w.ready = msgpack.AppendString(w.ready, b.key)
	if b.list {
		w.ready = append(w.ready, msgpack.FixArray|1)
	}
	if len(b.below) > 0 {
		w.ready = msgpack.AppendMapHeader(w.ready, len(b.below))
		for _, c := range b.below {
			w.write(c)
		}
		return
	}
	switch value := b.leaf.value.(type) {
	case string:
		w.ready = msgpack.AppendString(w.ready, value)
	case []string:
		w.ready = append(w.ready, msgpack.FixArray|byte(len(value)))
		for _, s := range value {
			w.ready = msgpack.AppendString(w.ready, s)
		}
	default:
		if b.leaf.list {
			w.ready = append(w.ready, msgpack.FixArray|1)
		}
		w.gap(b.leaf.gap)
	}
}

// gap leaves room for a value: a hole, or the gap behind a piece.
func (w *templateWriter) gap(p piece) {
	if v := fixed[p.slot]; v.size > 0 {
		if w.wide && v.header == msgpack.Uint32Code {
			v.header, v.size = msgpack.Uint64Code, 8
		}
		w.ready = append(w.ready, v.header)
		h := hole{uint32(len(w.ready)), uint16(len(w.t.pieces)), v.size, p.slot}
		if v.size > 8 {
			w.t.texts = append(w.t.texts, h)
		} else {
			w.t.numbers = append(w.t.numbers, h)
		}
		w.ready = append(w.ready, make([]byte, v.size)...)
		return
	}
	p.ready, w.ready = w.ready, nil
	w.t.add(p)
}
