package nsgflow

import (
	"bytes"

	"github.com/zeebo/xxh3"
)

// form is what the fields of an event depend on besides the texts of its
// group: the variant and which values there are. Equal forms, equal fields.
type form struct {
	variant
	texts uint32 // set of groupText
	slots uint32 // set of slot
}

// eventKey is a form but for its texts, as bits.
type eventKey uint64

// The values that an event may lack, as bits of a eventKey.
const (
	keySourcePackets eventKey = 1 << iota
	keySourceBytes
	keyDestinationPackets
	keyDestinationBytes
	keyEncryption
	keyTime
	keyFailed

	keyVariant = 8 // where the bits of the variant begin
)

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

// formOfError is the form of the event of a tuple that does not parse.
func keyOfError(family Family, hasTime bool) eventKey {
	key := keyFailed | eventKey(family)<<keyVariant
	if hasTime {
		key |= keyTime
	}
	return key
}

// slotsOfFlows and slotsOfErrors are those that each of them has.
const (
	slotsOfFlows = 1<<slotMessage | 1<<slotEventID | 1<<slotTimestamp | 1<<slotSourceIP | 1<<slotSourcePort |
		1<<slotDestinationIP | 1<<slotDestinationPort | 1<<slotRelatedIP
	slotsOfErrors = 1<<slotTimestamp | 1<<slotEventID | 1<<slotTuple | 1<<slotError
)

// form is the form that the bits stand for.
func (k eventKey) form(texts uint32) form {
	bits := func(at, n int) uint8 { return uint8(k >> (keyVariant + at) & (1<<n - 1)) }
	f := form{texts: texts, slots: slotsOfFlows, variant: variant{
		family: Family(bits(0, 4)), failed: k&keyFailed != 0, decision: Decision(bits(4, 4)), state: State(bits(8, 4)),
		direction: Direction(bits(12, 4)), encryption: Encryption(bits(16, 4)), addresses: addresses(bits(20, 4)),
		protocol: Protocol(k >> (keyVariant + 24)),
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
	return f
}

// templates are those of groups that have the same texts, or, before those have
// come twice, of groups that have texts of the same kinds.
type templates struct {
	list        []keyedTemplate
	present     uint32 // set of groupText
	specialized bool
	texts       []byte // packed, to tell them from others; valid iff specialized
}

type keyedTemplate struct {
	key eventKey
	*template
}

func (ts *templates) find(key eventKey) *template {
	for i := range ts.list {
		if ts.list[i].key == key {
			return ts.list[i].template
		}
	}
	return nil
}

func (ts *templates) add(key eventKey, t *template) {
	if len(ts.list) >= maxTemplates {
		ts.list = ts.list[:0]
	}
	ts.list = append(ts.list, keyedTemplate{key, t})
}

// What is kept is bounded: real logs have a few keys a group and some hundred
// bytes of texts, crafted ones could ask for all combinations of protocols and
// states, and for texts without end.
const (
	maxTemplates = 32       // of one group
	maxGeneral   = 256      // sets of texts
	maxTexts     = 64 << 10 // bytes of one group
	maxKept      = 32 << 20 // bytes of all groups and their templates
)

// templateCache keeps templates.
type templateCache struct {
	general map[uint32]*templates // by their texts
	groups  map[uint64]*templates // by the hash of their texts
	kept    int                   // bytes of texts and templates of all groups
}

// find finds the templates for a group.
func (c *templateCache) find(g *groupTexts) {
	if len(g.buffer) > maxTexts {
		g.templates = c.generalFor(g.present)
		return
	}
	hash := xxh3.HashSeed(g.buffer, uint64(g.present))
	known := c.groups[hash]
	if known != nil && known.present == g.present && bytes.Equal(known.texts, g.buffer) {
		known.specialized = true
		g.templates = known
		return
	}
	c.keep(len(g.buffer))
	c.groups[hash] = &templates{present: g.present, texts: bytes.Clone(g.buffer)}
	g.templates = c.generalFor(g.present)
}

// keep makes room for something of a size that is kept with a group.
func (c *templateCache) keep(size int) {
	const overhead = 512 // of a group or a template: its headers
	if c.kept += size + overhead; c.kept > maxKept {
		clear(c.groups)
		c.kept = size + overhead
	}
}

// generalFor are the templates that have texts as variable parts.
func (c *templateCache) generalFor(present uint32) *templates {
	ts := c.general[present]
	if ts == nil {
		if len(c.general) >= maxGeneral {
			clear(c.general)
		}
		ts = &templates{present: present}
		c.general[present] = ts
	}
	return ts
}

// template finds the template for an event of the group at hand.
func (e *encoder) template(key eventKey) *template {
	if t := e.group.templates.find(key); t != nil {
		return t
	}
	return e.newTemplate(e.group.templates, key)
}

func (e *encoder) newTemplate(ts *templates, key eventKey) *template {
	if !ts.specialized {
		t := newTemplate(e.table.rows, key.form(ts.present))
		ts.add(key, t)
		return t
	}
	general := e.templates.generalFor(ts.present)
	t := general.find(key)
	if t == nil {
		t = e.newTemplate(general, key)
	}
	t = t.specialize(&e.group.packed)
	if e.table.original && key&keyFailed == 0 {
		t.message = e.group.appendMiddle(nil, e.event.flow.State)
	}
	e.templates.keep(t.size + len(t.message))
	ts.add(key, t)
	return t
}
