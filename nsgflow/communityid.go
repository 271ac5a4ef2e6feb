package nsgflow

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
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
	a, z := f.Source.v4[:], f.Destination.v4[:]
	if !f.Source.is4 {
		x, y := f.Source.Addr.As16(), f.Destination.Addr.As16()
		a, z = x[:], y[:]
	}
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

// communityIDs remembers ids of IPv4 flows: each has a tuple when it begins,
// every five minutes, and when it ends.
type communityIDs [256]struct {
	flow [14]byte // addresses, ports, protocol; all zero: none yet
	id   [communityIDLen]byte
}

func (c *communityIDs) write(dst *[communityIDLen]byte, f *Flow) {
	if !f.Source.is4 {
		appendCommunityID(dst[:0], f)
		return
	}
	const spread = 0x9E3779B1 // 2^32 by the golden ratio
	ports := uint32(f.Source.Port)<<16 | uint32(f.Destination.Port)
	var flow [14]byte
	copy(flow[0:], f.Source.v4[:])
	copy(flow[4:], f.Destination.v4[:])
	binary.BigEndian.PutUint32(flow[8:], ports)
	binary.BigEndian.PutUint16(flow[12:], uint16(f.Protocol)|1<<15)
	kept := &c[ports*spread>>24]
	if kept.flow != flow {
		kept.flow = flow
		appendCommunityID(kept.id[:0], f)
	}
	*dst = kept.id
}
