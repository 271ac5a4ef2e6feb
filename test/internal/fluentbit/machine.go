package fluentbit

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fluent-bit-nsgflow/test/azure"
)

// FreePort is a port of loopback that nobody listens on.
func FreePort(t *testing.T) int {
	t.Helper()
	port, err := azure.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// Running looks for a process with an argument.
func Running(t *testing.T, argument string) bool {
	t.Helper()
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range commands {
		// Processes come and go: what cannot be read is not there.
		if content, err := os.ReadFile(command); err == nil && strings.Contains(string(content), argument) {
			return true
		}
	}
	return false
}
