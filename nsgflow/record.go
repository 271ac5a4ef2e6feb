package nsgflow

import (
	"bytes"

	"fluent-bit-nsgflow/nsgflow/internal/jsontext"
)

// text is a string or number of a record, without escapes; nil if absent.
type text = []byte

// layouts are the keys of the two levels between a record and its tuples:
// flows[]{outer, list[]{inner, flowTuples[]}}.
var layouts = [...]struct{ path, outer, list, inner string }{
	NSG:  {"properties.flows", "rule", "flows", "mac"},
	VNet: {"flowRecords.flows", "aclID", "flowGroups", "rule"},
}

// place is where a node stands in a record, from the outside in.
type place uint8

const (
	placeTuple     place = iota // a tuple
	placeOuter                  // flows[i]
	placeList                   // flows[i].flows or .flowGroups
	placeInner                  // its elements
	placeTuples                 // flowTuples
	placeFlattened              // flow.N
	placeColumns                // the columns of the denormalised shape
)

// group is the tuples that share an innermost list, or a node that is not of
// the type that its place asks for, as its only tuple.
type group struct {
	family       Family
	outer, inner text   // by layout
	i, j         uint32 // indices of the two lists
	from, to     uint32 // its tuples in the record's
	place        place  // where the tuples stand; of a wrong node: its place
}

// maxTuples bounds the memory for reading one record. Azure cuts records at
// about 32 KB, which is some 500 tuples.
const maxTuples = 1 << 21

// layered says whether the tuples stand in the two lists of a layout.
func (g *group) layered() bool { return g.place < placeFlattened }

// record is one flow log record, read: all but what lies in nested records.
type record struct {
	fields    [fieldCount]text
	columns   [13]text // S5
	hasRule   bool     // S5: there is an nsgRuleName
	hasSource bool     // S5: there is a sourceAddress
	override  [5]text  // S4, by column
	groups    []group
	tuples    []tuple // of all groups
	flat      []tuple // the values of flow.N keys
	shapes    shapes
	whole     text // the JSON text of the record; nil of msgpack

	buffer []byte
	line   text // to be parsed instead of the text of the last group's only tuple; else nil
	comma  int8 // the column of line that has a comma in itself; else -1
}

// keptTuples is how many tuples' memory a record keeps for the next one.
const keptTuples = 1 << 15

func (r *record) reset() {
	if cap(r.tuples)+cap(r.flat)+cap(r.groups) > keptTuples {
		*r = record{}
	}
	clear(r.tuples) // what they point to is not ours
	clear(r.flat)
	clear(r.groups)
	*r = record{groups: r.groups[:0], tuples: r.tuples[:0], flat: r.flat[:0], buffer: r.buffer[:0], comma: -1}
}

// of are the tuples of a group.
func (r *record) of(g *group) []tuple { return r.tuples[g.from:g.to] }

// version is the NSG flow log's version: 2.0 means 2.
func (r *record) version() text {
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
	return r.shapes&shapeFlattened != 0 &&
		(r.fields[fieldFlowLogVersion] != nil || r.fields[fieldFlowLogGUID] != nil || r.fields[fieldACL] != nil)
}

// read reads the entry key of a record, whose value comes next.
func (r *record) read(s reader, key []byte, e entry) {
	switch e.role {
	case roleField:
		r.hasRule = r.hasRule || e.field == fieldRule && e.shapes == shapeDenormalised
		r.fields[e.field] = s.scalar()
	case roleColumn:
		r.hasSource = r.hasSource || e.column == 1
		r.columns[e.column] = columnText(s)
	case roleOverride:
		r.override[e.column] = columnText(s)
	case roleProperties:
		r.readList(s, NSG, shapeNSG)
	case roleFlowRecords:
		r.readList(s, VNet, shapeVNet)
	case roleFlow:
		t := s.tuple()
		t.index, _ = flowIndex(key)
		r.flat = append(r.flat, t)
		if len(r.flat) > maxTuples {
			s.refuse(faultMany)
		}
	default:
		s.skip()
	}
}

// columnText reads a column; what is neither string nor number nor null
// gives its JSON text, which does not parse as any column.
func columnText(s reader) text {
	if k := s.kind(); k == jsontext.Array || k == jsontext.Object {
		return s.appendJSON(nil, s.skip())
	}
	return s.scalar()
}

// readList reads properties or flowRecords.
func (r *record) readList(s reader, f Family, shape shapes) {
	if s.kind() != jsontext.Object {
		s.skip()
		return
	}
	for n, ok := s.more(s.open()); ok; n, ok = s.more(n) {
		switch key := s.key(); {
		case string(key) == "flows" && s.kind() == jsontext.Array:
			r.shapes |= shape
			var i uint32
			for n, ok := s.more(s.open()); ok; n, ok = s.more(n) {
				r.readOuter(s, f, i)
				i++
			}
		case string(key) == "Version" && f == NSG:
			r.fields[fieldPropertiesVersion] = s.scalar()
		default:
			s.skip()
		}
	}
}

// readOuter reads an element of flows.
func (r *record) readOuter(s reader, f Family, i uint32) {
	if s.kind() != jsontext.Object {
		r.wrong(s, group{family: f, i: i, place: placeOuter})
		return
	}
	var outer text
	first := len(r.groups)
	for n, ok := s.more(s.open()); ok; n, ok = s.more(n) {
		switch key := s.key(); {
		case string(key) == layouts[f].outer:
			outer = s.scalar()
		case string(key) != layouts[f].list:
			s.skip()
		case s.kind() != jsontext.Array:
			r.wrong(s, group{family: f, i: i, place: placeList})
		default:
			var j uint32
			for n, ok := s.more(s.open()); ok; n, ok = s.more(n) {
				r.readInner(s, group{family: f, i: i, j: j})
				j++
			}
		}
	}
	for g := first; g < len(r.groups); g++ {
		r.groups[g].outer = outer
	}
}

// readInner reads an element of the inner list into g.
func (r *record) readInner(s reader, g group) {
	if s.kind() != jsontext.Object {
		g.place = placeInner
		r.wrong(s, g)
		return
	}
	first := len(r.groups)
	var inner text
	for n, ok := s.more(s.open()); ok; n, ok = s.more(n) {
		switch key := s.key(); {
		case string(key) == layouts[g.family].inner:
			inner = s.scalar()
		case string(key) != "flowTuples":
			s.skip()
		case s.kind() != jsontext.Array:
			g.place = placeTuples
			r.wrong(s, g)
		default:
			g.place = placeTuple
			g.from = uint32(len(r.tuples))
			r.tuples = s.tuples(r.tuples)
			r.add(g)
		}
	}
	for i := first; i < len(r.groups); i++ {
		r.groups[i].inner = inner
	}
}

// wrong adds the node that comes next, which has the wrong type.
func (r *record) wrong(s reader, g group) {
	if len(r.tuples) > maxTuples {
		s.refuse(faultMany)
	}
	g.from = uint32(len(r.tuples))
	r.tuples = append(r.tuples, tuple{text: s.skip(), other: true})
	r.add(g)
}

// add adds a group of the tuples from g.from on.
func (r *record) add(g group) {
	g.to = uint32(len(r.tuples))
	r.groups = append(r.groups, g)
}

// finish completes the groups when the whole record has been read. It says
// whether the record is a flow log of one of the shapes S2 to S5.
func (r *record) finish() bool {
	if len(r.flat) > 0 {
		r.finishFlattened()
	}
	if r.shapes == 0 && r.hasRule && r.hasSource {
		r.finishDenormalised()
	}
	return r.shapes&records != 0
}

func (r *record) family() Family {
	if r.isVNet() {
		return VNet
	}
	return NSG
}

// finishFlattened makes a group of the values of flow.N keys.
func (r *record) finishFlattened() {
	r.shapes |= shapeFlattened
	if len(r.flat) == 1 && !r.flat[0].other && r.overrides() {
		r.replaceColumns(r.flat[0].text)
	}
	g := group{family: r.family(), place: placeFlattened, from: uint32(len(r.tuples))}
	r.tuples = append(r.tuples, r.flat...)
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
func (r *record) replaceColumns(tuple text) {
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

func (r *record) addColumn(c int, col text) {
	if c > 0 {
		r.buffer = append(r.buffer, ',')
	}
	if r.comma < 0 && bytes.IndexByte(col, ',') >= 0 {
		r.comma = int8(c)
	}
	r.buffer = append(r.buffer, col...)
}

// finishDenormalised makes the one tuple of a denormalised record.
func (r *record) finishDenormalised() {
	r.shapes |= shapeDenormalised
	g := group{family: r.family(), place: placeColumns}
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
	r.tuples = append(r.tuples, tuple{text: r.line})
	r.add(g)
}
