package nsgflow

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// once is a value without repeated text keys: the last one counts, at its place.
func once(v []byte) []byte {
	if !msgpack.IsMap(v) {
		return v
	}
	rest, n := msgpack.Entries(v)
	type kv struct{ k, v []byte }
	var all []kv
	for range n {
		var e kv
		e.k, rest = msgpack.Cut(rest)
		e.v, rest = msgpack.Cut(rest)
		all = append(all, e)
	}
	var out []byte
	count := 0
	for i, e := range all {
		t, ok := msgpack.StringOf(e.k)
		again := false
		for _, l := range all[i+1:] {
			u, is := msgpack.StringOf(l.k)
			again = again || ok && is && bytes.Equal(t, u)
		}
		if !again {
			if ok {
				out = msgpack.AppendText(out, t) // shortest header
			} else {
				out = append(out, e.k...)
			}
			out = append(out, once(e.v)...)
			count++
		}
	}
	return append(msgpack.AppendMapHeader(nil, count), out...)
}

func key(r *rand.Rand, s string) []byte {
	n := len(s)
	switch r.IntN(6) {
	case 0:
		return append([]byte{0xd9, byte(n)}, s...)
	case 1:
		return append([]byte{0xda, 0, byte(n)}, s...)
	case 2:
		return append([]byte{0xdb, 0, 0, 0, byte(n)}, s...)
	}
	return msgpack.AppendString(nil, s)
}

func mapHeader(r *rand.Rand, n int) []byte {
	switch r.IntN(5) {
	case 0:
		return []byte{0xde, 0, byte(n)}
	case 1:
		return []byte{0xdf, 0, 0, 0, byte(n)}
	}
	return msgpack.AppendMapHeader(nil, n)
}

func keysOf(n msgpack.Names) (keys []string) {
	for k := range n {
		keys = append(keys, k)
	}
	return keys
}

func wild(r *rand.Rand, names msgpack.Names, level int) (entries []byte, count int) {
	keys := keysOf(names)
	n := r.IntN(7)
	if r.IntN(30) == 0 {
		n = 20
	}
	for range n {
		var below msgpack.Names
		switch x := r.IntN(10); {
		case x == 0: // no text
			entries = append(entries, [][]byte{{7}, {0xc0}, {0xc4, 4, 'h', 'o', 's', 't'}, {0x81, 1, 2}, {0x90}, {0xca, 0, 0, 0, 0}}[r.IntN(6)]...)
		case x < 7 && len(keys) > 0 && (level > 0 || r.IntN(2) > 0):
			k := keys[r.IntN(len(keys))]
			if level == 0 && k == "message" {
				k = "event"
			}
			below = names[k]
			entries = append(entries, key(r, k)...)
		default:
			entries = append(entries, key(r, []string{"", "x", "y", "host", "name", "ip", "z.z"}[r.IntN(7)])...)
		}
		count++
		switch x := r.IntN(8); {
		case x < 5-level && level < 4:
			b, c := wild(r, below, level+1)
			entries = append(append(entries, mapHeader(r, c)...), b...)
		case x == 5:
			entries = append(entries, 0x80)
		case x == 6:
			entries = msgpack.AppendString(entries, "t")
		default:
			entries = append(entries, 0x91, 0x81, 1, 2)
		}
	}
	return entries, count
}

var wildTexts = []string{
	reservedFlows,
	`{"records":[{"message":"x","host":{"a":1}},` + reservedFlows[len(`{"records":[`):],
	strings.Repeat(`{"rule":"R","flow.0":"1741078812345,10.20.0.4,198.51.100.7,49310,443,6,O,B,NX,1,2,3,4","category":"FlowLogFlowEvent","flow.1":"1741078812346,10.20.0.4,198.51.100.7,49311,443,6,O,E,NX,1,2,3,4"}`, 2),
}

// Events with reserved fields are those without, merged with the fields, for any
// map, option and schema.
func TestReservedFieldsOfAnyKind(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("skipped: not in short")
	}
	r := rand.New(rand.NewPCG(7, 9))
	type pair struct {
		n [2]*Normalizer
		o Options
	}
	var pairs []pair
	for schema := range 2 {
		for _, ts := range []string{"@timestamp", "x", "flow_time"} {
			for _, ag := range []Aggregate{0, 1, 2} {
				for _, ex := range [][]string{nil, {"source.ip"}, {"event"}, {"log"}, {"azure.flow_log"}, {"azure"}, {"host"}, {"observer"}, {"related", "network"}} {
					o := DefaultOptions(Schema(schema))
					o.TimestampKey, o.Aggregate, o.AggregateDenied, o.ExcludeFields = ts, ag, ag, ex
					if o.Original && r.IntN(3) == 0 {
						o.Original = false
					}
					p := pair{o: o}
					continue2 := false
					for keep := range 2 {
						o.ReserveData = keep == 1
						n, err := New(o)
						if err != nil {
							continue2 = true
						}
						p.n[keep] = n
					}
					if !continue2 {
						pairs = append(pairs, p)
					}
				}
			}
		}
	}
	rounds, refusedRounds, strict, arrays := 0, 0, 0, 0
	for range 600 {
		p := pairs[r.IntN(len(pairs))]
		fields, count := wild(r, p.n[0].reserved.names, 0)
		for range 1 + r.IntN(3) {
			rounds++
			text := wildTexts[r.IntN(len(wildTexts))]
			if r.IntN(3) == 0 {
				text = strings.ReplaceAll(text, "UserRule_A", fmt.Sprint("UserRule_", r.IntN(1000)))
			}
			body := msgpack.AppendMapHeader(nil, count+1)
			body = msgpack.AppendString(msgpack.AppendString(body, "message"), text)
			body = append(body, fields...)
			theirs := append(msgpack.AppendMapHeader(nil, count), fields...)
			frame := Frame{Time: []byte{1}}
			if r.IntN(2) == 0 {
				frame.Metadata = []byte("\x81\xa1a\xa1b")
			}
			in := bytes.Clone(body)
			bare, _, ch0 := p.n[0].AppendRecord(nil, body, frame)
			got, _, ch1 := p.n[1].AppendRecord(nil, body, frame)
			if !bytes.Equal(in, body) {
				t.Fatal("input changed")
			}
			if ch0 != ch1 {
				t.Fatalf("changed %v %v", ch0, ch1)
			}
			if !ch0 {
				arrays++
				continue
			}
			var merger msgpack.Merger
			clean := once(theirs)
			hasRepeat := len(clean) != len(theirs)
			for len(bare) > 0 {
				event, rest := msgpack.Cut(bare)
				if len(got) == 0 {
					t.Fatalf("less events")
				}
				ge, grest := msgpack.Cut(got)
				_, at, _ := readFrame(event)
				_, gat, ok := readFrame(ge)
				if !ok || !bytes.Equal(event[:at], ge[:gat]) {
					t.Fatalf("frame %q %q", event, ge)
				}
				if isForeignEvent(event) {
					if !bytes.Equal(event, ge) {
						t.Fatalf("foreign %q %q", event, ge)
					}
					bare, got = rest, grest
					continue
				}
				want := merger.Append(nil, once(event[at:]), clean)
				if !hasRepeat {
					strict++
					w := merger.Append(nil, event[at:], theirs)
					if !bytes.Equal(w, ge[gat:]) && !isForeignEvent(event) {
						t.Fatalf("%+v\nfields %.1000q\n got %.3000q\nwant %.3000q", p.o, fields, ge[gat:], w)
					}
				}
				gw := once(ge[gat:])
				if size, _, ok := msgpack.Skip(ge[gat:]); !ok || size != len(ge[gat:]) {
					t.Fatalf("bad size")
				}
				if tree1(gw) != tree1(want) {
					t.Fatalf("%+v bare %.1500q\nfields %.1q\n%s", p.o, event, fields, differ(gw, want))
				}
				bare, got = rest, grest
			}
			if len(got) > 0 {
				t.Fatal("more events")
			}
		}
		_ = refusedRounds
	}
	t.Log("rounds", rounds, "strictly compared events", strict, "unchanged", arrays)
}

func isForeignEvent(e []byte) bool { return bytes.Contains(e, []byte("\xa7message\xbe{\"message\":")) }

// tree1 is a value with the keys of maps in order.
func tree1(v []byte) string { return strings.Join(lines("", v), "\n") }

func lines(path string, v []byte) (out []string) {
	if !msgpack.IsMap(v) {
		return []string{fmt.Sprintf("%s=%q", path, v)}
	}
	rest, n := msgpack.Entries(v)
	out = append(out, path+"={}")
	for range n {
		var k, x []byte
		k, rest = msgpack.Cut(rest)
		x, rest = msgpack.Cut(rest)
		name := fmt.Sprintf("%x", k)
		if t, ok := msgpack.StringOf(k); ok {
			name = string(t)
		}
		out = append(out, lines(path+"/"+name, x)...)
	}
	slices.Sort(out)
	return out
}

func differ(a, b []byte) (out string) {
	count := map[string]int{}
	for _, x := range lines("", a) {
		count[x]++
	}
	for _, x := range lines("", b) {
		count[x]--
	}
	for x, n := range count {
		if n != 0 {
			out += fmt.Sprintf("%+d %s\n", n, x)
		}
	}
	return out
}
