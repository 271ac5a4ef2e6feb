package msgpack

import "fluent-bit-nsgflow/nsgflow/internal/jsontext"

// Entries are the keys and values of a msgpack map, and their number.
func Entries(object []byte) (entries []byte, n int) {
	h, _ := ReadHeader(object)
	return object[h.Size:], h.Values / 2
}

// IsMap says whether value is a map.
func IsMap(value []byte) bool {
	h, ok := ReadHeader(value)
	return ok && h.Kind == jsontext.Object
}

// IsArray says whether value is an array.
func IsArray(value []byte) bool {
	h, ok := ReadHeader(value)
	return ok && h.Kind == jsontext.Array
}

// Cut returns the value that b begins with, and what is behind it.
func Cut(b []byte) (value, rest []byte) {
	n, _, ok := Skip(b)
	if !ok {
		return nil, nil
	}
	return b[:n], b[n:]
}

// ValueOf is the value of a key of a map, nil if there is none.
func ValueOf(object []byte, key string) []byte {
	rest, n := Entries(object)
	for range n {
		var k, v []byte
		k, rest = Cut(rest)
		v, rest = Cut(rest)
		if have, ok := StringOf(k); ok && string(have) == key {
			return v
		}
	}
	return nil
}

// StringOf is the text of a string; ok is false of anything else.
func StringOf(value []byte) (text []byte, ok bool) {
	h, ok := ReadHeader(value)
	if !ok || h.Kind != jsontext.String {
		return nil, false
	}
	return value[h.Size : h.Size+h.Bytes], true
}
