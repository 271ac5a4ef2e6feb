package nsgflow

import "bytes"

// recordField is a field of a flow log record that is not a tuple.
type recordField uint8

const (
	fieldTime recordField = iota
	fieldSystemID
	fieldCategory
	fieldOperation
	fieldMAC
	fieldResourceID        // NSG
	fieldVersion           // NSG: see record.version
	fieldPropertiesVersion // NSG
	fieldFlowState         // flattened, NSG
	fieldRule              // flattened, denormalised
	fieldFlowLogVersion    // VNet, as are the rest
	fieldFlowLogGUID
	fieldFlowLogResourceID
	fieldTargetResourceID
	fieldACL
	fieldCount
)

// shapes is a set of the shapes that flow logs come in.
type shapes uint8

const (
	shapeBlob         shapes = 1 << iota // {"records": [...]}
	shapeNSG                             // properties.flows
	shapeVNet                            // flowRecords.flows
	shapeFlattened                       // flow.0, flow.1, ..., or flowTuple
	shapeDenormalised                    // a column for each part of the one tuple

	shapesOfRecords = shapeNSG | shapeVNet | shapeFlattened | shapeDenormalised
)

// shapeOf is that of a record with layers.
var shapeOf = [...]shapes{NSG: shapeNSG, VNet: shapeVNet}

// flowLogNames are categories and operations of flow logs.
var flowLogNames = map[string]bool{"NetworkSecurityGroupFlowEvent": true, "NetworkSecurityGroupFlowEvents": true, "FlowLogFlowEvent": true}

// namesFlowLog says whether the text of a field calls its record a flow log: a
// category, an operation, or the resource of a flow log.
func (f recordField) namesFlowLog(text []byte) bool {
	switch f {
	case fieldCategory, fieldOperation:
		return flowLogNames[string(text)]
	case fieldResourceID, fieldFlowLogResourceID:
		return bytes.Contains(bytes.ToLower(text), []byte("/flowlogs/"))
	}
	return false
}

// role is what an entry of a record is good for.
type role uint8

const (
	roleNone role = iota
	roleField
	roleColumn
	roleOverride
	roleRecords
	roleProperties
	roleFlowRecords
	roleFlow
	roleText // a field that may hold a flow log as text
	roleMark // what events of this package have
)

// entry says what a key of a record means.
type entry struct {
	role   role
	field  recordField
	column uint8  // of a mark: which of them
	shapes shapes // in which it is a part of the flow log itself
}

// entries are the keys of all shapes. The columns of the denormalised shape
// are those of Microsoft's connector to Event Hubs; the four with underscores
// override a column of a flattened record's only tuple.
var entries = map[string]entry{
	"message":           {role: roleText},
	"log":               {role: roleText},
	"event":             {role: roleMark, column: markEvent},
	"EventProduct":      {role: roleMark, column: markProduct},
	"metadata":          {role: roleMark, column: markMetadata},
	"otel.event.name":   {role: roleMark, column: markName},
	"records":           {role: roleRecords, shapes: shapeBlob},
	"properties":        {role: roleProperties, shapes: shapeNSG},
	"flowRecords":       {role: roleFlowRecords, shapes: shapeVNet},
	"time":              {role: roleField, field: fieldTime, shapes: shapesOfRecords},
	"flowTuple":         {role: roleFlow, shapes: shapeFlattened},
	"systemId":          {role: roleField, field: fieldSystemID, shapes: shapesOfRecords},
	"category":          {role: roleField, field: fieldCategory, shapes: shapesOfRecords},
	"operationName":     {role: roleField, field: fieldOperation, shapes: shapesOfRecords},
	"macAddress":        {role: roleField, field: fieldMAC, shapes: shapesOfRecords},
	"mac":               {role: roleField, field: fieldMAC, shapes: shapeDenormalised},
	"resourceId":        {role: roleField, field: fieldResourceID, shapes: shapesOfRecords},
	"version":           {role: roleField, field: fieldVersion, shapes: shapeFlattened | shapeDenormalised},
	"flow_state":        {role: roleField, field: fieldFlowState, shapes: shapeFlattened},
	"rule":              {role: roleField, field: fieldRule, shapes: shapeFlattened},
	"nsgRuleName":       {role: roleField, field: fieldRule, shapes: shapeDenormalised},
	"flowLogVersion":    {role: roleField, field: fieldFlowLogVersion, shapes: shapesOfRecords},
	"flowLogGUID":       {role: roleField, field: fieldFlowLogGUID, shapes: shapesOfRecords},
	"flowLogResourceID": {role: roleField, field: fieldFlowLogResourceID, shapes: shapesOfRecords},
	"targetResourceID":  {role: roleField, field: fieldTargetResourceID, shapes: shapesOfRecords},
	"aclID":             {role: roleField, field: fieldACL, shapes: shapeFlattened | shapeDenormalised},

	"source_addr":      {role: roleOverride, column: 1, shapes: shapeFlattened},
	"destination_addr": {role: roleOverride, column: 2, shapes: shapeFlattened},
	"source_port":      {role: roleOverride, column: 3, shapes: shapeFlattened},
	"destination_port": {role: roleOverride, column: 4, shapes: shapeFlattened},

	"startTime":          {role: roleColumn, column: 0, shapes: shapeDenormalised},
	"sourceAddress":      {role: roleColumn, column: 1, shapes: shapeDenormalised},
	"destinationAddress": {role: roleColumn, column: 2, shapes: shapeDenormalised},
	"sourcePort":         {role: roleColumn, column: 3, shapes: shapeDenormalised},
	"destinationPort":    {role: roleColumn, column: 4, shapes: shapeDenormalised},
	"transportProtocol":  {role: roleColumn, column: 5, shapes: shapeDenormalised},
	"deviceDirection":    {role: roleColumn, column: 6, shapes: shapeDenormalised},
	"deviceAction":       {role: roleColumn, column: 7, shapes: shapeDenormalised},
	"flowState":          {role: roleColumn, column: 8, shapes: shapeDenormalised},
	"packetsStoD":        {role: roleColumn, column: 9, shapes: shapeDenormalised},
	"bytesStoD":          {role: roleColumn, column: 10, shapes: shapeDenormalised},
	"packetsDtoS":        {role: roleColumn, column: 11, shapes: shapeDenormalised},
	"bytesDtoS":          {role: roleColumn, column: 12, shapes: shapeDenormalised},
}

// keyEnds has, by the length of a key, bits for the letters that keys of that
// length begin and end with. They spare foreign records most look-ups.
var keyEnds = func() (set [32]struct{ first, last uint32 }) {
	for k := range entries {
		set[len(k)].first |= 1 << (k[0] & 31)
		set[len(k)].last |= 1 << (k[len(k)-1] & 31)
	}
	return set
}()

// mayMatter rules out most keys that entryOf does not know.
func mayMatter(key []byte) bool {
	n := len(key)
	if n == 0 || n >= len(keyEnds) {
		return false
	}
	first, last := keyEnds[n].first>>(key[0]&31), keyEnds[n].last>>(key[n-1]&31)
	return first&last&1 != 0 || n > 5 && key[4] == '.'
}

func entryOf(key []byte) entry {
	if !mayMatter(key) {
		return entry{}
	}
	if len(key) > 5 && key[4] == '.' {
		if _, ok := flowIndex(key); ok {
			return entry{role: roleFlow, shapes: shapeFlattened}
		}
	}
	return entries[string(key)]
}

// unrolledNumber stands for the N of the key flowTuple, behind those of all flow.N.
const unrolledNumber = 1e9

// flowIndex is the N of a key flow.N.
func flowIndex(key []byte) (n uint32, ok bool) {
	number := bytes.TrimPrefix(key, []byte("flow."))
	if len(number) == len(key) || len(number) == 0 || len(number) > 9 || len(number) > 1 && number[0] == '0' {
		return 0, false
	}
	for _, c := range number {
		if c-'0' > 9 {
			return 0, false
		}
		n = n*10 + uint32(c-'0')
	}
	return n, true
}
