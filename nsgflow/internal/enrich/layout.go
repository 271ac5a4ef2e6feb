package enrich

import (
	"strings"

	"fluent-bit-nsgflow/nsgflow/context"
	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// layout is a schema's table, without what is excluded, as the Writer needs it. Keys
// are msgpack strings, with those of the maps around them; nil: not wanted.
type layout struct {
	steps [2][Openings][]step // by side

	hosts   []byte                             // key and header of an array of one
	flow    Opening                            // where flow type, hop and lists stand
	flows   [context.OwnPublic + 1][2]flowText // without and with hop
	lists   []byte
	matches []byte // key of the array; nil: entries of the first match stand in the event
	match   *tree[match]
}

// step is a part of what is written of an address in an object: a map under this key,
// or, without a key, entries.
type step struct {
	key    []byte
	far    bool // of the far end only
	fields *tree[context.Answer]
}

// flowText are entries of flow type and hop.
type flowText struct {
	text  []byte
	count int
}

func (f *flowText) add(entry []byte) {
	f.text = append(f.text, entry...)
	f.count++
}

// layout makes it. wanted is asked by the names of fields, without "[]".
func (s *Schema) layout(wanted func(name string) bool) (l layout) {
	l.flow = OpenFlow
	if s.flat {
		l.flow = OpenEvent
	}
	var sides [2][sideParts]*tree[context.Answer]
	for i := range s.fields {
		f := &s.fields[i]
		if f.at < sideParts {
			for side := range 2 {
				if wanted(s.ofSide(f, side)) {
					sides[side][f.at] = sides[side][f.at].add(s.below(f, side), f.value)
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
			l.hosts = append(pathTo(path), msgpack.FixArray|1)
		case atHop:
			for t := range l.flows {
				l.flows[t][1].add(append(pathTo(path), msgpack.TrueCode))
			}
		case atLists:
			l.lists = pathTo(path)
		case atFlowType:
			for t := context.Unknown; t <= context.OwnPublic; t++ {
				for hop := range 2 {
					l.flows[t][hop].add(msgpack.AppendString(pathTo(path), t.String()))
				}
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
	for side := range 2 {
		for at, fields := range sides[side] {
			if fields == nil {
				continue
			}
			o, next := s.opening(at, side), step{far: at == atOther, fields: fields}
			if at != atSide && !s.flat {
				next.key = msgpack.AppendString(nil, s.word(at, side))
			}
			l.steps[side][o] = append(l.steps[side][o], next)
		}
	}
	return l
}

// opening is the object that has the fields at a place of a side.
func (s *Schema) opening(at, side int) Opening {
	if s.flat {
		return OpenEvent
	}
	return [...][2]Opening{
		atSide:     {OpenSource, OpenDestination},
		atFlowSide: {OpenFlow, OpenFlow},
		atOther:    {OpenCloud, OpenCloud},
		atZone:     {OpenObserver, OpenObserver},
	}[at][side]
}

// below is the path of a row in what is written of its side.
func (s *Schema) below(f *field, side int) []string {
	if s.flat {
		return []string{s.ofSide(f, side)}
	}
	_, after, _ := strings.Cut(f.name, "$.")
	return strings.Split(after, ".")
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
