package nsgflow

import "fluent-bit-nsgflow/nsgflow/internal/jsontext"

// reader reads a sequence of values in place: jsontext.Reader reads text,
// msgpack.Reader a structured record. It moves forward only. After an error
// every method is a no-op and returns its zero value.
type reader interface {
	// Kind is the kind of the value that comes next.
	Kind() jsontext.Kind
	// Open enters the array or object that comes next.
	Open()
	// OpenList enters the array that comes next as a list of records, which
	// need not be well formed between them.
	OpenList()
	// Next moves to the next element of an array, or to the value of the
	// next entry of an object, whose key it returns. ok is false past the
	// end.
	Next() (key []byte, ok bool)
	// Text reads a string or a number as text. Anything else is passed over
	// and gives nil, as does the empty string.
	Text() []byte
	// JSON passes over the value that comes next and returns it as JSON.
	JSON() []byte
	// Values appends the elements of the array that comes next, and stops
	// where dst has more than most. others is how many are no strings.
	Values(dst []jsontext.Value, most int) (all []jsontext.Value, others int)
	// Skip passes over the value that comes next and returns its bytes.
	Skip() []byte
	// Fail makes the reader fail at the place where it is.
	Fail(err error)
	// At says where the reader is, and what is wrong there, if something is.
	At() (offset int, err error)
}
