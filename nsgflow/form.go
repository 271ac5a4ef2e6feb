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

// formKey is a form but for its texts, as bits.
type formKey uint64

// The values that an event may lack, as bits of a formKey.
const (
	keySourcePackets formKey = 1 << iota
	keySourceBytes
	keyDestinationPackets
	keyDestinationBytes
	keyEncryption
	keyTime
	keyFailed

	keyVariant = 8 // where the bits of the variant begin
)

func formOf(f *parsedTuple, hasTime bool) formKey {
	key := formKey(f.Family)<<keyVariant | formKey(f.Decision)<<(keyVariant+4) | formKey(f.State)<<(keyVariant+8) |
		formKey(f.Direction)<<(keyVariant+12) | formKey(f.Encryption)<<(keyVariant+16) |
		formKey(f.addresses())<<(keyVariant+20) | formKey(uint16(f.Protocol))<<(keyVariant+24)
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
func formOfError(family Family, hasTime bool) formKey {
	key := keyFailed | formKey(family)<<keyVariant
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
func (k formKey) form(texts uint32) form {
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
		all  formKey
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

// forms are the templates of groups that have the same texts, or, before
// those have come twice, of groups that have texts of the same kinds.
type forms struct {
	list        []formed
	texts       uint32
	specialized bool
	text        []byte // specialized: the texts, packed, to tell them from others
}

type formed struct {
	key formKey
	*template
}

// What is kept is bounded: real logs have a few forms a group and some hundred
// bytes of texts, crafted ones could ask for all combinations of protocols and
// states, and for texts without end.
const (
	maxForms = 32       // of one group
	maxPlain = 256      // sets of texts
	maxTexts = 64 << 10 // bytes of one group
	maxKept  = 32 << 20 // bytes of all groups and their templates
)

// formsOf finds the templates for a group whose texts are read.
func (n *Normalizer) formsOf(e *event) *forms {
	if len(e.buffer) > maxTexts {
		return n.plainForms(e.present)
	}
	hash := xxh3.HashSeed(e.buffer, uint64(e.present))
	known := n.groups[hash]
	if known != nil && known.texts == e.present && bytes.Equal(known.text, e.buffer) {
		known.specialized = true
		return known
	}
	n.keep(len(e.buffer))
	n.groups[hash] = &forms{texts: e.present, text: bytes.Clone(e.buffer)}
	return n.plainForms(e.present)
}

// keep makes room for something of a size that is kept with a group.
func (n *Normalizer) keep(size int) {
	const overhead = 512 // of a group or a template: its headers
	if n.kept += size + overhead; n.kept > maxKept {
		clear(n.groups)
		n.kept = size + overhead
	}
}

// plainForms are the templates with gaps for texts.
func (n *Normalizer) plainForms(texts uint32) *forms {
	f := n.plain[texts]
	if f == nil {
		if len(n.plain) >= maxPlain {
			clear(n.plain)
		}
		f = &forms{texts: texts}
		n.plain[texts] = f
	}
	return f
}

// template finds the template for a form of the group at hand.
func (n *Normalizer) template(key formKey) *template {
	list := n.event.forms.list
	for i := range list {
		if list[i].key == key {
			return list[i].template
		}
	}
	return n.newTemplate(n.event.forms, key)
}

func (n *Normalizer) newTemplate(f *forms, key formKey) *template {
	var t *template
	if f.specialized {
		plain := n.plainForms(f.texts)
		for _, p := range plain.list {
			if p.key == key {
				t = p.template
			}
		}
		if t == nil {
			t = n.newTemplate(plain, key)
		}
		t = t.specialize(&n.event.packed)
		if n.options.Original && key&keyFailed == 0 {
			t.message = n.event.appendMiddle(nil, n.event.flow.State)
		}
		n.keep(t.size + len(t.message))
	} else {
		t = newTemplate(n.rows, key.form(f.texts))
	}
	if len(f.list) >= maxForms {
		f.list = f.list[:0]
	}
	f.list = append(f.list, formed{key, t})
	return t
}
