package nsgflow

import (
	"encoding/binary"
	"math/bits"
)

// maxDepth bounds the nesting of what is read. Deeper input is foreign.
const maxDepth = 64

// kind is the type of a node, in the words of JSON.
type kind uint8

const (
	kindOther kind = iota // null, a boolean, msgpack's binary and extensions
	kindNumber
	kindString
	kindArray
	kindObject
)

// source reads flow logs in place, from JSON text or from msgpack. It moves
// forward only, but may be set back to a place that it has passed.
// After a failure every call does nothing and every question is answered no.
type source interface {
	// kind of the node that comes next.
	kind() kind
	// open enters the array or object that comes next.
	open() nodes
	// more moves to the next element of an array or key of an object, or
	// past its end; ok is false there.
	more(nodes) (n nodes, ok bool)
	// record moves on like more, in a list of records.
	record(nodes) (n nodes, ok bool)
	// key reads the key of an object's entry and moves to its value.
	key() []byte
	// scalar reads a string or a number as text. Anything else is passed
	// over and gives nil, as does the empty string.
	scalar() []byte
	// skip passes over the node that comes next and returns its bytes.
	skip() []byte
	// tuple reads the node that comes next as a tuple.
	tuple() tuple
	// tuples reads the array that comes next, an element a tuple.
	tuples([]tuple) []tuple

	// refuse makes the source fail.
	refuse(what string)
	offset() int
	// since is the bytes from an offset on.
	since(offset int) []byte
	// spent says that a text ends here but for commas, as a blob that is
	// still being written does.
	spent() bool
	mark() mark
	back(mark)
	failed() bool
	// appendJSON appends a node, as skip returned it, as JSON text.
	appendJSON(dst, node []byte) []byte
}

// mark is a place that a source can be set back to.
type mark struct {
	pos, depth int
	fault      string
}

// nodes is the way through an array or an object.
type nodes struct {
	left  int  // msgpack: elements or entries to come
	close byte // JSON: the bracket that ends it
	begun bool // JSON: an element has been read
}

// tuple is one element of flowTuples, or the value of a flow.N key.
type tuple struct {
	text  []byte // of a string: its text, without escapes; else the node's bytes
	index uint32 // of a flow.N key: N; else the place in the array
	plain bool   // text is known to be printable ASCII that stands in JSON as it is
	other bool   // not a string
}

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// plainEnd returns the place of the first byte from p on that does not stand
// in a JSON string as it is, or is not ASCII; len(b) if there is none.
func plainEnd(b []byte, p int) int {
	for p+16 <= len(b) {
		first, second := binary.LittleEndian.Uint64(b[p:p+8]), binary.LittleEndian.Uint64(b[p+8:p+16])
		if first, second = special(first), special(second); first|second != 0 {
			if first == 0 {
				return p + 8 + bits.TrailingZeros64(second)>>3
			}
			return p + bits.TrailingZeros64(first)>>3
		}
		p += 16
	}
	for p < len(b) && b[p] >= ' ' && b[p] < 0x80 && b[p] != '"' && b[p] != '\\' {
		p++
	}
	return p
}

// special has a high bit for each byte of w that is below a space, a quote, a
// backslash or not ASCII. The lowest such bit is exact, the ones above may not
// be.
func special(w uint64) uint64 {
	return ((w - lowBits*' ') | ((w ^ lowBits*'"') - lowBits) | ((w ^ lowBits*'\\') - lowBits) | w) & highBits
}
