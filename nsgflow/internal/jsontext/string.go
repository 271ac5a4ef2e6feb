package jsontext

import (
	"encoding/binary"
	"math/bits"

	"github.com/tidwall/gjson"
)

// AppendString appends t as a JSON string.
func AppendString(dst, t []byte) []byte {
	if PlainEnd(t, 0) == len(t) {
		return append(append(append(dst, '"'), t...), '"')
	}
	return gjson.AppendJSONString(dst, string(t))
}

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// PlainEnd returns the place of the first byte from p on that does not stand
// in a JSON string as it is, or is not ASCII; len(b) if there is none.
func PlainEnd(b []byte, p int) int {
	for p+16 <= len(b) {
		first, second := binary.LittleEndian.Uint64(b[p:p+8]), binary.LittleEndian.Uint64(b[p+8:p+16])
		if first, second = special(first), special(second); first|second != 0 {
			if first == 0 {
				return p + 8 + bits.TrailingZeros64(second)>>3
			}
			return p + bits.TrailingZeros64(first)>>3
		}
		p += 16
	}
	for p < len(b) && b[p] >= ' ' && b[p] < 0x80 && b[p] != '"' && b[p] != '\\' {
		p++
	}
	return p
}

// special has a high bit for each byte of w that is below a space, a quote, a
// backslash or not ASCII. The lowest such bit is exact, the ones above may not
// be.
func special(w uint64) uint64 {
	return ((w - lowBits*' ') | ((w ^ lowBits*'"') - lowBits) | ((w ^ lowBits*'\\') - lowBits) | w) & highBits
}
