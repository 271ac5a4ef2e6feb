package enrich

import (
	"bytes"

	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// takeMatches makes the entries of threat lists that have an address of the flow at
// hand.
func (w *Writer) takeMatches() {
	l := &w.layout
	if l.lists != nil {
		text := append(w.listed.text[:0], w.flow.text...)
		w.listed = flowText{w.appendArray(text, l.lists, listsPart), w.flow.count + 1}
		w.flow = &w.listed
	}
	switch one, other := w.ends[0].counts[matchesPart], w.ends[1].counts[matchesPart]; {
	case one+other == 0: // all that is known of them is excluded
	case l.matches != nil:
		w.matches, w.matched = w.appendArray(w.matches, l.matches, matchesPart), 1
	case one > 0: // the event has room for one match
		w.matches, w.matched = append(w.matches, w.ends[0].of(matchesPart)...), int(one)
	default:
		w.matches, w.matched = append(w.matches, w.ends[1].of(matchesPart)...), int(other)
	}
}

const maxMatches = 4 // of a flow, and of an address

// appendArray appends an array of the values of both ends, with its key: the source's
// first, and at most maxMatches. A list that has both addresses is there once.
func (w *Writer) appendArray(dst, key []byte, p part) []byte {
	dst = append(dst, key...)
	header := len(dst)
	dst = append(dst, msgpack.FixArray)
	first := w.ends[0].of(p)
	dst = append(dst, first...)
	dst[header] |= w.ends[0].counts[p]
	for more := w.ends[1].of(p); len(more) > 0 && dst[header] < msgpack.FixArray|maxMatches; {
		var value []byte
		value, more = msgpack.Cut(more)
		if p != listsPart || !has(first, value) {
			dst = append(dst, value...)
			dst[header]++
		}
	}
	return dst
}

// has says whether a value is one of values.
func has(values, value []byte) bool {
	for len(values) > 0 {
		var one []byte
		if one, values = msgpack.Cut(values); bytes.Equal(one, value) {
			return true
		}
	}
	return false
}
