package nsgflow

import (
	"slices"
	"strings"

	"fluent-bit-nsgflow/nsgflow/internal/enrich"
	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

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
	source
	doc string // the value in words, for the page of the schema
}

// isIn says whether name is a field's own, or that of an object around it. The
// "[]" of arrays may be left out.
func isIn(own, name string) bool {
	own, name = strings.ReplaceAll(own, "[]", ""), strings.ReplaceAll(name, "[]", "")
	return own == name || name != "" && strings.HasPrefix(own, name+".")
}

// schemas by Schema.
var schemas = [...]struct {
	name   string
	fields []field
	// timestamp is the row whose name is an option; unasked, where there is none
	// unless the option asks.
	timestamp string
	unasked   bool
	flat      bool // names are keys as they are, with their dots
	context   *enrich.Schema
}{
	SchemaSekoia: {name: "sekoia", fields: slices.Concat(sekoia, aggregateFields), timestamp: "@timestamp", context: enrich.Sekoia},
	SchemaECS:    {name: "ecs", fields: slices.Concat(ecs, aggregateFields), timestamp: "@timestamp", context: enrich.ECS},
	SchemaASIM:   {name: "asim", fields: asim, timestamp: "TimeGenerated", context: enrich.ASIM},
	SchemaOCSF:   {name: "ocsf", fields: ocsf, timestamp: "@timestamp", unasked: true, context: enrich.OCSF},
	SchemaOTel:   {name: "otel", fields: otel, timestamp: "@timestamp", unasked: true, flat: true, context: enrich.OTel},
}

// names are those of all fields that events may have.
func (s Schema) names() (names []string) {
	for _, f := range schemas[s].fields {
		if !(schemas[s].unasked && f.name == schemas[s].timestamp) {
			names = append(names, f.name)
		}
	}
	for _, f := range schemas[s].context.Fields() {
		names = append(names, f.Name)
	}
	return names
}

// path is the name of a field in keys, from the top.
func (s Schema) path(name string) []string {
	if schemas[s].flat {
		return []string{name}
	}
	return strings.Split(name, ".")
}

// row is a field of a schema with its name in parts.
type row struct {
	field
	path []string
}

// table is a schema without the fields that the options leave out, and what has
// to be known for the others.
type table struct {
	rows       []row
	groups     uint32 // set of groupValue that they use
	original   bool   // they have the message
	derives    bool   // some of the texts are not in the log as they are
	identifies bool   // they have an event id
	times      bool   // they have the record's time

	open           [enrich.Openings][]string // with a context: the paths of objects that get entries from it; nil: there is none
	contextKeys    msgpack.Names             // all keys of its fields
	contextEntries msgpack.Names             // those of the entries that open objects get
}

func newTable(o Options) (t table) {
	for _, f := range schemas[o.Schema].fields {
		r := row{f, o.Schema.path(f.name)}
		if f.name == schemas[o.Schema].timestamp {
			if o.TimestampKey == "" {
				continue
			}
			r.path = []string{o.TimestampKey}
		}
		if f.slot == slotMessage && !o.Original || f.in&inContext != 0 && o.Context == nil || o.excludes(f.name) || o.excludes(f.beside) {
			continue
		}
		t.groups |= 1<<f.group | 1<<f.given | 1<<f.lacking
		t.derives = t.derives || max(f.group, f.given, f.lacking) >= groupMACForm
		t.identifies = t.identifies || f.slot == slotEventID
		t.times = t.times || f.slot == slotRecordTime || f.slot == slotRecordTimeMS
		t.original = t.original || f.slot == slotMessage
		t.rows = append(t.rows, r)
	}
	if t.original {
		t.groups |= groupValuesOfMessage
	}
	if o.Context != nil {
		t.openUp(o)
	}
	return t
}

// openUp notes the objects that a context adds entries to, and the names of those.
func (t *table) openUp(o Options) {
	context := schemas[o.Schema].context
	t.derives, t.contextKeys, t.contextEntries = true, msgpack.Names{}, msgpack.Names{}
	wanted := slices.DeleteFunc(context.Fields(), func(f enrich.Field) bool { return o.excludes(f.Name) })
	for name, opening := range context.Objects() {
		if slices.ContainsFunc(wanted, func(f enrich.Field) bool { return isIn(f.Name, name) }) {
			t.open[opening] = o.Schema.path(name)
		}
	}
	for _, f := range wanted {
		path := withoutArrays(o.Schema.path(f.Name))
		t.contextKeys.Add(path)
		t.contextEntries.Add(path[:t.depthOf(path)+1])
	}
}

// depthOf is how many keys of a path are those of open objects.
func (t *table) depthOf(path []string) (depth int) {
	for _, o := range t.open {
		if len(o) < len(path) && slices.Equal(o, path[:len(o)]) {
			depth = max(depth, len(o))
		}
	}
	return depth
}

// excludes says whether events do not have the field of this name.
func (o Options) excludes(field string) bool {
	return field != "" && slices.ContainsFunc(o.ExcludeFields, func(name string) bool { return isIn(field, name) })
}

// names are the keys of events.
func (t *table) names() msgpack.Names {
	names := msgpack.Names{}
	for _, r := range t.rows {
		names.Add(withoutArrays(r.path))
	}
	names.AddAll(t.contextKeys)
	return names
}

// withoutArrays is a path down to an array: an array of maps has nothing to do with a
// map.
func withoutArrays(path []string) []string {
	if i := slices.IndexFunc(path, func(key string) bool { return strings.HasSuffix(key, "[]") }); i >= 0 {
		path = slices.Clone(path[:i+1])
		path[i] = strings.TrimSuffix(path[i], "[]")
	}
	return path
}

// isEventName says whether events of the schema, with a context or without, have a
// field or an object of this name, but for the one that carries the time, whose name is
// an option.
func (s Schema) isEventName(name string) bool {
	return name != schemas[s].timestamp && slices.ContainsFunc(s.names(), func(own string) bool {
		return withoutArrays(s.path(own))[0] == name
	})
}

// kinds is a set of kinds of events.
type kinds uint8

const (
	inNSG kinds = 1 << iota
	inVNet
	inError      // the event of a tuple that does not parse
	inAggregated // the event of an aggregate, of either family
	inContext    // with a context only

	inFlows = inNSG | inVNet
	inAll   = inFlows | inError // aggregated events are of flows
)

// source says where a field's value comes from. constant, ofFlow, ofFlowList,
// ofNumber, ofGroup and eachTuple make one; when, unless, with and whereNo restrict
// it.
type source struct {
	constants func(variant) []string // what follows from the variant; nil: nothing does
	number    func(variant) int      // likewise, a number; below 0: the event lacks the field
	group     groupValue
	slot      slot

	only      func(variant) bool // the variants that have the field; nil: all
	fromGroup func(variant) bool // those that have the group's value instead of constants; nil: none

	given, lacking groupValue // that groups have, or lack, whose events have the field
	beside         string     // the field without which it says nothing
}

// constant is the same in all events.
func constant(values ...string) source {
	return source{constants: func(variant) []string { return values }}
}

// ofFlow follows from what the tuple says in letters; "": the event lacks the
// field.
func ofFlow(f func(variant) string) source {
	return source{constants: func(v variant) []string {
		if value := f(v); value != "" {
			return []string{value}
		}
		return nil
	}}
}

// ofFlowList is ofFlow for a list; nil: the event lacks the field.
func ofFlowList(f func(variant) []string) source { return source{constants: f} }

// ofNumber is ofFlow for a number; below 0: the event lacks the field.
func ofNumber(f func(variant) int) source { return source{number: f} }

// always is the same number in all events.
func always(n int) source { return ofNumber(func(variant) int { return n }) }

// ofGroup is the same for all tuples of a group.
func ofGroup(t groupValue) source { return source{group: t} }

// eachTuple differs from tuple to tuple.
func eachTuple(s slot) source { return source{slot: s} }

// when leaves the field to some variants.
func (s source) when(only func(variant) bool) source { s.only = only; return s }

// unless makes t the value in the variants that are so.
func (s source) unless(are func(variant) bool, t groupValue) source {
	s.fromGroup, s.group = are, t
	return s
}

// with leaves the field to events that have another one, whose value is t.
func (s source) with(beside string, t groupValue) source { s.beside, s.given = beside, t; return s }

// whereNo leaves it to groups that lack t.
func (s source) whereNo(t groupValue) source { s.lacking = t; return s }

// groupValue is a text that is constant within a group of tuples.
type groupValue uint8

const (
	groupNone groupValue = iota
	groupOperation
	groupRule
	groupVersion   // NSG
	groupFlowState // NSG, of the record; for tuples without a state of their own
	groupResource  // NSG: resourceId; VNet: targetResourceID
	groupMAC
	// From here on, some do not stand in the log: groupValues.derive makes them.
	groupMACForm // MAC in the form of RFC 7042
	groupMACColon
	groupMACOdd // MAC, where it has no such form
	groupRuleClass
	groupRuleset
	groupRulesetName // as the log has it
	groupAccount
	groupSubscription
	groupResourceGroup
	groupResourceProvider
	groupResourceName
	groupObserver
	groupRegion // VNet
	groupFlowLogVersion
	groupFlowLogResource // VNet
	groupGUID            // VNet
	groupACL             // VNet
	groupSystemID
	// Of the NIC's VM, and of the subscription: with a context.
	groupInstanceID
	groupInstanceName
	groupMachineType
	groupZone
	groupAccountName
	groupCount
)

// slot is a value that differs from tuple to tuple.
type slot uint8

const (
	slotNone slot = iota
	slotMessage
	slotTimestamp
	slotTimeMS // in milliseconds since 1970, as are the others of this name
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
	slotRecordTimeMS
	slotObservables // both addresses, as OCSF has them
	slotSummary     // the flow in a line
	slotEncryption
	slotEventID
	slotBytes   // sum of both sides
	slotPackets // sum of both sides
	slotCommunityID
	slotTuple
	slotError
	slotOpen // header of an object that a context adds entries to, and those
	slotFar  // entries that an object gets of the far end
	// From here on, aggregated events only.
	slotEnd
	slotEndMS
	slotDuration
	slotDurationMS
	slotDurationInt // likewise, of 32 bits
	slotTuples
	slotBegin
	slotContinue
	slotEnds
	slotDenied
	slotSourcePorts
	slotDestinationPorts
	slotCount
)

// Texts and slots are members of sets of 32 and 64 bits: the build fails here where
// there is one too many.
var (
	_ [32 - groupCount]struct{}
	_ [64 - slotCount]struct{}
)
