// Package jsontext reads JSON text in place. It knows nothing of flow logs.
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
