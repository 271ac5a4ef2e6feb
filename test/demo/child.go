package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// child is a program that ends with this process, even when it is killed.
type child struct {
	command *exec.Cmd
	log     string // file of its output
	ended   chan struct{}
}

// startChild runs a program in a process group of its own: Ctrl-C reaches this
// process only, which stops its children in their order.
func startChild(log string, command *exec.Cmd) (*child, error) {
	f, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	command.Stdout, command.Stderr = f, f
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		return nil, err
	}
	c := &child{command: command, log: log, ended: make(chan struct{})}
	go func() {
		command.Wait()
		close(c.ended)
	}()
	return c, nil
}

// stop asks the program to end, and kills it when it does not.
func (c *child) stop() {
	c.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.ended:
	case <-time.After(15 * time.Second):
		c.command.Process.Kill()
		<-c.ended
	}
}

func (c *child) hasEnded() bool {
	select {
	case <-c.ended:
		return true
	default:
		return false
	}
}

// lastLines are what the program has said in the end.
func (c *child) lastLines() string {
	text, _ := os.ReadFile(c.log)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-8):], "\n") + "\n(all of it: " + c.log + ")"
}

// pause waits, unless the demo is over.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
