package context

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"strings"
)

// point is an address as a number that begins at the upper end: IPv4 has the
// upper 32 bits of high. Families are never compared.
type point struct{ high, low uint64 }

func pointOf(addr netip.Addr) point {
	if addr.Is4() {
		b := addr.As4()
		return point{high: uint64(binary.BigEndian.Uint32(b[:])) << 32}
	}
	b := addr.As16()
	return point{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (p point) compare(q point) int {
	return cmp.Or(cmp.Compare(p.high, q.high), cmp.Compare(p.low, q.low))
}

// maskOf has as many ones, from the upper end.
func maskOf(length int) point {
	if length <= 64 {
		return point{high: ^uint64(0) << (64 - length)}
	}
	return point{^uint64(0), ^uint64(0) << (128 - length)}
}

// entry is a prefix with a value, for a table.
type entry struct {
	first point
	value uint32
	// rank has the place among the entries in its upper 24 bits, which is more than
	// a reader takes, and the prefix's length in its lower 8.
	rank uint32
}

func (e *entry) length() int { return int(e.rank & 0xff) }

// prefixList are the entries of a table to be.
type prefixList struct{ v4, v6 []entry }

// add takes a prefix up; it is in canonical form, and unmapped.
func (l *prefixList) add(p netip.Prefix, value uint32) {
	to := &l.v6
	if p.Addr().Is4() {
		to = &l.v4
	}
	*to = append(*to, entry{pointOf(p.Addr()), value, uint32(len(*to))<<8 | uint32(p.Bits())})
}

func (l *prefixList) len() int { return len(l.v4) + len(l.v6) }

// prefixTable finds the value of the longest prefix that contains an address.
// It is immutable. The zero value is empty.
type prefixTable struct {
	// Ranges are sorted, and reach to the next one. Value 0 is none. IPv4:
	starts []uint32
	values []uint32
	// index has, by the upper 16 bits of an address, the first range that starts
	// at them or behind. Small tables have none.
	index []uint32

	// IPv6:
	high, low []uint64
	values6   []uint32
}

const indexFrom = 4096 // ranges; the index has 65,537 numbers

// table makes a table of the list, which it sorts. value is asked once for each
// distinct prefix, outer ones first: own are the values of its entries, in the
// order in which they were added, and outer is the value of the prefix around it,
// 0 where there is none.
func (l *prefixList) table(value func(p netip.Prefix, own []uint32, outer uint32) uint32) *prefixTable {
	t := &prefixTable{}
	for r := range rangesOf(l.v4, 32, value) {
		t.starts = append(t.starts, uint32(r.first.high>>32))
		t.values = append(t.values, r.value)
	}
	for r := range rangesOf(l.v6, 128, value) {
		t.high = append(t.high, r.first.high)
		t.low = append(t.low, r.first.low)
		t.values6 = append(t.values6, r.value)
	}
	// Copies give back the room that append has left.
	t.starts, t.values = slices.Clone(t.starts), slices.Clone(t.values)
	t.high, t.low, t.values6 = slices.Clone(t.high), slices.Clone(t.low), slices.Clone(t.values6)
	if len(t.starts) >= indexFrom {
		t.index = make([]uint32, 1<<16+1)
		at := 0
		for head := range t.index {
			for at < len(t.starts) && t.starts[at]>>16 < uint32(head) {
				at++
			}
			t.index[head] = uint32(at)
		}
	}
	return t
}

// longest is the value of a table in which the first entry of a prefix counts.
func longest(_ netip.Prefix, own []uint32, _ uint32) uint32 { return own[0] }

// span is a range of addresses, up to the next one.
type span struct {
	first point
	value uint32
}

// rangesOf gives the ranges of prefixes of one family, whose addresses have so
// many bits. Neighbours with one value are one.
func rangesOf(entries []entry, width int, value func(netip.Prefix, []uint32, uint32) uint32) func(yield func(span) bool) {
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(a.first.compare(b.first), cmp.Compare(a.length(), b.length()), cmp.Compare(a.rank, b.rank))
	})
	return func(yield func(span) bool) {
		type open struct {
			last  point
			value uint32
		}
		var stack []open
		var own []uint32
		pending, any := span{}, false
		emit := func(first point, v uint32) {
			switch {
			case any && pending.first == first:
				pending.value = v
			case any && pending.value == v:
			default:
				if any {
					yield(pending)
				}
				pending, any = span{first, v}, true
			}
		}
		outer := func() uint32 {
			if len(stack) == 0 {
				return 0
			}
			return stack[len(stack)-1].value
		}
		closeUntil := func(first point, all bool) {
			for len(stack) > 0 && (all || stack[len(stack)-1].last.compare(first) < 0) {
				last := stack[len(stack)-1].last
				stack = stack[:len(stack)-1]
				if next, ok := last.next(width); ok {
					emit(next, outer())
				}
			}
		}
		if len(entries) > 0 {
			emit(point{}, 0)
		}
		for i := 0; i < len(entries); {
			e := entries[i]
			own = own[:0]
			for ; i < len(entries) && entries[i].first == e.first && entries[i].length() == e.length(); i++ {
				own = append(own, entries[i].value)
			}
			closeUntil(e.first, false)
			v := value(e.prefix(width), own, outer())
			emit(e.first, v)
			mask := maskOf(e.length())
			stack = append(stack, open{point{e.first.high | ^mask.high, e.first.low | ^mask.low}, v})
		}
		closeUntil(point{}, true)
		if any {
			yield(pending)
		}
	}
}

// next is the point behind the last one of a prefix; not ok where there is none.
func (p point) next(width int) (next point, ok bool) {
	if width == 32 {
		next = point{high: (p.high>>32 + 1) << 32}
		return next, next.high != 0
	}
	low, carry := bits.Add64(p.low, 1, 0)
	high, over := bits.Add64(p.high, 0, carry)
	return point{high, low}, over == 0
}

func (e *entry) prefix(width int) netip.Prefix {
	return netip.PrefixFrom(e.first.addr(width), e.length())
}

func (p point) addr(width int) netip.Addr {
	if width == 32 {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(p.high>>32))
		return netip.AddrFrom4(b)
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], p.high)
	binary.BigEndian.PutUint64(b[8:], p.low)
	return netip.AddrFrom16(b)
}

// at is the value for an address, unmapped. 0: no prefix contains it. A nil table
// is empty.
func (t *prefixTable) at(addr netip.Addr) uint32 {
	switch {
	case t == nil:
		return 0
	case addr.Is4():
		return t.at4(addr)
	}
	return t.at6(pointOf(addr))
}

func (t *prefixTable) at4(addr netip.Addr) uint32 {
	b := addr.As4()
	a := binary.BigEndian.Uint32(b[:])
	from, to := 0, len(t.starts)
	if t.index != nil {
		from, to = int(t.index[a>>16]), int(t.index[a>>16+1])
	}
	for from < to {
		if middle := int(uint(from+to) >> 1); t.starts[middle] <= a {
			from = middle + 1
		} else {
			to = middle
		}
	}
	if from == 0 {
		return 0
	}
	return t.values[from-1]
}

func (t *prefixTable) at6(p point) uint32 {
	from, to := 0, len(t.high)
	for from < to {
		middle := int(uint(from+to) >> 1)
		if high := t.high[middle]; high < p.high || high == p.high && t.low[middle] <= p.low {
			from = middle + 1
		} else {
			to = middle
		}
	}
	if from == 0 {
		return 0
	}
	return t.values6[from-1]
}

// parsePrefix reads an address or a prefix. IPv4 that is mapped to IPv6 is IPv4,
// and bits behind the prefix's length are cleared.
func parsePrefix(text string) (p netip.Prefix, err error) {
	if strings.IndexByte(text, '/') < 0 {
		addr, err := netip.ParseAddr(text)
		if err != nil || addr.Zone() != "" {
			return p, fmt.Errorf("%s: no IP address and no prefix", quote(text))
		}
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err = netip.ParsePrefix(text)
	if err != nil {
		return p, fmt.Errorf("%s: no IP address and no prefix", quote(text))
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}

// prefixesOf reads an address, a prefix, or a range a-b, which is several
// prefixes.
func prefixesOf(text string) ([]netip.Prefix, error) {
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		p, err := parsePrefix(text)
		return []netip.Prefix{p}, err
	}
	a, errA := netip.ParseAddr(first)
	b, errB := netip.ParseAddr(last)
	a, b = a.Unmap(), b.Unmap()
	if errA != nil || errB != nil || a.Zone()+b.Zone() != "" || a.Is4() != b.Is4() || b.Less(a) {
		return nil, fmt.Errorf("%s: no IP address and no prefix", quote(text))
	}
	fits := func(length int) bool {
		p := netip.PrefixFrom(a, length)
		return p.Masked().Addr() == a && lastOf(p).Compare(b) <= 0
	}
	var all []netip.Prefix
	for length := a.BitLen(); ; {
		// The longest step that begins at a and does not pass b. Steps become longer,
		// then shorter.
		for !fits(length) {
			length++
		}
		for length > 0 && fits(length-1) {
			length--
		}
		p := netip.PrefixFrom(a, length)
		all = append(all, p)
		last := lastOf(p)
		if last == b {
			return all, nil
		}
		a = last.Next()
	}
}

// lastOf is the last address of a prefix in canonical form.
func lastOf(p netip.Prefix) netip.Addr {
	first, mask := pointOf(p.Addr()), maskOf(p.Bits())
	return point{first.high | ^mask.high, first.low | ^mask.low}.addr(p.Addr().BitLen())
}
