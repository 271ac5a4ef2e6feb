package nsgflow

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"

	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// communityIDLen is the length of "1:" and 20 bytes in base64.
const communityIDLen = 2 + 28

// hasCommunityID says whether the Community ID of a flow can be told. That of
// icmp and ipv6-icmp needs type and code, which flow logs lack; that of protocols
// with ports needs both.
func (v variant) hasCommunityID() bool {
	return !v.failed && v.protocol != ProtocolUnknown && v.protocol != icmp && v.protocol != icmpv6 &&
		v.addresses != addressesMixed && !(v.protocol.hasPorts() && v.has&(hasSourcePorts|hasDestinationPorts) != 0)
}

// hasPorts says whether ports are part of the Community ID.
func (p Protocol) hasPorts() bool { return p == tcp || p == udp || p == sctp }

// appendCommunityID appends the flow's Community ID as a string: version 1 with seed 0
// (corelight/community-id-spec): the base64 of SHA-1 of both ends, the smaller
// first, so that both directions have the same. Only TCP, UDP and SCTP have
// ports in it.
func appendCommunityID(dst []byte, p *parsedTuple) []byte {
	var block [2 + 16 + 16 + 1 + 1 + 2 + 2]byte
	b := block[:2] // the seed
	from, to := p.source.v4[:], p.destination.v4[:]
	if !p.source.is4 || !p.destination.is4 {
		from, to = p.bytesOfAddresses()
	}
	fromPort, toPort := p.Source.Port, p.Destination.Port
	if c := bytes.Compare(from, to); c > 0 || c == 0 && fromPort > toPort {
		from, to, fromPort, toPort = to, from, toPort, fromPort
	}
	b = append(append(b, from...), to...)
	b = append(b, byte(p.Protocol), 0)
	if p.Protocol.hasPorts() {
		b = binary.BigEndian.AppendUint16(b, fromPort)
		b = binary.BigEndian.AppendUint16(b, toPort)
	}
	sum := sha1.Sum(b)
	return base64.StdEncoding.AppendEncode(append(append(dst, msgpack.FixStr|communityIDLen), "1:"...), sum[:])
}

// bytesOfAddresses are four or sixteen each, of which the id is made. Addresses
// that are mapped from IPv4 count as that.
func (p *parsedTuple) bytesOfAddresses() (source, destination []byte) {
	if s, ok := p.source.ipv4(p.Source); ok {
		d, _ := p.destination.ipv4(p.Destination)
		return s[:], d[:]
	}
	s, d := p.Source.Addr.As16(), p.Destination.Addr.As16()
	return s[:], d[:]
}
