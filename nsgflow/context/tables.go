package context

import (
	"strings"
)

// Tables are one generation of all that is known. They are immutable: any
// goroutine may ask, at any time.
type Tables struct {
	number   uint64
	tags     *serviceTags // nil: none
	estate   *estate
	networks *networks
	geo, asn *database
	threats  []namedList
	except   *prefixTable

	places []place           // by number; those of the inventory first
	extra  map[string]uint32 // places that only the user's networks name, by id or name
	// byPlace says that a public address may have another answer in another VNet.
	byPlace bool
}

// namedList is a threat list by its name.
type namedList struct {
	name string
	list *threatList
}

// Number tells generations of one Context apart. It is never 0.
func (t *Tables) Number() uint64 { return t.number }

// finish makes what follows from several sources.
func (t *Tables) finish(except []*exceptions) *Tables {
	t.places = []place{{}}
	t.extra = map[string]uint32{}
	var scopes map[string]*prefixTable
	if t.networks != nil {
		scopes = t.networks.scopes
		t.byPlace = t.networks.publicScope
	}
	if e := t.estate; e != nil {
		t.byPlace = t.byPlace || e.publicSpace
		for _, v := range e.vnets[1:] {
			t.places = append(t.places, place{v.id, v.name, scopes[v.id], scopes[strings.ToLower(v.name)]})
		}
	}
	for key, table := range scopes {
		p := place{id: key, name: key, byName: table}
		if vnetOfID(key) == key {
			p = place{id: key, name: partsOf(key).name, byID: table, byName: scopes[partsOf(key).name]}
		}
		if t.estate != nil && t.estate.vnetByID[key] != 0 {
			continue
		}
		t.extra[key] = uint32(len(t.places))
		t.places = append(t.places, p)
	}
	var list prefixList
	for _, e := range except {
		for _, p := range e.prefixes {
			list.add(p, 1)
		}
	}
	t.except = list.table(longest)
	return t
}

// publishAll makes the next generation of every Context.
func (w *Watcher) publishAll() {
	for _, c := range w.contexts {
		w.publish(c)
		c.report()
	}
}

// publish makes the next generation of a Context.
func (w *Watcher) publish(c *Context) {
	w.number++
	t := &Tables{number: w.number}
	var except []*exceptions
	for i, s := range c.sources {
		switch value := s.built.value.(type) {
		case *serviceTags:
			t.tags = value
		case *estate:
			t.estate = value
		case *networks:
			t.networks = value
		case *database:
			if s.kind == geoKind {
				t.geo = value
			} else {
				t.asn = value
			}
		case *threatList:
			t.threats = append(t.threats, namedList{c.names[i], value})
		case []*exceptions:
			except = value
		}
	}
	c.tables.Store(t.finish(except))
}
