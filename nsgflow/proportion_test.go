//go:build linux

package nsgflow_test

import (
	"bytes"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/test/adverse"
	"fluent-bit-nsgflow/test/soak"
)

// long: all families and sizes, which take some minutes.
var long = soak.Long("families")

// What a megabyte may cost, whoever wrote it.
const (
	mostCPU    = time.Second
	mostMemory = 200 * mega
	// mostGrowth is what four times the bytes may take: twice as much a byte, for the
	// caches of processors and the memory that the system clears. What grows with the
	// square takes 16 times as long.
	mostGrowth = 8
	// measurable is a time below which nothing is said about growth.
	measurable = 50 * time.Millisecond
)

// cost is what a chunk takes.
type cost struct {
	cpu    time.Duration // of the process, with its collector: the least of some rounds
	memory int           // bytes at the peak, beyond those before
	out    int           // bytes
}

func (c cost) String() string {
	return fmt.Sprintf("%6d ms, %5d MB at the peak, %5d MB out", c.cpu.Milliseconds(), c.memory/mega, c.out/mega)
}

// costOf reads a chunk some times, each time with a new Normalizer.
func costOf(t *testing.T, o nsgflow.Options, chunk []byte) (c cost) {
	t.Helper()
	const fewest, most, enough, tooMuch = 3, 6, 500 * time.Millisecond, 4 * mostCPU
	var all time.Duration
	for round := 0; (round < fewest || round < most && all < enough) && all < tooMuch; round++ {
		n, err := nsgflow.New(o)
		if err != nil {
			t.Fatal(err)
		}
		debug.FreeOSMemory()
		before := resetPeak(t)
		start := processTime(t)
		out, changed := n.AppendChunk(nil, chunk)
		took := processTime(t) - start
		if round == 0 || took < c.cpu {
			c.cpu = took
		}
		if round == 0 {
			c.memory = peak(t) - before
			c.out = len(out)
			checkCounts(t, n.Counts(), out, changed)
		}
		all += took
	}
	return c
}

// checkCounts checks that what was counted has come out: a refused record takes
// its flows with it.
func checkCounts(t *testing.T, c nsgflow.Counts, out []byte, changed bool) {
	t.Helper()
	if !changed {
		out = nil
	}
	if events := uint64(bytes.Count(out, []byte("\xa4kind\xa5event"))); events != c.Events {
		t.Errorf("%d events came out, %d were counted", events, c.Events)
	}
}

// processTime is the CPU time of this process, of all its threads.
func processTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// resetPeak makes the peak what is in use now, and returns that.
func resetPeak(t *testing.T) (bytes int) {
	t.Helper()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		t.Fatal(err)
	}
	return peak(t)
}

// peak is the most memory that the process has had since resetPeak.
func peak(t *testing.T) (bytes int) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscan(after, &bytes); err != nil {
		t.Fatal(err)
	}
	return bytes << 10
}

// No record costs more than a stated time and memory for each of its bytes. Of
// large ones that are already known to cost too much no larger ones are tried.
func TestProportion(t *testing.T) {
	if nsgflow.RaceDetector || testing.Short() {
		t.Skip("skipped: runs without the race detector, and not in short")
	}
	for _, f := range adverse.Families {
		if !long && !f.Worst {
			continue
		}
		for i, options := range f.Options {
			if !long && i > 0 {
				break
			}
			t.Run(f.Name+"/"+options, func(t *testing.T) {
				o, err := adverse.Options(options)
				if err != nil {
					t.Fatal(err)
				}
				defer func() {
					if fault := recover(); fault != nil {
						t.Errorf("panic: %v", fault)
					}
				}()
				quarter := costOf(t, o, f.Chunk(mega/4))
				t.Logf("0.25 MB: %v", quarter)
				if quarter.cpu > mostCPU || quarter.memory > mostMemory {
					t.Fatalf("0.25 MB: %v", quarter)
				}
				one := costOf(t, o, f.Chunk(mega))
				t.Logf("1 MB:    %v", one)
				if one.cpu > mostCPU || one.memory > mostMemory {
					t.Errorf("1 MB: %v, more than %v and %d MB", one, mostCPU, mostMemory/mega)
				}
				if !grows(quarter, one) { // once more: another process may have been in the way
					quarter, one = costOf(t, o, f.Chunk(mega/4)), costOf(t, o, f.Chunk(mega))
				}
				checkGrowth(t, quarter, one)
				if !long || t.Failed() {
					return
				}
				four := costOf(t, o, f.Chunk(4*mega))
				t.Logf("4 MB:    %v", four)
				if four.memory > 4*mostMemory {
					t.Errorf("4 MB: %v, more than %d MB", four, 4*mostMemory/mega)
				}
				checkGrowth(t, one, four)
			})
		}
	}
}

// grows reports whether a chunk of four times the bytes takes no more than that
// allows.
func grows(small, large cost) bool {
	return float64(large.cpu) <= mostGrowth*float64(max(small.cpu, measurable))
}

// checkGrowth compares a chunk with one of four times its bytes.
func checkGrowth(t *testing.T, small, large cost) {
	t.Helper()
	if !grows(small, large) {
		t.Errorf("four times the bytes take %.1f times as long: %v, %v", float64(large.cpu)/float64(small.cpu), small, large)
	}
}

// A blob that Azure has written in an hour, in one text, takes no more at its
// peak than half again what it becomes.
func TestHonestBlobs(t *testing.T) {
	if nsgflow.RaceDetector || testing.Short() {
		t.Skip("skipped: runs without the race detector, and not in short")
	}
	for _, row := range []struct {
		family, options string
		size            int
	}{
		{"an NSG blob", "schema=sekoia", 25 * mega},
		{"an NSG blob", "schema=ecs", 25 * mega},
		{"an NSG blob", "schema=ecs original=on", 25 * mega},
		{"a VNet blob", "schema=sekoia", 43 * mega},
		{"a VNet blob", "schema=ecs", 43 * mega},
		{"a VNet blob", "schema=ecs original=on", 34 * mega}, // of 37 MB, its events are more than the gigabyte that one record may become
	} {
		t.Run(row.family+"/"+row.options, func(t *testing.T) {
			size := row.size
			if !long {
				size /= 5
			}
			o, err := adverse.Options(row.options)
			if err != nil {
				t.Fatal(err)
			}
			chunk := adverse.Find(row.family).Chunk(size)
			c := costOf(t, o, chunk)
			t.Logf("%d MB: %v", len(chunk)/mega, c)
			if c.out < 10*len(chunk) {
				t.Errorf("%d MB became %d MB: it was refused", len(chunk)/mega, c.out/mega)
			}
			if c.memory > c.out*3/2 {
				t.Errorf("%d MB at the peak for %d MB of events: %.2f times as much", c.memory/mega, c.out/mega, float64(c.memory)/float64(c.out))
			}
		})
	}
}
