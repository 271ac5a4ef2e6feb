package context

import (
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"unsafe"
)

// Cache keeps what a writer has made of answers, for one goroutine. A hit
// allocates nothing. A new generation empties it.
type Cache[V any] struct {
	write func(a *Answer, as uint8) (value V, bytes int)
	limit int

	tables  *Tables // of which the values are
	slots   []slot[V]
	filled  int // slots, at most three quarters of them
	used    int // bytes of values
	secrets [3]uint64
	kept    keptRecords
	answer  Answer

	misses uint64
	counts [sourceSets]uint64 // answers, by who knew something
}

// slot is an address seen from a place, and what was made of its answer. The zero value
// is free.
type slot[V any] struct {
	key
	sources Sources
	full    bool
	value   V
}

// key is what values are kept by. An IPv4 address written as IPv6 has one of its own: it
// is written as it came.
type key struct {
	point
	place uint32
	as    uint8 // see Get
	is4   bool
}

const (
	firstSlots = 1024
	valueExtra = 32       // bytes that an allocation costs, or less
	mostValue  = 16 << 10 // bytes; longer ones are not kept
)

// NewCache makes a cache of at most limit bytes. write makes a value of an answer, and
// says how many bytes it has beside itself. as is the one that Get was called with. The
// answer is not valid after the call.
func NewCache[V any](limit int, write func(a *Answer, as uint8) (value V, bytes int)) *Cache[V] {
	c := &Cache[V]{write: write, limit: limit}
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
	k := key{point: pointOf(addr), as: as, is4: addr.Is4()}
	if o.place != 0 && (t.byPlace || !k.isSurelyPublic(k.is4)) {
		k.place = o.place // else the answer is the same for all
	}
	for at := c.first(&k); ; at = (at + 1) & (len(c.slots) - 1) {
		s := &c.slots[at]
		if !s.full {
			return c.miss(t, addr, k)
		}
		if s.key == k {
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
	s := slot[V]{key: k, full: true}
	c.misses++
	c.answer = Answer{Addr: addr}
	t.answer(&c.answer, addr.Unmap(), s.place, c.kept)
	value, bytes := c.write(&c.answer, s.as)
	s.value, s.sources = value, c.answer.Sources
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
