package fluentbit

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/engine"
)

// Release is an unmodified Fluent Bit.
type Release struct {
	Path    string
	Version string // for instance 5.1.1
}

// Before compares releases by their numbers.
func (r Release) Before(major, minor int) bool {
	var a, b int
	fmt.Sscanf(r.Version, "%d.%d", &a, &b)
	return a < major || a == major && b < minor
}

// Releases are the Fluent Bits to test in: FLUENT_BITS or FLUENT_BIT, paths
// separated by colons, else the one that the machine has.
var Releases = sync.OnceValue(func() (found []Release) {
	paths := filepath.SplitList(os.Getenv("FLUENT_BITS"))
	if len(paths) == 0 {
		paths = filepath.SplitList(os.Getenv("FLUENT_BIT"))
	}
	if len(paths) == 0 {
		if path, _ := engine.Find(); path != "" {
			paths = []string{path}
		}
	}
	for _, path := range paths {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		out, _ := exec.CommandContext(ctx, path, "--version").CombinedOutput()
		cancel()
		r := Release{Path: path, Version: path}
		if _, after, ok := strings.Cut(string(out), "Fluent Bit v"); ok {
			r.Version = strings.Fields(after)[0]
		}
		found = append(found, r)
	}
	return found
})

// InEveryRelease runs a test in every Fluent Bit there is, at the same time.
func InEveryRelease(t *testing.T, test func(*testing.T, Release)) {
	t.Helper()
	if len(Releases()) == 0 {
		t.Skip(none)
	}
	for _, r := range Releases() {
		t.Run("fluent-bit-"+r.Version, func(t *testing.T) {
			t.Parallel()
			test(t, r)
		})
	}
}

// LosesLastLines: up to 2.0 a failing start ends before the thread that
// writes the log has come to its last lines, now and then.
func (r Release) LosesLastLines() bool { return r.Before(2, 1) }

// NeedsMetrics skips a release that shows no counters of plugins by itself.
func (r Release) NeedsMetrics(t *testing.T) {
	t.Helper()
	if r.Before(2, 1) {
		t.Skipf("skipped: Fluent Bit %s shows no metrics of plugins", r.Version)
	}
}

// Has skips a release that was built without a plugin.
func (r Release) Has(t *testing.T, plugin string) {
	t.Helper()
	help, err := exec.Command(r.Path, "--help").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^ +` + plugin + ` `).Match(help) {
		t.Skipf("skipped: this Fluent Bit %s was built without %s", r.Version, plugin)
	}
}

// Reads skips a configuration that a release does not read.
func (r Release) Reads(t *testing.T, configuration string) {
	t.Helper()
	if r.Before(2, 1) && filepath.Ext(configuration) == ".yaml" {
		t.Skipf("skipped: Fluent Bit %s reads no plugins_file from YAML", r.Version)
	}
}

// First is the first of them, for tests to which one release is enough.
func First(t *testing.T) Release {
	t.Helper()
	if len(Releases()) == 0 {
		t.Skip(none)
	}
	return Releases()[0]
}

const none = "skipped: no Fluent Bit found: set FLUENT_BIT to one, or FLUENT_BITS to several"
