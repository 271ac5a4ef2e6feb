// Package child runs processes that end with a test.
package child

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Runs runs a test of the package of the caller again in a process of its own, compiled without the race
// detector, which ends the process at some of what bbolt does on a damaged
// page. It reports true in that process.
func Runs(t *testing.T) bool {
	t.Helper()
	const env = "CHILD_OF_TEST"
	if os.Getenv(env) != "" {
		return true
	}
	binary := filepath.Join(t.TempDir(), "storage.test")
	if out, err := exec.Command("go", "test", "-c", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Skipf("skipped: the tests cannot be compiled here: %v: %s", err, out)
	}
	child := exec.Command(binary, "-test.run", "^"+t.Name()+"$", "-test.v")
	child.Env = append(os.Environ(), env+"=1")
	out, err := child.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out[:min(len(out), 10_000)])
	} else if !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Errorf("the child has not run it:\n%s", out)
	}
	return false
}

// Start starts a program that ends when its standard input does, which is when
// the test is over.
func Start(t testing.TB, c *exec.Cmd) {
	t.Helper()
	input, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		input.Close()
		c.Wait()
	})
}
