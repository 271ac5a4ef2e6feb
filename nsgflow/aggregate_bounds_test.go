package nsgflow

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// memoryOfTuple is the most that aggregation holds for each tuple of the record
// at hand, in bytes (docs/volume.md).
const memoryOfTuple = 256

// crafted are records that ask for the most of one thing: keys, tuples of one
// key, ports.
var crafted = []struct {
	name  string
	tuple func(i int) string
}{
	{"all different", func(i int) string {
		return fmt.Sprintf("1746525600,10.%d.%d.%d,192.0.2.9,50112,443,T,O,A,E,1,60,2,120", i>>16, i>>8&255, i&255)
	}},
	{"all the same", func(int) string { return "1746525600,10.8.0.4,192.0.2.9,50112,443,T,O,A,E,1,60,2,120" }},
	{"one key, all ports", func(i int) string {
		return fmt.Sprintf("1746525600,10.8.0.4,192.0.2.9,%d,%d,T,O,A,E,1,60,2,120", i&0xffff, i*7&0xffff)
	}},
	{"pairs with two ports each", func(i int) string {
		return fmt.Sprintf("1746525600,10.%d.%d.%d,192.0.2.9,%d,%d,T,O,A,E,1,60,2,120", i>>17, i>>9&255, i>>1&255, i&0xffff, i&0xffff)
	}},
}

func (a *aggregator) bytes() int {
	return len(a.blocks)*blockBytes + a.index.Bytes() + a.ports.Bytes() + 4*cap(a.next) + a.keys.bytes() + cap(a.flows)*int(unsafe.Sizeof(parsedTuple{}))
}

// newRecord is a record of one group with these tuples.
func newRecord(tuples int, text func(int) string) *record {
	r := &record{}
	for i := range tuples {
		t := text(i)
		if comma := strings.IndexByte(t, ','); comma > 0 {
			r.tuples = append(r.tuples, tuple{Text: []byte(t), Plain: true})
		}
	}
	r.add(group{family: NSG, level: levelTuple})
	return r
}

// threadTime is what the test's thread has had of its processor: what else the
// machine does has little part in it. The caller is locked to its thread.
func threadTime(t *testing.T) time.Duration {
	t.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now); err != nil {
		t.Fatal(err)
	}
	return time.Duration(now.Nano())
}

// gather adds all flows of a record and says how long that took.
func gather(t *testing.T, a *aggregator, r *record) time.Duration {
	t.Helper()
	var flow parsedTuple
	start := threadTime(t)
	a.beginRecord(r)
	for i := range r.tuples {
		f := &flow
		if bad := f.parse(NSG, r.tuples[i].Text); bad != noColumn {
			t.Fatalf("%s: column %d", r.tuples[i].Text, bad)
		}
		a.add(0, uint32(i), f)
	}
	return threadTime(t) - start
}

// A record of as many tuples as one may have, made to ask for much: the memory
// is bounded, the time linear, and what a large record took is given back.
func TestAggregateBounds(t *testing.T) {
	WithoutRaceDetector(t)
	if size := blockSize * int(unsafe.Sizeof(aggregate{})); blockBytes != size {
		t.Errorf("a block is %d bytes, not %d", size, blockBytes)
	}
	sizes := []int{maxTuples / 16, maxTuples / 4, maxTuples}
	if testing.Short() {
		sizes = []int{maxTuples / 64, maxTuples / 32, maxTuples / 16}
	}
	for _, c := range crafted {
		t.Run(c.name, func(t *testing.T) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			var perTuple []float64
			for _, size := range sizes {
				a := newAggregator(Options{Aggregate: AggregateHost, AggregateDenied: AggregateHost}, true)
				r := newRecord(size, c.tuple)
				took := gather(t, &a, r)
				perTuple = append(perTuple, float64(took.Nanoseconds())/float64(size))
				if most := size*memoryOfTuple + 1<<20; a.bytes() > most {
					t.Errorf("%d tuples: %d bytes, more than %d", size, a.bytes(), most)
				}
				var tuples uint32
				for number := range a.count {
					tuples += a.at(number).tuples
				}
				if int(tuples) != size {
					t.Errorf("%d tuples of %d", tuples, size)
				}
				if kept, has := a.release(), a.bytes(); kept < has*9/10 {
					t.Errorf("says that it keeps %d bytes of %d", kept, has)
				}
			}
			t.Logf("%.0f ns a tuple, at %d", perTuple, sizes)
			// Sixteen times the tuples; what leaves the processor's cache takes
			// longer, and a quadratic step would take sixteen times as long.
			if last := len(perTuple) - 1; perTuple[last] > 6*perTuple[0]+100 {
				t.Errorf("%.0f ns a tuple at %d, %.0f at %d", perTuple[0], sizes[0], perTuple[last], sizes[last])
			}
		})
	}
}

// Texts are told apart exactly, as many as a record may have: rules and MACs of
// groups of one tuple, and codes that no document names.
func TestAggregateTexts(t *testing.T) {
	t.Parallel()
	const groups = 1 << 16
	r := &record{}
	for i := range groups {
		r.tuples = append(r.tuples, tuple{Text: fmt.Appendf(nil, "1746525600,10.8.0.4,192.0.2.9,1,2,6,O,C,X%d,1,60,2,120", i%3)})
		g := group{family: VNet, level: levelTuple, from: uint32(i), outer: []byte("acl"), inner: fmt.Appendf(nil, "rule %d", i/2)}
		r.add(g)
	}
	a := newAggregator(Options{Aggregate: AggregateHost}, false)
	var flow parsedTuple
	start := time.Now()
	a.beginRecord(r)
	want := map[string]int{}
	for i := range r.groups {
		f := &flow
		if bad := f.parse(VNet, r.tuples[i].Text); bad != noColumn {
			t.Fatal(bad)
		}
		a.add(i, uint32(i), f)
		want[string(r.groups[i].inner)+string(f.encryptionCode)]++
	}
	if a.count != len(want) {
		t.Errorf("%d aggregates, want %d", a.count, len(want))
	}
	for number := range a.count {
		g := a.at(number)
		f := parsedTuple{}
		f.parse(VNet, r.tuples[g.first].Text)
		if n := want[string(r.groups[g.first].inner)+string(f.encryptionCode)]; n != int(g.tuples) {
			t.Fatalf("%d tuples, want %d", g.tuples, n)
		}
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

// small is an option table that leaves little of an event, so that the events of
// the largest record fit below the limit of what a record may become.
func small(t *testing.T) *Normalizer {
	t.Helper()
	o := DefaultOptions(SchemaECS)
	o.Aggregate, o.AggregateDenied, o.TimestampKey = AggregateHost, AggregateHost, ""
	for _, f := range SchemaECS.Fields() {
		if f.Name != "source.ip" && f.Name != "azure.flow_log.aggregate.tuples" {
			o.ExcludeFields = append(o.ExcludeFields, f.Name)
		}
	}
	n, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The whole way at three sizes, up to the largest record that there may be: the
// time is linear, and the memory that is allocated in all, the events included,
// is bounded.
func TestAggregateIsLinear(t *testing.T) {
	WithoutRaceDetector(t)
	const allocated = 1 << 10 // bytes a tuple
	sizes := []int{maxTuples / 16, maxTuples / 4, maxTuples}
	if testing.Short() {
		sizes = []int{maxTuples / 128, maxTuples / 64, maxTuples / 32}
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, c := range crafted {
		var perTuple, bytesPerTuple []float64
		for _, size := range sizes {
			text := oneRecord(size, c.tuple)
			n := small(t)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := threadTime(t)
			n.AppendText(nil, text, Frame{})
			perTuple = append(perTuple, float64((threadTime(t)-start).Nanoseconds())/float64(size))
			runtime.ReadMemStats(&after)
			bytesPerTuple = append(bytesPerTuple, float64(after.TotalAlloc-before.TotalAlloc)/float64(size))
			if f := n.counts.AllFlows(); int(f) != size || n.counts.Errors != 0 {
				t.Errorf("%s: %+v of %d", c.name, n.counts, size)
			}
		}
		t.Logf("%s: %.0f ns, %.0f bytes a tuple, at %d", c.name, perTuple, bytesPerTuple, sizes)
		last := len(perTuple) - 1
		if perTuple[last] > 4*perTuple[0]+500 {
			t.Errorf("%s: %.0f ns a tuple at %d", c.name, perTuple, sizes)
		}
		if bytesPerTuple[last] > allocated {
			t.Errorf("%s: %.0f bytes a tuple at %d", c.name, bytesPerTuple, sizes)
		}
	}
}

// oneRecord is the text of a record with so many tuples.
func oneRecord(tuples int, text func(int) string) []byte {
	var b strings.Builder
	b.WriteString(`{"properties":{"flows":[{"rule":"r","flows":[{"flowTuples":["`)
	for i := range tuples {
		if i > 0 {
			b.WriteString(`","`)
		}
		b.WriteString(text(i))
	}
	b.WriteString(`"]}]}]}}`)
	return []byte(b.String())
}
