package nsgflow

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"net/netip"
)

// communityIDLen is the length of "1:" and 20 bytes in base64.
const communityIDLen = 2 + 28

const (
	icmp   = 1
	tcp    = 6
	udp    = 17
	icmpv6 = 58
	sctp   = 132
)

// hasCommunityID says whether the Community ID of a flow can be told. That of
// icmp and ipv6-icmp needs type and code, which flow logs lack.
func (v variant) hasCommunityID() bool {
	return !v.failed && v.protocol != ProtocolUnknown && v.protocol != icmp && v.protocol != icmpv6 &&
		v.addresses != addressesMixed
}

// appendCommunityID appends the flow's Community ID, version 1 with seed 0
// (corelight/community-id-spec): the base64 of SHA-1 of both ends, the smaller
// first, so that both directions have the same. Only TCP, UDP and SCTP have
// ports in it.
func appendCommunityID(dst []byte, f *Flow) []byte {
	var block [2 + 16 + 16 + 1 + 1 + 2 + 2]byte
	b := block[:2] // the seed
	var x, y [16]byte
	from := 0
	if f.Source.Addr.Is4() {
		from = 12
	}
	x, y = f.Source.Addr.As16(), f.Destination.Addr.As16()
	a, z := x[from:], y[from:]
	p, q := f.Source.Port, f.Destination.Port
	if c := bytes.Compare(a, z); c > 0 || c == 0 && p > q {
		a, z, p, q = z, a, q, p
	}
	b = append(append(b, a...), z...)
	b = append(b, byte(f.Protocol), 0)
	if f.Protocol == tcp || f.Protocol == udp || f.Protocol == sctp {
		b = binary.BigEndian.AppendUint16(b, p)
		b = binary.BigEndian.AppendUint16(b, q)
	}
	sum := sha1.Sum(b)
	return base64.StdEncoding.AppendEncode(append(dst, "1:"...), sum[:])
}

// communityIDs remembers ids: a flow has a tuple when it begins, every five
// minutes, and when it ends.
type communityIDs [256]struct {
	source, destination netip.AddrPort
	protocol            Protocol
	id                  [communityIDLen]byte
}

func (c *communityIDs) append(dst []byte, f *Flow) []byte {
	const spread = 0x9E3779B1 // 2^32 by the golden ratio
	kept := &c[(uint32(f.Source.Port)<<16|uint32(f.Destination.Port))*spread>>24]
	source := netip.AddrPortFrom(f.Source.Addr, f.Source.Port)
	destination := netip.AddrPortFrom(f.Destination.Addr, f.Destination.Port)
	if kept.source != source || kept.destination != destination || kept.protocol != f.Protocol {
		appendCommunityID(kept.id[:0], f)
		kept.source, kept.destination, kept.protocol = source, destination, f.Protocol
	}
	return append(dst, kept.id[:]...)
}
