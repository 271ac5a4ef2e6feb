package outputs

import (
	"testing"

	"fluent-bit-nsgflow/test/internal/event"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// What no output has taken yet survives a kill, and is filtered once.
func TestFilesystemBuffer(t *testing.T) {
	want := event.Undated(event.Read(t, "test/cases/nsg_v2/expected.ndjson"))
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		server := bulkServer(t, "ES")
		root := fluentbit.Stage(t)
		textfile.Write(t, root, "flow-logs/sample.json", textfile.Read(t, "conf/samples/nsg_v2.json"))
		// Port 1 answers nobody.
		a := r.Start(t, root, []string{"ES_HOST=127.0.0.1", "ES_PORT=1"}, "-c", "etc/es.conf")
		a.Until("a failed delivery", func() bool { return a.Says("retry") })
		a.Kill()
		a = r.Start(t, root, server.env, "-c", "etc/es.conf")
		a.Until("the events", func() bool { return len(server.received(a)) >= len(want) })
		a.Stop()
		event.Same(t, want, server.received(a))
	})
}
