// Package msgpack reads and writes the msgpack of Fluent Bit records in place.
// It believes no header about bytes that are not there, allocates nothing
// because a header says so, and knows nothing of flow logs.
package msgpack

import (
	"encoding/binary"

	"fluent-bit-nsgflow/nsgflow/internal/jsontext"
)

// First bytes of values, from the msgpack specification.
const (
	FixNumHigh  = 0x7f
	FixMap      = 0x80
	FixArray    = 0x90
	FixStr      = 0xa0
	FixStrHigh  = 0xbf
	NilCode     = 0xc0
	FalseCode   = 0xc2
	TrueCode    = 0xc3
	Bin8        = 0xc4
	Bin32       = 0xc6
	Ext8        = 0xc7
	Float32Code = 0xca
	Float64Code = 0xcb
	Uint16Code  = 0xcd
	Uint32Code  = 0xce
	Uint64Code  = 0xcf
	FixExt8     = 0xd7
	Str8        = 0xd9
	Str16       = 0xda
	Str32       = 0xdb
	Map16       = 0xde
	Map32       = 0xdf
	NegFixNum   = 0xe0
)

// Header is what the first bytes of a msgpack value say.
type Header struct {
	Kind   jsontext.Kind
	Size   int // bytes before the payload
	Bytes  int // bytes of payload
	Values int // values inside: elements, or keys and values
}

// ReadHeader reads the header of the value that b begins with. ok is false
// where b ends too early; nothing is believed about bytes that are not there.
func ReadHeader(b []byte) (h Header, ok bool) {
	if len(b) == 0 {
		return h, false
	}
	c := b[0]
	switch {
	case c == Str8: // as tuples are
		if len(b) < 2 || len(b)-2 < int(b[1]) {
			return h, false
		}
		return Header{Kind: jsontext.String, Size: 2, Bytes: int(b[1])}, true
	case c <= FixNumHigh || c >= NegFixNum:
		return Header{Kind: jsontext.Number, Size: 1}, true
	case c < FixArray:
		return Header{Kind: jsontext.Object, Size: 1, Values: 2 * int(c-FixMap)}, true
	case c < FixStr:
		return Header{Kind: jsontext.Array, Size: 1, Values: int(c - FixArray)}, true
	case c <= FixStrHigh:
		h = Header{Kind: jsontext.String, Size: 1, Bytes: int(c - FixStr)}
		return h, len(b)-1 >= h.Bytes
	}
	f := formats[c-NilCode]
	h = Header{Kind: f.kind, Size: 1 + int(f.length), Bytes: int(f.bytes)}
	if len(b) < h.Size {
		return h, false
	}
	n := 0
	switch f.length {
	case 1:
		n = int(b[1])
	case 2:
		n = int(binary.BigEndian.Uint16(b[1:]))
	case 4:
		n = int(binary.BigEndian.Uint32(b[1:]))
	}
	switch f.kind {
	case jsontext.Array:
		h.Values = n
	case jsontext.Object:
		h.Values = 2 * n
	default:
		h.Bytes += n
	}
	return h, f.valid && len(b)-h.Size >= h.Bytes
}

// formats are the first bytes 0xc0 to 0xdf: the size of the length field, and
// the payload besides what that counts. 0xc1 is not in use.
var formats = [32]struct {
	kind   jsontext.Kind
	length uint8
	bytes  uint8
	valid  bool
}{
	{jsontext.Other, 0, 0, true}, {}, {jsontext.Other, 0, 0, true}, {jsontext.Other, 0, 0, true}, // nil, -, false, true
	{jsontext.Other, 1, 0, true}, {jsontext.Other, 2, 0, true}, {jsontext.Other, 4, 0, true}, // bin
	{jsontext.Other, 1, 1, true}, {jsontext.Other, 2, 1, true}, {jsontext.Other, 4, 1, true}, // ext
	{jsontext.Number, 0, 4, true}, {jsontext.Number, 0, 8, true}, // float
	{jsontext.Number, 0, 1, true}, {jsontext.Number, 0, 2, true}, {jsontext.Number, 0, 4, true}, {jsontext.Number, 0, 8, true}, // uint
	{jsontext.Number, 0, 1, true}, {jsontext.Number, 0, 2, true}, {jsontext.Number, 0, 4, true}, {jsontext.Number, 0, 8, true}, // int
	{jsontext.Other, 0, 2, true}, {jsontext.Other, 0, 3, true}, {jsontext.Other, 0, 5, true}, {jsontext.Other, 0, 9, true}, {jsontext.Other, 0, 17, true}, // fixext
	{jsontext.String, 1, 0, true}, {jsontext.String, 2, 0, true}, {jsontext.String, 4, 0, true}, // str
	{jsontext.Array, 2, 0, true}, {jsontext.Array, 4, 0, true}, // array
	{jsontext.Object, 2, 0, true}, {jsontext.Object, 4, 0, true}, // map
}
