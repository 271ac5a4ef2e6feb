package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"fluent-bit-nsgflow/test/azure"
)

// inChild runs a test in a process of its own, compiled without the race
// detector, which ends the process at some of what bbolt does on a damaged
// page. It reports true in that process.
func inChild(t *testing.T) bool {
	t.Helper()
	const env = "NSGFLOW_IN_CHILD"
	if os.Getenv(env) != "" {
		return true
	}
	binary := filepath.Join(t.TempDir(), "storage.test")
	if out, err := exec.Command("go", "test", "-c", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Skipf("skipped: the tests cannot be compiled here: %v: %s", err, out)
	}
	child := exec.Command(binary, "-test.run", "^"+t.Name()+"$", "-test.v")
	child.Env = append(os.Environ(), env+"=1")
	out, err := child.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out[:min(len(out), 10_000)])
	} else if !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Errorf("the child has not run it:\n%s", out)
	}
	return false
}

// newStoreFile is a checkpoint file of three containers, with free pages.
func newStoreFile(t *testing.T) (content []byte) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "nsgflow.db")
	s, err := openStore(file)
	if err != nil {
		t.Fatal(err)
	}
	hour := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	for container := range 3 {
		bucket := fmt.Sprintf("https://example%d.blob.core.windows.net/flowlogs", container)
		all := map[string]checkpoint{}
		for nic := range 400 {
			all[azure.VNetName(nic, hour)] = checkpoint{Offset: int64(1000 + nic), Check: rand.Uint64(), Checked: 256, ETag: "0x1"}
		}
		if err := s.put(map[string]map[string]checkpoint{bucket: all}); err != nil {
			t.Fatal(err)
		}
		n := 0
		if err := s.settle(bucket, hour, func(string, checkpoint) bool { n++; return n%4 > 0 }); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	if content, err = os.ReadFile(file); err != nil {
		t.Fatal(err)
	}
	return content
}

func noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return b
}

// A damaged file is refused when it is opened, with what to do, and nothing of
// it ends the process.
func TestDamagedStoreIsRefused(t *testing.T) {
	if !inChild(t) {
		return
	}
	content := newStoreFile(t)
	page := os.Getpagesize()
	with := func(at int, b []byte) []byte {
		c := slices.Clone(content)
		copy(c[at:], b)
		return c
	}
	damaged := map[string][]byte{"empty": {}, "noise": noise(len(content)), "another kind of file": []byte(strings.Repeat("no database ", 10_000)),
		"zeros": make([]byte, len(content)), "no begin": with(0, noise(2*page))}
	used := (len(bytes.TrimRight(content, "\x00")) + page - 1) / page * page // the file is grown ahead
	for _, size := range []int{1, 100, page - 1, page, 2*page - 1, 2 * page, 3 * page, used / 2, used - page, used - 1} {
		damaged[fmt.Sprintf("cut short at %d", size)] = content[:size]
	}
	other := with(0, nil) // version 3
	for meta := range 2 {
		binary.NativeEndian.PutUint32(other[meta*page+16+4:], 3)
	}
	damaged["version"] = other

	file := filepath.Join(t.TempDir(), "nsgflow.db")
	put := func(c []byte) {
		t.Helper()
		if err := os.WriteFile(file, c, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range damaged {
		put(c)
		s, err := openStore(file)
		if err == nil {
			t.Errorf("%s: opened", name)
			s.close()
			continue
		}
		if text := err.Error(); !strings.HasPrefix(text, fmt.Sprintf("option state_path: %q is damaged: move it away, and reading begins anew as option start says (", file)) ||
			len(text) > 700 || strings.Contains(text, "\n") {
			t.Errorf("%s: %s", name, text)
		}
		if kept, err := os.ReadFile(file); err != nil || !bytes.Equal(kept, c) {
			t.Errorf("%s: the file has changed", name)
		}
	}
	// Nothing of a refused file is left behind that keeps a good one out.
	put(content)
	s, err := openStore(file)
	if err != nil {
		t.Fatal(err)
	}
	s.close()

	// Noise in one place may hit what is free; it is found or does no harm.
	tries := 400
	if long {
		tries = 4000
	}
	refused := 0
	for n := range tries {
		at, size := rand.IntN(used), 1+rand.IntN(page)
		switch {
		case n < used/page:
			at, size = n*page, page // each page
		case n%2 == 0:
			at, size = at/page*page, 16+rand.IntN(100) // its head
		}
		put(with(at, noise(min(size, len(content)-at))))
		s, err := openStore(file)
		if err != nil {
			if !errors.Is(err, errDamaged) {
				t.Errorf("%d bytes at %d: %v", size, at, err)
			}
			refused++
			continue
		}
		use(t, s)
		s.close()
	}
	t.Logf("%d of %d files with noise in one place refused", refused, tries)
	if refused < tries/2 {
		t.Error("hardly any was refused")
	}
}

// use does what a follower does with a store; errors are of damage only.
func use(t *testing.T, s *store) {
	t.Helper()
	for container := range 3 {
		bucket := fmt.Sprintf("https://example%d.blob.core.windows.net/flowlogs", container)
		_, _, err := s.begun(bucket)
		errs := []error{err}
		for nic := range 400 {
			_, _, err := s.get(bucket, azure.VNetName(nic, time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)))
			errs = append(errs, err)
		}
		errs = append(errs, s.put(map[string]map[string]checkpoint{bucket: {"new": {Offset: 1}}}),
			s.settle(bucket, time.Now(), func(name string, c checkpoint) bool { return c.Offset%2 == 0 }))
		for _, err := range errs {
			if err != nil && !errors.Is(err, errDamaged) {
				t.Error(err)
			}
		}
	}
}

// A file that is damaged while it is in use ends the follower: it says so once,
// and nothing is left that waits or runs.
func TestStoreDamagedInUse(t *testing.T) {
	if !inChild(t) {
		return
	}
	turns := 2
	if long {
		turns = 10
	}
	page := os.Getpagesize()
	for name, damage := range map[string]func(file *os.File, size int64) error{
		"all of it":       func(file *os.File, size int64) error { _, err := file.WriteAt(noise(int(size)), 0); return err },
		"the first pages": func(file *os.File, size int64) error { _, err := file.WriteAt(noise(2*page), 0); return err },
		"all but the first pages": func(file *os.File, size int64) error {
			_, err := file.WriteAt(noise(max(0, int(size)-2*page)), int64(2*page))
			return err
		},
		"emptied":   func(file *os.File, size int64) error { return file.Truncate(0) },
		"cut short": func(file *os.File, size int64) error { return file.Truncate(int64(2 * page)) },
	} {
		for n := range turns {
			t.Run(fmt.Sprintf("%s %d", name, n), func(t *testing.T) {
				before := runtime.NumGoroutine()
				c := &catalogue{}
				for nic := range 200 {
					c.names = append(c.names, azure.VNetName(nic, time.Now().UTC()))
				}
				slices.Sort(c.names)
				o := catalogueOptions(t, c, Start{})
				o.PollInterval, o.ListInterval = 10*time.Millisecond, 10*time.Millisecond
				f, log := open(t, o)
				for range 10 + 15*n { // in the middle of writing, or at rest
					if b, err := f.Next(1 << 10); err == nil {
						f.Commit(b.Token)
					}
					time.Sleep(5 * time.Millisecond)
				}
				file, err := os.OpenFile(f.store.file, os.O_RDWR, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer file.Close()
				err = nil
				for deadline := time.Now().Add(patience); err == nil; {
					// A write that was under way may have mended it.
					info, failed := file.Stat()
					if failed == nil {
						failed = damage(file, info.Size())
					}
					if failed != nil || time.Now().After(deadline) {
						t.Fatalf("nothing tells that it is damaged: %v", failed)
					}
					var batch Batch
					if batch, err = f.Next(1 << 10); err == nil {
						f.Commit(batch.Token)
						select {
						case <-f.Ready():
						case <-time.After(50 * time.Millisecond):
						}
					}
				}
				if !errors.Is(err, errDamaged) {
					t.Errorf("Next: %v", err)
				}
				ended := make(chan struct{})
				go func() { f.running.Wait(); close(ended) }()
				select {
				case <-ended:
				case <-time.After(patience):
					stacks := make([]byte, 1<<20)
					t.Fatalf("it does not end:\n%s", stacks[:runtime.Stack(stacks, true)])
				}
				used := cpuTime(t)
				time.Sleep(300 * time.Millisecond)
				f.Stats()
				if used = cpuTime(t) - used; used > 100*time.Millisecond {
					t.Errorf("%s of CPU in 300ms", used)
				}
				f.Close()
				text := log.String()
				if log.count("is damaged: move it away") != 1 || !strings.Contains(text, fmt.Sprintf("0 checkpoints: %q is damaged", f.store.file)) ||
					!strings.Contains(text, "NOTHING IS READ any more") || strings.Count(text, "\n") > 3 || strings.Contains(text, "goroutine") {
					t.Errorf("log:\n%s", text)
				}
				// One that writes and one behind it may wait for ever, see store.
				await(t, "all goroutines gone", func() bool { return runtime.NumGoroutine() <= before+2 })
				// Moved away, as the line says, a new one takes its place.
				if err := os.Rename(f.store.file, f.store.file+".damaged"); err != nil {
					t.Fatal(err)
				}
				open(t, o)
			})
		}
	}
}

func cpuTime(t *testing.T) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// A checkpoint that is none makes a file damaged, though its pages are whole.
func TestStoreWithoutJSON(t *testing.T) {
	file := filepath.Join(t.TempDir(), "nsgflow.db")
	db, err := bbolt.Open(file, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucket([]byte("https://example.blob.core.windows.net/flowlogs"))
		if err != nil {
			return err
		}
		if b, err = b.CreateBucket(blobsKey); err != nil {
			return err
		}
		return b.Put([]byte("blob"), []byte("not JSON"))
	})
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := openStore(file); !errors.Is(err, errDamaged) {
		t.Errorf("%v", err)
	}
}
