package nsgflow

import "fluent-bit-nsgflow/nsgflow/internal/jsontext"

// reader reads flow logs in place, from JSON text or from msgpack. It moves
// forward only, but may be set back to a place that it has passed.
// After a failure every call does nothing and every question is answered no.
type reader interface {
	// kind of the node that comes next.
	kind() jsontext.Kind
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
