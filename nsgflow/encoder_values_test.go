package nsgflow_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
)

// Counters have five bytes, however small they are, and nine from 2^32 on.
func TestCounterWidths(t *testing.T) {
	for counter, want := range map[uint64][]byte{
		0:          {0xce, 0, 0, 0, 0},
		1:          {0xce, 0, 0, 0, 1},
		1 << 31:    {0xce, 0x80, 0, 0, 0},
		4294967295: {0xce, 0xff, 0xff, 0xff, 0xff},
		4294967296: binary.BigEndian.AppendUint64([]byte{0xcf}, 4294967296),
	} {
		log := idRecord{vnet: true, tuples: []string{fmt.Sprintf("1746525600123,10.8.0.4,192.0.2.9,50112,443,6,O,C,NX,%d,%[1]d,7,8", counter)}}
		chunk, _ := asText.read(t, newNormalizer(t), log.String())
		for _, name := range []string{"\xa7packets", "\xa5bytes"} {
			_, value, found := bytes.Cut(chunk, []byte(name))
			if !found || !bytes.HasPrefix(value, want) {
				t.Errorf("%d: %s is % x", counter, name[1:], value[:min(9, len(value))])
			}
		}
	}
}
