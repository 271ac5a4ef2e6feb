package input

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/follow"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// By the name in_nsgflow.so the object is an input of the host's Go proxy, for
// hosts that the native one does not know. It says what it guarantees less.
func TestAzureProxy(t *testing.T) {
	t.Parallel()
	r := fluentbit.First(t) // one is enough: it is the same in all
	for _, other := range fluentbit.Releases()[1:] {
		var major, minor int
		if fmt.Sscanf(other.Version, "%d.%d", &major, &minor); r.Before(major, minor) {
			r = other
		}
	}
	if r.Before(2, 0) {
		t.Skipf("skipped: Fluent Bit %s has no inputs of the Go proxy", r.Version)
	}
	storage := azure.NewStorage(t)
	root := follow.Stage(t)
	textfile.Write(t, root, "etc/azure-plugins.conf", "[PLUGINS]\n    Path "+root+"/plugins/flb-filter_nsgflow.so\n    Path "+root+"/plugins/in_nsgflow.so\n")
	textfile.Write(t, root, "etc/follow.conf", follow.Pipeline(root))
	w := follow.NewWriter(t, storage)
	w.Minute()
	a := r.Start(t, root, storage.Environment, "-c", filepath.Join(root, "etc", "follow.conf"))
	a.Until("the first minute", w.AllSeen(root))
	w.Minute()
	a.Until("the second minute", w.AllSeen(root))
	a.Stop()
	follow.Read(t, root).Check(t, w)
	const line = "[input:nsgflow:nsgflow.0] reading through Fluent Bit's Go proxy: a batch of 1048576 bytes a second, and a crash may lose what a busy Fluent Bit has not brought to its chunks for 5s; the name flb-in_nsgflow.so has neither limit"
	if n := strings.Count(a.Log.String(), line); n != 1 {
		t.Errorf("%d lines about the proxy", n)
	}
}
