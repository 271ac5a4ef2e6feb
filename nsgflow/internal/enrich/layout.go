package enrich

import (
	"strings"

	"fluent-bit-nsgflow/nsgflow/context"
	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// layout is a schema's table, without what is excluded, as the Writer needs it. Keys
// are msgpack strings, with those of the maps around them; nil: not wanted.
type layout struct {
	sides [sideParts][2]*tree[context.Answer]
	keys  [sideParts][2][]byte // of what is a map of its own
	same  bool                 // both sides are written alike

	openings [sideParts][2]Opening // where they stand

	hosts, hop, lists []byte
	flowTypes         [][]byte // whole entries, by context.FlowType
	matches           []byte   // key of the array; nil: entries of the first match stand in the event
	match             *tree[match]
	flow              Opening // where flow type, hop and lists stand
}

// layout makes it. wanted is asked by the names of fields, without "[]".
func (s *Schema) layout(wanted func(name string) bool) (l layout) {
	l.flow, l.same = OpenFlow, !s.flat
	if s.flat {
		l.flow = OpenEvent
	}
	if !s.flat {
		l.openings = [sideParts][2]Opening{atSide: {OpenSource, OpenDestination}, atFlowSide: {OpenFlow, OpenFlow}, atOther: {OpenCloud, OpenCloud}, atZone: {OpenObserver, OpenObserver}}
	} else {
		for part := range l.openings {
			l.openings[part] = [2]Opening{OpenEvent, OpenEvent}
		}
	}
	for i := range s.fields {
		f := &s.fields[i]
		if f.at < sideParts {
			for side := range 2 {
				if name := s.ofSide(f, side); wanted(name) {
					object, path := s.below(f, side)
					l.sides[f.at][side] = l.sides[f.at][side].add(path, f.value)
					l.keys[f.at][side] = object
				} else {
					l.same = false
				}
			}
			continue
		}
		if !wanted(strings.ReplaceAll(f.name, "[]", "")) {
			continue
		}
		path := s.inObject(f.name)
		switch f.at {
		case atHosts:
			l.hosts = pathTo(path)
		case atHop:
			l.hop = append(pathTo(path), msgpack.TrueCode)
		case atLists:
			l.lists = pathTo(path)
		case atFlowType:
			for t := context.FlowTypeUnset; t <= context.OwnPublic; t++ {
				l.flowTypes = append(l.flowTypes, msgpack.AppendString(pathTo(path), t.String()))
			}
		case atMatch:
			array, inner, isArray := strings.Cut(f.name, "[].")
			if path := s.Path(inner); isArray {
				l.matches = pathTo(s.Path(array))
				l.match = l.match.add(path, f.match)
			} else {
				l.match = l.match.add(s.Path(f.name), f.match)
			}
		}
	}
	return l
}

// below is the key of a side's map in its object, and the path in that.
func (s *Schema) below(f *field, side int) (key []byte, path []string) {
	if s.flat {
		return nil, []string{s.ofSide(f, side)}
	}
	_, after, _ := strings.Cut(f.name, "$.")
	if f.at != atSide {
		key = msgpack.AppendString(nil, s.word(f, side))
	}
	return key, strings.Split(after, ".")
}

// inObject is the path of a field in the open object that it stands in.
func (s *Schema) inObject(name string) []string {
	if s.flat {
		return []string{name}
	}
	for object := range s.objects {
		if inner, ok := strings.CutPrefix(name, object+"."); ok {
			return strings.Split(inner, ".")
		}
	}
	return strings.Split(name, ".")
}
