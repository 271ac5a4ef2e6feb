package enrich

import (
	"encoding/binary"
	"math"
	"slices"
	"unsafe"

	"fluent-bit-nsgflow/nsgflow/context"
	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// written is what is written of an address, as one end of a flow. The text lies behind
// it, in the same piece of memory: most of the time goes into fetching it.
type written struct {
	entries uint64 // how many in each object: the counts of the first parts
	side    context.Side
	counts  [parts]uint8 // of entries, or of values
	sources context.Sources
	ends    [parts]uint16 // of parts in the text, from the beginning of all; a part begins where the one before ends
}

// part is a part of the text: the entries of an object, by its Opening, or one of these.
type part = Opening

const (
	listsPart   = Openings + iota // names of threat lists; none: no list has the address
	matchesPart                   // maps; or, where events have room for one match, its entries
	parts
)

var _ [8]struct{} = [Openings]struct{}{} // entries has a byte for each

const headSize = int(unsafe.Sizeof(written{}))

func (w *written) of(p part) []byte {
	from := w.ends[p-1]
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(w), from)), w.ends[p]-from)
}

// appendPart appends a part.
func (w *written) appendPart(dst []byte, p part) []byte { return append(dst, w.of(p)...) }

// Bytes is how many bytes it has.
func (w *written) Bytes() int { return int(w.ends[parts-1]) }

// end is one of the two ends of a flow: side, and whether it is the far one. The record
// is of the NIC at the near end.
type end uint8

const (
	source      end = 0
	destination end = 1
	farEnd      end = 2 // beside one of these
)

func (e end) side() int   { return int(e & 1) }
func (e end) isFar() bool { return e&farEnd != 0 }

// endsOf are the ends of flows, and which of them is the near one. Where the direction is
// not known, no end is far, and the source stands for the near one.
var endsOf = [...]struct {
	as   [2]end
	near int
}{
	context.DirectionUnknown: {[2]end{source, destination}, 0},
	context.Inbound:          {[2]end{source | farEnd, destination}, 1},
	context.Outbound:         {[2]end{source, destination | farEnd}, 0},
}

// write writes what is known of an address as an end. No text of it is longer than 256
// bytes, so that all have less than 64 KB; a part that would not fit is left out.
func (l *layout) write(dst []byte, a *context.Answer, as uint8) []byte {
	e := end(as)
	h := written{side: a.Side, sources: a.Sources}
	b := append(dst, make([]byte, headSize)...)
	h.ends[NotOpen] = uint16(headSize)
	for p := NotOpen + 1; p < parts; p++ {
		count := 0
		switch p {
		case listsPart:
			b, count = appendProviders(b, a.Threats)
		case matchesPart:
			b, count = l.appendMatches(b, a, e.side())
		default:
			b, count = l.appendEntries(b, a, p, e)
		}
		if len(b) > math.MaxUint16 {
			b, count = b[:h.ends[p-1]], 0
		}
		h.counts[p], h.ends[p] = uint8(count), uint16(len(b))
	}
	h.entries = binary.LittleEndian.Uint64(h.counts[:Openings])
	*writtenAt(b) = h
	return append(b, 0) // what an empty part at the end points to
}

// writtenAt is what has been written at the beginning of text. Allocated bytes are aligned
// for it.
func writtenAt(text []byte) *written { return (*written)(unsafe.Pointer(unsafe.SliceData(text))) }

// appendEntries appends the entries of an object, and says how many there are.
func (l *layout) appendEntries(dst []byte, a *context.Answer, o Opening, e end) (_ []byte, count int) {
	for _, s := range l.steps[e.side()][o] {
		if s.far && !e.isFar() {
			continue
		}
		begin, n := len(dst), 1
		if s.key == nil {
			dst, n = s.fields.appendEntries(dst, a)
		} else if dst = s.fields.appendMap(append(dst, s.key...), a); len(dst) == begin+len(s.key) {
			dst, n = dst[:begin], 0
		}
		count += n
	}
	if o == OpenRelated && l.hosts != nil && a.Domain != "" {
		dst = ofDomain(append(dst, l.hosts...), a)
		count++
	}
	return dst, count
}

// appendProviders appends the names of the lists, each once.
func appendProviders(dst []byte, threats []context.Threat) (_ []byte, count int) {
	for i := range threats {
		name := threats[i].Provider
		if !slices.ContainsFunc(threats[:i], func(t context.Threat) bool { return t.Provider == name }) {
			dst = msgpack.AppendString(dst, name)
			count++
		}
	}
	return dst, count
}

// appendMatches appends a map for each match, or, where events have room for one, the
// entries of the first one.
func (l *layout) appendMatches(dst []byte, a *context.Answer, side int) (_ []byte, count int) {
	for i := range a.Threats {
		m := &match{Threat: &a.Threats[i], side: side, address: a.Addr}
		if l.matches == nil {
			return l.match.appendEntries(dst, m)
		}
		before := len(dst)
		if dst = l.match.appendMap(dst, m); len(dst) > before {
			count++
		}
	}
	return dst, count
}
