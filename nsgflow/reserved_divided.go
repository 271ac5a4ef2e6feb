package nsgflow

import "fluent-bit-nsgflow/nsgflow/internal/msgpack"

// Reserved fields may have keys that events have too: a host, for instance, or
// an azure of the source record's own. Maps are merged then, at every level, and
// where both have a value the event's wins. Which fields are concerned follows
// from the schema, so that they are looked for once for each source record,
// however many events it becomes.

// eventName is a key that events may have at some level.
type eventName struct {
	name  string
	below map[string]*eventName // the keys below it; nil: events have no map there
}

// addName adds the keys of a field to those at the top.
func addName(names map[string]*eventName, path []string) {
	name := names[path[0]]
	if name == nil {
		name = &eventName{name: path[0]}
		names[path[0]] = name
	}
	if len(path) > 1 {
		if name.below == nil {
			name.below = map[string]*eventName{}
		}
		addName(name.below, path[1:])
	}
}

// part is a part of a map of reserved fields: either one entry whose key events may
// have too, or a sequence of entries whose keys they never have. Parts stand in the
// order of the map, and all of them together are its entries.
type part struct {
	name    string // the key; "": a sequence
	entries []byte
	count   int    // of entries
	below   []part // those of the entry's value, if that is a map and events may have one
}

// partOf is the part with a name; nil if there is none.
func partOf(parts []part, name string) *part {
	for i := range parts {
		if parts[i].name == name {
			return &parts[i]
		}
	}
	return nil
}

// divide divides so many entries of a map. Where a key that events may have
// comes twice, the last one counts.
func divide(entries []byte, count int, names map[string]*eventName) (parts []part) {
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
func withoutRepetition(entries []byte, count int, names map[string]*eventName) ([]byte, int) {
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
