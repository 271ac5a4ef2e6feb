package nsgflow

import (
	"bytes"
	"strconv"
)

// wanted is the type that a level asks for.
var wanted = [...]string{
	levelTuple: "a string", levelOuter: "an object", levelList: "an array", levelInner: "an object",
	levelTuples: "an array", levelFlattened: "a string", levelColumns: "a string",
}

// path leads to a tuple of the record at hand, for messages.
func (d *document) path(g *group, index uint32) string {
	var room [128]byte
	b := d.appendListPath(room[:0])
	layout := layouts[g.family]
	switch g.level {
	case levelFlattened:
		if index == unrolledNumber {
			return string(append(b, "flowTuple"...))
		}
		return string(strconv.AppendUint(append(b, "flow."...), uint64(index), 10))
	case levelColumns:
		if len(b) > 0 {
			b = b[:len(b)-1]
		}
		return string(b)
	}
	b = appendIndex(append(b, layout.path...), g.i)
	if g.level == levelOuter {
		return string(b)
	}
	b = append(append(b, '.'), layout.list...)
	if g.level == levelList {
		return string(b)
	}
	b = appendIndex(b, g.j)
	if g.level == levelInner {
		return string(b)
	}
	b = append(b, ".flowTuples"...)
	if g.level == levelTuples {
		return string(b)
	}
	return string(appendIndex(b, index))
}

// appendListPath appends the way to the record, and a dot.
func (d *document) appendListPath(b []byte) []byte {
	for i, l := range d.lists {
		switch {
		case l.bare:
			b = appendIndex(bytes.TrimSuffix(b, []byte(".")), l.count-1)
		case i > 0:
			b = appendIndex(append(b, "records"...), l.count-1)
		case l.count > 1: // one of several values that a text has side by side
			b = appendIndex(b, l.count-1)
		default:
			continue
		}
		b = append(b, '.')
	}
	return b
}

func appendIndex(dst []byte, i uint32) []byte {
	return append(strconv.AppendUint(append(dst, '['), uint64(i), 10), ']')
}

// overrideKeys are the fields that override a column, by column.
var overrideKeys = [...]string{1: "source_addr", 2: "destination_addr", 3: "source_port", 4: "destination_port"}

// tupleError says what is wrong with the tuple k of a group of the record at hand,
// whose column bad does not parse. A column that is a field of its own is named as
// that field, and whole.
func (d *document) tupleError(g *group, k, bad int) *TupleError {
	r := d.record
	t := &r.of(g)[k]
	path := d.path(g, uint32(r.place(g, k)))
	switch {
	case t.Other:
		return &TupleError{Path: path, Column: -1, Reason: "not " + wanted[g.level], Value: string(t.Text)}
	case g.level == levelColumns:
		return &TupleError{Path: path, Column: bad, Value: string(r.columns[bad])}
	case r.line != nil && g.level == levelFlattened && bad < len(r.override) && r.override[bad] != nil:
		return &TupleError{Path: string(d.appendListPath(nil)) + overrideKeys[bad], Column: bad, Value: string(r.override[bad])}
	}
	line, _ := r.lineOf(g, k)
	return newTupleError(path, g.family, line, bad)
}
