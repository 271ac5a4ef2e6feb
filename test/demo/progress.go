package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// progress says what the demo does: on a terminal in a line that changes, else
// in a line for each step and each result.
type progress struct {
	out      *os.File
	terminal bool
	now      string
}

func newProgress(out *os.File) *progress {
	return &progress{out: out, terminal: isTerminal(out)}
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// gone says that there was a terminal and is none any more. A lost connection
// sends SIGHUP to the first process of the session only, which may be make.
func (p *progress) gone() bool { return p.terminal && !isTerminal(p.out) }

// step begins something that takes a while.
func (p *progress) step(format string, args ...any) {
	p.now = fmt.Sprintf(format, args...)
	if p.terminal {
		p.rewrite(p.now + " …")
		return
	}
	fmt.Fprintln(p.out, p.now, "…")
}

// at is how far the step is.
func (p *progress) at(part, whole int) {
	if p.terminal {
		p.rewrite(fmt.Sprintf("%s … %d %%", p.now, 100*part/whole))
	}
}

// done is what has come of it.
func (p *progress) done(format string, args ...any) {
	if p.terminal {
		p.rewrite("")
	}
	fmt.Fprintf(p.out, format+"\n", args...)
}

func (p *progress) rewrite(text string) { fmt.Fprint(p.out, "\r\033[K"+text) }
