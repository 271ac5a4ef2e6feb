package context

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"unsafe"
)

// Cache keeps what a writer has made of answers, for one goroutine. A hit
// allocates nothing. A new generation empties it.
type Cache[V any] struct {
	write func(*Answer) (value V, bytes int)
	limit int

	number  uint64 // of the generation
	slots   []slot[V]
	filled  int // slots, at most three quarters of them
	used    int // bytes of values
	secrets [3]uint64
	kept    keptRecords
	answer  Answer

	misses uint64
	counts [sourceSets]uint64 // answers, by who knew something
}

// slot is an address seen from a place, and what was made of its answer. The zero
// value is free.
type slot[V any] struct {
	high, low uint64
	place     uint32
	sources   Sources
	full      bool
	value     V
}

const (
	firstSlots = 1024
	valueExtra = 32      // bytes that an allocation costs, or less
	mostValue  = 4 << 10 // bytes; longer ones are not kept
)

// NewCache makes a cache of at most limit bytes. write makes a value of an
// answer, which is not valid after the call, and says how many bytes it has beside
// itself.
func NewCache[V any](limit int, write func(*Answer) (value V, bytes int)) *Cache[V] {
	c := &Cache[V]{write: write, limit: limit}
	for i := range c.secrets {
		c.secrets[i] = rand.Uint64()
	}
	return c
}

// Get is the value for an address of a record of this origin, by these tables. What it
// points to is not to be changed.
func (c *Cache[V]) Get(t *Tables, addr netip.Addr, o *Origin) V {
	if c.number != t.number {
		c.begin(t)
	}
	if addr.Is4In6() {
		addr = addr.Unmap()
	}
	place := t.placeFor(addr, o)
	var high, low uint64
	if addr.Is4() {
		b := addr.As4()
		low = 0xffff<<32 | uint64(binary.BigEndian.Uint32(b[:]))
	} else {
		b := addr.As16()
		high, low = binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	}
	for at := c.first(high, low, place); ; at = (at + 1) & (len(c.slots) - 1) {
		s := &c.slots[at]
		if !s.full {
			return c.miss(t, addr, slot[V]{high: high, low: low, place: place})
		}
		if s.low == low && s.high == high && s.place == place {
			c.counts[s.sources]++
			return s.value
		}
	}
}

// first is the slot of a key, or where the search for it begins. Whoever sends
// packets cannot make addresses that meet in one: that would take the secrets.
func (c *Cache[V]) first(high, low uint64, place uint32) int {
	s := &c.secrets
	a, b := bits.Mul64(high^s[0], low^s[1])
	a, b = bits.Mul64(a^b^uint64(place), s[2]|1)
	return int(a^b) & (len(c.slots) - 1)
}

func (c *Cache[V]) miss(t *Tables, addr netip.Addr, s slot[V]) V {
	c.misses++
	c.answer = Answer{}
	t.answer(&c.answer, addr, s.place, c.kept)
	value, bytes := c.write(&c.answer)
	s.value, s.sources, s.full = value, c.answer.Sources, true
	c.counts[s.sources]++
	if bytes <= mostValue {
		c.keep(s, bytes+valueExtra)
	}
	return s.value
}

// keep puts a value into the slots. At the limit the cache is emptied.
func (c *Cache[V]) keep(s slot[V], bytes int) {
	if (c.filled+1)*4 > len(c.slots)*3 {
		c.grow()
	}
	if c.used+bytes+c.overhead() > c.limit {
		c.empty()
	}
	c.put(s)
	c.used += bytes
}

func (c *Cache[V]) put(s slot[V]) {
	at := c.first(s.high, s.low, s.place)
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
	c.number = t.number
	c.slots = make([]slot[V], firstSlots)
	c.filled, c.used = 0, 0
	c.kept = newKeptRecords(c.limit / 16)
}

func (c *Cache[V]) empty() {
	clear(c.slots)
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
