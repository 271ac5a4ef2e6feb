// Package engine runs the shared object from outside, as its users do: in a
// real Fluent Bit, or in the stand-in host of test/host.
package engine

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Installed is where Fluent Bit's own packages and images put it: the last
// place that Find looks at.
const Installed = "/opt/fluent-bit/bin/fluent-bit"

// Find looks for a Fluent Bit on this machine. path is empty where there is
// none; how says in either case what led there.
func Find() (path, how string) {
	if path := os.Getenv("FLUENT_BIT"); path != "" {
		return path, "FLUENT_BIT=" + path
	}
	if path, err := exec.LookPath("fluent-bit"); err == nil {
		return path, path + " (PATH)"
	}
	if _, err := os.Stat(Installed); err == nil {
		return Installed, Installed
	}
	return "", "no FLUENT_BIT, none in PATH, no " + Installed
}

// Docker reports whether a Docker engine answers.
func Docker() bool {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return exec.CommandContext(ctx, "docker", "version", "--format", "{{.Server.Version}}").Run() == nil
}

// Root is the folder of go.mod: the nearest above the folder that the program
// began in, for programs are also built in one place and run in another.
var Root = sync.OnceValue(func() string {
	began, err := os.Getwd()
	if err != nil {
		return "."
	}
	for dir := began; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil || dir == filepath.Dir(dir) {
			return dir
		}
	}
})

// Path is a path below Root.
func Path(parts ...string) string {
	return filepath.Join(append([]string{Root()}, parts...)...)
}

// Object builds the shared object where it is out of date and returns its path.
func Object() (string, error) {
	return Path("build", "flb-filter_nsgflow.so"), Make("build")
}

// Make runs the Makefile. Test packages run at the same time: one at a time
// gets to build.
func Make(args ...string) error {
	if err := os.MkdirAll(Path("build"), 0o755); err != nil {
		return err
	}
	lock, err := os.Create(Path("build", ".lock"))
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "make", append([]string{"-s", "-C", Root()}, args...)...)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("make %q: %w\n%s", args, err, output)
	}
	return nil
}
