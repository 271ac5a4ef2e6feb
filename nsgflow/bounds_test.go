package nsgflow_test

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/nsgflow"

	"github.com/vmihailenco/msgpack/v5"
)

const mega = 1 << 20

// Input that has been seen to kill agents, or to hang them. allocated bounds
// the bytes that may be allocated for it, took the time.
var bounds = []struct {
	name      string
	long      bool // left out of short runs
	text      func() []byte
	body      func() []byte // instead of text
	changed   bool
	allocated int
	took      time.Duration
}{
	{name: "50 million arrays in JSON", long: true, allocated: mega, took: 5 * time.Second,
		text: func() []byte { return append([]byte(`"flow.0"`), bytes.Repeat([]byte("["), 50e6)...) }},
	{name: "50 million arrays in a flow log", long: true, allocated: 200 * mega, took: 10 * time.Second,
		text: func() []byte { return append([]byte(`{"flow.0":"x","a":`), bytes.Repeat([]byte("["), 50e6)...) }},
	{name: "50 million objects in JSON", long: true, allocated: mega, took: 10 * time.Second,
		text: func() []byte { return append([]byte(`{"x":"flow"},`), bytes.Repeat([]byte(`{"a":`), 10e6)...) }},
	{name: "20 million records in records", long: true, allocated: mega, took: 10 * time.Second,
		text: func() []byte { return append([]byte(`{"flow":[]},`), bytes.Repeat([]byte(`{"records":[`), 4e6)...) }},
	{name: "50 million arrays in msgpack", long: true, allocated: mega, took: 5 * time.Second,
		body: func() []byte { return append([]byte("\x81\xa7records"), bytes.Repeat([]byte{0x91}, 50e6)...) }},
	{name: "50 million closed arrays in msgpack", long: true, allocated: mega, took: 5 * time.Second,
		body: func() []byte {
			return append(append([]byte("\x81\xa7records"), bytes.Repeat([]byte{0x91}, 50e6)...), 0xc0)
		}},
	{name: "an array of four billion", allocated: mega, took: time.Second,
		body: func() []byte { return []byte("\x81\xa7records\xdd\xff\xff\xff\xff") }},
	{name: "a map of four billion", allocated: mega, took: time.Second,
		body: func() []byte { return []byte("\xdf\xff\xff\xff\xff\xa7records") }},
	{name: "maps of four billion inside each other", allocated: mega, took: time.Second,
		body: func() []byte {
			return append([]byte("\x81\xa7records"), bytes.Repeat([]byte("\xdf\xff\xff\xff\xff\xa1a"), mega)...)
		}},
	{name: "a string of four gigabytes", allocated: mega, took: time.Second,
		body: func() []byte { return []byte("\x81\xa7message\xdb\xff\xff\xff\xffflow") }},
	{name: "50 MB of foreign text", long: true, allocated: mega, took: 5 * time.Second,
		text: func() []byte { return bytes.Repeat([]byte("flows "), 50_000_000/6) }},
	{name: "50 MB of foreign JSON", long: true, allocated: mega, took: 10 * time.Second,
		text: func() []byte {
			return []byte(`{"flows":[` + strings.Repeat(`{"a":"b","c":[1,2,3]},`, 50_000_000/22) + `0]}`)
		}},
	{name: "one tuple of 20 million commas", allocated: 300 * mega, took: 5 * time.Second, changed: true,
		text: func() []byte { return []byte(`{"flow.0":"` + strings.Repeat(",", 20*mega) + `"}`) }},
	{name: "one string of 50 MB in a flow log", long: true, allocated: 500 * mega, took: 5 * time.Second, changed: true,
		text: func() []byte {
			return []byte(`{"flow.0":"` + goodTuple + `","rule":"` + strings.Repeat("x", 50e6) + `"}`)
		}},
	{name: "a foreign element of many keys beside many fields", allocated: 100 * mega, took: 3 * time.Second, changed: true,
		body: func() []byte { return manyKeys(20_000) }},
	{name: "many elements that are no flow logs", allocated: 400 * mega, took: 5 * time.Second, changed: true,
		text: func() []byte {
			return []byte(`{"records":[` + strings.Repeat("0,", mega) + `{"flow.0":"` + goodTuple + `"}]}`)
		}},
	{name: "three million tuples in one record", allocated: 400 * mega, took: 10 * time.Second, changed: true,
		text: func() []byte {
			return []byte(`{"properties":{"flows":[{"flows":[{"flowTuples":[` + strings.Repeat(`"",`, 3e6) + `""]}]}]}}`)
		}},
	{name: "flows in log beside many foreign elements in message", allocated: 400 * mega, took: 10 * time.Second, changed: true,
		body: func() []byte {
			b, _ := msgpack.Marshal(map[string]string{
				"message": `{"flow.0":"x"}` + strings.Repeat(" 0", 400),
				"log":     strings.Repeat(`{"flow.0":"`+goodTuple+`"}`, 1_500),
			})
			return b
		}},
	{name: "many keys that begin like flow.N", allocated: mega, took: 5 * time.Second,
		text: func() []byte { return bytes.Repeat([]byte(`"flow.`), 2*mega) }},
}

// manyKeys has a foreign element of so many keys, and as many other fields.
func manyKeys(n int) []byte {
	var b bytes.Buffer
	e := msgpack.NewEncoder(&b)
	_ = e.EncodeMapLen(1 + n)
	_ = e.EncodeString("records")
	_ = e.EncodeArrayLen(2)
	_ = e.Encode(map[string]string{"flow.0": goodTuple})
	_ = e.EncodeMapLen(n)
	for i := range 2 * n {
		_ = e.EncodeString(fmt.Sprint(i))
		_ = e.EncodeInt(1)
	}
	return b.Bytes()
}

func TestBounds(t *testing.T) {
	nsgflow.WithoutRaceDetector(t)
	for _, row := range bounds {
		t.Run(row.name, func(t *testing.T) {
			if row.long && testing.Short() {
				t.Skip("takes seconds")
			}
			n := newNormalizer(t)
			var input []byte
			run := func() (changed bool) {
				_, _, changed = n.AppendRecord(nil, input, source)
				return changed
			}
			if row.text != nil {
				input = row.text()
				run = func() (changed bool) {
					_, changed = n.AppendText(nil, input, source)
					return changed
				}
			} else {
				input = row.body()
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			changed := run()
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if changed != row.changed {
				t.Errorf("changed is %v", changed)
			}
			if took > row.took {
				t.Errorf("took %v for %d bytes, more than %v", took, len(input), row.took)
			}
			if a := int(after.TotalAlloc - before.TotalAlloc); a > row.allocated {
				t.Errorf("allocated %d MB for %d bytes, more than %d MB", a/mega, len(input), row.allocated/mega)
			}
		})
	}
}

// What a large record needed is not kept for the small ones that follow it.
func TestMemoryIsLetGo(t *testing.T) {
	n := newNormalizer(t)
	text := []byte(`{"category":"NetworkSecurityGroupFlowEvent","properties":{"flows":[` + strings.Repeat("0,", mega) + `0]}}`)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n.AppendText(nil, text, source)
	for range 3 {
		n.AppendText(nil, []byte(`{"flow.0":"`+goodTuple+`"}`), source)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > 64*mega {
		t.Errorf("%d MB kept", kept/mega)
	}
	runtime.KeepAlive(n)
	runtime.KeepAlive(text)
}
