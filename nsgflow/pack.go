package nsgflow

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

func appendStringHeader(dst []byte, n int) []byte {
	switch {
	case n < 32:
		return append(dst, fixStr|byte(n))
	case n < 1<<8:
		return append(dst, str8, byte(n))
	case n < 1<<16:
		return append(dst, str16, byte(n>>8), byte(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, str32), uint32(n))
}

func appendMapHeader(dst []byte, n int) []byte {
	switch {
	case n < 16:
		return append(dst, fixMap|byte(n))
	case n < 1<<16:
		return append(dst, map16, byte(n>>8), byte(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, map32), uint32(n))
}

var replacement = []byte("\uFFFD")

// validText is t with U+FFFD in the place of what is not UTF-8: older hosts
// cut a string there when they write JSON, newer ones leave the bytes out.
func validText(t text) text {
	if utf8.Valid(t) {
		return t
	}
	return bytes.ToValidUTF8(t, replacement)
}

func appendText(dst []byte, t text) []byte {
	t = validText(t)
	return append(appendStringHeader(dst, len(t)), t...)
}

func appendString(dst []byte, s string) []byte {
	return append(appendStringHeader(dst, len(s)), s...)
}

// entriesOf are the keys and values of a msgpack map, and their number.
func entriesOf(object []byte) (entries []byte, n int) {
	h, _ := readHeader(object)
	return object[h.size:], h.nodes / 2
}

func isMap(node []byte) bool {
	h, ok := readHeader(node)
	return ok && h.kind == kindObject
}

// cut returns the node that b begins with, and what is behind it.
func cut(b []byte) (node, rest []byte) {
	n, _, ok := SkipMsgpack(b)
	if !ok {
		return nil, nil
	}
	return b[:n], b[n:]
}

// valueOf is the value of a key of a map, nil if there is none.
func valueOf(object []byte, key string) []byte {
	rest, n := entriesOf(object)
	for range n {
		var k, v []byte
		k, rest = cut(rest)
		v, rest = cut(rest)
		if have, ok := stringOf(k); ok && string(have) == key {
			return v
		}
	}
	return nil
}

func stringOf(node []byte) (text, bool) {
	h, ok := readHeader(node)
	if !ok || h.kind != kindString {
		return nil, false
	}
	return node[h.size : h.size+h.bytes], true
}
