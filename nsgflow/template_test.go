package nsgflow_test

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"fluent-bit-nsgflow/nsgflow"
)

// The first time that a group's texts come, its events are put together from
// their parts, later on they are largely ready: that makes no difference.
func TestTextsThatComeAgain(t *testing.T) {
	for _, schema := range []nsgflow.Schema{nsgflow.SchemaSekoia, nsgflow.SchemaECS} {
		for _, original := range []bool{false, true} {
			for name, flowLog := range ecsInputs(t) {
				for _, r := range []reading{asText, under("log")} {
					n := newNormalizer(t, func(o *nsgflow.Options) {
						*o = nsgflow.DefaultOptions(schema)
						o.Original = original
					})
					first, _ := r.read(t, n, flowLog)
					for range 2 {
						if again, _ := r.read(t, n, flowLog); !bytes.Equal(first, again) {
							t.Fatalf("schema %d, original %v, %s, %s:\n%q\nis another time\n%q", schema, original, name, r.name, first, again)
						}
					}
				}
			}
		}
	}
}

// Counters and their sums have four bytes or eight.
func TestCountersOfEverySize(t *testing.T) {
	sizes := []uint64{0, 1, 127, 128, 255, 256, 65535, 65536, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 999_999_999_999_999_999}
	n := newNormalizer(t, inECS)
	for range 3 {
		for _, sent := range sizes {
			for _, received := range sizes {
				tuple := fmt.Sprintf("1741078800,10.0.0.4,192.0.2.7,1,2,T,O,A,E,1,%d,%d,%d", sent, received, received)
				log := `{"properties":{"flows":[{"rule":"r","flows":[{"mac":"000D3AF1C27E","flowTuples":["` + tuple + `"]}]}]}}`
				event := eventsOf(t, n, log)[0]
				want := map[string]any{"source.bytes": sent, "destination.packets": received, "destination.bytes": received,
					"network.bytes": sent + received, "network.packets": 1 + received}
				for name, v := range want {
					if got := valueIn(t, event, name); fmt.Sprint(got) != fmt.Sprint(v) {
						t.Errorf("%s: %s is %v, want %v", tuple, name, got, v)
					}
				}
			}
		}
	}
}

// What is kept of the texts of groups has a bound in bytes, however long they
// are and however many.
func TestKeptTextsAreBounded(t *testing.T) {
	nsgflow.WithoutRaceDetector(t)
	for _, row := range []struct{ size, count int }{{100, 30_000}, {60_000, 1000}, {200_000, 150}} {
		n := newNormalizer(t)
		before := heap()
		for i := range row.count {
			rule := fmt.Sprint(i) + strings.Repeat("r", row.size)
			log := `{"properties":{"flows":[{"rule":"` + rule + `","flows":[{"flowTuples":["1741078800,10.0.0.4,192.0.2.7,1,2,T,O,A,E,1,2,3,4"]}]}]}}`
			for range 2 {
				if _, changed := n.AppendText(nil, []byte(log), source); !changed {
					t.Fatal("not changed")
				}
			}
		}
		if grown := heap() - before; grown > 48<<20 {
			t.Errorf("texts of %d bytes: %d MB are kept", row.size, grown>>20)
		}
		runtime.KeepAlive(n)
	}
}

func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
