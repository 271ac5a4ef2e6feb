package storage

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"fluent-bit-nsgflow/nsgflow/storage/checkpoint"
	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/child"
	"fluent-bit-nsgflow/test/soak"
)

func noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return b
}

// A file that is damaged while it is in use ends the follower: it says so once,
// and nothing is left that waits or runs.
func TestStoreDamagedInUse(t *testing.T) {
	if !child.Runs(t) {
		return
	}
	turns := 2
	if soak.Long("storage") {
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
				file, err := os.OpenFile(f.checkpoints.store.File(), os.O_RDWR, 0)
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
				if !errors.Is(err, checkpoint.ErrDamaged) {
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
				if log.count("is damaged: move it away") != 1 || !strings.Contains(text, fmt.Sprintf("0 checkpoints: %q is damaged", f.checkpoints.store.File())) ||
					!strings.Contains(text, "NOTHING IS READ any more") || strings.Count(text, "\n") > 3 || strings.Contains(text, "goroutine") {
					t.Errorf("log:\n%s", text)
				}
				// One that writes and one behind it may wait for ever, see store.
				await(t, "all goroutines gone", func() bool { return runtime.NumGoroutine() <= before+2 })
				// Moved away, as the line says, a new one takes its place.
				if err := os.Rename(f.checkpoints.store.File(), f.checkpoints.store.File()+".damaged"); err != nil {
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
