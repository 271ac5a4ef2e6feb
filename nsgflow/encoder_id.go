package nsgflow

import (
	"encoding/base64"
	"encoding/binary"

	"fluent-bit-nsgflow/nsgflow/internal/msgpack"

	"github.com/zeebo/xxh3"
)

// eventIDLen is the length of 16 bytes in base64 without padding.
const eventIDLen = 22

// eventID makes event ids: the same record read twice gives the same ones;
// different flows, and equal tuples of one record, never share one, and neither
// do a flow and aggregates that begin with it. Records that are cut from one
// minute have time, resource, MAC and rule in common, so the texts of all tuples
// of a record count. Equal records, and so equal flattened or denormalised ones,
// have equal ids: that is the purpose.
type eventID struct {
	record [16]byte
	group  xxh3.Uint128
	buffer []byte
}

// appendPart appends t so that no two lists of parts make the same bytes.
func appendPart(dst []byte, t []byte) []byte {
	return binary.LittleEndian.AppendUint32(append(dst, t...), uint32(len(t)))
}

// beginRecord takes up a record.
func (id *eventID) beginRecord(r *record) {
	b := id.buffer[:0]
	for _, f := range [...]recordField{fieldTime, fieldResourceID, fieldTargetResourceID, fieldFlowLogResourceID, fieldMAC} {
		b = appendPart(b, r.fields[f])
	}
	b = appendPart(b, r.line)
	for i := range r.tuples {
		b = appendPart(b, r.tuples[i].Text)
	}
	id.record = xxh3.Hash128(b).Bytes()
	id.buffer = b
}

// beginGroup takes up the group with the given index in its record.
func (id *eventID) beginGroup(index int, acl, rule, mac []byte) {
	b := append(id.buffer[:0], id.record[:]...)
	b = binary.LittleEndian.AppendUint32(b, uint32(index))
	for _, t := range [...][]byte{acl, rule, mac} {
		b = appendPart(b, t)
	}
	id.group = xxh3.Hash128(b)
	id.buffer = b
}

// append appends the id of an event of the group as a string: place tells it
// from the others, and t is its tuple. Half of the group's hash goes in as the
// seed, the other half into the result.
func (id *eventID) append(dst []byte, place uint64, t []byte) []byte {
	const spread = 0x9E3779B97F4A7C15 // 2^64 by the golden ratio
	sum := xxh3.Hash128Seed(t, id.group.Lo+place*spread)
	sum.Hi ^= id.group.Hi
	b := sum.Bytes()
	return base64.RawURLEncoding.AppendEncode(append(dst, msgpack.FixStr|eventIDLen), b[:])
}
