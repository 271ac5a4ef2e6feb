package nsgflow

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"github.com/tidwall/gjson"
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

// mpackSource reads a msgpack node whose extent SkipMsgpack has checked.
type mpackSource struct {
	b     []byte
	pos   int
	bad   bool
	fault string // why, where it was refused

	numbers []byte // texts of numbers
}

func (s *mpackSource) refuse(what string) { s.bad, s.fault = true, what }

func (s *mpackSource) reset(b []byte) { *s = mpackSource{b: b, numbers: s.numbers[:0]} }

func (s *mpackSource) offset() int                  { return s.pos }
func (s *mpackSource) mark() mark                   { return mark{pos: s.pos} }
func (s *mpackSource) back(m mark)                  { s.pos = m.pos }
func (s *mpackSource) record(n nodes) (nodes, bool) { return s.more(n) }
func (s *mpackSource) since(p int) []byte           { return s.b[p:s.pos:s.pos] }
func (s *mpackSource) spent() bool                  { return false }
func (s *mpackSource) failed() bool                 { return s.bad }

func (s *mpackSource) header() (h header) {
	if !s.bad {
		var ok bool
		h, ok = readHeader(s.b[s.pos:])
		s.bad = !ok
	}
	return h
}

func (s *mpackSource) kind() kind { return s.header().kind }

func (s *mpackSource) open() nodes {
	h := s.header()
	s.pos += h.size
	if h.kind == kindObject {
		return nodes{left: h.nodes / 2}
	}
	return nodes{left: h.nodes}
}

func (s *mpackSource) more(n nodes) (nodes, bool) {
	ok := s.next(&n)
	return n, ok
}

func (s *mpackSource) next(n *nodes) bool {
	if n.left == 0 || s.bad {
		return false
	}
	n.left--
	return true
}

// str reads the string that comes next; ok is false where it is none.
func (s *mpackSource) str() (t text, ok bool) {
	h := s.header()
	if h.kind != kindString {
		return nil, false
	}
	from := s.pos + h.size
	s.pos = from + h.bytes
	return s.b[from:s.pos], true
}

func (s *mpackSource) key() []byte {
	t, ok := s.str()
	if !ok {
		s.skip()
	}
	return t
}

func (s *mpackSource) scalar() []byte {
	if t, ok := s.str(); ok {
		return emptyIsNil(t)
	}
	if s.kind() == kindNumber {
		from := len(s.numbers)
		s.numbers = appendNumber(s.numbers, s.skip())
		return s.numbers[from:len(s.numbers):len(s.numbers)]
	}
	s.skip()
	return nil
}

func (s *mpackSource) tuple() (t tuple) {
	var ok bool
	if t.text, ok = s.str(); ok {
		t.plain = plainEnd(t.text, 0) == len(t.text)
	} else {
		t.text, t.other = s.skip(), true
	}
	return t
}

func (s *mpackSource) tuples(dst []tuple) []tuple {
	n := s.open()
	for i := uint32(0); s.next(&n); i++ {
		t := s.tuple()
		t.index = i
		dst = append(dst, t)
		if len(dst) > maxTuples {
			s.refuse(faultMany)
		}
	}
	return dst
}

func (s *mpackSource) skip() []byte {
	if s.bad {
		return nil
	}
	n, _, ok := SkipMsgpack(s.b[s.pos:])
	if !ok {
		s.bad = true
		return nil
	}
	s.pos += n
	return s.b[s.pos-n : s.pos : s.pos]
}

func (s *mpackSource) appendJSON(dst, node []byte) []byte {
	dst, _ = AppendJSON(dst, node)
	return dst
}

// appendNumber appends a msgpack number as text.
func appendNumber(dst, node []byte) []byte {
	c := node[0]
	v := node[1:]
	switch {
	case c <= fixNumHigh || c >= negFixNum:
		return strconv.AppendInt(dst, int64(int8(c)), 10)
	case c == float32Code:
		return appendFloat(dst, float64(math.Float32frombits(binary.BigEndian.Uint32(v))), 32)
	case c == float64Code:
		return appendFloat(dst, math.Float64frombits(binary.BigEndian.Uint64(v)), 64)
	}
	if c <= uint64Code {
		return strconv.AppendUint(dst, uint64(integer(node)), 10)
	}
	return strconv.AppendInt(dst, integer(node), 10)
}

// integer is the value of a msgpack integer; of one above 2^63-1 its bits.
func integer(node []byte) int64 {
	c := node[0]
	if c <= fixNumHigh || c >= negFixNum {
		return int64(int8(c))
	}
	h, _ := readHeader(node)
	var n uint64
	for _, b := range node[h.size : h.size+h.bytes] {
		n = n<<8 | uint64(b)
	}
	if c <= uint64Code {
		return int64(n)
	}
	unused := 64 - 8*h.bytes // the bits above a shorter number, for its sign
	return int64(n<<unused) >> unused
}

// appendFloat appends v without an exponent where that is short. JSON has no
// infinities: they become null, as in Fluent Bit.
func appendFloat(dst []byte, v float64, bits int) []byte {
	switch a := math.Abs(v); {
	case math.IsInf(v, 0) || math.IsNaN(v):
		return append(dst, "null"...)
	case a < 1e18 && a >= 1e-6 || v == 0:
		return strconv.AppendFloat(dst, v, 'f', -1, bits)
	}
	return strconv.AppendFloat(dst, v, 'g', -1, bits)
}

// AppendJSON appends the msgpack node that b begins with as JSON text, and
// returns the bytes behind it. Binary data becomes base64 text, Fluent Bit's
// event time a number of seconds, any other extension null. Below 64 levels, and where b is cut off, it writes null.
func AppendJSON(dst, b []byte) (text, rest []byte) {
	n, deep, ok := SkipMsgpack(b)
	if !ok {
		return append(dst, "null"...), nil
	}
	if deep {
		return append(dst, "null"...), b[n:]
	}
	return appendNode(dst, b)
}

// appendNode recurses; AppendJSON has bounded the depth.
func appendNode(dst, b []byte) (text, rest []byte) {
	h, _ := readHeader(b)
	end := h.size + h.bytes
	switch h.kind {
	case kindString:
		return gjson.AppendJSONString(dst, string(b[h.size:end])), b[end:]
	case kindNumber:
		return appendNumber(dst, b[:end]), b[end:]
	case kindArray, kindObject:
		rest = b[end:]
		dst = append(dst, map[kind]byte{kindArray: '[', kindObject: '{'}[h.kind])
		for i := range h.nodes {
			if h.kind == kindObject && i%2 == 1 {
				dst = append(dst, ':')
			} else if i > 0 {
				dst = append(dst, ',')
			}
			if h.kind == kindObject && i%2 == 0 {
				dst, rest = appendKey(dst, rest)
			} else {
				dst, rest = appendNode(dst, rest)
			}
		}
		return append(dst, map[kind]byte{kindArray: ']', kindObject: '}'}[h.kind]), rest
	}
	switch b[0] {
	case trueCode:
		dst = append(dst, "true"...)
	case falseCode:
		dst = append(dst, "false"...)
	case bin8, bin8 + 1, bin32:
		dst = gjson.AppendJSONString(dst, base64.StdEncoding.EncodeToString(b[h.size:end]))
	default:
		if m, ok := frameTime(b[:end]); ok {
			dst = fmt.Appendf(dst, "%d.%09d", m.seconds, m.nanoseconds)
		} else {
			dst = append(dst, "null"...)
		}
	}
	return dst, b[end:]
}

// appendKey writes a key that is not a string as the text of its JSON.
func appendKey(dst, b []byte) (text, rest []byte) {
	if h, _ := readHeader(b); h.kind == kindString {
		return appendNode(dst, b)
	}
	key, rest := appendNode(nil, b)
	return gjson.AppendJSONString(dst, string(key)), rest
}
