package nsgflow

import (
	"math/rand/v2"
	"testing"
)

// Events of one key have one variant, and events of one variant one key: neither
// has anything that the other lacks.
func TestKeys(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	keys, variants := map[variant]uint64{}, map[uint64]variant{}
	counter := func() Counter { return Counter(r.IntN(2) - 1) }
	for range 200_000 {
		f := parsedTuple{}
		f.Family, f.Decision, f.State = Family(r.IntN(2)), Decision(r.IntN(3)), State(r.IntN(int(stateCount)))
		f.Direction, f.Encryption = Direction(r.IntN(3)), Encryption(r.IntN(int(Fallback)+1))
		f.Protocol = [...]Protocol{ProtocolUnknown, 0, tcp, 255}[r.IntN(4)]
		f.source.is4, f.destination.is4 = r.IntN(2) > 0, r.IntN(2) > 0
		f.Source.Packets, f.Source.Bytes, f.Destination.Packets, f.Destination.Bytes = counter(), counter(), counter(), counter()
		f.encryptionCode = make([]byte, r.IntN(2))
		e := event{flow: &f}
		var key uint64
		switch r.IntN(3) {
		case 0:
			e.err = "wrong"
			key = keyOfError(f.Family)
		case 1:
			ports := [2]uint32{uint32(r.IntN(2) + 1), uint32(r.IntN(2) + 1)}
			e.aggregate = &aggregate{by: Aggregate(r.IntN(3) + 1), tuples: uint32(r.IntN(2) + 1), ports: ports}
			key = keyOf(&f) | keyOfAggregate(e.aggregate)
		default:
			key = keyOf(&f)
		}
		if r.IntN(2) > 0 {
			key |= hasTime
		}
		v := e.variant(f.Family, uint8(key))
		if known, is := keys[v]; is && known != key {
			t.Fatalf("%+v has the keys %x and %x", v, known, key)
		}
		if known, is := variants[key]; is && known != v {
			t.Fatalf("%x is the key of %+v and of %+v", key, known, v)
		}
		keys[v], variants[key] = key, v
	}
	if len(keys) < 30_000 {
		t.Errorf("%d variants were drawn", len(keys))
	}
}
