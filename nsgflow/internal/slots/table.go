// Package slots has the hash tables of aggregation: of numbers by their hash, and
// of ports. They are open: what does not find its home free stands behind it.
//
// With Go's maps in the place of these, aggregation takes 12 % more in sum, and up
// to 44 % where many ports are counted.
package slots

import "math/bits"

// Table is a hash table. The upper bits of what stands in a slot say where its home
// is, and it stands there or in one of the slots behind. 0 is free.
type Table struct {
	All   []uint64 // a power of two, at least a quarter of them free
	shift int      // of a hash, to its home
	used  int
}

// Reset makes all free, and room for so many.
func (s *Table) Reset(room int) {
	size := 1 << bits.Len(uint(room+room/2+7))
	if size > cap(s.All) {
		s.All = make([]uint64, size)
	} else {
		s.All = s.All[:size]
		clear(s.All)
	}
	s.shift, s.used = 64-bits.TrailingZeros(uint(size)), 0
}

// Home is the slot in which a hash is at home.
func (s *Table) Home(hash uint64) int { return int(hash >> s.shift) }

// After is the slot behind another one.
func (s *Table) After(i int) int { return (i + 1) & (len(s.All) - 1) }

// Put fills a slot that is free.
func (s *Table) Put(i int, value uint64) {
	s.All[i] = value
	if s.used++; s.used > len(s.All)/4*3 {
		s.grow()
	}
}

func (s *Table) grow() {
	old := s.All
	s.All = make([]uint64, 2*len(old))
	s.shift--
	for _, value := range old {
		if value == 0 {
			continue
		}
		i := s.Home(value)
		for s.All[i] != 0 {
			i = s.After(i)
		}
		s.All[i] = value
	}
}

// Bytes are those that it keeps.
func (s *Table) Bytes() int { return 8 * cap(s.All) }
