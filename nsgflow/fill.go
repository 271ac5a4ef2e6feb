package nsgflow

import (
	"encoding/binary"

	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// fill appends the entries of an event's map.
func (n *Normalizer) fill(out []byte, t *template) []byte {
	e := &n.event
	for i := range t.pieces {
		p := &t.pieces[i]
		n.starts[i] = len(out)
		out = append(out, p.ready...)
		switch p.slot {
		case slotNone:
			out = append(out, e.packed[p.text]...)
		case slotMessage:
			out = e.appendMessage(out, t.message)
		case slotSourceIP:
			out = e.flow.source.appendTo(out)
		case slotDestinationIP:
			out = e.flow.destination.appendTo(out)
		case slotRelatedIP:
			out = e.appendRelated(out)
		case slotRecordTime:
			out = append(out, e.time...)
		case slotEncryption:
			out = msgpack.AppendText(out, e.flow.encryptionCode)
		case slotTuple:
			out = msgpack.AppendText(out, n.tupleText())
		case slotError:
			out = msgpack.AppendString(out, n.counts.LastError)
		}
	}
	e.fillNumbers(out, t.numbers, n.starts)
	n.fillTexts(out, t.texts)
	return out
}

// fillNumbers fills holes with numbers. starts are where the pieces begin.
func (e *event) fillNumbers(out []byte, holes []hole, starts []int) {
	for i := range holes {
		h := &holes[i]
		at := starts[h.piece] + int(h.at)
		number := e.numbers[h.slot]
		switch h.size {
		case 2:
			binary.BigEndian.PutUint16(out[at:at+2], uint16(number))
		case 4:
			binary.BigEndian.PutUint32(out[at:at+4], uint32(number))
		case 8:
			binary.BigEndian.PutUint64(out[at:at+8], number)
		}
	}
}

// fillTexts fills holes with texts.
func (n *Normalizer) fillTexts(out []byte, holes []hole) {
	e := &n.event
	for i := range holes {
		h := &holes[i]
		hole := out[n.starts[h.piece]+int(h.at):]
		switch h.slot {
		case slotTimestamp:
			n.clock.write((*[timestampLen]byte)(hole), e.when)
		case slotEventID:
			n.identity.write((*[eventIDLen]byte)(hole), e.tuple.index, n.tupleText())
		case slotCommunityID:
			n.communityIDs.write((*[communityIDLen]byte)(hole), &e.flow)
		}
	}
}

// count sets the numbers of the flow.
func (e *event) count() {
	s, d, numbers := &e.flow.Source, &e.flow.Destination, &e.numbers
	numbers[slotSourcePort] = uint64(s.Port)
	numbers[slotSourcePackets] = uint64(s.Packets)
	numbers[slotSourceBytes] = uint64(s.Bytes)
	numbers[slotDestinationPort] = uint64(d.Port)
	numbers[slotDestinationPackets] = uint64(d.Packets)
	numbers[slotDestinationBytes] = uint64(d.Bytes)
	numbers[slotPackets] = uint64(s.Packets + d.Packets)
	numbers[slotBytes] = uint64(s.Bytes + d.Bytes)
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
