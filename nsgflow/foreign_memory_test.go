package nsgflow

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

const memoryTuple = "1741078812345,10.20.0.4,198.51.100.7,49310,443,6,O,D,NX,0,0,0,0"

// withForeign is a map of a field, and of records: a flow log and a foreign
// element.
func withForeign(field, foreign []byte) (body []byte) {
	body = append(msgpack.AppendMapHeader(nil, 2), field...)
	body = append(msgpack.AppendString(body, "records"), msgpack.FixArray|2)
	body = msgpack.AppendString(msgpack.AppendMapHeader(body, 1), "flow.0")
	return append(msgpack.AppendString(body, memoryTuple), foreign...)
}

func textMap(key, text string) []byte {
	return msgpack.AppendString(msgpack.AppendString(msgpack.AppendMapHeader(nil, 1), key), text)
}

// A template that an inner Normalizer has edited first does not hold on to the
// large fields of a later record.
func TestLargeFieldsAreLetGo(t *testing.T) {
	n, err := New(DefaultOptions(SchemaSekoia))
	if err != nil {
		t.Fatal(err)
	}
	inUse := func() int {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	event := append(msgpack.AppendString(nil, "event"), textMap("x", "y")...)
	large := strings.Repeat("y", 2<<20)
	before := inUse()
	for i := range 30 {
		flow := fmt.Sprintf(`{"flow.0":"%s","rule":"R%d"}`, memoryTuple, i)
		n.AppendRecord(nil, withForeign(event, textMap("message", strings.Repeat(flow, 3))), Frame{})
		body := append(msgpack.AppendMapHeader(nil, 3), event...)
		body = msgpack.AppendString(msgpack.AppendString(body, "large"), large)
		body = msgpack.AppendString(msgpack.AppendString(body, "message"), flow)
		n.AppendRecord(nil, body, Frame{})
	}
	if kept := inUse() - before; kept > 8<<20 {
		t.Errorf("%d MB kept", kept>>20)
	}
	runtime.KeepAlive(n)
}

// A look whether a field is a flow log takes no room, which the host gets back
// with the whole chunk only.
func TestLooksTakeNoRoom(t *testing.T) {
	n, err := New(DefaultOptions(SchemaSekoia))
	if err != nil {
		t.Fatal(err)
	}
	taken := 0
	n.GrowWith(func(out []byte, size int) []byte {
		taken += size
		return append(make([]byte, 0, size), out...)
	})
	field := msgpack.AppendString(msgpack.AppendString(nil, "message"), reservedFlows)
	record := append([]byte{msgpack.FixArray | 2, 1}, withForeign(field, textMap("x", "y"))...)
	out, _ := n.AppendChunk(nil, []byte(strings.Repeat(string(record), 500)))
	if taken > 8*len(out) {
		t.Errorf("%d bytes of room for %d bytes of events", taken, len(out))
	}
}
