package contract

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// usage is what a stand-in had in use at some time.
type usage struct{ files, allocated, resident, goroutines int }

// After 200 times of init and exit, each of which drops what it has appended,
// nothing has become more than after the first 20.
func TestInputLeak(t *testing.T) {
	t.Parallel()
	const cycles = 200
	l := newLogs(t).grow(10, 20)
	h := l.host(t, "-n", strconv.Itoa(cycles))
	// The Go runtime writes its goroutines to stderr, again and again.
	h.Env = append(h.Env, "GODEBUG=schedtrace=100,scheddetail=1")
	end, err := h.Wait()
	if err != nil || end.Code != 0 {
		t.Fatalf("exit code %d: %v\n%s", end.Code, err, end.Log)
	}
	first, last := usageOf(t, end.Log, "after a tenth"), usageOf(t, end.Log, "at the end")
	t.Logf("after %d cycles %+v, after %d %+v", cycles/10, first, cycles, last)
	if last.files > first.files {
		t.Errorf("%d files are open, %d were", last.files, first.files)
	}
	// A cycle that leaves one goroutine or so gives 180.
	if last.goroutines > first.goroutines+20 {
		t.Errorf("%d goroutines are left, %d were", last.goroutines, first.goroutines)
	}
	// Threads that Go starts on the way take some. 364 bytes lost with every cycle
	// would be this much.
	if grown := last.allocated - first.allocated; grown > 64<<10 {
		t.Errorf("%d bytes more are allocated", grown)
	}
	if grown := last.resident - first.resident; grown > 32<<10 {
		t.Errorf("resident size grew by %d KB", grown)
	}
}

var traceOf = regexp.MustCompile(`(?s)\nSCHED .*?\nSCHED `)
var goroutineOf = regexp.MustCompile(`(?m)^  G\d+: status=([0-9]+)`)

// usageOf reads the stand-in's line, and the first trace of the Go runtime
// behind it.
func usageOf(t *testing.T, log, when string) (u usage) {
	t.Helper()
	_, behind, _ := strings.Cut(log, "host: "+when+": ")
	if n, err := fmt.Sscanf(behind, "%d files, %d bytes allocated, %d KB resident", &u.files, &u.allocated, &u.resident); n != 3 {
		t.Fatalf("no figures %s: %v\n%.5000s", when, err, log)
	}
	const dead = "6"
	for _, g := range goroutineOf.FindAllStringSubmatch(traceOf.FindString(behind), -1) {
		if g[1] != dead {
			u.goroutines++
		}
	}
	if u.goroutines == 0 {
		t.Fatalf("no trace of goroutines %s:\n%.5000s", when, behind)
	}
	return u
}
