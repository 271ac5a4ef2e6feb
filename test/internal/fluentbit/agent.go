// Package fluentbit runs the Fluent Bits of the machine with the shared object
// under test.
package fluentbit

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/engine"
	"fluent-bit-nsgflow/test/internal/event"
)

// Agent is a running Fluent Bit.
type Agent struct {
	Release
	Out, Log engine.Buffer // standard output and standard error
	Ended    chan error    // gets what Wait of os/exec gives
	t        *testing.T
	cmd      *exec.Cmd
}

// Timeout bounds the life of every agent: one that hangs is killed, and
// its test fails.
const Timeout = 60 * time.Second

// Start runs Fluent Bit with root as its working directory and ends it with
// the test.
func (r Release) Start(t *testing.T, root string, env []string, args ...string) *Agent {
	t.Helper()
	return r.StartFor(t, Timeout, root, env, args...)
}

// StartFor is Start with a life of its own length.
func (r Release) StartFor(t *testing.T, life time.Duration, root string, env []string, args ...string) *Agent {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), life)
	a := &Agent{Release: r, t: t, Ended: make(chan error, 1)}
	a.cmd = exec.CommandContext(ctx, r.Path, args...)
	a.cmd.Dir = root
	a.cmd.Env = append(os.Environ(), env...)
	a.cmd.Stdout, a.cmd.Stderr = &a.Out, &a.Log
	a.cmd.WaitDelay = time.Second
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { a.Ended <- a.cmd.Wait() }()
	t.Cleanup(func() {
		cancel()
		if t.Failed() {
			t.Logf("log of Fluent Bit %s:\n%s", r.Version, a.Log.String())
		}
	})
	return a
}

// Wait waits for the agent to end by itself and returns its exit code.
func (a *Agent) Wait() int {
	a.t.Helper()
	err := <-a.Ended
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		a.t.Fatal(err)
	}
	state := a.cmd.ProcessState
	if s := state.Sys().(syscall.WaitStatus); s.Signaled() {
		a.t.Fatalf("killed by %v: either it hung for %v or it crashed", s.Signal(), Timeout)
	}
	return state.ExitCode()
}

// Stop asks the agent to end, as a service manager does.
func (a *Agent) Stop() {
	a.t.Helper()
	if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		a.t.Fatal(err)
	}
	if code := a.Wait(); code != 0 {
		a.t.Errorf("exit code %d after SIGTERM", code)
	}
}

// Pid is its process.
func (a *Agent) Pid() int { return a.cmd.Process.Pid }

// State is how it ended, once it has.
func (a *Agent) State() *os.ProcessState { return a.cmd.ProcessState }

// Signal sends a signal, which does not end it.
func (a *Agent) Signal(s os.Signal) {
	a.t.Helper()
	if err := a.cmd.Process.Signal(s); err != nil {
		a.t.Fatal(err)
	}
}

// Reload asks for a hot reload and returns when it has begun. Fluent Bit
// refuses one until it is through with the last, which no line of every
// release tells: then it is asked again.
func (a *Agent) Reload() {
	a.t.Helper()
	lines := func(text string) int { return strings.Count(a.Log.String(), text) }
	begun, refused := "reloading instance pid=", "reloading in progress, aborting"
	before, refusals := lines(begun), lines(refused)
	a.Signal(syscall.SIGHUP)
	a.Until("a reload", func() bool {
		if n := lines(refused); n > refusals {
			refusals = n
			a.Signal(syscall.SIGHUP)
		}
		return lines(begun) > before
	})
}

// Kill ends it as a crash does.
func (a *Agent) Kill() {
	a.t.Helper()
	if err := a.cmd.Process.Kill(); err != nil {
		a.t.Fatal(err)
	}
	<-a.Ended
}

// Printed are the events that it has written to standard output so far.
func (a *Agent) Printed() []event.Event {
	a.t.Helper()
	// The last line may be half written.
	whole := a.Out.String()
	whole = whole[:strings.LastIndexByte(whole, '\n')+1]
	return event.ParseAll(a.t, whole)
}

// Says reports whether its log has a text.
func (a *Agent) Says(text string) bool { return strings.Contains(a.Log.String(), text) }

// RefusesToStart expects that the start fails and the log says why.
func (a *Agent) RefusesToStart(message string) {
	a.t.Helper()
	if code := a.Wait(); code != 255 {
		a.t.Errorf("exit code %d, want 255", code)
	}
	if !a.Says(message) && !a.LosesLastLines() {
		a.t.Errorf("no %s in the log", message)
	}
}

// Until waits for a condition on what the agent has written or sent.
func (a *Agent) Until(what string, condition func() bool) {
	a.t.Helper()
	for deadline := time.Now().Add(Timeout / 2); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			a.t.Fatalf("still waiting for %s\nstdout:\n%s", what, a.Out.String())
		}
	}
}
