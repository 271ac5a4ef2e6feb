package test

import (
	"strings"
	"testing"

	"fluent-bit-nsgflow/test/azure"
)

// With memory storage an agent that is stopped has either delivered what it
// read, or reads it again, and says so.
func TestAzureStopWithMemoryStorage(t *testing.T) {
	t.Parallel()
	inEveryRelease(t, func(t *testing.T, r release) {
		storage := azure.NewStorage(t)
		root := stageInput(t, r)
		conf := strings.Replace(following(root), "storage.type   filesystem", "storage.type   memory", 1)
		write(t, root, "etc/memory.conf", conf)
		// Port 1 answers nobody.
		head, _, _ := strings.Cut(conf, "[OUTPUT]")
		write(t, root, "etc/nobody.conf", head+"[OUTPUT]\n    Name http\n    Match flow\n    Host 127.0.0.1\n    Port 1\n    Retry_Limit no_limits\n")
		w := newWriter(t, storage)
		w.minute()

		a := r.start(t, root, storage.Environment, "-c", "etc/nobody.conf")
		a.until("a failed delivery", func() bool { return strings.Contains(a.log.String(), "retry") })
		a.stop()
		if line := "that are in memory only: they are read again after the next start"; !strings.Contains(a.log.String(), line) {
			t.Errorf("no %q in the log", line)
		}
		for range 2 {
			a = r.start(t, root, storage.Environment, "-c", "etc/memory.conf")
			a.until("all events", w.allSeen(root))
			w.minute()
			a.until("the next minute", w.allSeen(root))
			a.stop()
		}
		if n := readSeen(t, root).check(t, w); n > 0 {
			t.Errorf("%d repeated", n)
		}
	})
}
