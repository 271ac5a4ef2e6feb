package nsgflow

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"math/rand/v2"
)

// aggregateKey is what the flows of an aggregate have in common, exactly. Texts
// have numbers in it: see texts.
type aggregateKey [keyWords]uint64

const keyWords = 7

// keyMaker makes the keys of the flows of a record.
type keyMaker struct {
	texts   texts
	record  *record
	group   int              // that names are of; -1: of none
	names   [2]uint64        // ACL and rule, MAC; in their words of the key
	secrets [keyWords]uint64 // for hash: nobody who writes logs knows them
}

func newKeyMaker() (k keyMaker) {
	for i := range k.secrets {
		k.secrets[i] = rand.Uint64()
	}
	k.texts.seed = maphash.MakeSeed()
	return k
}

func (k *keyMaker) beginRecord(r *record) {
	k.record, k.group = r, -1
	k.texts.reset()
}

// set makes key that of a flow of the record's group with this number.
func (k *keyMaker) set(key *aggregateKey, group int, f *parsedTuple, by Aggregate) {
	if group != k.group {
		k.beginGroup(group)
	}
	key[0], key[1] = f.source.words(f.Source)
	key[2], key[3] = f.destination.words(f.Destination)
	key[4] = k.names[0]
	// The MAC is the record's but for NSG logs from before 2019, where each list
	// of tuples has one of its own.
	key[5] = k.names[1] | uint64(k.code(f))
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
	acl, rule, mac := k.record.names(&k.record.groups[group])
	k.names = [2]uint64{uint64(k.texts.number(acl))<<32 | uint64(k.texts.number(rule)), uint64(k.texts.number(mac)) << 32}
}

// code tells encryption codes apart: those that documents name by their
// meaning, others by their text.
func (k *keyMaker) code(f *parsedTuple) uint32 {
	if f.Encryption != EncryptionUnknown {
		return uint32(f.Encryption)
	}
	return 1<<31 | k.texts.number(f.encryptionCode)
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

func (k *keyMaker) bytes() int { return k.texts.index.bytes() + 24*cap(k.texts.all) }

// release lets go of the source record's memory.
func (k *keyMaker) release() {
	k.record, k.group = nil, -1
	k.texts.reset()
}

// texts gives numbers to texts, as many as there are different ones. Their
// memory is not its own.
type texts struct {
	seed  maphash.Seed
	index slots
	all   [][]byte
}

func (t *texts) reset() {
	clear(t.all)
	t.all = t.all[:0]
	if t.index.used > 0 || len(t.index.all) == 0 {
		t.index.reset(8)
	}
}

// number is 0 for no text.
func (t *texts) number(text []byte) uint32 {
	if len(text) == 0 {
		return 0
	}
	hash := maphash.Bytes(t.seed, text)
	i := t.index.home(hash)
	for ; t.index.all[i] != 0; i = t.index.after(i) {
		if n, same := numberIn(t.index.all[i], hash); same && bytes.Equal(t.all[n], text) {
			return uint32(n + 1)
		}
	}
	t.index.put(i, numbered(hash, len(t.all)))
	t.all = append(t.all, text)
	return uint32(len(t.all))
}
