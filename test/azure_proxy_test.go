package test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"fluent-bit-nsgflow/test/azure"
)

// By the name in_nsgflow.so the object is an input of the host's Go proxy, for
// hosts that the native one does not know. It says what it guarantees less.
func TestAzureProxy(t *testing.T) {
	t.Parallel()
	if len(releases()) == 0 {
		t.Skip("skipped: no Fluent Bit found")
	}
	r := releases()[0] // one is enough: it is the same in all
	for _, other := range releases()[1:] {
		var major, minor int
		if fmt.Sscanf(other.version, "%d.%d", &major, &minor); r.before(major, minor) {
			r = other
		}
	}
	storage := azure.NewStorage(t)
	root := stageInput(t, r)
	write(t, root, "etc/azure-plugins.conf", "[PLUGINS]\n    Path "+root+"/plugins/flb-filter_nsgflow.so\n    Path "+root+"/plugins/in_nsgflow.so\n")
	write(t, root, "etc/follow.conf", following(root))
	w := newWriter(t, storage)
	w.minute()
	a := r.start(t, root, storage.Environment, "-c", filepath.Join(root, "etc", "follow.conf"))
	a.until("the first minute", w.allSeen(root))
	w.minute()
	a.until("the second minute", w.allSeen(root))
	a.stop()
	readSeen(t, root).check(t, w)
	const line = "[input:nsgflow:nsgflow.0] reading through Fluent Bit's Go proxy: a batch of 1048576 bytes a second, and a crash may lose what a busy Fluent Bit has not brought to its chunks for 5s; the name flb-in_nsgflow.so has neither limit"
	if n := strings.Count(a.log.String(), line); n != 1 {
		t.Errorf("%d lines about the proxy", n)
	}
}
