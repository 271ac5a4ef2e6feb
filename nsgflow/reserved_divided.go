package nsgflow

import "fluent-bit-nsgflow/nsgflow/internal/msgpack"

// Reserved fields may have keys that events have too: a host, for instance, or
// an azure of the source record's own. Maps are merged then, at every level, and
// where both have a value the event's wins. Which fields are concerned follows
// from the schema, so that they are looked for once for each source record,
// however many events it becomes.

// eventNames are the keys that events may have at one level.
type eventNames map[string]*eventName

type eventName struct {
	name  string
	below eventNames // the keys below it; nil: events have no map there
}

func (n eventNames) add(path []string) {
	name := n[path[0]]
	if name == nil {
		name = &eventName{name: path[0]}
		n[path[0]] = name
	}
	if len(path) > 1 {
		if name.below == nil {
			name.below = eventNames{}
		}
		name.below.add(path[1:])
	}
}

// divided is a map of reserved fields, in parts. Parts stand in the order of the
// map, and all of them together are its entries.
type divided []part

// part is either one entry whose key events may have too, or a sequence of
// entries whose keys they never have.
type part struct {
	name    string // the key; "": a sequence
	entries []byte
	count   int     // of entries
	below   divided // those of the entry's value, if that is a map and events may have one
}

// find finds the entry with a name; nil if there is none.
func (d divided) find(name string) *part {
	for i := range d {
		if d[i].name == name {
			return &d[i]
		}
	}
	return nil
}

// divide divides so many entries of a map. Where a key that events may have
// comes twice, the last one counts.
func divide(entries []byte, count int, names eventNames) (parts divided) {
	entries, count = withoutRepetition(entries, count, names)
	for e := range msgpack.Each(entries, count) {
		name := names[string(e.Name)]
		if name == nil {
			if n := len(parts); n > 0 && parts[n-1].name == "" {
				last := &parts[n-1] // which this entry stands behind
				last.count++
				last.entries = last.entries[:len(last.entries)+len(e.Bytes)]
			} else {
				parts = append(parts, part{entries: e.Bytes, count: 1})
			}
			continue
		}
		p := part{name: name.name, entries: e.Bytes, count: 1}
		if name.below != nil && msgpack.IsMap(e.Value) {
			inner, n := msgpack.Entries(e.Value)
			p.below = divide(inner, n, name.below)
		}
		parts = append(parts, p)
	}
	return parts
}

// withoutRepetition is entries without those that have a key of names which
// comes again.
func withoutRepetition(entries []byte, count int, names eventNames) ([]byte, int) {
	last := make(map[*eventName]int, 8) // the place of the last entry with a key
	at, repeated := 0, 0
	for e := range msgpack.Each(entries, count) {
		if name := names[string(e.Name)]; name != nil {
			if _, is := last[name]; is {
				repeated++
			}
			last[name] = at
		}
		at++
	}
	if repeated == 0 {
		return entries, count
	}
	var once []byte
	at = 0
	for e := range msgpack.Each(entries, count) {
		if name := names[string(e.Name)]; name == nil || last[name] == at {
			once = append(once, e.Bytes...)
		}
		at++
	}
	return once, count - repeated
}
