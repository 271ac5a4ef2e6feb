package nsgflow

import "strings"

// field is one row of a schema: one field of the event. Rows stand in the
// order of the event's keys, and fields of one object stand together.
type field struct {
	// name is the path with dots; "[]" behind a part makes its value an
	// array of one object.
	name string
	// typ is the field's type in an index: keyword, ip, long, date, ….
	// A leading "[]" says that the value is an array.
	typ string
	in  kinds // which events have the field
	from
	doc string // the value in words, for the README
}

const timestampField = "@timestamp" // its name is an option

// schemas by Schema.
var schemas = [...]schema{
	SchemaSekoia: {"sekoia", sekoia},
	SchemaECS:    {"ecs", ecs},
}

type schema struct {
	name   string
	fields []field
}

// IsEventName says whether events of any schema have a field or an object of
// this name, but for the one that carries the time, whose name is an option.
func IsEventName(name string) bool {
	for _, s := range schemas {
		for _, f := range s.fields {
			if top, _, _ := strings.Cut(f.name, "."); top == name && name != timestampField {
				return true
			}
		}
	}
	return false
}

// kinds is a set of kinds of events.
type kinds uint8

const (
	inNSG kinds = 1 << iota
	inVNet
	inError // the event of a tuple that does not parse

	inFlows = inNSG | inVNet
	inAll   = inFlows | inError
)

// from says where a field's value comes from; the first that gives one does.
type from struct {
	// variant is a function of what a tuple says in letters: a string or
	// a list of strings. nil: see the other sources; "": there is none.
	variant func(variant) any
	// text is constant within a group of tuples.
	text groupText
	// slot differs from tuple to tuple.
	slot slot
	// only says which variants have the field at all; nil: all.
	only func(variant) bool
}

// variant is what a tuple says in letters and numbers that have a name. The
// events of equal variants, groups and options have the same fields, and
// differ in nothing but texts and slots.
type variant struct {
	family     Family
	failed     bool // an error event; valid are family and nothing else
	decision   Decision
	state      State
	direction  Direction
	encryption Encryption
	addresses  addresses
	protocol   Protocol
}

// addresses says which versions of IP a flow's addresses have.
type addresses uint8

const (
	addressesMixed addresses = iota
	addressesIPv4
	addressesIPv6
)

func always(value any) from         { return from{variant: func(variant) any { return value }} }
func of(f func(v variant) any) from { return from{variant: f} }
func textOf(t groupText) from       { return from{text: t} }
func each(s slot) from              { return from{slot: s} }

// or adds a text for where the variant gives nothing.
func (f from) or(t groupText) from { f.text = t; return f }

// when leaves the field to some variants.
func (f from) when(only func(variant) bool) from { f.only = only; return f }

// groupText is a text that is constant within a group.
type groupText uint8

const (
	textNone groupText = iota
	textOperation
	textRule
	textVersion   // NSG
	textFlowState // NSG, of the record; for tuples without a state of their own
	textResource  // NSG: resourceId; VNet: targetResourceID
	textMAC
	textMACForm // MAC in the form of RFC 7042
	textMACOdd  // MAC, where it has no such form
	textRuleClass
	textRuleset
	textAccount
	textSubscription
	textResourceGroup
	textResourceProvider
	textResourceName
	textRegion // VNet
	textFlowLogVersion
	textFlowLogResource // VNet
	textGUID            // VNet
	textACL             // VNet
	textSystemID
	textCount
)

// slot is a value that differs from tuple to tuple.
type slot uint8

const (
	slotNone slot = iota
	slotMessage
	slotTimestamp
	slotSourceIP
	slotSourcePort
	slotSourcePackets
	slotSourceBytes
	slotDestinationIP
	slotDestinationPort
	slotDestinationPackets
	slotDestinationBytes
	slotRelatedIP
	slotRecordTime // where the record's time is one
	slotEncryption
	slotEventID
	slotBytes   // sum of both sides
	slotPackets // sum of both sides
	slotCommunityID
	slotTuple
	slotError
	slotCount
)

// Texts and slots are members of sets of 32 bits: the build fails here where
// there is one too many.
var (
	_ [32 - textCount]struct{}
	_ [32 - slotCount]struct{}
)
