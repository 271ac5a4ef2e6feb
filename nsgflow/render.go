package nsgflow

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"github.com/tidwall/gjson"
	"math"
	"strconv"
)

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
