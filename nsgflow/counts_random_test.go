package nsgflow

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// What is counted is what came out, also of records that are refused, whole or in
// part.
func TestCountsAreWhatCameOut(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: not in short")
	}
	r := rand.New(rand.NewPCG(5, 6))
	refusedWhole, refusedInner := 0, 0
	for range 4000 {
		o := DefaultOptions(Schema(r.IntN(2)))
		o.Aggregate, o.AggregateDenied = Aggregate(r.IntN(2)), Aggregate(r.IntN(2))
		n, _ := New(o)
		n.mostOutput = 200 + r.IntN(12000)
		var body []byte
		isText := r.IntN(3) == 0
		if isText {
			text := strings.Repeat(reservedFlows, 1+r.IntN(3))
			if r.IntN(2) == 0 {
				text = text[:r.IntN(len(text))]
			}
			if r.IntN(2) == 0 {
				text = `{"records":[{"x":1},` + text[min(len(text), len(`{"records":[`)):]
			}
			body = msgpack.AppendString(msgpack.AppendString(append([]byte{0x82}, 0xa1, 'z', 0xc0), "message"), text)
		} else {
			body = structuredBody(r)
		}
		out, _, ch := n.AppendRecord(nil, body, Frame{Time: []byte{1}})
		c := n.Counts()
		records := 0
		for rest := out; len(rest) > 0; records++ {
			_, rest = msgpack.Cut(rest)
		}
		events := bytes.Count(out, []byte("\xa4kind\xa5event"))
		errors := bytes.Count(out, []byte("\xa4kind\xaepipeline_error"))
		if !ch {
			continue
		}
		if m := bytes.Count(out, []byte("bytes of events")); m > 0 {
			if records == 1 {
				refusedWhole++
			} else {
				refusedInner++
			}
		}
		if uint64(events) != c.Events || uint64(errors) != c.Errors || uint64(records-events-errors) != c.Foreign {
			t.Fatalf("limit %d: %d records %d events %d errors: %+v\nbody %q\n%s", n.mostOutput, records, events, errors, c, body, AppendJSONLines(nil, out))
		}
	}
	t.Log(refusedWhole, refusedInner)
}
