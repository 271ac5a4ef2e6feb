package context

import (
	"bytes"
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"unsafe"
)

// Cache keeps what a writer has made of answers, for one goroutine. A hit
// allocates nothing. A new generation empties it.
type Cache[V any] struct {
	write func(dst []byte, a *Answer, as uint8) []byte
	make  func(text []byte) V
	limit int

	tables  *Tables // of which the values are
	slots   []slot[V]
	filled  int          // slots, at most three quarters of them
	values  map[string]V // by their texts: addresses of one prefix have one value
	used    int          // bytes of values
	secrets [3]uint64
	kept    keptRecords
	answer  Answer
	scratch []byte

	misses uint64
	counts [sourceSets]uint64 // answers, by who knew something
}

// slot is an address seen from a place, and what was made of its answer. The zero value
// is free. It has half a line of the processor's cache.
type slot[V any] struct {
	key
	value V
}

// key is what values are kept by, and sources, which is no part of it. An IPv4 address
// written as IPv6 has a key of its own: it is written as it came.
type key struct {
	point
	place   uint32
	as      uint8 // see Get
	is4     bool
	full    bool // true but for a free slot
	sources Sources
}

func (k *key) equals(other *key) bool {
	return k.point == other.point && k.place == other.place && k.as == other.as && k.is4 == other.is4
}

const (
	firstSlots = 1024
	valueExtra = 96       // bytes that a value costs beside its text: an allocation, a place in the map
	mostValue  = 16 << 10 // bytes; longer ones are not kept
)

// NewCache makes a cache of at most limit bytes. write appends to dst, which is empty, a
// text with all that is wanted of an answer, which is not valid after the call; as is the
// one that Get was called with. make makes the value of a text, and may hold on to it.
// Answers with one text share one value.
func NewCache[V any](limit int, write func(dst []byte, a *Answer, as uint8) []byte, make func(text []byte) V) *Cache[V] {
	c := &Cache[V]{write: write, make: make, limit: limit}
	for i := range c.secrets {
		c.secrets[i] = rand.Uint64()
	}
	return c
}

// Get is the value for an address of a record of this origin, by these tables. as tells
// values of one address apart: those of a source and of a destination, for instance. What
// the value points to is not to be changed.
func (c *Cache[V]) Get(t *Tables, addr netip.Addr, o *Origin, as uint8) V {
	if c.tables != t {
		c.begin(t)
	}
	k := key{point: pointOf(addr), as: as, is4: addr.Is4(), full: true}
	if o.place != 0 && (t.byPlace || !k.isSurelyPublic(k.is4)) {
		k.place = o.place // else the answer is the same for all
	}
	for at := c.first(&k); ; at = (at + 1) & (len(c.slots) - 1) {
		s := &c.slots[at]
		if !s.full {
			return c.miss(t, addr, k)
		}
		if s.equals(&k) {
			c.counts[s.sources]++
			return s.value
		}
	}
}

// first is the slot of a key, or where the search for it begins. Whoever sends
// packets cannot make addresses that meet in one: that would take the secrets.
func (c *Cache[V]) first(k *key) int {
	s := &c.secrets
	a, b := bits.Mul64(k.high^s[0], k.low^s[1])
	a, b = bits.Mul64(a^b^uint64(k.place)^uint64(k.as)<<32, s[2]|1)
	return int(a^b) & (len(c.slots) - 1)
}

func (c *Cache[V]) miss(t *Tables, addr netip.Addr, k key) V {
	c.misses++
	c.answer = Answer{Addr: addr}
	t.answer(&c.answer, addr.Unmap(), k.place, c.kept)
	c.scratch = c.write(c.scratch[:0], &c.answer, k.as)
	k.sources = c.answer.Sources
	c.counts[k.sources]++
	if len(c.scratch) > mostValue {
		return c.make(bytes.Clone(c.scratch))
	}
	return c.keep(k, c.scratch)
}

// keep puts the value of a text into the slots. At the limit the cache is emptied.
func (c *Cache[V]) keep(k key, text []byte) V {
	if (c.filled+1)*4 > len(c.slots)*3 {
		c.grow()
	}
	value, known := c.values[string(text)]
	if !known {
		if c.used+len(text)+valueExtra+c.overhead() > c.limit {
			c.empty()
		}
		own := bytes.Clone(text)
		value = c.make(own)
		c.values[unsafe.String(unsafe.SliceData(own), len(own))] = value
		c.used += len(text) + valueExtra
	}
	c.put(slot[V]{k, value})
	return value
}

func (c *Cache[V]) put(s slot[V]) {
	at := c.first(&s.key)
	for c.slots[at].full {
		at = (at + 1) & (len(c.slots) - 1)
	}
	c.slots[at] = s
	c.filled++
}

// overhead are the bytes of the slots, and of what is kept of the databases.
func (c *Cache[V]) overhead() int {
	return len(c.slots)*int(unsafe.Sizeof(slot[V]{})) + c.kept.bytes()
}

// begin empties the cache, for another generation.
func (c *Cache[V]) begin(t *Tables) {
	c.tables = t
	c.slots = make([]slot[V], firstSlots)
	c.empty()
	c.kept = newKeptRecords(c.limit / 16)
}

func (c *Cache[V]) empty() {
	clear(c.slots)
	c.values = map[string]V{} // cleared, it would keep its memory
	c.filled, c.used = 0, 0
}

// grow doubles the slots, where the limit has room for both for a moment.
func (c *Cache[V]) grow() {
	old := c.slots
	if c.used+c.overhead()+2*len(old)*int(unsafe.Sizeof(old[0])) > c.limit {
		c.empty()
		return
	}
	c.slots, c.filled = make([]slot[V], 2*len(old)), 0
	for i := range old {
		if old[i].full {
			c.put(old[i])
		}
	}
}

// Counts are what a cache has been asked since it was made.
type Counts struct {
	Hits, Misses uint64
	Ambiguous    uint64
	// Of addresses that got something, by who knew it.
	ServiceTags, Inventory, Networks, Geo, ASN, Threats uint64
}

// Add adds the counts of another cache.
func (n *Counts) Add(more Counts) {
	n.Hits += more.Hits
	n.Misses += more.Misses
	n.Ambiguous += more.Ambiguous
	n.ServiceTags += more.ServiceTags
	n.Inventory += more.Inventory
	n.Networks += more.Networks
	n.Geo += more.Geo
	n.ASN += more.ASN
	n.Threats += more.Threats
}

// Counts may be asked by the cache's own goroutine only.
func (c *Cache[V]) Counts() Counts {
	n := Counts{Misses: c.misses}
	of := [...]struct {
		source Sources
		count  *uint64
	}{
		{FromServiceTags, &n.ServiceTags}, {FromInventory, &n.Inventory}, {FromNetworks, &n.Networks},
		{FromGeo, &n.Geo}, {FromASN, &n.ASN}, {FromThreats, &n.Threats}, {Ambiguous, &n.Ambiguous},
	}
	all := uint64(0)
	for set, count := range c.counts {
		all += count
		for _, o := range of {
			if Sources(set)&o.source != 0 {
				*o.count += count
			}
		}
	}
	n.Hits = all - c.misses
	return n
}
