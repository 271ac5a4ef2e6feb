package input

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/follow"
	"fluent-bit-nsgflow/test/internal/textfile"
	"fluent-bit-nsgflow/test/soak"
)

// settled is how long after an event is seen a clean stop does not make any
// release repeat it.
const settled = 1500 * time.Millisecond

// Every tuple written comes out once: while the blobs grow, over a hot reload
// and over restarts.
func TestAzureFollow(t *testing.T) {
	t.Parallel()
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		storage := azure.NewStorage(t)
		root := follow.Stage(t)
		conf := filepath.Join(root, "etc", "follow.conf")
		textfile.Write(t, root, "etc/follow.conf", follow.Pipeline(root))
		w := follow.NewWriter(t, storage)
		w.Minute()
		reloads := !r.Before(2, 1)
		args := []string{"-c", conf}
		if reloads {
			args = append(args, "-Y")
		}
		a := r.Start(t, root, storage.Environment, args...)
		a.Until("the first minute", w.AllSeen(root))
		w.Minute()
		a.Until("the second minute", w.AllSeen(root))
		if n := follow.Read(t, root).Check(t, w); n > 0 {
			t.Errorf("%d repeated without any restart", n)
		}
		if reloads {
			starts := func() int { return strings.Count(a.Log.String(), "[sp] stream processor started") }
			time.Sleep(settled)
			before := starts()
			a.Reload()
			a.Until("the reload", func() bool { return starts() > before })
			w.Minute()
			a.Until("the minute after the reload", w.AllSeen(root))
		} else {
			t.Logf("not tried: Fluent Bit %s has no hot reload", r.Version)
		}
		time.Sleep(settled)
		a.Stop()
		for range 2 {
			w.Minute()
			a = r.Start(t, root, storage.Environment, "-c", conf)
			a.Until("the minute before the restart", w.AllSeen(root))
			time.Sleep(settled)
			a.Stop()
		}
		if n := follow.Read(t, root).Check(t, w); n > 0 {
			t.Errorf("%d repeated by clean stops", n)
		}
	})
}

// A stop in the middle of it loses nothing, and repeats what the host drops
// when it stops: nothing where it takes what it has first.
func TestAzureStopInTheMiddle(t *testing.T) {
	t.Parallel()
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		storage := azure.NewStorage(t)
		root := follow.Stage(t)
		textfile.Write(t, root, "etc/follow.conf", follow.Pipeline(root))
		w := follow.NewWriter(t, storage)
		w.KeepWriting()
		for range 4 {
			a := r.Start(t, root, storage.Environment, "-c", "etc/follow.conf")
			seen := len(follow.Read(t, root).Times)
			a.Until("some events", func() bool { return len(follow.Read(t, root).Times) > seen })
			time.Sleep(900 * time.Millisecond)
			a.Stop()
		}
		w.Stop()
		a := r.Start(t, root, storage.Environment, "-c", "etc/follow.conf")
		a.Until("all events", w.AllSeen(root))
		a.Stop()
		n := follow.Read(t, root).Check(t, w)
		t.Logf("%d tuples, %d repeated by 4 stops in Fluent Bit %s", len(w.Tuples), n, r.Version)
		if n > 0 {
			t.Errorf("%d repeated", n)
		}
	})
}

// Two agents share an account.
func TestAzureShards(t *testing.T) {
	t.Parallel()
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		storage := azure.NewStorage(t)
		w := follow.NewWriter(t, storage)
		w.Minute()
		var roots []string
		var agents []*fluentbit.Agent
		for i := range 2 {
			root := follow.Stage(t)
			textfile.Write(t, root, "etc/follow.conf", follow.Pipeline(root, fmt.Sprintf("shard %d/2", i+1)))
			agents = append(agents, r.Start(t, root, storage.Environment, "-c", "etc/follow.conf"))
			roots = append(roots, root)
		}
		agents[0].Until("the first minute", w.AllSeen(roots...))
		w.Minute()
		agents[0].Until("the second minute", w.AllSeen(roots...))
		for i, a := range agents {
			a.Stop()
			if n := len(follow.Read(t, roots[i]).Times); n == 0 || n == len(w.Tuples) {
				t.Errorf("shard %d has %d of %d tuples", i+1, n, len(w.Tuples))
			}
		}
		if n := follow.Read(t, roots...).Check(t, w); n > 0 {
			t.Errorf("%d tuples in both shards", n)
		}
	})
}

// Killed at any moment, again and again, an agent that follows three accounts
// loses nothing, and repeats under equal ids next to nothing: what was appended
// and not behind a checkpoint yet, or delivered and not off the host's disk.
func TestAzureKill(t *testing.T) {
	t.Parallel()
	kills := soak.N("kills")
	for name, storage := range map[string][2]string{
		"filesystem": {"filesystem", ""},
		"memory":     {"memory", ""},
		// After a kill the host drops the newest chunk, whose checksum is not
		// up to date.
		"checksum": {"filesystem", "    storage.checksum on\n"},
	} {
		t.Run(name, func(t *testing.T) {
			fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
				killAgain(t, r, kills, storage[0], storage[1])
			})
		})
	}
}

func killAgain(t *testing.T, r fluentbit.Release, kills int, storage, service string) {
	accounts := []azure.Storage{azure.NewStorage(t), azure.NewStorage(t), azure.NewStorage(t)}
	root := follow.Stage(t)
	textfile.Write(t, root, "etc/follow.conf", strings.NewReplacer("filesystem", storage, "[SERVICE]\n", "[SERVICE]\n"+service).Replace(follow.Pipeline(root, follow.Accounts(t, accounts...)...)))
	w := follow.NewWriter(t, accounts...)
	w.KeepWriting()
	began := time.Now()
	var lives time.Duration
	for range kills {
		a := r.Start(t, root, nil, "-c", "etc/follow.conf")
		life := time.Duration(500+rand.IntN(2500)) * time.Millisecond
		time.Sleep(life)
		lives += life
		a.Kill()
	}
	w.Stop()
	perSecond := float64(len(w.Tuples)) / time.Since(began).Seconds()
	a := r.Start(t, root, nil, "-c", "etc/follow.conf")
	// What is missing then, check tells.
	for deadline := time.Now().Add(fluentbit.Timeout / 2); !w.AllSeen(root)() && time.Now().Before(deadline); {
		time.Sleep(100 * time.Millisecond)
	}
	a.Stop()
	n := follow.Read(t, root).Check(t, w)
	t.Logf("%d kills of Fluent Bit %s with storage.type %s, lives of %s on average: %d tuples written, %d repeated (%.1f a kill, %.0f are written a second)",
		kills, r.Version, storage, (lives / time.Duration(kills)).Round(time.Millisecond), len(w.Tuples), n, float64(n)/float64(kills), perSecond)
	// With memory storage, what the host held: of a flush interval and a
	// delivery, each 0.2 s here, on a machine with more to do.
	if most := perSecond * 2 * float64(kills); float64(n) > most {
		t.Errorf("%d repeated, more than was under way (%.0f)", n, most)
	}
}
