package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/engine"
)

// Ctrl-C ends the demo and all that it has started, and so does its death.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	built(t)
	demo := filepath.Join(t.TempDir(), "demo")
	if out, err := exec.Command("go", "build", "-o", demo, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for signal, code := range map[syscall.Signal]int{syscall.SIGINT: 0, syscall.SIGKILL: -1} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			port := freePort(t)
			command := exec.Command(demo, "-port", strconv.Itoa(port), "-folder", t.TempDir(), "-tuples", "4")
			var out engine.Buffer
			command.Stdout, command.Stderr = &out, &out
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(time.Minute); !strings.Contains(out.String(), "Ctrl-C ends"); time.Sleep(20 * time.Millisecond) {
				if time.Now().After(deadline) {
					command.Process.Kill()
					t.Fatalf("still waiting for the answers\n%s", out.String())
				}
			}
			if strings.ContainsAny(out.String(), "\r\033") {
				t.Errorf("signs for a terminal where there is none:\n%q", out.String())
			}
			children := childrenOf(command.Process.Pid)
			if len(children) != 1 {
				t.Errorf("children %q, not only VictoriaLogs", children)
			}
			command.Process.Signal(signal)
			command.Wait()
			if got := command.ProcessState.ExitCode(); got != code {
				t.Errorf("exit code %d, want %d\n%s", got, code, out.String())
			}
			for range 50 {
				if free(port) == nil {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
			t.Errorf("the port is still taken, children were %q", children)
		})
	}
}

func childrenOf(pid int) []string {
	var all []string
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, file := range threads {
		text, _ := os.ReadFile(file)
		all = append(all, strings.Fields(string(text))...)
	}
	return all
}
