package context

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"unsafe"

	"fluent-bit-nsgflow/nsgflow/internal/prefetch"
)

// Cache keeps what a writer has made of answers, for one goroutine. A hit
// allocates nothing. A new generation empties it.
type Cache[V any] struct {
	write   func(dst []byte, a *Answer, as uint8) []byte
	valueOf func(text []byte) V
	limit   int

	tables  *Tables // of which the values are
	slots   []slot[V]
	filled  int          // slots, at most three quarters of them
	values  map[string]V // by their texts: addresses of one prefix have one value
	used    int          // bytes of values
	secrets [3]uint64
	kept    keptRecords
	answer  Answer
	scratch []byte

	round  uint64 // see Round
	misses uint64
	counts [sourceSets]uint64 // answers, by who knew something
}

// Address is an IP address as a cache looks for it. An IPv4 address written as IPv6 is
// another one: it is written as it came.
type Address struct {
	point
	family uint8 // 4 or 6
}

// AddressOf is the address without its zone.
func AddressOf(addr netip.Addr) Address {
	if addr.Is4() {
		return AddressFrom4(addr.As4())
	}
	return Address{pointOf(addr), 6}
}

// AddressFrom4 is an IPv4 address.
func AddressFrom4(a [4]byte) Address {
	return Address{point{high: uint64(binary.BigEndian.Uint32(a[:])) << 32}, 4}
}

// slot is an address seen from a place, and what was made of its answer. The zero value
// is free. With a pointer for a value it has half a line of the processor's cache
// (TestCacheSlots).
type slot[V any] struct {
	point
	place   uint32
	family  uint8 // of Address
	as      uint8 // see Get
	sources Sources
	value   V
}

const (
	firstSlots = 1024
	valueExtra = 64       // bytes that a value costs beside its text: a place in the map
	mostValue  = 16 << 10 // bytes; longer ones are not kept
)

// NewCache makes a cache of at most limit bytes. write appends to dst, which is empty, a
// text with all that is wanted of an answer, which is not valid after the call; as is the
// one that Get was called with. valueOf makes the value of a text, and may hold on to it.
// Answers with one text share one value.
func NewCache[V any](limit int, write func(dst []byte, a *Answer, as uint8) []byte, valueOf func(text []byte) V) *Cache[V] {
	c := &Cache[V]{write: write, valueOf: valueOf, limit: limit}
	for i := range c.secrets {
		c.secrets[i] = rand.Uint64()
	}
	return c
}

// Get is the value for an address of a record of this origin, by these tables. as tells
// values of one address apart: those of a source and of a destination, for instance. What
// the value points to is not to be changed.
func (c *Cache[V]) Get(t *Tables, a Address, o *Origin, as uint8) V {
	if c.tables != t {
		c.begin(t)
	}
	place := t.placeFor(a, o)
	for at := c.first(a.point, place, as); ; at = (at + 1) & (len(c.slots) - 1) {
		s := &c.slots[at]
		if s.point == a.point && s.place == place && s.as == as && s.family == a.family {
			c.Again(s.sources)
			return s.value
		}
		if s.family == 0 {
			return c.miss(slot[V]{point: a.point, family: a.family, as: as, place: place})
		}
	}
}

// Again counts an answer as Get does, for one who has kept its value and does not ask.
func (c *Cache[V]) Again(sources Sources) { c.counts[sources]++ }

// Expect says that Get is about to be called with these: what it needs is fetched from
// memory meanwhile.
func (c *Cache[V]) Expect(t *Tables, a Address, o *Origin, as uint8) {
	if c.tables == t {
		at := c.first(a.point, t.placeFor(a, o), as)
		prefetch.Line(unsafe.Pointer(&c.slots[at]))
		prefetch.Line(unsafe.Pointer(&c.slots[(at+1)&(len(c.slots)-1)])) // where the search goes on
	}
}

// placeFor is the place that an address is seen from: 0 where the answer is the same for
// all.
func (t *Tables) placeFor(a Address, o *Origin) uint32 {
	if t.byPlace || !a.isSurelyPublic(a.family == 4) {
		return o.place
	}
	return 0
}

// first is the slot of an address, or where the search for it begins. Whoever sends
// packets cannot make addresses that meet in one: that would take the secrets.
func (c *Cache[V]) first(p point, place uint32, as uint8) int {
	s := &c.secrets
	a, b := bits.Mul64(p.high^s[0], p.low^s[1])
	a, b = bits.Mul64(a^b^uint64(place)^uint64(as)<<32, s[2]|1)
	return int(a^b) & (len(c.slots) - 1)
}

// miss fills a slot.
func (c *Cache[V]) miss(s slot[V]) V {
	c.misses++
	addr := Address{s.point, s.family}.addr()
	c.answer = Answer{Addr: addr}
	c.tables.answer(&c.answer, addr.Unmap(), s.place, c.kept)
	c.scratch = c.write(c.scratch[:0], &c.answer, s.as)
	s.sources = c.answer.Sources
	c.Again(s.sources)
	if len(c.scratch) > mostValue {
		return c.valueOf(bytes.Clone(c.scratch))
	}
	return c.keep(s, c.scratch)
}

func (a Address) addr() netip.Addr {
	if a.family == 4 {
		return a.point.addr(32)
	}
	return a.point.addr(128)
}

// keep puts the value of a text into the slots. At the limit the cache is emptied.
func (c *Cache[V]) keep(s slot[V], text []byte) V {
	if (c.filled+1)*4 > len(c.slots)*3 {
		c.grow()
	}
	value, known := c.values[string(text)]
	if !known {
		own := bytes.Clone(text)
		size := cap(own) + valueExtra
		if c.used+size+c.overhead() > c.limit {
			c.empty()
		}
		value = c.valueOf(own)
		c.values[unsafe.String(unsafe.SliceData(own), len(own))] = value
		c.used += size
	}
	s.value = value
	c.put(s)
	return value
}

func (c *Cache[V]) put(s slot[V]) {
	at := c.first(s.point, s.place, s.as)
	for c.slots[at].family != 0 {
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
	c.round++
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
		if old[i].family != 0 {
			c.put(old[i])
		}
	}
}

// Round changes when the cache is emptied: values are made anew then.
func (c *Cache[V]) Round() uint64 { return c.round }

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
