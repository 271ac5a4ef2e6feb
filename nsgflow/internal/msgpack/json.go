package msgpack

import (
	"unicode/utf8"

	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"fluent-bit-nsgflow/nsgflow/internal/jsontext"

	"github.com/tidwall/gjson"
)

// AppendNumber appends a msgpack number as text.
func AppendNumber(dst, value []byte) []byte {
	c := value[0]
	v := value[1:]
	switch {
	case c <= FixNumHigh || c >= NegFixNum:
		return strconv.AppendInt(dst, int64(int8(c)), 10)
	case c == Float32Code:
		return appendFloat(dst, float64(math.Float32frombits(binary.BigEndian.Uint32(v))), 32)
	case c == Float64Code:
		return appendFloat(dst, math.Float64frombits(binary.BigEndian.Uint64(v)), 64)
	}
	if c <= Uint64Code {
		return strconv.AppendUint(dst, uint64(Integer(value)), 10)
	}
	return strconv.AppendInt(dst, Integer(value), 10)
}

// Integer is the value of a msgpack integer; of one above 2^63-1 its bits.
func Integer(value []byte) int64 {
	c := value[0]
	if c <= FixNumHigh || c >= NegFixNum {
		return int64(int8(c))
	}
	h, _ := ReadHeader(value)
	var n uint64
	for _, b := range value[h.Size : h.Size+h.Bytes] {
		n = n<<8 | uint64(b)
	}
	if c <= Uint64Code {
		return int64(n)
	}
	unused := 64 - 8*h.Bytes // the bits above a shorter number, for its sign
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

// AppendJSON appends the msgpack value that b begins with as JSON text, and
// returns the bytes behind it. Binary data becomes base64 text, Fluent Bit's
// event time a number of seconds, any other extension null. Below 64 levels,
// and where b is cut off, it writes null.
func AppendJSON(dst, b []byte) (text, rest []byte) {
	n, deep, ok := Skip(b)
	if !ok {
		return append(dst, "null"...), nil
	}
	if deep {
		return append(dst, "null"...), b[n:]
	}
	return appendValue(dst, b, false)
}

// appendValue recurses; AppendJSON has bounded the depth. inKey: the value is in
// the key of a map.
func appendValue(dst, b []byte, inKey bool) (text, rest []byte) {
	h, _ := ReadHeader(b)
	end := h.Size + h.Bytes
	switch h.Kind {
	case jsontext.String:
		return appendString(dst, b[h.Size:end]), b[end:]
	case jsontext.Number:
		return AppendNumber(dst, b[:end]), b[end:]
	case jsontext.Array, jsontext.Object:
		rest = b[end:]
		begin, end := byte('['), byte(']')
		if h.Kind == jsontext.Object {
			begin, end = '{', '}'
		}
		dst = append(dst, begin)
		for i := range h.Values {
			if h.Kind == jsontext.Object && i%2 == 1 {
				dst = append(dst, ':')
			} else if i > 0 {
				dst = append(dst, ',')
			}
			if h.Kind == jsontext.Object && i%2 == 0 {
				dst, rest = appendKey(dst, rest, inKey)
			} else {
				dst, rest = appendValue(dst, rest, inKey)
			}
		}
		return append(dst, end), rest
	}
	switch b[0] {
	case TrueCode:
		dst = append(dst, "true"...)
	case FalseCode:
		dst = append(dst, "false"...)
	case Bin8, Bin8 + 1, Bin32:
		dst = gjson.AppendJSONString(dst, base64.StdEncoding.EncodeToString(b[h.Size:end]))
	default:
		if t, ok := ReadTime(b[:end]); ok {
			dst = fmt.Appendf(dst, "%d.%09d", t.Seconds, t.Nanoseconds)
		} else {
			dst = append(dst, "null"...)
		}
	}
	return dst, b[end:]
}

// appendString copies what needs no escapes, which is nearly all.
func appendString(dst, s []byte) []byte {
	for _, c := range s {
		if !plain[c] {
			return gjson.AppendJSONString(dst, string(s))
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}

// plain are the bytes that stand in JSON as they are. gjson.AppendJSONString also
// escapes those that HTML knows.
var plain = func() (all [256]bool) {
	for c := range all {
		all[c] = c < utf8.RuneSelf && string(gjson.AppendJSONString(nil, string([]byte{byte(c)}))) == `"`+string([]byte{byte(c)})+`"`
	}
	all['<'], all['>'], all['&'] = true, true, true
	return all
}()

// appendKey writes a key that is not a string as the text of its JSON. Inside
// such a key, one that is an array or a map becomes base64 text of its msgpack:
// JSON within JSON within JSON doubles at every level.
func appendKey(dst, b []byte, inKey bool) (text, rest []byte) {
	h, _ := ReadHeader(b)
	switch {
	case h.Kind == jsontext.String:
		return appendValue(dst, b, inKey)
	case inKey && h.Values > 0:
		key, rest := Cut(b)
		return gjson.AppendJSONString(dst, base64.StdEncoding.EncodeToString(key)), rest
	}
	key, rest := appendValue(nil, b, true)
	return gjson.AppendJSONString(dst, string(key)), rest
}
