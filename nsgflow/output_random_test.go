package nsgflow

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// rooms is host memory: after each call, all is as it was where it is not the
// latest block, and each has a guard behind it.
type rooms struct{ blocks [][]byte }

func (o *rooms) room(out []byte, size int) []byte {
	b := bytes.Repeat([]byte{0xA5}, size+64)
	o.blocks = append(o.blocks, b)
	more := b[:len(out):size]
	copy(more, out)
	return more
}

func (o *rooms) bytes() (n int) {
	for _, b := range o.blocks {
		n += len(b)
	}
	return n
}

func innerFlow(r *rand.Rand, depth int) []byte {
	names := []string{"message", "log"}
	n := 1 + r.IntN(3)
	var b []byte
	b = msgpack.AppendMapHeader(b, n+1)
	for i := range n {
		b = msgpack.AppendString(b, []string{"x", "event", "host", "azure"}[(i+r.IntN(2))%4])
		b = append(b, 0x81, 0xa4, 'k', 'i', 'n', 'd', 0xa1, 'q')
	}
	b = msgpack.AppendString(b, names[r.IntN(2)])
	switch r.IntN(3) {
	case 0:
		b = msgpack.AppendString(b, "no flows")
	case 1:
		b = msgpack.AppendString(b, reservedFlows)
	default:
		b = msgpack.AppendString(b, `{"records":[{"x":1},`+reservedFlows[len(`{"records":[`):])
	}
	return b
}

func structuredBody(r *rand.Rand) []byte {
	extra := r.IntN(3)
	b := msgpack.AppendMapHeader(nil, 1+extra)
	b = msgpack.AppendString(b, "records")
	k := 1 + r.IntN(6)
	b = append(b, 0x90|byte(k))
	at := r.IntN(k)
	for i := range k {
		if i == at || r.IntN(3) == 0 {
			b = append(b, 0x81)
			b = msgpack.AppendString(msgpack.AppendString(b, "flow.0"), "1741078812345,10.20.0.4,198.51.100.7,49310,443,6,O,D,NX,0,0,0,0")
		} else if r.IntN(5) == 0 {
			b = append(b, 7)
		} else {
			b = append(b, innerFlow(r, 0)...)
		}
	}
	for i := range extra {
		b = msgpack.AppendString(b, []string{"event", "message", "azure"}[(i+r.IntN(2))%3])
		if r.IntN(2) == 0 {
			b = msgpack.AppendString(b, reservedFlows)
		} else {
			b = append(b, 0x81, 0xa1, 'a', 0x80)
		}
	}
	return b
}

// The output does not depend on where room comes from, nor on what was read
// before, and nothing is written behind a block.
// In memory that is wiped after each chunk a Normalizer gives what a new one gives,
// and touches nothing outside.
func TestOutputInMemoryThatIsTakenBack(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: not in short")
	}
	r := rand.New(rand.NewPCG(3, 4))
	var long [2]*Normalizer
	var at rooms
	for s := range 2 {
		long[s], _ = New(DefaultOptions(Schema(s)))
		long[s].GrowWith(at.room)
	}
	worst := 0.0
	for range 400 {
		s := r.IntN(2)
		var chunk []byte
		for range 1 + r.IntN(5) {
			chunk = append(chunk, 0x92, 0x92, 1, 0x80)
			if r.IntN(4) == 0 {
				chunk = append(chunk, 0x81, 0xa1, 'a', 1)
			} else {
				chunk = append(chunk, structuredBody(r)...)
			}
		}
		fresh, _ := New(DefaultOptions(Schema(s)))
		want, ch := fresh.AppendChunk(nil, chunk)
		before := long[s].Counts()
		at.blocks = nil
		dst := at.room(nil, 1+r.IntN(8000))
		got, ch1 := long[s].AppendChunk(dst[:0], chunk)
		if ch != ch1 || ch && !bytes.Equal(got, want) {
			t.Fatalf("chunk %q\n got %q\nwant %q", chunk, got, want)
		}
		after := before
		after.Add(fresh.Counts())
		if fmt.Sprint(after) != fmt.Sprint(long[s].Counts()) {
			t.Fatalf("counts %+v %+v", after, long[s].Counts())
		}
		events := uint64(bytes.Count(want, []byte("\xa4kind\xa5event")))
		if ch && events != fresh.Counts().Events {
			t.Logf("events %d counted %d", events, fresh.Counts().Events)
		}
		for i, b := range at.blocks {
			if !bytes.Equal(b[len(b)-64:], bytes.Repeat([]byte{0xA5}, 64)) {
				t.Fatal("guard of", i)
			}
		}
		if ch {
			worst = max(worst, float64(at.bytes())/float64(len(got)+8192))
		}
		// A freed block: nothing of it is used later.
		for _, b := range at.blocks {
			clear(b)
		}
	}
	t.Logf("blocks at most %.1f times the output", worst)
}
