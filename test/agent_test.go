package test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/engine"
)

// object is a copy of the shared object under test: nothing that is built
// meanwhile may change it under a running agent.
var object string

func TestMain(m *testing.M) { os.Exit(setUp(m)) }

func setUp(m *testing.M) int {
	flag.Parse()
	// Agents wait more than they compute. Go's default of one test for each
	// core would take three times as long.
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		flag.Set("test.parallel", "8")
	}
	dir, err := os.MkdirTemp("", "nsgflow-")
	if err == nil {
		defer os.RemoveAll(dir)
		object = filepath.Join(dir, "flb-filter_nsgflow.so")
		err = copyObject(object)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// copyObject takes the object that NSGFLOW_OBJECT names, else builds it.
func copyObject(to string) error {
	from := os.Getenv("NSGFLOW_OBJECT")
	if from == "" {
		var err error
		if from, err = engine.Object(); err != nil {
			return err
		}
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o755)
}

// release is an unmodified Fluent Bit.
type release struct {
	path    string
	version string // for instance 5.1.1
}

// before compares releases by their numbers.
func (r release) before(major, minor int) bool {
	var a, b int
	fmt.Sscanf(r.version, "%d.%d", &a, &b)
	return a < major || a == major && b < minor
}

// releases are the Fluent Bits to test in: FLUENT_BITS or FLUENT_BIT, paths
// separated by colons, else the one that the machine has.
var releases = sync.OnceValue(func() (found []release) {
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
		r := release{path: path, version: path}
		if _, after, ok := strings.Cut(string(out), "Fluent Bit v"); ok {
			r.version = strings.Fields(after)[0]
		}
		found = append(found, r)
	}
	return found
})

// inEveryRelease runs a test in every Fluent Bit there is, at the same time.
func inEveryRelease(t *testing.T, test func(*testing.T, release)) {
	t.Helper()
	if len(releases()) == 0 {
		t.Skip("no Fluent Bit found: set FLUENT_BIT to one, or FLUENT_BITS to several")
	}
	for _, r := range releases() {
		t.Run("fluent-bit-"+r.version, func(t *testing.T) {
			t.Parallel()
			test(t, r)
		})
	}
}

// stage lays out what a container has in /fluent-bit, in a folder of its own.
func stage(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	if err := engine.Stage(root, "../conf", object); err != nil {
		t.Fatal(err)
	}
	return root
}

// write puts a file below a staged folder.
func write(t *testing.T, root, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(root, name), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// agent is a running Fluent Bit.
type agent struct {
	t      *testing.T
	cmd    *exec.Cmd
	cancel context.CancelFunc
	out    engine.Buffer
	log    engine.Buffer
	ended  chan error
}

// agentTimeout bounds the life of every agent: one that hangs is killed, and
// its test fails.
const agentTimeout = 60 * time.Second

// start runs Fluent Bit with root as its working directory and ends it with
// the test.
func (r release) start(t *testing.T, root string, env []string, args ...string) *agent {
	t.Helper()
	return r.startFor(t, agentTimeout, root, env, args...)
}

// startFor is start with a life of its own length.
func (r release) startFor(t *testing.T, life time.Duration, root string, env []string, args ...string) *agent {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), life)
	a := &agent{t: t, cancel: cancel, ended: make(chan error, 1)}
	a.cmd = exec.CommandContext(ctx, r.path, args...)
	a.cmd.Dir = root
	a.cmd.Env = append(os.Environ(), env...)
	a.cmd.Stdout, a.cmd.Stderr = &a.out, &a.log
	a.cmd.WaitDelay = time.Second
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { a.ended <- a.cmd.Wait() }()
	t.Cleanup(func() {
		cancel()
		if t.Failed() {
			t.Logf("log of Fluent Bit %s:\n%s", r.version, a.log.String())
		}
	})
	return a
}

// wait waits for the agent to end by itself and returns its exit code.
func (a *agent) wait() int {
	a.t.Helper()
	err := <-a.ended
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		a.t.Fatal(err)
	}
	state := a.cmd.ProcessState
	if s := state.Sys().(syscall.WaitStatus); s.Signaled() {
		a.t.Fatalf("killed by %v: either it hung for %v or it crashed", s.Signal(), agentTimeout)
	}
	return state.ExitCode()
}

// stop asks the agent to end, as a service manager does.
func (a *agent) stop() {
	a.t.Helper()
	if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		a.t.Fatal(err)
	}
	if code := a.wait(); code != 0 {
		a.t.Errorf("exit code %d after SIGTERM", code)
	}
}

// until waits for a condition on what the agent has written or sent.
func (a *agent) until(what string, condition func() bool) {
	a.t.Helper()
	for deadline := time.Now().Add(agentTimeout / 2); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			a.t.Fatalf("still waiting for %s\nstdout:\n%s", what, a.out.String())
		}
	}
}
