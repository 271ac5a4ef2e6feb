package contract

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"fluent-bit-nsgflow/test/engine"
	"fluent-bit-nsgflow/test/internal/needs"
	"fluent-bit-nsgflow/test/soak"
)

// leaky are chunks of every kind: the events are larger or smaller than their
// source, few or many, or nothing has changed.
func leaky(t *testing.T) [][]byte {
	return [][]byte{
		chunk(t, engine.New, flows),
		chunk(t, engine.Old, strings.Repeat(flows, 3)),
		chunk(t, engine.New, foreign),
		chunk(t, engine.New, foreign+strings.Repeat(flows, 15)),
		chunk(t, engine.New, strings.ReplaceAll(flows, "443", "99999")),
	}
}

// TestLeak runs many chunks through one instance. The stand-in compares what malloc has handed out, exactly, and the resident size
// after the first chunks and after the last, and fails where an instance is
// left after exit.
func TestLeak(t *testing.T) {
	t.Parallel()
	in := leaky(t)
	rounds := soak.N("chunks") / len(in)
	got := run(t, engine.StandIn{Flags: []string{"-m", "-r", strconv.Itoa(rounds)}}, 0, in...)
	chunks, allocated, resident := memory(t, got.Log)
	t.Logf("%d chunks: %+d bytes allocated, %+d KB resident", chunks, allocated, resident)
	if chunks != rounds*len(in) {
		t.Errorf("%d chunks went through, want %d", chunks, rounds*len(in))
	}
	// The threads that Go starts on the way take some 300 bytes each; 32 bytes
	// lost with every chunk of one kind would be four times this.
	if allocated > 16<<10 {
		t.Errorf("%d bytes are still allocated after %d chunks", allocated, chunks)
	}
	if resident > 32<<10 {
		t.Errorf("resident size grew by %d KB in %d chunks", resident, chunks)
	}
}

// TestLeakValgrind lets valgrind look for blocks that nothing points to after
// 10,000 chunks. Its word on single accesses is not asked for: it takes the
// stacks that Go switches between for one.
func TestLeakValgrind(t *testing.T) {
	t.Parallel()
	needs.Programs(t, "valgrind") // without it leaks are looked for by the stand-in alone
	in := leaky(t)
	got := run(t, engine.StandIn{
		Under: []string{"valgrind", "--leak-check=full", "--undef-value-errors=no", "--fair-sched=try"},
		Flags: []string{"-r", strconv.Itoa(10_000 / len(in))},
	}, 0, in...)
	for _, kind := range []string{"definitely lost: ", "indirectly lost: "} {
		_, lost, ok := strings.Cut(got.Log, kind)
		lost, _, _ = strings.Cut(lost, "\n")
		t.Log(kind + lost)
		if !ok || !strings.HasPrefix(lost, "0 bytes") {
			t.Errorf("valgrind found a leak, or did not look for one:\n%s", got.Log)
		}
	}
}

func memory(t *testing.T, log string) (chunks, allocated, resident int) {
	t.Helper()
	for line := range strings.Lines(log) {
		if n, _ := fmt.Sscanf(line, "host: %d chunks: %d bytes allocated, %d KB resident", &chunks, &allocated, &resident); n == 3 {
			return
		}
	}
	t.Fatalf("no figures in the log:\n%s", log)
	return
}
