package nsgflow_test

import (
	"testing"

	"fluent-bit-nsgflow/nsgflow"
)

// Once the buffers have grown, a flow log costs no allocation for each event.
// What a record may cost are the texts of its numbers.
func TestAllocationsOfFlowLogs(t *testing.T) {
	nsgflow.WithoutRaceDetector(t)
	const tuples = 1_000
	for _, l := range flowLogs(t, tuples) {
		for _, structured := range []bool{false, true} {
			for name, changes := range map[string]func(*nsgflow.Options){"sekoia": withOriginal, "ecs": inECS} {
				n := newNormalizer(t, changes)
				inputs := l.inputs(t, structured)
				dst := appendAll(n, nil, inputs, structured)
				got := testing.AllocsPerRun(20, func() { dst = appendAll(n, dst[:0], inputs, structured) })
				if got > 0 {
					t.Errorf("%s, %s, structured %v: %v allocations for %d events", name, l.name, structured, got, tuples)
				}
			}
		}
	}
}

func TestAllocationsOfForeignRecords(t *testing.T) {
	for _, row := range foreignRecords {
		n := newNormalizer(t)
		body := packed(t, row.body)
		if got := testing.AllocsPerRun(100, func() { n.AppendRecord(nil, body, source) }); got > 0 {
			t.Errorf("%s: %v allocations", row.name, got)
		}
	}
}

// A record whose other fields have to be merged with the event's costs no
// more for each event.
func TestAllocationsOfMergedFields(t *testing.T) {
	nsgflow.WithoutRaceDetector(t)
	const tuples = 1_000
	for _, l := range flowLogs(t, tuples) {
		if len(l.texts) > 1 {
			continue
		}
		n := newNormalizer(t)
		body := packed(t, `{"host":{"os":"linux"},"event":{"module":"azure"},"log":`+quoted(l.texts[0])+`}`)
		dst, _, _ := n.AppendRecord(nil, body, source)
		got := testing.AllocsPerRun(20, func() { dst, _, _ = n.AppendRecord(dst[:0], body, source) })
		if got > tuples/10 {
			t.Errorf("%s: %v allocations for %d events", l.name, got, tuples)
		}
	}
}
