package enrich

import (
	"net/netip"
	"slices"
	"unsafe"

	"fluent-bit-nsgflow/nsgflow/context"
	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// Writer writes what is known of flows, one after the other. It keeps what it has
// written of addresses; it is not safe for concurrent use.
type Writer struct {
	layout layout
	cache  *context.Cache[address]
	tables *context.Tables // of the chunk at hand

	origins map[string]context.Origin // of these tables, by MAC and resource
	origin  context.Origin            // of the group at hand
	key     []byte

	// Of the flow at hand.
	entries [openings]entries
}

// fragment is a map, or some entries of one.
type fragment struct {
	count int // of entries; of a map 1; 0: there is nothing
	bytes []byte
}

// entries are fragments of an object, and keys before them.
type entries struct {
	count int
	n     int
	parts [maxParts][]byte
}

const maxParts = 12 // of the event of a flat schema

// add adds so many entries.
func (e *entries) add(count int, parts ...[]byte) {
	e.count += count
	e.n += copy(e.parts[e.n:], parts)
}

// address is what is written of an address.
type address struct {
	sides   [sideParts][2]fragment
	domain  []byte // a msgpack string; nil: there is none
	threats []context.Threat
	side    context.Side
	bytes   int
}

// maxOrigins is how many NICs a Writer keeps.
const maxOrigins = 4096

// NewWriter makes a Writer for a schema that keeps at most limit bytes. wanted says
// which fields events have, by their names without "[]".
func NewWriter(s *Schema, limit int, wanted func(name string) bool) *Writer {
	w := &Writer{layout: s.layout(wanted), origins: map[string]context.Origin{}}
	w.cache = context.NewCache(limit, w.write)
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
func (w *Writer) Look(source, destination netip.Addr, d context.Direction) (size int) {
	for i := range w.entries {
		w.entries[i].count, w.entries[i].n = 0, 0
	}
	ends := [2]*address{w.cache.Get(w.tables, source, w.origin), w.cache.Get(w.tables, destination, w.origin)}
	flowType, hop := context.FlowTypeOf(w.origin, d, ends[0].side, ends[1].side)

	l := &w.layout
	flow := &w.entries[l.flow]
	if flowType != context.FlowTypeUnset && l.flowTypes != nil {
		flow.add(1, l.flowTypes[flowType])
	}
	if hop && l.hop != nil {
		flow.add(1, l.hop)
	}
	for side, a := range ends {
		for part, opening := range openingOf[side] {
			if l.flow == OpenEvent {
				opening = OpenEvent
			}
			f := &a.sides[part][side]
			if f.count > 0 && (part != int(atOther) || isOther(d, side)) {
				w.entries[opening].add(f.count, l.keys[part][side], f.bytes)
			}
		}
	}
	if l.hosts != nil {
		w.addHosts(ends)
	}
	size = ends[0].bytes + ends[1].bytes
	if len(ends[0].threats)+len(ends[1].threats) > 0 {
		size += w.addMatches([2]netip.Addr{source, destination}, ends)
	}
	return size
}

// isOther says whether a side is the far end, whose NIC the record is not of.
func isOther(d context.Direction, side int) bool {
	return d == context.Inbound && side == 0 || d == context.Outbound && side == 1
}

// openingOf is where a part of an address stands, by side and part.
var openingOf = [2][sideParts]Opening{
	{atSide: OpenSource, atFlowSide: OpenFlow, atOther: OpenCloud, atZone: OpenObserver},
	{atSide: OpenDestination, atFlowSide: OpenFlow, atOther: OpenCloud, atZone: OpenObserver},
}

// addHosts adds the names of both sides, without repetition.
func (w *Writer) addHosts(ends [2]*address) {
	one, other := ends[0].domain, ends[1].domain
	if one == nil || string(one) == string(other) {
		one, other = other, nil
	}
	switch {
	case one == nil:
	case other == nil:
		w.entries[OpenRelated].add(1, w.layout.hosts, arrayOfOne, one)
	default:
		w.entries[OpenRelated].add(1, w.layout.hosts, arrayOfTwo, one, other)
	}
}

var arrayOfOne, arrayOfTwo = []byte{msgpack.FixArray | 1}, []byte{msgpack.FixArray | 2}

const maxMatches = 4 // of a flow

// addMatches adds matches of threat lists, the source's first. They are rare: nothing
// of them is kept. It says how many bytes they have.
func (w *Writer) addMatches(addrs [2]netip.Addr, ends [2]*address) (size int) {
	var matches []match
	var names []string
	for side, a := range ends {
		text := msgpack.AppendString(nil, addrs[side].String())
		for i := range a.threats {
			if len(matches) == maxMatches {
				break
			}
			matches = append(matches, match{Threat: &a.threats[i], side: side, address: text})
			if name := a.threats[i].Provider; !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	l := &w.layout
	if l.lists != nil {
		list := []byte{msgpack.FixArray | byte(len(names))}
		for _, name := range names {
			list = msgpack.AppendString(list, name)
		}
		w.entries[l.flow].add(1, l.lists, list)
		size += len(list)
	}
	var list []byte
	switch {
	case l.match == nil:
	case l.matches == nil: // the event has room for one
		var count int
		list, count = l.match.appendEntries(nil, &matches[0])
		w.entries[OpenEvent].add(count, list)
	default:
		list = []byte{msgpack.FixArray | byte(len(matches))}
		for i := range matches {
			list = l.match.appendMap(list, &matches[i])
		}
		w.entries[OpenEvent].add(1, l.matches, list)
	}
	return size + len(list)
}

// Count is how many entries an object gets.
func (w *Writer) Count(o Opening) int { return w.entries[o].count }

// Append appends them.
func (w *Writer) Append(dst []byte, o Opening) []byte {
	e := &w.entries[o]
	for _, part := range e.parts[:e.n] {
		dst = append(dst, part...)
	}
	return dst
}

// write writes what is known of an address.
func (w *Writer) write(a *context.Answer) (address, int) {
	written := address{side: a.Side, threats: slices.Clone(a.Threats)}
	b := ofDomain(nil, a)
	domain := len(b)
	var ends [sideParts][2][2]int
	for part := range sideParts {
		for side, t := range w.layout.sides[part] {
			if side == 1 && w.layout.same {
				ends[part][1] = ends[part][0]
				written.sides[part][1].count = written.sides[part][0].count
				continue
			}
			from, count := len(b), 0
			if w.layout.keys[part][side] != nil {
				if b = t.appendMap(b, a); len(b) > from {
					count = 1
				}
			} else {
				b, count = t.appendEntries(b, a)
			}
			ends[part][side] = [2]int{from, len(b)}
			written.sides[part][side].count = count
		}
	}
	b = slices.Clone(b)
	for part := range sideParts {
		for side := range 2 {
			at := ends[part][side]
			written.sides[part][side].bytes = b[at[0]:at[1]:at[1]]
		}
	}
	if domain > 0 {
		written.domain = b[:domain:domain]
	}
	written.bytes = len(b)
	return written, len(b) + len(written.threats)*int(unsafe.Sizeof(context.Threat{}))
}

// Counts are what has been asked since the Writer was made.
func (w *Writer) Counts() context.Counts { return w.cache.Counts() }
