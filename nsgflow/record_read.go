package nsgflow

import (
	"bytes"
	"strconv"

	"fluent-bit-nsgflow/nsgflow/internal/jsontext"
)

// readEntry reads the entry key of a record, whose value comes next.
func (r *record) readEntry(in reader, key []byte, e entry) {
	switch e.role {
	case roleField:
		r.hasRule = r.hasRule || e.field == fieldRule && e.shapes == shapeDenormalised
		r.fields[e.field] = r.text(in)
	case roleColumn:
		r.hasSource = r.hasSource || e.column == 1
		r.columns[e.column] = columnText(in, e.column)
	case roleOverride:
		r.override[e.column] = columnText(in, e.column)
	case roleProperties:
		r.readFlows(in, NSG)
	case roleFlowRecords:
		r.readFlows(in, VNet)
	case roleFlow:
		r.readFlattened(in, key)
	default:
		in.Skip()
	}
}

// text reads a text that the tuples of the record share.
func (r *record) text(in reader) []byte {
	t := in.Text()
	r.long = r.long || len(t) > maxText
	return t
}

// columnText reads a column. What is neither string nor number nor null gives
// its JSON text, which does not parse as any column. Tools that keep numbers as
// floating-point ones write 4.43E2 or 443.0 for a port of 443.
func columnText(in reader, column uint8) []byte {
	if k := in.Kind(); k == jsontext.Array || k == jsontext.Object {
		return in.JSON()
	}
	t := in.Text()
	if isNumber := 1<<3 | 1<<4 | 1<<5 | 0xf<<9; isNumber>>column&1 != 0 && bytes.ContainsAny(t, ".eE") {
		if n, ok := whole(t); ok {
			return strconv.AppendInt(nil, n, 10)
		}
	}
	return t
}

// readFlattened reads the value of a flow.N key.
func (r *record) readFlattened(in reader, key []byte) {
	var t tuple
	if in.Kind() == jsontext.String {
		t.Text = in.Text()
	} else {
		t.Text, t.Other = in.JSON(), true
	}
	n, ok := flowIndex(key)
	if !ok {
		n = unrolledNumber
		r.unrolled++
	}
	r.order = append(r.order, uint64(n)<<32|uint64(len(r.flat)))
	r.flat = append(r.flat, t)
	if len(r.flat) > maxTuples {
		in.Fail(errMany)
	}
}

// readFlows reads properties or flowRecords.
func (r *record) readFlows(in reader, f Family) {
	if in.Kind() != jsontext.Object {
		in.Skip()
		return
	}
	in.Open()
	for key, ok := in.Next(); ok; key, ok = in.Next() {
		switch {
		case string(key) == "flows" && in.Kind() == jsontext.Array:
			r.flows |= shapeOf[f]
			in.Open()
			for i := uint32(0); next(in); i++ {
				r.readOuter(in, f, i)
			}
		case string(key) == "Version" && f == NSG:
			r.fields[fieldPropertiesVersion] = r.text(in)
		default:
			in.Skip()
		}
	}
}

// next moves to the next element of an array.
func next(in reader) bool {
	_, ok := in.Next()
	return ok
}

// readOuter reads an element of flows.
func (r *record) readOuter(in reader, f Family, i uint32) {
	if in.Kind() != jsontext.Object {
		r.addWrong(in, group{family: f, i: i, level: levelOuter})
		return
	}
	var outer []byte
	first := len(r.groups)
	in.Open()
	for key, ok := in.Next(); ok; key, ok = in.Next() {
		switch {
		case string(key) == layouts[f].outer:
			outer = r.text(in)
		case string(key) != layouts[f].list:
			in.Skip()
		case in.Kind() != jsontext.Array:
			r.addWrong(in, group{family: f, i: i, level: levelList})
		default:
			in.Open()
			for j := uint32(0); next(in); j++ {
				r.readInner(in, group{family: f, i: i, j: j})
			}
		}
	}
	for g := first; g < len(r.groups); g++ {
		r.groups[g].outer = outer
	}
}

// readInner reads an element of the inner list into g.
func (r *record) readInner(in reader, g group) {
	if in.Kind() != jsontext.Object {
		g.level = levelInner
		r.addWrong(in, g)
		return
	}
	first := len(r.groups)
	var inner []byte
	in.Open()
	for key, ok := in.Next(); ok; key, ok = in.Next() {
		if string(key) == "flowTuples" {
			r.shapes |= shapeOf[g.family]
		}
		switch {
		case string(key) == layouts[g.family].inner:
			inner = r.text(in)
		case string(key) != "flowTuples":
			in.Skip()
		case in.Kind() != jsontext.Array:
			g.level = levelTuples
			r.addWrong(in, g)
		default:
			g.level = levelTuple
			g.from = uint32(len(r.tuples))
			var others int
			if r.tuples, others = in.Values(r.tuples, maxTuples); len(r.tuples) > maxTuples {
				in.Fail(errMany)
			}
			r.wrong[g.family] += others
			r.add(g)
		}
	}
	for i := first; i < len(r.groups); i++ {
		r.groups[i].inner = inner
	}
}

// addWrong adds the value that comes next, which has the wrong type.
func (r *record) addWrong(in reader, g group) {
	if r.wrong[g.family]++; r.wrong[g.family] > maxWrong {
		in.Skip()
		return
	}
	g.from = uint32(len(r.tuples))
	r.tuples = append(r.tuples, tuple{Text: in.JSON(), Other: true})
	r.add(g)
}

// add adds a group of the tuples from g.from on.
func (r *record) add(g group) {
	g.to = uint32(len(r.tuples))
	r.groups = append(r.groups, g)
}
