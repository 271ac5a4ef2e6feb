package msgpack

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// AppendStringHeader appends the header of a string of n bytes.
func AppendStringHeader(dst []byte, n int) []byte {
	switch {
	case n < 32:
		return append(dst, FixStr|byte(n))
	case n < 1<<8:
		return append(dst, Str8, byte(n))
	case n < 1<<16:
		return append(dst, Str16, byte(n>>8), byte(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, Str32), uint32(n))
}

// AppendMapHeader appends the header of a map of n entries.
func AppendMapHeader(dst []byte, n int) []byte {
	switch {
	case n < 16:
		return append(dst, FixMap|byte(n))
	case n < 1<<16:
		return append(dst, Map16, byte(n>>8), byte(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, Map32), uint32(n))
}

// AppendUint appends a number in as few bytes as it takes.
func AppendUint(dst []byte, n uint64) []byte {
	switch {
	case n <= FixNumHigh:
		return append(dst, byte(n))
	case n < 1<<16:
		return append(dst, Uint16Code, byte(n>>8), byte(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32(append(dst, Uint32Code), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, Uint64Code), n)
}

var replacement = []byte("\uFFFD")

// ValidUTF8 is t with U+FFFD in the place of what is not UTF-8: older hosts
// cut a string there when they write JSON, newer ones leave the bytes out.
func ValidUTF8(t []byte) []byte {
	if utf8.Valid(t) {
		return t
	}
	return bytes.ToValidUTF8(t, replacement)
}

// AppendText appends t as a string of valid UTF-8.
func AppendText(dst []byte, t []byte) []byte {
	t = ValidUTF8(t)
	return append(AppendStringHeader(dst, len(t)), t...)
}

// AppendString appends s, which is valid UTF-8, as a string.
func AppendString(dst []byte, s string) []byte {
	return append(AppendStringHeader(dst, len(s)), s...)
}
