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
	counts  [openings]uint8 // of entries
	used    [openings]uint8 // of parts
	parts   [openings][maxParts][]byte
	scratch []byte
}

const maxParts = 12 // of the event of a flat schema

// add adds a part of an entry, or some whole entries, to an object.
func (w *Writer) add(o Opening, part []byte) {
	w.parts[o][w.used[o]] = part
	w.used[o]++
}

// address is what is written of an address: a head, and behind it the text that its
// spans are of. They lie in one piece of memory, because most of the time goes into
// fetching it.
type address struct {
	written []byte
	threats *[]context.Threat // nil: none
}

// head says where the parts of an address are. It has no pointers.
type head struct {
	sides  [2][sideParts]span
	domain span
	side   context.Side
}

// span is a map, or some entries of one, among what is written.
type span struct {
	from, to uint16
	count    uint8 // of entries; of a map or a text 1; 0: there is nothing
}

const headSize = int(unsafe.Sizeof(head{}))

// head is the head, which allocated bytes are aligned for.
func (a *address) head() *head { return (*head)(unsafe.Pointer(unsafe.SliceData(a.written))) }

func (a *address) of(s span) []byte { return a.written[s.from:s.to] }

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
	w.counts, w.used = [openings]uint8{}, [openings]uint8{}
	ends := [2]address{w.cache.Get(w.tables, source, &w.origin), w.cache.Get(w.tables, destination, &w.origin)}
	heads := [2]*head{ends[0].head(), ends[1].head()}
	flowType, hop := context.FlowTypeOf(&w.origin, d, heads[0].side, heads[1].side)

	l := &w.layout
	if flowType != context.FlowTypeUnset && l.flowTypes != nil {
		w.counts[l.flow]++
		w.add(l.flow, l.flowTypes[flowType])
	}
	if hop && l.hop != nil {
		w.counts[l.flow]++
		w.add(l.flow, l.hop)
	}
	for side := range ends {
		for part := range sideParts {
			p := heads[side].sides[side][part]
			if p.count == 0 || part == atOther && !isOther(d, side) {
				continue
			}
			o := l.openings[part][side]
			w.counts[o] += p.count
			if key := l.keys[part][side]; key != nil {
				w.add(o, key)
			}
			w.add(o, ends[side].of(p))
		}
	}
	if l.hosts != nil && heads[0].domain.count+heads[1].domain.count > 0 {
		w.addHosts(ends[0].of(heads[0].domain), ends[1].of(heads[1].domain))
	}
	size = len(ends[0].written) + len(ends[1].written)
	if ends[0].threats != nil || ends[1].threats != nil {
		size += w.addMatches([2]netip.Addr{source, destination}, ends)
	}
	return size
}

// isOther says whether a side is the far end, whose NIC the record is not of.
func isOther(d context.Direction, side int) bool {
	return d == context.Inbound && side == 0 || d == context.Outbound && side == 1
}

// addHosts adds the names of both sides, without repetition. One of them may be empty.
func (w *Writer) addHosts(one, other []byte) {
	if len(one) == 0 || string(one) == string(other) {
		one, other = other, nil
	}
	o := OpenRelated
	w.counts[o]++
	w.add(o, w.layout.hosts)
	if len(other) == 0 {
		w.add(o, arrayOfOne)
		w.add(o, one)
		return
	}
	w.add(o, arrayOfTwo)
	w.add(o, one)
	w.add(o, other)
}

var arrayOfOne, arrayOfTwo = []byte{msgpack.FixArray | 1}, []byte{msgpack.FixArray | 2}

const maxMatches = 4 // of a flow

// addMatches adds matches of threat lists, the source's first. They are rare: nothing
// of them is kept. It says how many bytes they have.
func (w *Writer) addMatches(addrs [2]netip.Addr, ends [2]address) (size int) {
	var matches []match
	var names []string
	for side, a := range ends {
		if a.threats == nil {
			continue
		}
		text := msgpack.AppendString(nil, addrs[side].String())
		for i := range *a.threats {
			threat := &(*a.threats)[i]
			if len(matches) == maxMatches {
				break
			}
			matches = append(matches, match{Threat: threat, side: side, address: text})
			if !slices.Contains(names, threat.Provider) {
				names = append(names, threat.Provider)
			}
		}
	}
	l := &w.layout
	if l.lists != nil {
		list := []byte{msgpack.FixArray | byte(len(names))}
		for _, name := range names {
			list = msgpack.AppendString(list, name)
		}
		w.counts[l.flow]++
		w.add(l.flow, l.lists)
		w.add(l.flow, list)
		size += len(list)
	}
	var list []byte
	switch {
	case l.match == nil:
	case l.matches == nil: // the event has room for one
		var count int
		list, count = l.match.appendEntries(nil, &matches[0])
		w.counts[OpenEvent] += uint8(count)
		w.add(OpenEvent, list)
	default:
		list = []byte{msgpack.FixArray}
		for i := range matches {
			before := len(list)
			if list = l.match.appendMap(list, &matches[i]); len(list) > before {
				list[0]++
			}
		}
		if len(list) == 1 {
			break // what is known of them is excluded
		}
		w.counts[OpenEvent]++
		w.add(OpenEvent, l.matches)
		w.add(OpenEvent, list)
	}
	return size + len(list)
}

// Count is how many entries an object gets.
func (w *Writer) Count(o Opening) int { return int(w.counts[o]) }

// Append appends them.
func (w *Writer) Append(dst []byte, o Opening) []byte {
	for _, part := range w.parts[o][:w.used[o]] {
		dst = append(dst, part...)
	}
	return dst
}

// write writes what is known of an address. No text of it is longer than 256 bytes, so
// that all have less than 64 KB.
func (w *Writer) write(a *context.Answer) (made address, bytes int) {
	h := head{side: a.Side}
	b := append(w.scratch[:0], make([]byte, headSize)...)
	b = ofDomain(b, a)
	h.domain = spanOf(headSize, len(b), 1)
	for side := range h.sides {
		if side == 1 && w.layout.same {
			h.sides[1] = h.sides[0]
			break
		}
		for part := range sideParts {
			t := w.layout.sides[part][side]
			from, count := len(b), 1
			if w.layout.keys[part][side] == nil {
				b, count = t.appendEntries(b, a)
			} else {
				b = t.appendMap(b, a)
			}
			h.sides[side][part] = spanOf(from, len(b), count)
		}
	}
	w.scratch = b
	made.written = make([]byte, len(b))
	copy(made.written, b)
	*made.head() = h
	bytes = len(b)
	if len(a.Threats) > 0 {
		threats := slices.Clone(a.Threats)
		made.threats = &threats
		bytes += len(threats) * int(unsafe.Sizeof(context.Threat{}))
	}
	return made, bytes
}

// spanOf is a span of so many entries, or of nothing.
func spanOf(from, to, count int) span {
	if from == to {
		count = 0
	}
	return span{uint16(from), uint16(to), uint8(count)}
}

// Counts are what has been asked since the Writer was made.
func (w *Writer) Counts() context.Counts { return w.cache.Counts() }
