package msgpack

// Names are the keys that maps of ours may have: each with those of the map below
// it, nil where there is none.
type Names map[string]Names

// Add adds a path of keys, from the top.
func (n Names) Add(path []string) {
	below, known := n[path[0]]
	if len(path) > 1 {
		if below == nil {
			below = Names{}
		}
		below.Add(path[1:])
	}
	if !known || len(path) > 1 {
		n[path[0]] = below
	}
}

// Part is a part of somebody else's map: either one entry whose key is among our
// names, or a sequence of entries whose keys never are. Parts stand in the order of
// the map, and all of them together are its entries.
type Part struct {
	Key     []byte // nil: a sequence
	Entries []byte
	Count   int    // of entries
	Below   []Part // those of the entry's value, if that is a map and ours may be one
}

// PartOf is the part with a key; nil if there is none.
func PartOf(parts []Part, key string) *Part {
	for i := range parts {
		if p := &parts[i]; p.Key != nil && string(p.Key) == key {
			return p
		}
	}
	return nil
}

// Divide divides so many entries of a map. Where a key of ours comes twice, the last
// one counts.
func (n Names) Divide(entries []byte, count int) (parts []Part) {
	entries, count = n.withoutRepetition(entries, count)
	for e := range Each(entries, count) {
		below, ours := n[string(e.Name)]
		if !ours {
			if k := len(parts); k > 0 && parts[k-1].Key == nil {
				last := &parts[k-1] // which this entry stands behind
				last.Count++
				last.Entries = last.Entries[:len(last.Entries)+len(e.Bytes)]
			} else {
				parts = append(parts, Part{Entries: e.Bytes, Count: 1})
			}
			continue
		}
		p := Part{Key: e.Name, Entries: e.Bytes, Count: 1}
		if below != nil && IsMap(e.Value) {
			p.Below = below.Divide(Entries(e.Value))
		}
		parts = append(parts, p)
	}
	return parts
}

// withoutRepetition is entries without those that have a key of ours which comes
// again.
func (n Names) withoutRepetition(entries []byte, count int) ([]byte, int) {
	last := make(map[string]int, 8) // the place of the last entry with a key
	at, repeated := 0, 0
	for e := range Each(entries, count) {
		if _, ours := n[string(e.Name)]; ours {
			if _, is := last[string(e.Name)]; is {
				repeated++
			}
			last[string(e.Name)] = at
		}
		at++
	}
	if repeated == 0 {
		return entries, count
	}
	var once []byte
	at = 0
	for e := range Each(entries, count) {
		if _, ours := n[string(e.Name)]; !ours || last[string(e.Name)] == at {
			once = append(once, e.Bytes...)
		}
		at++
	}
	return once, count - repeated
}
