package nsgflow

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// The same of foreign records that are flow logs themselves.
func TestReservedFieldsOfForeignRecords(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: not in short")
	}
	r := rand.New(rand.NewPCG(7, 9))
	for schema := range 2 {
		var ns [2]*Normalizer
		for k := range 2 {
			o := DefaultOptions(Schema(schema))
			o.ReserveData = k == 1
			ns[k], _ = New(o)
		}
		compared := 0
		for range 300 {
			f1, c1 := randomFields(r, 0)
			f2, c2 := randomFields(r, 0)
			if bytes.Contains(f1, []byte("\xa4rule")) || bytes.Contains(f2, []byte("\xa4rule")) {
				continue // a sign of a flow log
			}
			tuple := msgpack.AppendString(msgpack.AppendString([]byte{0x81}, "flow.0"), "1741078812345,10.20.0.4,198.51.100.7,49310,443,6,O,D,NX,0,0,0,0")
			foreign := msgpack.AppendMapHeader(nil, c1+1)
			foreign = append(foreign, f1...)
			foreign = msgpack.AppendString(msgpack.AppendString(foreign, "message"), reservedFlows)
			body := msgpack.AppendMapHeader(nil, c2+1)
			body = append(body, f2...)
			body = msgpack.AppendString(body, "records")
			body = append(body, 0x94)
			body = append(append(append(append(body, tuple...), foreign...), tuple...), foreign...)
			frame := Frame{Time: []byte{1}}
			bare, _, _ := ns[0].AppendRecord(nil, body, frame)
			got, _, _ := ns[1].AppendRecord(nil, body, frame)
			var m msgpack.Merger
			m2 := append(msgpack.AppendMapHeader(nil, c2), f2...)
			m1 := m.Append(nil, append(msgpack.AppendMapHeader(nil, c1), f1...), m2)
			i := 0
			for len(bare) > 0 {
				be, brest := msgpack.Cut(bare)
				ge, grest := msgpack.Cut(got)
				_, at, ok := readFrame(be)
				_, gat, ok2 := readFrame(ge)
				if !ok || !ok2 {
					t.Fatal("frame", i)
				}
				theirs := m1
				if i == 0 || i == 6 {
					theirs = m2
				}
				want := m.Append(nil, be[at:], theirs)
				if bytes.Contains(be, []byte("\xa4kind\xa5event")) || bytes.Contains(be, []byte("nowhere")) {
					compared++
				}
				if tree1(want) != tree1(ge[gat:]) {
					t.Fatalf("%d f1 %q f2 %q\nbare %q\n%s", i, f1, f2, be, differ(ge[gat:], want))
				}
				bare, got = brest, grest
				i++
			}
			if len(got) > 0 {
				t.Fatal("more")
			}
		}
		t.Log("compared", compared)
	}
}
