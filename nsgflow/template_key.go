package nsgflow

// features are what decides which fields an event has, and what is constant in
// them: the variant, and which values there are.
type features struct {
	variant
	groups uint32 // set of groupValue
	slots  uint32 // set of slot
}

// eventKey is the features of an event as bits, but for the values of its group.
// Events of a group with equal keys have the same template.
type eventKey uint64

// The values that an event may lack, as bits of an eventKey.
const (
	keySourcePackets eventKey = 1 << iota
	keySourceBytes
	keyDestinationPackets
	keyDestinationBytes
	keyEncryption
	keyTime
	keyFailed

	keyVariant   = 8  // where the bits of the variant begin
	keyAggregate = 48 // where those of aggregates begin: what it is by, and
)

// what its tuples do not share, or none of them has.
const (
	keySourcePorts eventKey = 1 << (keyAggregate + 2 + iota)
	keyDestinationPorts
	keyAlone
)

// keyOfAggregate is what the key of an aggregate has besides that of a flow.
func keyOfAggregate(g *aggregate) eventKey {
	key := eventKey(g.by) << keyAggregate
	if g.tuples == 1 {
		return key | keyAlone // it shares all with itself, and has what the flow has
	}
	for _, lacks := range [...]struct {
		key eventKey
		is  bool
	}{
		{keySourcePorts, g.ports[0] > 1},
		{keyDestinationPorts, g.ports[1] > 1},
	} {
		if lacks.is {
			key |= lacks.key
		}
	}
	return key
}

// keyOf is the key of the event of a flow.
func keyOf(f *parsedTuple, hasTime bool) eventKey {
	key := eventKey(f.Family)<<keyVariant | eventKey(f.Decision)<<(keyVariant+4) | eventKey(f.State)<<(keyVariant+8) |
		eventKey(f.Direction)<<(keyVariant+12) | eventKey(f.Encryption)<<(keyVariant+16) |
		eventKey(f.addresses())<<(keyVariant+20) | eventKey(uint16(f.Protocol))<<(keyVariant+24)
	if f.Source.Packets >= 0 {
		key |= keySourcePackets
	}
	if f.Source.Bytes >= 0 {
		key |= keySourceBytes
	}
	if f.Destination.Packets >= 0 {
		key |= keyDestinationPackets
	}
	if f.Destination.Bytes >= 0 {
		key |= keyDestinationBytes
	}
	if len(f.encryptionCode) > 0 {
		key |= keyEncryption
	}
	if hasTime {
		key |= keyTime
	}
	return key
}

// keyOfError is the key of the event of a tuple that does not parse.
func keyOfError(family Family, hasTime bool) eventKey {
	key := keyFailed | eventKey(family)<<keyVariant
	if hasTime {
		key |= keyTime
	}
	return key
}

// slotsOfFlows, slotsOfAggregates and slotsOfErrors are those that each of them
// has; aggregates have those of flows too.
const (
	slotsOfFlows = 1<<slotMessage | 1<<slotEventID | 1<<slotTimestamp | 1<<slotSourceIP | 1<<slotSourcePort |
		1<<slotDestinationIP | 1<<slotDestinationPort | 1<<slotRelatedIP
	slotsOfAggregates = 1<<slotEnd | 1<<slotDuration | 1<<slotTuples | 1<<slotBegin | 1<<slotContinue | 1<<slotEnds |
		1<<slotDenied | 1<<slotSourcePorts | 1<<slotDestinationPorts
	slotsOfErrors = 1<<slotTimestamp | 1<<slotEventID | 1<<slotTuple | 1<<slotError
)

// features are those that the bits stand for.
func (k eventKey) features(groups uint32) features {
	bits := func(at, n int) uint8 { return uint8(k >> (keyVariant + at) & (1<<n - 1)) }
	f := features{groups: groups, slots: slotsOfFlows, variant: variant{
		family: Family(bits(0, 4)), failed: k&keyFailed != 0, decision: Decision(bits(4, 4)), state: State(bits(8, 4)),
		direction: Direction(bits(12, 4)), encryption: Encryption(bits(16, 4)), addresses: addresses(bits(20, 4)),
		protocol: Protocol(k >> (keyVariant + 24)), aggregate: Aggregate(k >> keyAggregate & 3),
		alone: k&keyAlone != 0,
	}}
	if f.failed {
		f.slots = slotsOfErrors
	}
	for _, s := range [...]struct {
		all  eventKey
		slot slot
	}{
		{keySourcePackets, slotSourcePackets},
		{keySourceBytes, slotSourceBytes},
		{keyDestinationPackets, slotDestinationPackets},
		{keyDestinationBytes, slotDestinationBytes},
		{keySourceBytes | keyDestinationBytes, slotBytes},
		{keySourcePackets | keyDestinationPackets, slotPackets},
		{keyEncryption, slotEncryption},
		{keyTime, slotRecordTime},
	} {
		if k&s.all == s.all {
			f.slots |= 1 << s.slot
		}
	}
	if f.hasCommunityID() {
		f.slots |= 1 << slotCommunityID
	}
	if aggregated(f.variant) {
		f.slots = f.slots&^k.slotsNotShared(f.protocol) | slotsOfAggregates
	}
	return f
}

// slotsNotShared are those that a flow has and the aggregate lacks.
func (k eventKey) slotsNotShared(p Protocol) (set uint32) {
	for _, s := range [...]struct {
		key  eventKey
		slot slot
		is   bool
	}{
		{keySourcePorts, slotSourcePort, true},
		{keyDestinationPorts, slotDestinationPort, true},
		{keySourcePorts | keyDestinationPorts, slotCommunityID, p.hasPorts()},
	} {
		if s.is && k&s.key != 0 {
			set |= 1 << s.slot
		}
	}
	return set
}
