package nsgflow

import (
	"fmt"
	"strconv"
)

// wanted is the type that a place asks for.
var wanted = [...]string{
	placeTuple: "a string", placeOuter: "an object", placeList: "an array", placeInner: "an object",
	placeTuples: "an array", placeFlattened: "a string", placeColumns: "a string",
}

// path leads to the node of a tuple, for messages.
func (n *Normalizer) path(t *tuple) string {
	var b []byte
	for i, l := range n.lists {
		switch {
		case i > 0 || n.source != &n.json:
			b = appendIndex(append(b, "records"...), l.index)
		case l.index > 0: // one of several values that a text has side by side
			b = appendIndex(b, l.index)
		default:
			continue
		}
		b = append(b, '.')
	}
	g := n.event.group
	layout := layouts[g.family]
	switch g.place {
	case placeFlattened:
		return string(strconv.AppendUint(append(b, "flow."...), uint64(t.index), 10))
	case placeColumns:
		if len(b) > 0 {
			b = b[:len(b)-1]
		}
		return string(b)
	}
	b = appendIndex(append(b, layout.path...), g.i)
	if g.place == placeOuter {
		return string(b)
	}
	b = append(append(b, '.'), layout.list...)
	if g.place == placeList {
		return string(b)
	}
	b = appendIndex(b, g.j)
	if g.place == placeInner {
		return string(b)
	}
	b = append(b, ".flowTuples"...)
	if g.place == placeTuples {
		return string(b)
	}
	return string(appendIndex(b, t.index))
}

func appendIndex(dst []byte, i uint32) []byte { return fmt.Appendf(dst, "[%d]", i) }

// overrideKeys are the fields that override a column, by column.
var overrideKeys = [...]string{1: "source_addr", 2: "destination_addr", 3: "source_port", 4: "destination_port"}

// tupleError says why line does not parse. A column that is a field of its
// own is named as that field, and whole.
func (n *Normalizer) tupleError(t *tuple, line text, bad int) *TupleError {
	e := &n.event
	path := n.path(t)
	r := e.rec
	switch {
	case e.group.place == placeColumns:
		return &TupleError{Path: path, Column: bad, Value: string(r.columns[bad])}
	case r.line != nil && e.group.place == placeFlattened && bad < len(r.override) && r.override[bad] != nil:
		path = path[:len(path)-len("flow.")-len(strconv.Itoa(int(t.index)))] + overrideKeys[bad]
		return &TupleError{Path: path, Column: bad, Value: string(r.override[bad])}
	}
	return newTupleError(path, e.group.family, line, bad)
}
