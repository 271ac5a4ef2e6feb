package nsgflow

import (
	"encoding/binary"

	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// appendFields appends the entries of an event's map: the fixed parts of its
// template, or these with reserved fields in them, and behind each a dynamic one.
func (e *encoder) appendFields(out []byte, t *template, pieces []piece) []byte {
	f := e.event.flow
	for i := range pieces {
		p := &pieces[i]
		if end := len(out) + len(p.constant); len(p.constant) <= len(p.short) {
			out = append(out, p.short[:]...)[:end]
		} else {
			out = append(out, p.constant...)
		}
		switch p.slot {
		case slotNone: // no value of the tuple but a text of the group
			out = append(out, e.group.packed[p.group]...)
		case slotMessage:
			out = e.appendMessage(out, t.message)
		case slotTimestamp:
			out = e.clock.Append(out, e.event.time)
		case slotTimeMS:
			out = appendCounter(out, Counter(e.event.time.Milliseconds()))
		case slotSourceIP:
			out = f.source.appendTo(out)
		case slotSourcePort:
			out = appendPort(out, f.Source.Port)
		case slotSourcePackets:
			out = appendCounter(out, f.Source.Packets)
		case slotSourceBytes:
			out = appendCounter(out, f.Source.Bytes)
		case slotDestinationIP:
			out = f.destination.appendTo(out)
		case slotDestinationPort:
			out = appendPort(out, f.Destination.Port)
		case slotDestinationPackets:
			out = appendCounter(out, f.Destination.Packets)
		case slotDestinationBytes:
			out = appendCounter(out, f.Destination.Bytes)
		case slotPackets:
			out = appendCounter(out, f.Source.Packets+f.Destination.Packets)
		case slotBytes:
			out = appendCounter(out, f.Source.Bytes+f.Destination.Bytes)
		case slotRelatedIP:
			out = f.appendRelated(out)
		case slotRecordTime:
			out = append(out, e.group.time...)
		case slotRecordTimeMS:
			out = appendCounter(out, Counter(e.group.written.Milliseconds()))
		case slotObservables:
			out = f.appendObservables(out)
		case slotSummary:
			out = e.appendSummary(out)
		case slotEncryption:
			out = msgpack.AppendText(out, f.encryptionCode)
		case slotEventID:
			out = e.id.append(out, e.place(), e.event.tuple.Text)
		case slotCommunityID:
			out = appendCommunityID(out, f)
		case slotTuple:
			out = msgpack.AppendText(out, e.event.tuple.Text)
		case slotError:
			out = msgpack.AppendString(out, e.event.err)
		case slotOpen:
			out = e.context.AppendObject(out, p.opening, int(p.count))
		case slotFar:
			out = e.context.AppendFar(out, p.opening)
		default:
			out = e.appendAggregateValue(out, p.slot) // encoder_aggregate.go
		}
	}
	return out
}

// Numbers have three or five bytes, however small they are: that is a fixed
// number of steps.

func appendPort(dst []byte, port uint16) []byte {
	return append(dst, msgpack.Uint16Code, byte(port>>8), byte(port))
}

func appendCounter(dst []byte, c Counter) []byte {
	if c>>32 == 0 {
		return append(dst, msgpack.Uint32Code, byte(c>>24), byte(c>>16), byte(c>>8), byte(c))
	}
	return binary.BigEndian.AppendUint64(append(dst, msgpack.Uint64Code), uint64(c))
}

// appendTo appends the address as a string.
func (a *address) appendTo(dst []byte) []byte {
	if a.size == 0 {
		return append(msgpack.AppendStringHeader(dst, len(a.text)), a.text...)
	}
	// All sixteen bytes at once: a copy of a fixed size takes one step.
	end := len(dst) + int(a.size)
	return append(dst, a.packed[:]...)[:end]
}

// appendRelated appends both addresses, without repetition.
func (p *parsedTuple) appendRelated(dst []byte) []byte {
	if p.oneAddress() {
		return p.source.appendTo(append(dst, msgpack.FixArray|1))
	}
	dst = p.source.appendTo(append(dst, msgpack.FixArray|2))
	return p.destination.appendTo(dst)
}
