package input

import (
	"strings"
	"testing"

	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/follow"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// With memory storage an agent that is stopped has either delivered what it
// read, or reads it again, and says so.
func TestAzureStopWithMemoryStorage(t *testing.T) {
	t.Parallel()
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		storage := azure.NewStorage(t)
		root := follow.Stage(t)
		conf := strings.Replace(follow.Pipeline(root), "storage.type   filesystem", "storage.type   memory", 1)
		textfile.Write(t, root, "etc/memory.conf", conf)
		// Port 1 answers nobody.
		head, _, _ := strings.Cut(conf, "[OUTPUT]")
		textfile.Write(t, root, "etc/nobody.conf", head+"[OUTPUT]\n    Name http\n    Match flow\n    Host 127.0.0.1\n    Port 1\n    Retry_Limit no_limits\n")
		w := follow.NewWriter(t, storage)
		w.Minute()

		a := r.Start(t, root, storage.Environment, "-c", "etc/nobody.conf")
		a.Until("a failed delivery", func() bool { return a.Says("retry") })
		a.Stop()
		if line := "that are in memory only: they are read again after the next start"; !a.Says(line) {
			t.Errorf("no %q in the log", line)
		}
		for range 2 {
			a = r.Start(t, root, storage.Environment, "-c", "etc/memory.conf")
			a.Until("all events", w.AllSeen(root))
			w.Minute()
			a.Until("the next minute", w.AllSeen(root))
			a.Stop()
		}
		if n := follow.Read(t, root).Check(t, w); n > 0 {
			t.Errorf("%d repeated", n)
		}
	})
}
