// Package jsontext reads JSON text in place, without recursion. It checks all
// that it passes over, and knows nothing of flow logs.
package jsontext

// Kind is the type of a value, in the words of JSON.
type Kind uint8

const (
	Other Kind = iota // null, a boolean; msgpack's binary and extensions
	Number
	String
	Array
	Object
)

// MaxDepth bounds the nesting of what is read.
const MaxDepth = 64

// Value is an element of an array, read.
type Value struct {
	Text  []byte // of a string: its text, without escapes; else the value as JSON
	Plain bool   // Text is known to be printable ASCII that stands in JSON as it is
	Other bool   // not a string
}
