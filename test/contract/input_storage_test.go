package contract

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/engine"
)

// saved waits until checkpoints were written since a time, and for half a
// second none.
func saved(t *testing.T, h engine.InputHost, since time.Time) {
	t.Helper()
	for deadline := time.Now().Add(agentTime); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		info, err := os.Stat(filepath.Join(h.Dir, "state", "nsgflow.db"))
		if err == nil && info.ModTime().After(since) && time.Since(info.ModTime()) > 500*time.Millisecond {
			return
		}
	}
	t.Fatal("no checkpoint was written")
}

// comesAlone writes one more block and lets a host run until it is there. The
// host must append nothing else.
func (l *logs) comesAlone(t *testing.T, h engine.InputHost) {
	t.Helper()
	l.grow(1, 1)
	h.Flags = slices.DeleteFunc(slices.Clone(h.Flags), func(flag string) bool { return flag == "-h" })
	r := begin(t, h)
	s := until(t, r, func(s engine.InputState) bool { return s.Records >= len(l.blobs) })
	if s.Records > len(l.blobs) {
		t.Errorf("%d records came, want only the %d new ones", s.Records, len(l.blobs))
	}
	stop(t, r)
}

// killWithoutCheckpoint leaves a host the time for a checkpoint that it must
// not write, and kills it.
func killWithoutCheckpoint(r *engine.InputRun) {
	time.Sleep(300 * time.Millisecond)
	r.Kill()
}

// restComes lets a host append what is not left in files. Together with what is
// left, it delivers every record once.
func (l *logs) restComes(t *testing.T, h engine.InputHost, left int) {
	t.Helper()
	h.Flags = nil
	r := begin(t, h)
	until(t, r, func(s engine.InputState) bool { return s.Records >= len(l.records)-left && s.Held == 0 })
	l.stopAndCheck(t, r, h)
}

// With memory storage no checkpoint is written before the host holds nothing:
// killed while it holds, it gets all of it again; killed after, nothing.
func TestInputMemoryKilled(t *testing.T) {
	t.Parallel()
	l := newLogs(t).grow(20, 20)
	h := l.host(t, "-h")
	r := l.beginUntilAll(t, h)
	killWithoutCheckpoint(r)

	r = l.beginUntilAll(t, h)
	before := time.Now()
	do(t, r, "hold off")
	until(t, r, func(s engine.InputState) bool { return s.Held == 0 })
	saved(t, h, before)
	r.Kill()
	l.checkOnce(t, h)
	l.comesAlone(t, h)
	if n := l.check(t, h, false); n > 0 {
		t.Errorf("%d records are repeated after a checkpoint", n)
	}
}

// With memory storage the host gets nothing more once it has had something for
// five seconds, until it holds nothing: else there would never be a checkpoint.
func TestInputMemoryDrains(t *testing.T) {
	t.Parallel()
	l := newLogs(t).grow(5, 5)
	h := l.host(t, "-h")
	r := l.beginUntilAll(t, h)
	time.Sleep(5100 * time.Millisecond)
	l.grow(5, 5)
	s := until(t, r, func(s engine.InputState) bool { return s.Flushes > 0 })
	time.Sleep(300 * time.Millisecond)
	if now := do(t, r, "status"); now.Records != s.Records || l.all(now) {
		t.Errorf("%+v, then %+v", s, now)
	}
	do(t, r, "hold off")
	until(t, r, l.all)
	l.stopAndCheck(t, r, h)
}

// With filesystem storage nothing is missing after a kill, and what is repeated
// is one batch_bytes at most.
func TestInputFilesystemKilled(t *testing.T) {
	t.Parallel()
	const batch, segment = 64 << 10, 64 << 10
	l := newLogs(t).growTimes(8, 40, 40)
	// A life takes a twelfth at most: there is something left for each.
	h := l.host(t, "-F", "-h", "-l", strconv.Itoa(l.bytes/(12*segment)))
	h.Options[0] = append(h.Options[0], "batch_bytes=64K")
	const lives = 8
	for range lives {
		r := begin(t, h)
		until(t, r, func(s engine.InputState) bool { return s.Records > 0 })
		time.Sleep(time.Duration(rand.IntN(40)) * time.Millisecond)
		r.Kill()
	}
	h.Flags = []string{"-F", "-h"}
	r := begin(t, h)
	l.comes(t, h, true)
	stop(t, r)
	repeated := l.check(t, h, true)

	// Processes follow each other. What one has before its first new record was
	// there when the one before was killed.
	seen, again := map[string]bool{}, map[int]int{}
	for _, r := range delivered(t, h, true) {
		if seen[r.Message] {
			again[r.PID] += len(r.Message)
		}
		seen[r.Message] = true
	}
	most := 0
	for pid, bytes := range again {
		most = max(most, bytes)
		if bytes > batch {
			t.Errorf("process %d repeated %d bytes, more than batch_bytes", pid, bytes)
		}
	}
	t.Logf("%d kills among %d records: %d repeated, %d bytes at most", lives, len(l.records), repeated, most)
}

// A host with checksums drops its newest chunks after a kill: it counts as
// memory.
func TestInputChecksum(t *testing.T) {
	t.Parallel()
	l := newLogs(t).grow(20, 20)
	h := l.host(t, "-F", "-k", "-h")
	r := l.beginUntilAll(t, h)
	killWithoutCheckpoint(r)
	if err := os.RemoveAll(filepath.Join(h.Dir, "storage")); err != nil {
		t.Fatal(err)
	}
	r = l.beginUntilAll(t, h)
	do(t, r, "hold off")
	until(t, r, func(s engine.InputState) bool { return s.Held == 0 })
	l.stopAndCheck(t, r, h)
}

// Files that an earlier process left in the folder of chunks, which the host
// maps as its own, do not make memory storage look like one that survives.
func TestInputLeftoverChunks(t *testing.T) {
	t.Parallel()
	l := newLogs(t).grow(20, 20)
	h := l.host(t, "-F", "-h")
	r := begin(t, h)
	before := time.Now()
	until(t, r, l.all)
	saved(t, h, before)
	r.Kill()
	left := delivered(t, h, true)
	if len(left) != len(l.records) {
		t.Fatalf("%d of %d records are in files", len(left), len(l.records))
	}

	l.grow(20, 20)
	h.Flags = []string{"-h"}
	r = begin(t, h)
	until(t, r, func(s engine.InputState) bool { return s.Records >= len(l.records)-len(left) })
	killWithoutCheckpoint(r)

	l.restComes(t, h, len(left))
}

// A hot reload may change the storage, in the same second and process in which
// the last chunk was made.
func TestInputStorageChanges(t *testing.T) {
	t.Parallel()
	l := newLogs(t).grow(5, 5)
	h := l.host(t, "-F", "-h", "-l", "0")
	r := begin(t, h)
	until(t, r, func(s engine.InputState) bool { return s.Refused > 0 })
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
	do(t, r, "take -1")
	until(t, r, l.all)
	do(t, r, "storage memory")
	do(t, r, "reload")
	l.grow(20, 20)
	until(t, r, l.all)
	killWithoutCheckpoint(r)
	left := delivered(t, h, true)
	if len(left) == 0 || len(left) == len(l.records) {
		t.Fatalf("%d of %d records are in files", len(left), len(l.records))
	}

	l.restComes(t, h, len(left))
}

// While outputs take nothing, the host holds no more than pending_limit, and is
// asked to flush.
func TestInputPendingLimit(t *testing.T) {
	const limit = 8 << 20
	t.Parallel()
	l := newLogs(t).growTimes(8, 10, 1000)
	if l.bytes < 2*limit {
		t.Fatalf("only %d bytes were written", l.bytes)
	}
	for kind, flags := range map[string][]string{"memory": nil, "filesystem": {"-F"}, "checksum": {"-F", "-k"}} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			h := l.host(t, append(flags, "-h")...)
			h.Options[0] = append(h.Options[0], "pending_limit=8M", "concurrency=8")
			r := begin(t, h)
			until(t, r, func(s engine.InputState) bool { return s.Held > limit*3/4 })
			time.Sleep(500 * time.Millisecond)
			s := do(t, r, "hold off")
			if s.Flushes == 0 {
				t.Error("the host was not asked to flush")
			}
			s = until(t, r, l.all)
			stop(t, r)
			t.Logf("%d of %d MB at most, cb_collect took %d ms at most", s.Most>>20, l.bytes>>20, s.Longest)
			if s.Most > limit+1<<20 {
				t.Errorf("the host held %d bytes", s.Most)
			}
			l.checkOnce(t, h)
		})
	}
}

// Chunks that an earlier process has left count, too. Where they alone reach the
// limit, reading goes on once they are delivered.
func TestInputPendingLeftover(t *testing.T) {
	t.Parallel()
	for kind, flags := range map[string][]string{"filesystem": {"-F"}, "checksum": {"-F", "-k"}} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			l := newLogs(t).growTimes(4, 10, 1000)
			h := l.host(t, append(flags, "-h")...)
			r := l.beginUntilAll(t, h) // with the default limit
			r.Kill()
			l.grow(10, 1000)
			h.Options[0] = append(h.Options[0], "pending_limit=8M")
			r = begin(t, h)
			until(t, r, func(s engine.InputState) bool { return s.Records > 0 })
			do(t, r, "hold left")
			time.Sleep(500 * time.Millisecond) // some looks at the folder
			if s := do(t, r, "hold off"); s.Most > 1<<20 {
				t.Errorf("%d bytes were appended beside those that are left", s.Most)
			}
			until(t, r, func(s engine.InputState) bool { return s.Records >= 40 }) // those of grow
			l.comes(t, h, false)
			stop(t, r)
		})
	}
}
