package enrich

import (
	"net/netip"

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
	key     []byte

	// Of the flow at hand.
	ends    [2]*written
	flow    *flowText // entries of l.flow
	listed  flowText  // likewise, with threat lists
	matches []byte    // so many entries of the event
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
	w.origin = known
	return &w.origin
}

// Look takes up a flow of the group. It says about how many bytes will be written.
func (w *Writer) Look(from, to netip.Addr, d context.Direction) (size int) {
	as := &endsOf[d]
	one := w.cache.Get(w.tables, from, &w.origin, uint8(as[0]))
	other := w.cache.Get(w.tables, to, &w.origin, uint8(as[1]))
	w.ends = [2]*written{one, other}
	flowType, hop := context.FlowTypeOf(&w.origin, d, one.side, other.side)
	w.flow = &w.layout.flows[flowType][0]
	if hop {
		w.flow = &w.layout.flows[flowType][1]
	}
	w.listed.text, w.matches, w.matched = w.listed.text[:0], w.matches[:0], 0
	if one.counts[listsPart]|other.counts[listsPart] != 0 {
		w.takeMatches() // writer_matches.go
	}
	return one.size() + other.size() + len(w.flow.text) + len(w.matches)
}

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

// Listed is how many bytes of the flow at hand say what threat lists know.
func (w *Writer) Listed() int { return len(w.listed.text) + len(w.matches) }

// AppendObject appends the header of an object that has so many other entries, and the
// entries.
func (w *Writer) AppendObject(dst []byte, o Opening, others int) []byte {
	return w.Append(msgpack.AppendMapHeader(dst, others+w.Count(o)), o)
}

// Append appends the entries.
func (w *Writer) Append(dst []byte, o Opening) []byte {
	if o == w.layout.flow {
		dst = append(dst, w.flow.text...)
	}
	switch one, other := w.ends[0], w.ends[1]; o {
	default:
		return other.appendPart(one.appendPart(dst, o), o)
	case OpenSource: // the other end has none; to append nothing takes time, too
		return one.appendPart(dst, o)
	case OpenDestination:
		return other.appendPart(dst, o)
	case OpenEvent:
		return append(other.appendPart(one.appendPart(dst, o), o), w.matches...)
	case OpenRelated:
		return w.appendHosts(dst, one.of(o), other.of(o))
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
