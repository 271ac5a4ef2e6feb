package nsgflow

import (
	"encoding/binary"
	"math"
	"strconv"

	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// appendAggregate writes the event of an aggregate. f is the flow of its first
// tuple, which is at hand; what the tuples do not share takes the value of all of
// them.
func (e *encoder) appendAggregate(g *aggregate, f *parsedTuple) {
	v := &e.event
	v.flow, v.err, v.aggregate = f, "", g
	f.Time, f.State = g.start, g.state
	f.Source.Packets, f.Source.Bytes = g.sums[sumSourcePackets], g.sums[sumSourceBytes]
	f.Destination.Packets, f.Destination.Bytes = g.sums[sumDestinationPackets], g.sums[sumDestinationBytes]
	v.time = eventTimeOf(g.start)
	e.append(e.template(keyOf(f) | keyOfAggregate(g)))
	v.aggregate = nil
}

// place tells an event from all others of its group: the place of its tuple, or
// of its first one and how it has been aggregated. So no aggregated event has
// the id of its first flow alone, or of an aggregate with other sums.
func (e *encoder) place() uint64 {
	v := &e.event
	if v.aggregate == nil {
		return v.place
	}
	return v.place | uint64(e.aggregator.how[v.flow.Decision])<<32
}

// appendAggregateValue appends a value that only aggregated events have.
func (e *encoder) appendAggregateValue(out []byte, s slot) []byte {
	g := e.event.aggregate
	switch s {
	case slotEnd:
		return e.clock.Append(out, eventTimeOf(g.end))
	case slotEndMS:
		return appendCounter(out, Counter(g.end))
	case slotDuration:
		return appendCounter(out, Counter(g.end-g.start)*1e6)
	case slotDurationMS:
		return appendCounter(out, Counter(g.end-g.start))
	case slotDurationInt:
		return appendCounter(out, Counter(min(g.end-g.start, math.MaxInt32)))
	case slotTuples:
		return appendCounter(out, Counter(g.tuples))
	case slotSourcePorts:
		return appendCounter(out, Counter(g.ports[0]))
	case slotDestinationPorts:
		return appendCounter(out, Counter(g.ports[1]))
	}
	return appendCounter(out, Counter(g.stages[stageOfSlot[s]]))
}

var stageOfSlot = [slotCount]uint8{slotBegin: stageBegin, slotContinue: stageContinue, slotEnds: stageEnd, slotDenied: stageDenied}

// slotAlone says how to write a slot of aggregates for an aggregate of one flow: as a
// number, or as another slot that has the same value then. So such an aggregate costs
// little more than a flow.
func (v variant) slotAlone(s slot) (same slot, number []byte) {
	switch s {
	case slotEnd:
		return slotTimestamp, nil
	case slotEndMS:
		return slotTimeMS, nil
	case slotDuration, slotDurationMS, slotDurationInt:
		return s, []byte{0}
	case slotTuples, slotSourcePorts, slotDestinationPorts:
		return s, []byte{1}
	case slotBegin, slotContinue, slotEnds, slotDenied:
		return s, []byte{flag(stages[v.decision][v.state] == stageOfSlot[s])}
	}
	return s, nil
}

// appendMessages appends the flattened JSON of all flows of an aggregate, which
// has more than one: between prefix and end, flow.0 to flow.N.
func (e *encoder) appendMessages(dst, constant []byte) []byte {
	start := len(dst)
	dst = append(dst, msgpack.Str32, 0, 0, 0, 0) // the length comes last
	dst = append(append(dst, e.message.prefix...), constant...)
	a, g := e.aggregator, e.event.aggregate
	for n, tuple := uint32(0), g.first; n < g.tuples; n, tuple = n+1, a.next[tuple] {
		if n > 0 {
			dst = append(strconv.AppendUint(append(dst, `","flow.`...), uint64(n), 10), `":"`...)
		}
		dst = append(dst, jsonOf(&a.record.tuples[tuple])...)
	}
	dst = append(dst, messageEnd...)
	binary.BigEndian.PutUint32(dst[start+1:], uint32(len(dst)-start-5))
	return dst
}
