package nsgflow

import (
	"encoding/binary"
)

// First bytes of nodes, from the msgpack specification. (The msgpcode package
// has them as variables, which neither switches nor tables can use.)
const (
	fixNumHigh  = 0x7f
	fixMap      = 0x80
	fixArray    = 0x90
	fixStr      = 0xa0
	fixStrHigh  = 0xbf
	nilCode     = 0xc0
	falseCode   = 0xc2
	trueCode    = 0xc3
	bin8        = 0xc4
	bin32       = 0xc6
	ext8        = 0xc7
	ext16       = 0xc8
	ext32       = 0xc9
	float32Code = 0xca
	float64Code = 0xcb
	uint8Code   = 0xcc
	uint16Code  = 0xcd
	uint32Code  = 0xce
	uint64Code  = 0xcf
	int8Code    = 0xd0
	fixExt1     = 0xd4
	fixExt8     = 0xd7
	fixExt16    = 0xd8
	str8        = 0xd9
	str16       = 0xda
	str32       = 0xdb
	array16     = 0xdc
	array32     = 0xdd
	map16       = 0xde
	map32       = 0xdf
	negFixNum   = 0xe0
)

// header is what the first bytes of a msgpack node say.
type header struct {
	kind  kind
	size  int // bytes before the payload
	bytes int // bytes of payload
	nodes int // nodes inside: elements, or keys and values
}

// readHeader reads the header of the node that b begins with. ok is false
// where b ends too early; nothing is believed about bytes that are not there.
func readHeader(b []byte) (h header, ok bool) {
	if len(b) == 0 {
		return h, false
	}
	c := b[0]
	switch {
	case c == str8: // as tuples are
		if len(b) < 2 || len(b)-2 < int(b[1]) {
			return h, false
		}
		return header{kind: kindString, size: 2, bytes: int(b[1])}, true
	case c <= fixNumHigh || c >= negFixNum:
		return header{kind: kindNumber, size: 1}, true
	case c < fixArray:
		return header{kind: kindObject, size: 1, nodes: 2 * int(c-fixMap)}, true
	case c < fixStr:
		return header{kind: kindArray, size: 1, nodes: int(c - fixArray)}, true
	case c <= fixStrHigh:
		h = header{kind: kindString, size: 1, bytes: int(c - fixStr)}
		return h, len(b)-1 >= h.bytes
	}
	f := formats[c-nilCode]
	h = header{kind: f.kind, size: 1 + int(f.length), bytes: int(f.bytes)}
	if len(b) < h.size {
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
	case kindArray:
		h.nodes = n
	case kindObject:
		h.nodes = 2 * n
	default:
		h.bytes += n
	}
	return h, f.valid && len(b)-h.size >= h.bytes
}

// formats are the first bytes 0xc0 to 0xdf: the size of the length field, and
// the payload besides what that counts. 0xc1 is not in use.
var formats = [32]struct {
	kind   kind
	length uint8
	bytes  uint8
	valid  bool
}{
	{kindOther, 0, 0, true}, {}, {kindOther, 0, 0, true}, {kindOther, 0, 0, true}, // nil, -, false, true
	{kindOther, 1, 0, true}, {kindOther, 2, 0, true}, {kindOther, 4, 0, true}, // bin
	{kindOther, 1, 1, true}, {kindOther, 2, 1, true}, {kindOther, 4, 1, true}, // ext
	{kindNumber, 0, 4, true}, {kindNumber, 0, 8, true}, // float
	{kindNumber, 0, 1, true}, {kindNumber, 0, 2, true}, {kindNumber, 0, 4, true}, {kindNumber, 0, 8, true}, // uint
	{kindNumber, 0, 1, true}, {kindNumber, 0, 2, true}, {kindNumber, 0, 4, true}, {kindNumber, 0, 8, true}, // int
	{kindOther, 0, 2, true}, {kindOther, 0, 3, true}, {kindOther, 0, 5, true}, {kindOther, 0, 9, true}, {kindOther, 0, 17, true}, // fixext
	{kindString, 1, 0, true}, {kindString, 2, 0, true}, {kindString, 4, 0, true}, // str
	{kindArray, 2, 0, true}, {kindArray, 4, 0, true}, // array
	{kindObject, 2, 0, true}, {kindObject, 4, 0, true}, // map
}

// SkipMsgpack returns the length of the msgpack node that b begins with, and
// whether it is nested deeper than 64 levels. ok is false where the node is
// damaged or cut off. It needs no memory, whatever the headers declare.
func SkipMsgpack(b []byte) (n int, deep, ok bool) {
	if len(b) > 0 {
		if size := int(fixedSizes[b[0]]); size > 0 && size <= len(b) {
			return size, false, true
		}
	}
	h, ok := readHeader(b)
	if !ok {
		return 0, false, false
	}
	if h.nodes == 0 {
		return h.size + h.bytes, false, true
	}
	return skipNested(b)
}

// fixedSizes are the sizes of nodes that their first byte tells, 0 of others.
var fixedSizes = func() (sizes [256]uint8) {
	longest := make([]byte, 32)
	for c := range sizes {
		longest[0] = byte(c)
		if h, ok := readHeader(longest); ok && h.size == 1 && (h.kind != kindArray && h.kind != kindObject) {
			sizes[c] = uint8(h.size + h.bytes)
		}
	}
	return sizes
}()

func skipNested(b []byte) (n int, deep, ok bool) {
	var left [maxDepth]int // nodes to come, by depth
	depth := -1
	for {
		h, ok := readHeader(b[n:])
		if !ok {
			return 0, false, false
		}
		n += h.size + h.bytes
		if h.nodes > 0 {
			if depth == maxDepth-1 {
				n, ok = skipNodes(b, n, h.nodes, left[:])
				return n, true, ok
			}
			depth++
			left[depth] = h.nodes
			continue
		}
		for depth >= 0 {
			left[depth]--
			if left[depth] > 0 {
				break
			}
			depth--
		}
		if depth < 0 {
			return n, false, true
		}
	}
}

// skipNodes passes over what is left of a node that is too deep: a count of
// the nodes to come does without their nesting.
func skipNodes(b []byte, n, count int, parents []int) (int, bool) {
	for _, left := range parents {
		count += left - 1 // the node at hand is one of them
	}
	for ; count > 0; count-- {
		h, ok := readHeader(b[n:])
		if !ok || h.nodes > len(b)-n {
			return 0, false // every node takes a byte at least
		}
		n += h.size + h.bytes
		count += h.nodes
	}
	return n, true
}
