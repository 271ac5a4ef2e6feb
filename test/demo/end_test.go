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

	"golang.org/x/sys/unix"

	"fluent-bit-nsgflow/test/engine"
)

// Ctrl-C ends the demo and all that it has started, and so does its death.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	built(t)
	demo := builtDemo(t)
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

// So does a terminal that goes away without a signal.
func TestTerminalGoesAway(t *testing.T) {
	t.Parallel()
	built(t)
	terminal, side := openTerminal(t)
	command := exec.Command(builtDemo(t), "-port", strconv.Itoa(freePort(t)), "-folder", t.TempDir(), "-tuples", "4")
	command.Stdout, command.Stderr = side, side
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	side.Close()
	var said strings.Builder
	for b := make([]byte, 4096); !strings.Contains(said.String(), "Ctrl-C ends"); {
		n, err := terminal.Read(b)
		if said.Write(b[:n]); err != nil {
			t.Fatalf("%v\n%s", err, said.String())
		}
	}
	if !strings.Contains(said.String(), " %") {
		t.Errorf("no percent on a terminal:\n%q", said.String())
	}
	terminal.Close()
	end := time.AfterFunc(20*time.Second, func() { command.Process.Kill() })
	if err := command.Wait(); err != nil || !end.Stop() {
		t.Errorf("still there, or %v", err)
	}
}

func builtDemo(t *testing.T) string {
	t.Helper()
	demo := filepath.Join(t.TempDir(), "demo")
	if out, err := exec.Command("go", "build", "-o", demo, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return demo
}

// openTerminal gives both sides of a pseudo terminal.
func openTerminal(t *testing.T) (terminal, side *os.File) {
	t.Helper()
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("skipped: there is no pseudo terminal: %v", err)
	}
	fd := int(terminal.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		side, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	return terminal, side
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
