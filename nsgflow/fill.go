package nsgflow

import (
	"encoding/binary"

	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// fill appends the entries of an event's map.
func (n *Normalizer) fill(out []byte, t *template) []byte {
	e := &n.event
	f := &e.flow
	for i := range t.pieces {
		p := &t.pieces[i]
		if end := len(out) + len(p.constant); len(p.constant) <= len(p.short) {
			out = append(out, p.short[:]...)[:end]
		} else {
			out = append(out, p.constant...)
		}
		switch p.slot {
		case slotNone:
			out = append(out, e.packed[p.text]...)
		case slotMessage:
			out = e.appendMessage(out, t.message)
		case slotTimestamp:
			out = n.clock.append(out, e.when)
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
			out = e.appendRelated(out)
		case slotRecordTime:
			out = append(out, e.time...)
		case slotEncryption:
			out = msgpack.AppendText(out, f.encryptionCode)
		case slotEventID:
			out = n.identity.append(out, e.tuple.index, n.tupleText())
		case slotCommunityID:
			out = n.communityIDs.append(out, f)
		case slotTuple:
			out = msgpack.AppendText(out, n.tupleText())
		case slotError:
			out = msgpack.AppendString(out, n.counts.LastError)
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

func (e *event) appendRelated(dst []byte) []byte {
	if e.flow.oneAddress() {
		return e.flow.source.appendTo(append(dst, msgpack.FixArray|1))
	}
	dst = e.flow.source.appendTo(append(dst, msgpack.FixArray|2))
	return e.flow.destination.appendTo(dst)
}

// tupleText is the tuple as text: of a node of another type its JSON.
func (n *Normalizer) tupleText() text {
	if n.event.tuple.other {
		return n.nodeText(n.event.tuple)
	}
	return n.event.tuple.text
}

func (n *Normalizer) nodeText(t *tuple) text { return n.source.appendJSON(nil, t.text) }
