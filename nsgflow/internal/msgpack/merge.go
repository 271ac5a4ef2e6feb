package msgpack

import (
	"bytes"
	"unsafe"
)

// Merger makes one map of two. It keeps its memory.
type Merger struct {
	members []member
}

// member is an entry of our map.
type member struct {
	key, value []byte
	other      []byte // the map that theirs has for this key; nil: none
}

// Bytes are those that it keeps.
func (m *Merger) Bytes() int { return cap(m.members) * int(unsafe.Sizeof(member{})) }

// Append appends one map made of two, at every level: where both have a
// value, ours wins. Both have passed Skip, which bounds the recursion.
func (m *Merger) Append(dst, ours, theirs []byte) []byte {
	base := len(m.members)
	rest, n := Entries(ours)
	for range n {
		var e member
		e.key, rest = Cut(rest)
		e.value, rest = Cut(rest)
		m.members = append(m.members, e)
	}
	our := m.members[base:]
	their, count := Entries(theirs)
	places := placesOf(our, count)

	added := 0
	rest = their
	for range count {
		var key, value []byte
		key, rest = Cut(rest)
		value, rest = Cut(rest)
		switch i := find(our, places, key); {
		case i < 0:
			added++
		case IsMap(value) && IsMap(our[i].value):
			our[i].other = value
		}
	}

	dst = AppendMapHeader(dst, n+added)
	for i := base; i < base+n; i++ {
		e := m.members[i]
		dst = append(dst, e.key...)
		if e.other != nil {
			dst = m.Append(dst, e.value, e.other)
		} else {
			dst = append(dst, e.value...)
		}
	}
	our = m.members[base : base+n]
	for rest = their; added > 0; {
		entry := rest
		var key []byte
		key, rest = Cut(rest)
		_, rest = Cut(rest)
		if find(our, places, key) < 0 {
			dst = append(dst, entry[:len(entry)-len(rest)]...)
			added--
		}
	}
	clear(our)
	m.members = m.members[:base]
	return dst
}

// Up to so many members, looking at each is faster than an index: for a few keys,
// and for many.
const (
	fewMembers    = 24
	manyKeys      = 64
	fewestMembers = 2
)

// placesOf is an index of members by their key's text, for so many keys to find;
// nil of a few.
func placesOf(members []member, keys int) map[string]int {
	if len(members) <= fewestMembers || len(members) <= fewMembers && keys <= manyKeys {
		return nil
	}
	places := make(map[string]int, len(members))
	for i, e := range members {
		if t, ok := StringOf(e.key); ok {
			places[string(t)] = i
		}
	}
	return places
}

// find finds the place of a key by its text, -1 if it is not there or no
// text. A key may have a longer header than it needs.
func find(members []member, places map[string]int, key []byte) int {
	want, ok := StringOf(key)
	if !ok {
		return -1
	}
	if places != nil {
		if i, ok := places[string(want)]; ok {
			return i
		}
		return -1
	}
	for i := range members {
		if have, ok := StringOf(members[i].key); ok && bytes.Equal(have, want) {
			return i
		}
	}
	return -1
}
