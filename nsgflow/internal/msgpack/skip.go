package msgpack

import "fluent-bit-nsgflow/nsgflow/internal/jsontext"

// Skip returns the length of the msgpack value that b begins with, and
// whether it is nested deeper than 64 levels. ok is false where the value is
// damaged or cut off. It needs no memory, whatever the headers declare.
func Skip(b []byte) (n int, deep, ok bool) {
	if len(b) > 0 {
		if size := int(FixedSizes[b[0]]); size > 0 && size <= len(b) {
			return size, false, true
		}
	}
	h, ok := ReadHeader(b)
	if !ok {
		return 0, false, false
	}
	if h.Values == 0 {
		return h.Size + h.Bytes, false, true
	}
	return skipNested(b)
}

// FixedSizes are the sizes of values that their first byte tells, 0 of others.
var FixedSizes = func() (sizes [256]uint8) {
	longest := make([]byte, 32)
	for c := range sizes {
		longest[0] = byte(c)
		if h, ok := ReadHeader(longest); ok && h.Size == 1 && (h.Kind != jsontext.Array && h.Kind != jsontext.Object) {
			sizes[c] = uint8(h.Size + h.Bytes)
		}
	}
	return sizes
}()

func skipNested(b []byte) (n int, deep, ok bool) {
	var left [jsontext.MaxDepth]int // values to come, by depth
	depth := -1
	for {
		h, ok := ReadHeader(b[n:])
		if !ok {
			return 0, false, false
		}
		n += h.Size + h.Bytes
		if h.Values > 0 {
			if depth == jsontext.MaxDepth-1 {
				n, ok = skipValues(b, n, h.Values, left[:])
				return n, true, ok
			}
			depth++
			left[depth] = h.Values
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

// skipValues passes over what is left of a value that is too deep: a count of
// the values to come does without their nesting.
func skipValues(b []byte, n, count int, parents []int) (int, bool) {
	for _, left := range parents {
		count += left - 1 // the value at hand is one of them
	}
	for ; count > 0; count-- {
		h, ok := ReadHeader(b[n:])
		if !ok || h.Values > len(b)-n {
			return 0, false // every value takes a byte at least
		}
		n += h.Size + h.Bytes
		count += h.Values
	}
	return n, true
}
