package enrich

import (
	"fluent-bit-nsgflow/nsgflow/context"
	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// Writer writes what is known of flows, one after the other. It keeps what it has
// written of addresses; it is not safe for concurrent use.
type Writer struct {
	layout layout
	cache  *context.Cache[*written]
	tables *context.Tables // of the chunk at hand

	origins map[string]context.Origin // of these tables, by MAC and resource
	origin  context.Origin            // of the group at hand
	nears   [len(endsOf)]nearEnd      // likewise, by direction
	key     []byte

	// Of the flow at hand.
	ends    [2]*written // of source and destination
	near    int         // which of them is the near one
	flow    *flowText   // entries of l.flow
	listed  flowText    // likewise, with threat lists
	matches []byte      // so many entries of the event
	matched int
}

// maxOrigins is how many NICs a Writer keeps.
const maxOrigins = 4096

// NewWriter makes a Writer for a schema that keeps at most limit bytes. wanted says
// which fields events have, by their names without "[]".
func NewWriter(s *Schema, limit int, wanted func(name string) bool) *Writer {
	w := &Writer{layout: s.layout(wanted), origins: map[string]context.Origin{}}
	w.cache = context.NewCache(limit, w.layout.write, writtenAt)
	return w
}

// Begin takes up tables. What has been kept of others is dropped.
func (w *Writer) Begin(t *context.Tables) {
	if t != w.tables {
		w.tables = t
		clear(w.origins)
	}
}

// BeginGroup takes up a group of flows: of a NIC, and of the resource that its record
// names.
func (w *Writer) BeginGroup(mac, resource []byte) *context.Origin {
	w.key = append(append(append(w.key[:0], mac...), 0), resource...)
	known, ok := w.origins[string(w.key)]
	if !ok {
		if len(w.origins) >= maxOrigins {
			clear(w.origins)
		}
		known = w.tables.Origin(string(mac), string(resource))
		w.origins[string(w.key)] = known
	}
	w.origin, w.nears = known, [len(endsOf)]nearEnd{}
	return &w.origin
}

// Expect says that Look is about to be called with a flow of the group. What is kept of its
// far end is fetched meanwhile; that of the near end has been at hand a moment ago.
func (w *Writer) Expect(from, to context.Address, d context.Direction) {
	e := &endsOf[d]
	far := to
	if e.near == 1 {
		far = from
	}
	w.cache.Expect(w.tables, far, &w.origin, uint8(e.as[1-e.near]))
}

// Look takes up a flow of the group. It says about how many bytes will be written.
func (w *Writer) Look(from, to context.Address, d context.Direction) (size int) {
	e := &endsOf[d]
	var one, other *written
	if e.near == 0 {
		one, other = w.lookNear(from, d), w.cache.Get(w.tables, to, &w.origin, uint8(e.as[1]))
	} else {
		one, other = w.cache.Get(w.tables, from, &w.origin, uint8(e.as[0])), w.lookNear(to, d)
	}
	w.ends, w.near = [2]*written{one, other}, e.near
	flowType, hop := context.FlowTypeOf(&w.origin, d, one.side, other.side)
	w.flow = &w.layout.flows[flowType][0]
	if hop {
		w.flow = &w.layout.flows[flowType][1]
	}
	w.listed.text, w.matches, w.matched = w.listed.text[:0], w.matches[:0], 0
	if one.counts[listsPart]|other.counts[listsPart] != 0 {
		w.takeMatches() // writer_matches.go
	}
	return one.Bytes() + other.Bytes() + len(w.flow.text) + len(w.matches)
}

// nearEnd is the near end of the flow before, of the same group and direction.
type nearEnd struct {
	address context.Address
	text    *written // nil: there is none
	round   uint64   // in which it was looked up
}

// lookNear takes up the near end, which is nearly always that of the flow before.
func (w *Writer) lookNear(a context.Address, d context.Direction) *written {
	n := &w.nears[d]
	if n.text != nil && n.address == a && n.round == w.cache.Round() {
		w.cache.Again(n.text.sources)
		return n.text
	}
	e := &endsOf[d]
	n.address, n.text = a, w.cache.Get(w.tables, a, &w.origin, uint8(e.as[e.near]))
	n.round = w.cache.Round()
	return n.text
}

// Listed is how many bytes of the flow at hand say what threat lists know.
func (w *Writer) Listed() int { return len(w.listed.text) + len(w.matches) }

// Outline is what flows have in common whose events, of all that a context adds, differ
// only in the texts of the far end.
type Outline struct {
	near    *written
	entries uint64 // of the far end
	flow    *flowText
}

// Bytes is how many bytes it keeps.
func (o Outline) Bytes() int { return o.near.Bytes() }

// Round changes when what is kept is dropped: no outline of before comes again.
func (w *Writer) Round() uint64 { return w.cache.Round() }

// Outline is that of the flow at hand. One that threat lists know has none.
func (w *Writer) Outline() (o Outline, ok bool) {
	return Outline{w.ends[w.near], w.far().entries, w.flow}, w.flow != &w.listed && w.matched == 0
}

func (w *Writer) far() *written { return w.ends[1-w.near] }

// Count is how many entries an object gets.
func (w *Writer) Count(o Opening) (count int) {
	count = int(w.ends[0].counts[o]) + int(w.ends[1].counts[o])
	if o == w.layout.flow {
		count += w.flow.count
	}
	switch o {
	case OpenEvent:
		count += w.matched
	case OpenRelated:
		count = min(count, 1)
	}
	return count
}

// AppendObject appends the header of an object that has so many other entries, and the
// entries.
func (w *Writer) AppendObject(dst []byte, o Opening, others int) []byte {
	return w.Append(msgpack.AppendMapHeader(dst, others+w.Count(o)), o)
}

// Append appends the entries.
func (w *Writer) Append(dst []byte, o Opening) []byte { return w.AppendFar(w.AppendFixed(dst, o), o) }

// AppendFixed appends those that follow from the outline.
func (w *Writer) AppendFixed(dst []byte, o Opening) []byte {
	if o == OpenRelated && w.HasFar(o) {
		return dst
	}
	dst = w.ends[w.near].appendPart(dst, o)
	if o == w.layout.flow {
		dst = append(dst, w.flow.text...)
	}
	return dst
}

// HasFar says whether there are others. That follows from the outline, too.
func (w *Writer) HasFar(o Opening) bool { return w.far().counts[o] > 0 }

// AppendFar appends the others.
func (w *Writer) AppendFar(dst []byte, o Opening) []byte {
	switch far := w.far(); o {
	default:
		return far.appendPart(dst, o)
	case OpenRelated:
		if !w.HasFar(o) {
			return dst
		}
		return w.appendHosts(dst, w.ends[0].of(o), w.ends[1].of(o))
	case OpenEvent:
		return append(far.appendPart(dst, o), w.matches...)
	}
}

// appendHosts appends the names of both sides, without repetition: entries with the name
// of each.
func (w *Writer) appendHosts(dst, one, other []byte) []byte {
	begin, key := len(dst), len(w.layout.hosts)
	switch dst = append(dst, one...); {
	case len(one) == 0:
		dst = append(dst, other...)
	case len(other) > 0 && string(one) != string(other):
		dst[begin+key-1]++ // an array of two
		dst = append(dst, other[key:]...)
	}
	return dst
}

// Counts are what has been asked since the Writer was made.
func (w *Writer) Counts() context.Counts { return w.cache.Counts() }
