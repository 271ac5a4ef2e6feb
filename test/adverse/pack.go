package adverse

import (
	"encoding/binary"
	"strings"
)

// Msgpack as an input writes it, by hand: much of it is what no encoder writes.

// record is [[time, {}], body], the framing of Fluent Bit since 2.1.
func record(body string) string { return recordWith("\x80", body) }

func recordWith(metadata, body string) string {
	return "\x92\x92\xd7\x00\x66\x38\x81\x69\x07\x5b\xcd\x15" + metadata + body
}

// mapOf has n entries, which are written one behind the other.
func mapOf(n int, entries string) string { return header(0xdf, n) + entries }

func arrayOf(n int, elements string) string { return header(0xdd, n) + elements }

func str(s string) string {
	if len(s) < 32 {
		return string([]byte{0xa0 | byte(len(s))}) + s
	}
	return header(0xdb, len(s)) + s
}

func header(code byte, n int) string {
	return string(binary.BigEndian.AppendUint32([]byte{code}, uint32(n)))
}

// inLog is a record with the text in its field log, and other entries.
func inLog(text string, more ...string) string {
	return record(mapOf(1+len(more), strings.Join(more, "")+str("log")+str(text)))
}

// list is elements with commas between them, as many as fit in size, and how
// many these are.
func list(size int, element func(i int) string) (elements string, count int) {
	var b strings.Builder
	for ; b.Len() < size; count++ {
		if count > 0 {
			b.WriteByte(',')
		}
		b.WriteString(element(count))
	}
	return b.String(), count
}

// entries is list for msgpack, which has nothing between elements.
func entries(size int, element func(i int) string) (elements string, count int) {
	var b strings.Builder
	for ; b.Len() < size; count++ {
		b.WriteString(element(count))
	}
	return b.String(), count
}

// always is the same element.
func always(s string) func(int) string { return func(int) string { return s } }

// long is a text of about so many bytes.
func long(size int) string { return strings.Repeat("x", size) }
