package nsgflow

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"unsafe"
)

// aggregateKey is what the flows of an aggregate have in common, exactly. Texts
// have numbers in it (keyMaker.number).
type aggregateKey [keyWords]uint64

const keyWords = 7

// keyMaker makes the keys of the flows of a record.
type keyMaker struct {
	texts   map[string]uint32 // numbers, from one on; the texts are those of the record
	most    int               // of texts in any record
	record  *record
	group   int              // that labels are of; -1: of none
	labels  [2]uint64        // ACL and rule, MAC; in their words of the key
	secrets [keyWords]uint64 // for hash: nobody who writes logs knows them
}

func newKeyMaker() (k keyMaker) {
	for i := range k.secrets {
		k.secrets[i] = rand.Uint64()
	}
	k.texts = map[string]uint32{}
	return k
}

func (k *keyMaker) beginRecord(r *record) {
	k.record, k.group = r, -1
	clear(k.texts)
}

// set makes key that of a flow of the record's group with this number.
func (k *keyMaker) set(key *aggregateKey, group int, f *parsedTuple, by Aggregate) {
	if group != k.group {
		k.beginGroup(group)
	}
	key[0], key[1] = f.source.words(f.Source)
	key[2], key[3] = f.destination.words(f.Destination)
	key[4] = k.labels[0]
	// The MAC is the record's but for NSG logs from before 2019, where each list
	// of tuples has one of its own.
	key[5] = k.labels[1] | uint64(k.code(f))
	key[6] = uint64(uint16(f.Protocol))<<32 | uint64(f.Family)<<48 | uint64(f.Direction)<<50 | uint64(f.Decision)<<52 |
		uint64(flag(f.source.is4))<<54 | uint64(flag(f.destination.is4))<<55
	switch by {
	case AggregateConnection:
		key[6] |= uint64(f.Source.Port)<<16 | uint64(f.Destination.Port)
	case AggregateService:
		key[6] |= uint64(f.Destination.Port)
	}
}

func (k *keyMaker) beginGroup(group int) {
	k.group = group
	acl, rule, mac := k.record.labels(&k.record.groups[group])
	k.labels = [2]uint64{uint64(k.number(acl))<<32 | uint64(k.number(rule)), uint64(k.number(mac)) << 32}
}

// code tells encryption codes apart: those that documents name by their
// meaning, others by their text.
func (k *keyMaker) code(f *parsedTuple) uint32 {
	if f.Encryption != EncryptionUnknown {
		return uint32(f.Encryption)
	}
	return 1<<31 | k.number(f.encryptionCode)
}

// words are an address as numbers.
func (a *address) words(e Endpoint) (high, low uint64) {
	if a.is4 {
		return 0, uint64(binary.BigEndian.Uint32(a.v4[:]))
	}
	b := e.Addr.As16()
	return binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// hash spreads keys. Whoever writes the logs cannot make keys that meet: that
// would take the secrets.
func (k *keyMaker) hash(key *aggregateKey) uint64 {
	s := &k.secrets
	h := fold(key[0]^s[0], key[1]^s[1]) ^ fold(key[2]^s[2], key[3]^s[3]) ^ fold(key[4]^s[4], key[5]^s[5])
	return fold(h^key[6], s[6]|1)
}

func fold(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}

// bytes are those of the numbers of texts: a Go map keeps its room.
func (k *keyMaker) bytes() int { return bytesOfText * k.most }

const bytesOfText = 64 // that a map takes for a text and a number, or less

// release lets go of the source record's memory.
func (k *keyMaker) release() {
	k.record, k.group = nil, -1
	clear(k.texts)
}

// number is the number of a text in the record: 0 for no text.
func (k *keyMaker) number(text []byte) uint32 {
	if len(text) == 0 {
		return 0
	}
	n := k.texts[string(text)]
	if n == 0 {
		n = uint32(len(k.texts) + 1)
		k.texts[unsafe.String(&text[0], len(text))] = n // until release
		k.most = max(k.most, len(k.texts))
	}
	return n
}
