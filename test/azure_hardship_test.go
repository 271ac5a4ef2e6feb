package test

import (
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
)

// smallDisk mounts a file system of so many MB at a folder.
func smallDisk(t *testing.T, dir, mb string) {
	t.Helper()
	image := filepath.Join(t.TempDir(), "disk")
	for _, command := range [][]string{
		{"truncate", "-s", mb + "M", image},
		{"mkfs.ext4", "-q", "-F", "-m", "0", image},
		{"mkdir", "-p", dir},
		{"mount", "-o", "loop", image, dir},
	} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Skipf("skipped: a small disk takes the right to mount one: %q: %v %s", command, err, out)
		}
	}
	t.Cleanup(func() { exec.Command("umount", "-l", dir).Run() })
}

// A disk that is full for a while, and a kill meanwhile, lose nothing: what
// Fluent Bit cannot store it refuses, and the input offers it again.
func TestAzureFullDisk(t *testing.T) {
	t.Parallel()
	inEveryRelease(t, func(t *testing.T, r release) {
		storage := azure.NewStorage(t)
		root := stageInput(t, r)
		disk := filepath.Join(root, "disk")
		smallDisk(t, disk, "16")
		conf := following(root)
		for _, name := range []string{"/storage", "/state"} {
			conf = strings.Replace(conf, root+name, disk+name, 1)
		}
		write(t, root, "etc/full.conf", conf)
		w := newWriter(t, storage)
		w.minute()
		a := r.start(t, root, storage.Environment, "-c", "etc/full.conf")
		a.until("the first minute", w.allSeen(root))
		ballast := filepath.Join(disk, "ballast")
		if err := os.WriteFile(ballast, make([]byte, 32<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("the disk is not full: %v", err)
		}
		for range 20 {
			w.minute()
			time.Sleep(100 * time.Millisecond)
		}
		a.cmd.Process.Kill()
		<-a.ended
		a = r.start(t, root, storage.Environment, "-c", "etc/full.conf")
		time.Sleep(2 * time.Second)
		w.minute()
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		a.until("all events", w.allSeen(root))
		a.stop()
		n := readSeen(t, root).check(t, w)
		t.Logf("Fluent Bit %s: %d tuples, %d repeated", r.version, len(w.tuples), n)
	})
}

// An agent that is stopped for a while goes on where it was. NSGFLOW_LONG stops
// it for 30 seconds, as long as a connection is kept.
func TestAzureStoppedProcess(t *testing.T) {
	t.Parallel()
	still := 3 * time.Second
	if long {
		still = 30 * time.Second
	}
	inEveryRelease(t, func(t *testing.T, r release) {
		if r.before(2, 2) && !r.before(2, 1) {
			t.Skipf("skipped: Fluent Bit %s crashes by itself on SIGCONT, with its own input dummy as well", r.version)
		}
		storage := azure.NewStorage(t)
		root := stageInput(t, r)
		write(t, root, "etc/still.conf", following(root))
		w := newWriter(t, storage)
		w.keepWriting()
		a := r.startFor(t, 2*time.Minute, root, storage.Environment, "-c", "etc/still.conf")
		time.Sleep(1500 * time.Millisecond)
		a.cmd.Process.Signal(syscall.SIGSTOP)
		time.Sleep(still)
		a.cmd.Process.Signal(syscall.SIGCONT)
		time.Sleep(time.Second)
		w.stop()
		a.until("all events", w.allSeen(root))
		a.stop()
		if n := readSeen(t, root).check(t, w); n > 0 {
			t.Errorf("%d repeated", n)
		}
	})
}

// An agent ends whenever it is asked to, also in the middle of reading.
// NSGFLOW_STOPS sets how often.
func TestAzureStops(t *testing.T) {
	t.Parallel()
	stops := fromEnvironment(t, "NSGFLOW_STOPS", 4)
	inEveryRelease(t, func(t *testing.T, r release) {
		storage := azure.NewStorage(t)
		w := newWriter(t, storage)
		w.keepWriting()
		defer w.stop()
		var slowest time.Duration
		const sideBySide = 4
		for range stops / sideBySide {
			var agents []*agent
			for range sideBySide {
				root := stageInput(t, r)
				write(t, root, "etc/stops.conf", following(root, "start now"))
				agents = append(agents, r.start(t, root, storage.Environment, "-Y", "-c", "etc/stops.conf"))
			}
			for i, a := range agents {
				time.Sleep(time.Duration(100+rand.IntN(500)) * time.Millisecond)
				if i == 0 {
					a.cmd.Process.Signal(syscall.SIGHUP)
					time.Sleep(time.Duration(rand.IntN(1500)) * time.Millisecond)
				}
				began := time.Now()
				a.stop()
				slowest = max(slowest, time.Since(began))
			}
		}
		t.Logf("%d stops of Fluent Bit %s, the slowest in %s", stops, r.version, slowest.Round(100*time.Millisecond))
		if slowest > 10*time.Second {
			t.Errorf("a stop took %s", slowest)
		}
	})
}
