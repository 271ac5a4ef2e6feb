package pipeline

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/follow"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// An agent that uses the filter alone has no connection, though the input is
// in the same object, even where it is loaded as well.
func TestFilterAlone(t *testing.T) {
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		root := follow.Stage(t)
		textfile.Write(t, root, "flow-logs/sample.json", textfile.Read(t, "conf/samples/nsg_v2.json"))
		conf := fluentbit.Service(root) + fluentbit.Tailing(root, "*", "flow", "") + fluentbit.Filtering("flow") + fluentbit.Printing
		textfile.Write(t, root, "etc/filter.conf", conf)
		textfile.Write(t, root, "etc/both.conf", strings.Replace(conf, "plugins.conf", "azure-plugins.conf", 1))
		// Credentials that an agent may have for other reasons.
		env := []string{"AZURE_STORAGE_ACCOUNT=nobody", "AZURE_STORAGE_KEY=bm9ib2R5"}
		for _, file := range []string{"filter.conf", "both.conf"} {
			a := r.Start(t, root, env, "-c", "etc/"+file)
			a.Until("an event", func() bool { return len(a.Printed()) > 0 })
			for _, socket := range sockets(t, a.Pid()) {
				t.Errorf("%s: socket %s", file, socket)
			}
			a.Stop()
			if _, err := os.Stat("/var/lib/fluent-bit/nsgflow"); err == nil {
				t.Errorf("%s: there is a state_path", file)
			}
		}
	})
}

// sockets are the TCP and UDP sockets of a process.
func sockets(t *testing.T, pid int) (found []string) {
	t.Helper()
	var tables strings.Builder
	for _, kind := range []string{"tcp", "tcp6", "udp", "udp6"} {
		content, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, kind))
		if err == nil { // no tcp6 where there is no IPv6
			tables.Write(content)
		}
	}
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files of process %d: %v", pid, err)
	}
	for _, file := range files {
		target, err := os.Readlink(file)
		if err != nil {
			continue // closed meanwhile
		}
		if inode, ok := strings.CutPrefix(target, "socket:["); ok {
			if inode = strings.TrimSuffix(inode, "]"); strings.Contains(tables.String(), " "+inode+" ") {
				found = append(found, target)
			}
		}
	}
	return found
}
