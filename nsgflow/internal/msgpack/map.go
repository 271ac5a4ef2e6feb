package msgpack

import (
	"iter"

	"fluent-bit-nsgflow/nsgflow/internal/jsontext"
)

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

// Entry is an entry of a map.
type Entry struct {
	Name  []byte // the text of its key; nil of a key that is no string
	Value []byte
	Bytes []byte // key and value, as they stand; with the capacity of the map
}

// Each goes through n entries.
func Each(entries []byte, n int) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for range n {
			key, rest := Cut(entries)
			value, rest := Cut(rest)
			name, _ := StringOf(key)
			if !yield(Entry{name, value, entries[:len(entries)-len(rest)]}) {
				return
			}
			entries = rest
		}
	}
}

// ValueOf is the value of a key of a map, nil if there is none.
func ValueOf(object []byte, key string) []byte {
	for e := range Each(Entries(object)) {
		if e.Name != nil && string(e.Name) == key {
			return e.Value
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
