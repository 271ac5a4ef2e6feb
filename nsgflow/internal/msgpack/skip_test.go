package msgpack_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

func TestSkip(t *testing.T) {
	nested := func(n int) []byte { return append(bytes.Repeat([]byte{0x91}, n), 0xc0) }
	for _, row := range []struct {
		name  string
		value []byte
		n     int
		deep  bool
		ok    bool
	}{
		{"nothing", nil, 0, false, false},
		{"nil", []byte{0xc0}, 1, false, true},
		{"the unused code", []byte{0xc1}, 0, false, false},
		{"a number and more", []byte{0xcd, 1, 2, 3}, 3, false, true},
		{"half a number", []byte{0xcf, 1, 2}, 0, false, false},
		{"an event time", []byte("\xd7\x00\x66\x38\x81\x69\x07\x5b\xcd\x15"), 10, false, true},
		{"extensions", []byte{0x93, 0xc7, 1, 5, 0, 0xd4, 5, 0, 0xd8, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 26, false, true},
		{"an extension cut off", []byte{0xc7, 8, 0, 1, 2, 3}, 0, false, false},
		{"64 levels", nested(64), 65, false, true},
		{"65 levels", nested(65), 66, true, true},
		{"65 levels cut off", nested(65)[:65], 0, false, false},
		{"four billion elements", binary.BigEndian.AppendUint32([]byte{0xdd}, 1<<32-1), 0, false, false},
		{"four billion deep down", append(bytes.Repeat([]byte{0x91}, 70), 0xdd, 0xff, 0xff, 0xff, 0xff), 0, false, false},
		{"a map without its last value", []byte{0x82, 0xa1, 'a', 1, 0xa1, 'b'}, 0, false, false},
	} {
		n, deep, ok := msgpack.Skip(row.value)
		if ok != row.ok || ok && (n != row.n || deep != row.deep) {
			t.Errorf("%s: got %d, %v, %v", row.name, n, deep, ok)
		}
	}
}
