// Package follow is what tests of the input have in common: flow logs that
// grow in storage accounts of the emulator, the pipeline that follows them to a
// file, and what came out there.
package follow

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/internal/fluentbit"
)

// Stage is fluentbit.Stage with the input beside the filter, as a link to the
// same file.
func Stage(t *testing.T) string {
	t.Helper()
	root := fluentbit.Stage(t)
	for _, name := range []string{"flb-in_nsgflow.so", "in_nsgflow.so"} {
		if err := os.Symlink("flb-filter_nsgflow.so", filepath.Join(root, "plugins", name)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// Filter is the filter of Pipeline.
var Filter = fluentbit.Filtering("flow", "schema ecs", "original on")

// Pipeline is one from storage to the file root/out/flow, an event a
// line. Secrets come from the environment.
func Pipeline(root string, options ...string) string {
	return fmt.Sprintf(`
[SERVICE]
    Flush        0.2
    Grace        2
    Plugins_File %[1]s/etc/azure-plugins.conf
    storage.path %[1]s/storage
%[2]s
%[3]s
[OUTPUT]
    Name   file
    Match  flow
    Path   %[1]s/out
    File   flow
    Mkdir  On
    Format plain
    Retry_Limit no_limits
`, root, Input(root, options...), Filter)
}

// Input is one section of Pipeline that reads, more of which may stand beside it.
func Input(root string, options ...string) string {
	return fmt.Sprintf(`
[INPUT]
    Name           nsgflow
    Tag            flow
    poll_interval  1s
    list_interval  1s
    state_path     %s/state
    storage.type   filesystem
    %s
`, root, strings.Join(options, "\n    "))
}

// Accounts are the options that follow accounts of the emulator.
func Accounts(t *testing.T, accounts ...azure.Storage) []string {
	t.Helper()
	var names []string
	for _, s := range accounts {
		names = append(names, s.Account)
	}
	return []string{"account " + strings.Join(names, ","), "account_key " + azure.Key,
		"endpoint " + strings.TrimSuffix(azure.Endpoint(t), azure.Account) + "{account}"}
}
