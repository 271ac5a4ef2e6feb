package nsgflow

// fill appends the entries of an event's map.
func (n *Normalizer) fill(out []byte, t *template) []byte {
	e := &n.event
	for i := range t.pieces {
		p := &t.pieces[i]
		out = appendShort(out, p.ready)
		switch p.slot {
		case slotNone:
			out = append(out, e.packed[p.text]...)
		case slotMessage:
			out = e.appendMessage(out)
		case slotTimestamp:
			out = append(out, byte(fixStr|timestampLen))
			out = n.clock.append(out, e.when)
		case slotSourceIP:
			out = appendAddress(out, e.flow.Source.text)
		case slotSourcePort:
			out = appendUint(out, uint64(e.flow.Source.Port))
		case slotSourcePackets:
			out = appendUint(out, uint64(e.flow.Source.Packets))
		case slotSourceBytes:
			out = appendUint(out, uint64(e.flow.Source.Bytes))
		case slotDestinationIP:
			out = appendAddress(out, e.flow.Destination.text)
		case slotDestinationPort:
			out = appendUint(out, uint64(e.flow.Destination.Port))
		case slotDestinationPackets:
			out = appendUint(out, uint64(e.flow.Destination.Packets))
		case slotDestinationBytes:
			out = appendUint(out, uint64(e.flow.Destination.Bytes))
		case slotRelatedIP:
			out = e.appendRelated(out)
		case slotRecordTime:
			out = append(out, e.time...)
		case slotEncryption:
			out = appendText(out, e.flow.encryption)
		case slotEventID:
			out = n.identity.append(append(out, fixStr|eventIDLen), e.tuple.index, n.tupleText())
		case slotBytes:
			out = appendUint(out, uint64(e.flow.Source.Bytes+e.flow.Destination.Bytes))
		case slotPackets:
			out = appendUint(out, uint64(e.flow.Source.Packets+e.flow.Destination.Packets))
		case slotCommunityID:
			out = n.communityIDs.append(append(out, fixStr|communityIDLen), &e.flow)
		case slotTuple:
			out = appendText(out, n.tupleText())
		case slotError:
			out = appendString(out, n.counts.LastError)
		}
	}
	return append(out, t.tail...)
}

// short is the length up to which bytes are copied without a look at how many
// they are, where both sides have the room: most pieces between two values,
// and all IPv4 addresses, are that short.
const short = 16

func appendShort(dst, b []byte) []byte {
	n := len(dst)
	if len(b) <= short && cap(b) >= short && cap(dst)-n >= short {
		*(*[short]byte)(dst[n : n+short]) = *(*[short]byte)(b[:short])
		return dst[:n+len(b)]
	}
	return append(dst, b...)
}

// appendAddress appends an address as the tuple has it: at most 45 bytes.
func appendAddress(dst []byte, a text) []byte {
	return appendShort(appendStringHeader(dst, len(a)), a)
}

func (e *event) appendRelated(dst []byte) []byte {
	if sameAddress(&e.flow.Source, &e.flow.Destination) {
		return appendAddress(append(dst, fixArray|1), e.flow.Source.text)
	}
	dst = appendAddress(append(dst, fixArray|2), e.flow.Source.text)
	return appendAddress(dst, e.flow.Destination.text)
}

// tupleText is the tuple as text: of a node of another type its JSON.
func (n *Normalizer) tupleText() text {
	if n.event.tuple.other {
		return n.nodeText(n.event.tuple)
	}
	return n.event.tuple.text
}

func (n *Normalizer) nodeText(t *tuple) text { return n.source.appendJSON(nil, t.text) }
