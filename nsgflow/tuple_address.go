package nsgflow

import (
	"net/netip"
	"unsafe"

	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// address is a column that holds an IP address.
type address struct {
	packed [16]byte // the text as a msgpack string, of packedSize bytes
	size   uint8    // of packed; 0: the text does not fit
	text   []byte   // valid iff it does not fit
	v4     [4]byte  // valid iff is4
	is4    bool
}

// parse reads the column that starts at start. end is -1 where it does not
// hold an IP address. addr is the zero Addr for IPv4.
func (a *address) parse(line []byte, start int) (addr netip.Addr, end int) {
	if start > len(line) {
		return addr, -1
	}
	col, end := column(line, start)
	if len(col) == 0 {
		return addr, -1
	}
	// The string is not kept: an Addr without a zone holds none, and the
	// error is dropped.
	addr, err := netip.ParseAddr(unsafe.String(&col[0], len(col)))
	if err != nil || addr.Zone() != "" {
		return addr, -1
	}
	if a.is4 = addr.Is4(); a.is4 {
		a.v4, addr = addr.As4(), netip.Addr{}
	}
	if len(col) < len(a.packed) {
		a.packed[0] = msgpack.FixStr | byte(len(col))
		copy(a.packed[1:], col)
		a.size = uint8(1 + len(col))
	} else {
		a.text = col
	}
	return addr, end
}

// oneAddress says whether source and destination are the same.
func (p *parsedTuple) oneAddress() bool {
	a, b := &p.source, &p.destination
	return a.is4 == b.is4 && (a.is4 && a.v4 == b.v4 || !a.is4 && p.Source.Addr == p.Destination.Addr)
}

// addresses says which version of IP both addresses have. One that is mapped from
// IPv4 to IPv6 counts as what it is mapped from, whatever its text.
func (p *parsedTuple) addresses() addresses {
	if p.source.is4 && p.destination.is4 {
		return addressesIPv4
	}
	return p.otherAddresses()
}

// otherAddresses is addresses where not both are written as IPv4.
func (p *parsedTuple) otherAddresses() addresses {
	_, s := p.source.ipv4(p.Source)
	_, d := p.destination.ipv4(p.Destination)
	switch {
	case s && d:
		return addressesIPv4
	case !s && !d:
		return addressesIPv6
	}
	return addressesMixed
}

// ipv4 is the IPv4 address that the column holds, also as an IPv6 address that
// is mapped from it, ::ffff:192.0.2.4.
func (a *address) ipv4(e Endpoint) (v4 [4]byte, ok bool) {
	switch {
	case a.is4:
		return a.v4, true
	case e.Addr.Is4In6():
		return e.Addr.Unmap().As4(), true
	}
	return v4, false
}
