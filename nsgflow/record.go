package nsgflow

import (
	"bytes"
	"slices"
	"unsafe"

	"fluent-bit-nsgflow/nsgflow/internal/jsontext"
)

// tuple is the text of a tuple, or a value of another type in its place.
type tuple = jsontext.Value

// layouts are the keys of the two levels between a record and its tuples:
// flows[]{outer, list[]{inner, flowTuples[]}}.
var layouts = [...]struct{ path, outer, list, inner string }{
	NSG:  {"properties.flows", "rule", "flows", "mac"},
	VNet: {"flowRecords.flows", "aclID", "flowGroups", "rule"},
}

// level is where a value stands in a record, from the outside in.
type level uint8

const (
	levelTuple     level = iota // a tuple
	levelOuter                  // flows[i]
	levelList                   // flows[i].flows or .flowGroups
	levelInner                  // its elements
	levelTuples                 // flowTuples
	levelFlattened              // flow.N
	levelColumns                // the columns of the denormalised shape
)

// group is the tuples that share an innermost list, or a value that is not of
// the type that its level asks for, as its only tuple.
type group struct {
	family       Family
	outer, inner []byte // by layout
	i, j         uint32 // indices of the two lists
	from, to     uint32 // its tuples in the record's
	level        level  // where the tuples stand; of a wrong value: its level
}

// maxTuples bounds the memory for reading one record. Azure cuts records at
// about 32 KB, which is some 500 tuples.
const maxTuples = 1 << 21

// maxText is how long a text may be that all tuples of a record or a list share:
// a rule's name, or the id of a resource. Azure's ids have less than 2,000
// characters. Each event repeats these texts: a longer one would make a large output
// of a small record.
const maxText = 4 << 10

// maxWrong is how many values of a wrong type have an error of their own in one
// record. The last one of these counts the others.
const maxWrong = 64

const (
	errMany = jsontext.Error("more than 2097152 tuples in one record")
	errText = jsontext.Error("a flow log record with a rule, an id or the like of more than 4096 bytes")
)

// layered says whether the tuples stand in the two lists of a layout.
func (g *group) layered() bool { return g.level < levelFlattened }

// record is one flow log record, read: all but what lies in nested records.
type record struct {
	dirty     bool // it has an entry, or is new
	fields    [fieldCount][]byte
	columns   [13][]byte // denormalised
	hasRule   bool       // there is an nsgRuleName
	hasSource bool       // there is a sourceAddress
	override  [5][]byte  // flattened, by column
	groups    []group
	tuples    []tuple  // of all groups
	flat      []tuple  // the values of flow.N keys
	order     []uint64 // of these: N, and in the lower half the index in flat
	places    []uint64 // of these, in the order of N: see place
	unrolled  int      // how many of these have the key flowTuple
	reported  int      // of the wrong ones, how many have come to an error
	wrong     [2]int   // values in the place of tuples, or of lists of them, that are of another type; by Family
	long      bool     // a text of it has more than maxText bytes
	shapes    shapes
	flows     shapes // that have a list flows, whatever is in it
	rawJSON   []byte // the text of the record; nil of msgpack

	buffer []byte
	line   []byte // to be parsed instead of the text of the last group's only tuple; else nil
	comma  int    // the first column of line that has a comma in itself; else noColumn
}

// bytes are those of its buffers.
func (r *record) bytes() int {
	return cap(r.tuples)*int(unsafe.Sizeof(tuple{})) + cap(r.flat)*int(unsafe.Sizeof(tuple{})) +
		cap(r.groups)*int(unsafe.Sizeof(group{})) + 8*cap(r.order) + 8*cap(r.places) + cap(r.buffer)
}

// reset makes it empty. There may be millions of empty ones in a list, and clearing one
// takes longer than to read it.
func (r *record) reset() {
	if !r.dirty {
		return
	}
	clear(r.tuples) // what they point to is not ours
	clear(r.flat)
	clear(r.groups)
	*r = record{groups: r.groups[:0], tuples: r.tuples[:0], flat: r.flat[:0], order: r.order[:0], places: r.places[:0], buffer: r.buffer[:0], comma: noColumn}
}

// count is how many tuples the group has.
func (g *group) count() int { return int(g.to - g.from) }

// of are the tuples of a group.
func (r *record) of(g *group) []tuple { return r.tuples[g.from:g.to] }

// lineOf is what is to be parsed of the tuple k of a group. At the column bad at
// the latest, it is wrong, whatever parses: the columns behind one with a comma are
// not those that the record has. bad is noColumn of nearly all.
func (r *record) lineOf(g *group, k int) (line []byte, bad int) {
	switch t := &r.tuples[int(g.from)+k]; {
	case t.Other:
		return nil, 0
	case r.line != nil && !g.layered():
		return r.line, r.comma
	default:
		return t.Text, noColumn
	}
}

// place tells a tuple from the others of its group. The lower half is its index:
// the N of its flow.N key, else that in the array.
func (r *record) place(g *group, k int) uint64 {
	if g.level == levelFlattened {
		return r.places[k]
	}
	return uint64(k)
}

// repeatShift is where a place has how often its key came before in its record;
// between it and the index lie the bits of encoder.place.
const repeatShift = 40

// version is the NSG flow log's version: 2.0 means 2.
func (r *record) version() []byte {
	v := r.fields[fieldVersion]
	if v == nil {
		v = r.fields[fieldPropertiesVersion]
	}
	return bytes.TrimSuffix(v, []byte(".0"))
}

// isVNet tells the family of a flattened or denormalised record.
func (r *record) isVNet() bool {
	const operation = "FlowLogFlowEvent"
	if string(r.fields[fieldOperation]) == operation || string(r.fields[fieldCategory]) == operation {
		return true
	}
	return r.shapes&shapeFlattened != 0 && (r.has(fieldFlowLogVersion, fieldFlowLogGUID, fieldACL) ||
		r.unrolled > 0 && r.has(fieldFlowLogResourceID, fieldTargetResourceID))
}

// isUnrolled says whether the record is more than a flowTuple, as tools write it
// that make a record of each tuple: it has a field of the layers around that.
func (r *record) isUnrolled() bool {
	return r.has(layerFields[:]...) || r.isNamed()
}

// layerFields are what an unrolled record has of the layers around its tuple.
var layerFields = [...]recordField{fieldRule, fieldACL, fieldMAC, fieldFlowLogResourceID, fieldTargetResourceID}

// has says whether the record has one of these fields.
func (r *record) has(fields ...recordField) bool {
	for _, f := range fields {
		if r.fields[f] != nil {
			return true
		}
	}
	return false
}

// finish completes the groups when the whole record has been read. It says
// whether the record is a flow log itself, and not only a list of some.
func (r *record) finish() bool {
	if unsure := r.flows &^ r.shapes; unsure != 0 {
		r.finishFlows(unsure)
	}
	if len(r.flat) > r.unrolled || r.unrolled > 0 && r.isUnrolled() {
		r.finishFlattened()
	}
	if r.shapes == 0 && r.hasRule && r.hasSource {
		r.finishDenormalised()
	}
	return r.shapes&shapesOfRecords != 0
}

// finishFlows decides on lists of flows that have no flowTuples: others have such
// lists too, so that the record must be called a flow log.
func (r *record) finishFlows(unsure shapes) {
	if r.isNamed() {
		r.shapes |= unsure
		return
	}
	for family, shape := range shapeOf {
		if shape&unsure != 0 {
			r.wrong[family] = 0
		}
	}
	groups, tuples := r.groups[:0], r.tuples[:0]
	for _, g := range r.groups {
		if shapeOf[g.family]&unsure == 0 {
			of := r.of(&g)
			g.from = uint32(len(tuples))
			tuples = append(tuples, of...)
			g.to = uint32(len(tuples))
			groups = append(groups, g)
		}
	}
	r.groups, r.tuples = groups, tuples
}

// isNamed says whether a field calls the record a flow log.
func (r *record) isNamed() bool {
	for f, text := range r.fields {
		if recordField(f).namesFlowLog(text) {
			return true
		}
	}
	return false
}

func (r *record) family() Family {
	if r.isVNet() {
		return VNet
	}
	return NSG
}

// finishFlattened makes a group of the values of flow.N keys, in the order of
// their N: that of an object's keys means nothing.
func (r *record) finishFlattened() {
	r.shapes |= shapeFlattened
	if len(r.flat) == 1 && !r.flat[0].Other && r.overrides() {
		r.replaceColumns(r.flat[0].Text)
	}
	g := group{family: r.family(), level: levelFlattened, from: uint32(len(r.tuples))}
	slices.Sort(r.order)
	previous, repeats := uint64(1<<32), uint64(0)
	for _, key := range r.order {
		number, read := key>>32, uint32(key)
		r.tuples = append(r.tuples, r.flat[read])
		if r.flat[read].Other {
			r.wrong[g.family]++
		}
		if repeats++; number != previous {
			previous, repeats = number, 0
		}
		r.places = append(r.places, repeats<<repeatShift|number)
	}
	r.add(g)
}

func (r *record) overrides() bool {
	for _, column := range r.override {
		if column != nil {
			return true
		}
	}
	return false
}

// replaceColumns makes line of the tuple and the columns that the record has
// as fields of their own.
func (r *record) replaceColumns(tuple []byte) {
	for c := 0; ; c++ {
		col, end := column(tuple, 0)
		if c < len(r.override) && r.override[c] != nil {
			col = r.override[c]
		}
		r.addColumn(c, col)
		if end == len(tuple) {
			break
		}
		tuple = tuple[end+1:]
	}
	r.line = r.buffer
}

func (r *record) addColumn(c int, col []byte) {
	if c > 0 {
		r.buffer = append(r.buffer, ',')
	}
	if bytes.IndexByte(col, ',') >= 0 {
		r.comma = min(r.comma, c)
	}
	r.buffer = append(r.buffer, col...)
}

// finishDenormalised makes the one tuple of a denormalised record.
func (r *record) finishDenormalised() {
	r.shapes |= shapeDenormalised
	g := group{family: r.family(), level: levelColumns}
	last := len(r.columns) - 1
	for last > 7 && r.columns[last] == nil && g.family == NSG {
		last--
	}
	if last > 7 {
		last = len(r.columns) - 1
	}
	for c, col := range r.columns[:last+1] {
		r.addColumn(c, col)
	}
	r.line = r.buffer
	r.tuples = append(r.tuples, tuple{Text: r.line})
	r.add(g)
}
