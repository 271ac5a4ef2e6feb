package input

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/follow"
	"fluent-bit-nsgflow/test/internal/textfile"
	"fluent-bit-nsgflow/test/soak"
)

// smallDisk mounts a file system of so many MB at a folder.
func smallDisk(t *testing.T, dir, mb string) {
	t.Helper()
	if err := mountDisk(t, dir, mb); err != nil {
		t.Skipf("skipped: a small disk takes the right to mount one: %v", err)
	}
}

func mountDisk(t *testing.T, dir, mb string) error {
	image := filepath.Join(t.TempDir(), "disk")
	for _, command := range [][]string{
		{"truncate", "-s", mb + "M", image},
		{"mkfs.ext4", "-q", "-F", "-m", "0", image},
		{"mkdir", "-p", dir},
		{"mount", "-o", "loop", image, dir},
	} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%q: %w %s", command, err, out)
		}
	}
	t.Cleanup(func() { exec.Command("umount", "-l", dir).Run() })
	return nil
}

// A disk that is full for a while, and a kill meanwhile, lose nothing: what
// Fluent Bit cannot store it refuses, and the input offers it again.
func TestAzureFullDisk(t *testing.T) {
	t.Parallel()
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		storage := azure.NewStorage(t)
		root := follow.Stage(t)
		disk := filepath.Join(root, "disk")
		smallDisk(t, disk, "16")
		conf := follow.Pipeline(root)
		for _, name := range []string{"/storage", "/state"} {
			conf = strings.Replace(conf, root+name, disk+name, 1)
		}
		textfile.Write(t, root, "etc/full.conf", conf)
		w := follow.NewWriter(t, storage)
		w.Minute()
		a := r.Start(t, root, storage.Environment, "-c", "etc/full.conf")
		a.Until("the first minute", w.AllSeen(root))
		ballast := filepath.Join(disk, "ballast")
		if err := os.WriteFile(ballast, make([]byte, 32<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("the disk is not full: %v", err)
		}
		for range 20 {
			w.Minute()
			time.Sleep(100 * time.Millisecond)
		}
		a.Kill()
		a = r.Start(t, root, storage.Environment, "-c", "etc/full.conf")
		time.Sleep(2 * time.Second)
		w.Minute()
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		a.Until("all events", w.AllSeen(root))
		a.Stop()
		n := follow.Read(t, root).Check(t, w)
		t.Logf("Fluent Bit %s: %d tuples, %d repeated", r.Version, len(w.Tuples), n)
	})
}

func crashesOnSIGCONT(r fluentbit.Release) bool { return r.Before(2, 2) && !r.Before(2, 1) }

// An agent that is stopped for a while goes on where it was. The long form
// stops it for 30 seconds, as long as a connection is kept.
func TestAzureStoppedProcess(t *testing.T) {
	t.Parallel()
	still := soak.Time("still")
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		if crashesOnSIGCONT(r) {
			t.Skipf("skipped: Fluent Bit %s crashes by itself on SIGCONT, with its own input dummy as well", r.Version)
		}
		storage := azure.NewStorage(t)
		root := follow.Stage(t)
		textfile.Write(t, root, "etc/still.conf", follow.Pipeline(root))
		w := follow.NewWriter(t, storage)
		w.KeepWriting()
		a := r.StartFor(t, 2*time.Minute, root, storage.Environment, "-c", "etc/still.conf")
		time.Sleep(1500 * time.Millisecond)
		a.Signal(syscall.SIGSTOP)
		time.Sleep(still)
		a.Signal(syscall.SIGCONT)
		time.Sleep(time.Second)
		w.Stop()
		a.Until("all events", w.AllSeen(root))
		a.Stop()
		if n := follow.Read(t, root).Check(t, w); n > 0 {
			t.Errorf("%d repeated", n)
		}
	})
}

// An agent ends whenever it is asked to, also in the middle of reading.
func TestAzureStops(t *testing.T) {
	t.Parallel()
	stops := soak.N("stops")
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		storage := azure.NewStorage(t)
		w := follow.NewWriter(t, storage)
		w.KeepWriting()
		defer w.Stop()
		var slowest time.Duration
		const sideBySide = 4
		reloads, arguments := !r.Before(2, 1), []string{"-c", "etc/stops.conf"}
		if reloads {
			arguments = append(arguments, "-Y")
		}
		for range stops / sideBySide {
			var agents []*fluentbit.Agent
			for range sideBySide {
				root := follow.Stage(t)
				textfile.Write(t, root, "etc/stops.conf", follow.Pipeline(root, "start now"))
				agents = append(agents, r.Start(t, root, storage.Environment, arguments...))
			}
			for i, a := range agents {
				time.Sleep(time.Duration(100+rand.IntN(500)) * time.Millisecond)
				if i == 0 && reloads {
					a.Signal(syscall.SIGHUP)
					time.Sleep(time.Duration(rand.IntN(1500)) * time.Millisecond)
				}
				began := time.Now()
				a.Stop()
				slowest = max(slowest, time.Since(began))
			}
		}
		t.Logf("%d stops of Fluent Bit %s, the slowest in %s", stops, r.Version, slowest.Round(100*time.Millisecond))
		if slowest > 10*time.Second {
			t.Errorf("a stop took %s", slowest)
		}
	})
}
