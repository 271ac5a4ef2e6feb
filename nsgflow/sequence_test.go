package nsgflow_test

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/test/adverse"

	"github.com/vmihailenco/msgpack/v5"
)

// known are records that everybody writes, with a rule, an ACL or a MAC, and
// what is odd: what an instance has kept of a record shows in one of them.
var known = []string{
	nsg(`"` + goodTuple + `","1607984157,192.0.2.4,198.51.100.7,36422,443,T,O,A,B,,,,","x"`),
	nsg(`"1607984156,192.0.2.5,198.51.100.7,36423,443,T,O,A,E,1,74,1,74","1607984156,192.0.2.4,198.51.100.7,36423,443,U,I,D"`),
	vnet(`"1607984156123,192.0.2.4,2001:db8::7,36422,443,6,O,E,NX,1,74,1,74","1607984156,192.0.2.4,198.51.100.7,1,2,6,O,D,ODD,,,,"`),
	`{"time":"2020-12-14T22:15:59.25Z","macAddress":"000D3AF1C27E","resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/N","category":"c","operationName":"o","version":1,"rule":"r","flow.0":"` + goodTuple + `","flow.7":"x"}`,
	`{"nsgRuleName":"r","startTime":1607984156,"sourceAddress":"192.0.2.4","destinationAddress":"198.51.100.7","sourcePort":1,"destinationPort":2}`,
	`{"records":[{"a":1},{"records":[` + vnet(`"1607984156,192.0.2.4,198.51.100.7,1,2,6,O,B,X,,,,"`) + `,7]},{"message":"flow"},` + nsg("1") + `]}`,
	`{"flow.0":"` + goodTuple + `"},{"damaged`,
	`{"records":[`,
	`{"remote":"192.0.2.44","path":"/flows"}`,
}

// knownChunk has them all in every form: as text in both fields, in both
// framings, and as maps, beside fields of their own and such as events have.
func knownChunk(t testing.TB) []byte {
	var chunk []byte
	for i, text := range known {
		for k, field := range []string{"message", "log"} {
			body := []any{"host", map[string]any{"name": "h"}, "event", map[string]any{"x": i}, field, text}
			chunk = append(append(chunk, []string{newFrame, oldFrame, metadataFrame}[(i+k)%3]...), packedPairs(t, body)...)
			chunk = append(append(chunk, newFrame...), packedPairs(t, []any{field, text})...)
		}
		if values, ok := trees(text); ok && len(values) == 1 {
			chunk = append(append(chunk, oldFrame...), packed(t, text)...)
			chunk = append(append(chunk, newFrame...), packed(t, `{"error":{"code":1},"n":[1,null],`+text[1:])...)
		}
	}
	return chunk
}

// packedPairs is a map of keys and values, in their order.
func packedPairs(t testing.TB, pairs []any) []byte {
	t.Helper()
	var b bytes.Buffer
	e := msgpack.NewEncoder(&b)
	_ = e.EncodeMapLen(len(pairs) / 2)
	for _, v := range pairs {
		if err := e.Encode(v); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// reads are the ways in which an instance is asked: with a chunk, and with each
// text in both framings.
func reads(n *nsgflow.Normalizer, chunk []byte) (all [][]byte) {
	out, changed := n.AppendChunk(nil, chunk)
	all = append(all, fmt.Append(out, changed))
	for _, text := range known {
		for _, frame := range []nsgflow.Frame{source, {Time: source.Time}, {}} {
			out, changed := n.AppendText(nil, []byte(text), frame)
			all = append(all, fmt.Append(out, changed))
		}
	}
	return all
}

// sequenceOptions are all schemas, ways to aggregate, and originals; of the schemas
// that follow from ecs, the extremes.
func sequenceOptions() (all []nsgflow.Options) {
	for s := range nsgflow.Schemas() {
		for a := range nsgflow.Aggregates() {
			for _, original := range []bool{false, true} {
				if nsgflow.Schema(s) > nsgflow.SchemaECS && (a != 0 && nsgflow.Aggregate(a) != nsgflow.AggregateService || original != (a > 0)) {
					continue
				}
				o := nsgflow.DefaultOptions(nsgflow.Schema(s))
				o.Aggregate, o.AggregateDenied, o.Original = nsgflow.Aggregate(a), nsgflow.Aggregate(a), original
				all = append(all, o)
			}
		}
	}
	return all
}

func nameOf(o nsgflow.Options) string {
	return fmt.Sprintf("%v, aggregate %v, original %v", o.Schema, o.Aggregate, o.Original)
}

func newFor(t testing.TB, o nsgflow.Options) *nsgflow.Normalizer {
	t.Helper()
	n, err := nsgflow.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// checkAlike checks that an instance that has seen something gives for the known
// records what a new one gives.
func checkAlike(t *testing.T, o nsgflow.Options, seen *nsgflow.Normalizer, after string, chunk []byte) {
	t.Helper()
	defer func() {
		if fault := recover(); fault != nil {
			t.Errorf("%s: known records after %s: panic: %v", nameOf(o), after, fault)
		}
	}()
	want, got := reads(newFor(t, o), chunk), reads(seen, chunk)
	for i := range want {
		if !bytes.Equal(want[i], got[i]) {
			t.Errorf("%s: known records after %s, reading %d:\n%s\na new instance gives\n%s", nameOf(o), after, i,
				around(got[i], want[i]), around(want[i], got[i]))
			return
		}
	}
}

// around is where a differs from b.
func around(a, b []byte) string {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return fmt.Sprintf("at %d of %d: %.200q", i, len(a), a[max(0, i-40):])
}

// Nothing carries over: after any record an instance gives for the next ones
// what a new one gives, byte for byte. Records of 64 KB are large enough to
// make an instance throw away what it has kept.
func TestSequence(t *testing.T) {
	t.Parallel()
	if nsgflow.RaceDetector {
		t.Skip("skipped: runs without the race detector")
	}
	chunk := knownChunk(t)
	for _, f := range adverse.Families {
		if !long && !f.Worst {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			large := f.Chunk(128 << 10)
			for i, o := range sequenceOptions() {
				if testing.Short() && i%6 != 1 {
					continue
				}
				n := newFor(t, o)
				func() {
					defer func() {
						if fault := recover(); fault != nil {
							t.Errorf("%s: panic: %v", nameOf(o), fault)
						}
					}()
					n.AppendChunk(nil, large)
				}()
				if checkAlike(t, o, n, f.Name, chunk); t.Failed() {
					return
				}
			}
		})
	}
}

// FuzzSequence: the record is head, so many middles and tail, as text, under a
// key, or as a map; so that the fuzzer finds large ones with a few bytes. form is
// the options, the way in which the record comes, and whether error events are
// left out, without which large records take long.
func FuzzSequence(f *testing.F) {
	for i, input := range known {
		f.Add(input, "", "", uint16(0), uint8(i*37))
	}
	for i, row := range hostile {
		if len(row.input) < 10_000 {
			f.Add(row.input, "", "", uint16(0), uint8(i*37))
		}
	}
	head, tail, _ := strings.Cut(nsg("MANY"), "MANY")
	const dropping = 64
	for i := range len(sequenceOptions()) {
		f.Add(head, `"`+goodTuple+`",`, "1"+tail, uint16(i*100), uint8(i))
		f.Add(`{"properties":{"flows":[`, `1,`, `1]}}`, uint16(i*4_000), uint8(i+dropping))
		f.Add(`{"records":[`, `{"flow.0":"x","rule":"r"},`, `0]}`, uint16(i*1_000), uint8(i+dropping))
	}
	chunk := knownChunk(f)
	all := sequenceOptions()
	f.Fuzz(func(t *testing.T, head, middle, tail string, count uint16, form uint8) {
		const most = 1 << 20
		if len(head)+len(tail)+len(middle)*int(count) > most {
			t.Skip()
		}
		text := head + strings.Repeat(middle, int(count)) + tail
		o := all[int(form)%len(all)]
		o.DropErrors = form&dropping != 0
		n := newFor(t, o)
		switch form / 16 % 4 {
		case 0:
			n.AppendText(nil, []byte(text), source)
		case 1:
			n.AppendChunk(nil, append([]byte(oldFrame), packedPairs(t, []any{"event", map[string]any{"x": "y"}, "message", text})...))
		case 2:
			if values, ok := trees(text); ok && len(values) == 1 && isExact(values[0]) {
				n.AppendChunk(nil, append([]byte(newFrame), packed(t, text)...))
			}
		default: // whatever it is: a chunk
			n.AppendChunk(nil, []byte(text))
		}
		checkAlike(t, o, n, fmt.Sprintf("%.300q", text), chunk)
	})
}

// large are records that leave much behind in one of the places where an
// instance keeps memory.
var large = []struct {
	name   string
	chunks func() [][]byte
}{
	{"nested records", func() [][]byte {
		text := `{"flow.0":"` + goodTuple + `"}`
		for range 29 { // each with as many groups as are kept
			text = `{"properties":{"flows":[` + strings.Repeat(`{"flows":[{"flowTuples":["x"]}]},`, 6_000) + `{}]},"records":[` + text + `]}`
		}
		return [][]byte{append([]byte(newFrame), mustPack("log", text)...)}
	}},
	{"nested records with long columns", func() [][]byte {
		text := `{"flow.0":"` + goodTuple + `"}`
		for range 29 {
			text = `{"nsgRuleName":"r","sourceAddress":"` + strings.Repeat("x", 2*mega) + `","records":[` + text + `]}`
		}
		return [][]byte{append([]byte(newFrame), mustPack("log", text)...)}
	}},
	{"a long resource", func() [][]byte {
		var chunks [][]byte
		for _, text := range []string{
			nsg(`"x"`)[:len(nsg(`"x"`))-1] + `,"resourceId":"/subscriptions/` + strings.Repeat("x", 8*mega) + `"}`,
			vnet(`"x"`)[:len(vnet(`"x"`))-1] + `,"flowLogResourceID":"/networkWatchers/networkwatcher_` + strings.Repeat("x", 8*mega) + `"}`,
			strings.Replace(vnet(`"x"`), `"aclID":"a"`, `"aclID":"/subscriptions/`+strings.Repeat("x", 8*mega)+`"`, 1),
		} {
			chunks = append(chunks, append([]byte(newFrame), mustPack("log", text)...))
		}
		return chunks
	}},
	{"long fields beside events that are merged", func() [][]byte {
		var chunks [][]byte
		for protocol := range 64 {
			text := fmt.Sprintf(`{"flow.0":"1607984156,192.0.2.4,198.51.100.7,36422,443,%d,O,A"}`, protocol)
			chunks = append(chunks, append([]byte(newFrame), mustPack("event", map[string]any{"x": "y"}, "f", strings.Repeat("x", 2*mega), "log", text)...))
		}
		return chunks
	}},
	{"a field that comes again and again", func() [][]byte {
		pairs := []any{}
		for range 3_000 {
			pairs = append(pairs, "event", map[string]any{"x": "y"})
		}
		return [][]byte{append([]byte(newFrame), mustPack(append(pairs, "log", nsg(`"`+goodTuple+`"`))...)...)}
	}},
	{"tuples of many hosts", func() [][]byte {
		var b strings.Builder
		for i := range 100_000 {
			fmt.Fprintf(&b, `"1607984156,10.%d.%d.%d,198.51.100.7,%d,443,T,O,A",`, i>>16, i>>8&255, i&255, i%60_000)
		}
		return [][]byte{append([]byte(newFrame), mustPack("log", nsg(b.String()+`"x"`))...)}
	}},
	{"many rules", func() [][]byte {
		var b strings.Builder
		for i := range 100_000 {
			fmt.Fprintf(&b, `{"rule":"rule %d","flows":[{"mac":"m%d","flowTuples":["%s"]}]},`, i, i, goodTuple)
		}
		chunk := append([]byte(newFrame), mustPack("log", `{"properties":{"flows":[`+b.String()+`{}]}}`)...)
		return [][]byte{chunk, chunk}
	}},
	{"wrong elements", func() [][]byte {
		return [][]byte{append([]byte(newFrame), mustPack("log", `{"properties":{"flows":[`+strings.Repeat("1,", 300_000)+`1]}}`)...)}
	}},
}

func mustPack(pairs ...any) []byte {
	var b bytes.Buffer
	e := msgpack.NewEncoder(&b)
	_ = e.EncodeMapLen(len(pairs) / 2)
	for _, v := range pairs {
		if err := e.Encode(v); err != nil {
			panic(err)
		}
	}
	return b.Bytes()
}

// What an instance keeps of large records is bounded, and small records cost
// after them what they cost before.
func TestNothingOfLargeRecordsIsKept(t *testing.T) {
	if nsgflow.RaceDetector || testing.Short() {
		t.Skip("skipped: runs without the race detector, and not in short")
	}
	for _, row := range large {
		for _, set := range []string{"schema=sekoia", "schema=ecs original=on aggregate=connection"} {
			t.Run(row.name+"/"+set, func(t *testing.T) {
				o, err := adverse.Options(set)
				if err != nil {
					t.Fatal(err)
				}
				defer func() {
					if fault := recover(); fault != nil {
						t.Errorf("panic: %v", fault)
					}
				}()
				small := append([]byte(newFrame), mustPack("log", nsg(`"`+goodTuple+`"`))...)
				n := newFor(t, o)
				dst, _ := n.AppendChunk(nil, bytes.Repeat(small, 100))
				read := func() { dst, _ = n.AppendChunk(dst[:0], small) }
				allocsBefore := testing.AllocsPerRun(100, read)
				before := inUse()
				for _, chunk := range row.chunks() {
					n.AppendChunk(nil, chunk)
				}
				read()
				if kept := inUse() - before; kept > 40*mega {
					t.Errorf("%d MB are kept", kept/mega)
				} else {
					t.Logf("%d MB are kept", kept/mega)
				}
				if after := testing.AllocsPerRun(100, read); after > allocsBefore {
					t.Errorf("a small record takes %v allocations, before the large one %v", after, allocsBefore)
				}
				// A new instance and this one in turn, so that neither has a quieter machine.
				other := newFor(t, o)
				fresh, used := time.Hour, time.Hour
				for range 30 {
					fresh = min(fresh, timeOfMany(other, small, &dst))
					used = min(used, timeOfMany(n, small, &dst))
				}
				t.Logf("a small record takes %v, in a new instance %v", used, fresh)
				if used > fresh*13/10 {
					t.Errorf("a small record takes %v, in a new instance %v", used, fresh)
				}
				runtime.KeepAlive(n)
			})
		}
	}
}

func timeOfMany(n *nsgflow.Normalizer, chunk []byte, dst *[]byte) time.Duration {
	const many = 300
	start := time.Now()
	for range many {
		*dst, _ = n.AppendChunk((*dst)[:0], chunk)
	}
	return time.Since(start) / many
}

// inUse is the heap, after what nobody needs has gone.
func inUse() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// What reads foreign records goes with the buffers, whichever templates it has
// used. Each pair of records here has a rule of its own, conflicting fields, and a
// flow log in a foreign record; the large one behind has all buffers made anew.
func TestNothingOfForeignRecordsIsKept(t *testing.T) {
	if nsgflow.RaceDetector || testing.Short() {
		t.Skip("skipped: runs without the race detector, and not in short")
	}
	list := func(n int, of any) []any {
		all := make([]any, n)
		for i := range all {
			all[i] = of
		}
		return all
	}
	empty := map[string]any{"flowTuples": []any{}}
	flow := map[string]any{"flowTuples": []any{goodTuple}}
	large := append([]byte(newFrame), mustPack("properties", map[string]any{"flows": []any{map[string]any{"flows": list(20_000, empty)}}})...)
	n := newFor(t, nsgflow.DefaultOptions(nsgflow.SchemaECS))
	read := func(i int) {
		inner := map[string]any{"properties": map[string]any{"flows": []any{map[string]any{"rule": fmt.Sprint(i), "flows": append(list(8_000, empty), flow)}}}}
		record := append([]byte(newFrame), mustPack("event", map[string]any{"x": 1},
			"records", []any{map[string]any{"flow.0": goodTuple}, map[string]any{"message": []any{inner}}})...)
		n.AppendChunk(nil, bytes.Repeat(record, 2))
		n.AppendChunk(nil, large)
	}
	read(0)
	before, events := inUse(), n.Counts().Events
	const pairs = 60
	for i := range pairs {
		read(1 + i)
	}
	if got := n.Counts().Events - events; got != 4*pairs {
		t.Fatalf("%d events, not %d", got, 4*pairs)
	}
	if kept := inUse() - before; kept > 4*mega {
		t.Errorf("%d MB are kept", kept/mega)
	}
	runtime.KeepAlive(n)
}

// Memory that is given to a Normalizer is all kept until it returns: that it
// grows takes no more than the output once again.
func TestRoomIsInProportion(t *testing.T) {
	nsgflow.WithoutRaceDetector(t)
	for _, f := range adverse.Families {
		if !f.Worst {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			n := newNormalizer(t)
			used := 0
			n.GrowWith(func(out []byte, size int) []byte {
				used += len(out)
				return append(make([]byte, 0, size), out...)
			})
			out, changed := n.AppendChunk(nil, f.Chunk(mega/4))
			if changed && used > 3*max(len(out), mega) {
				t.Errorf("%d bytes have been copied for %d of output", used, len(out))
			}
		})
	}
}
