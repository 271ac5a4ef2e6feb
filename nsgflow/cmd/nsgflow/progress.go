package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// progress shows on a terminal how far a file has been read, where what is
// written goes elsewhere.
type progress struct {
	to    io.Writer
	s     *source
	live  bool
	drawn bool
	at    time.Time
}

const progressInterval = 200 * time.Millisecond

func newProgress(c *cobra.Command, s *source) *progress {
	return &progress{to: c.ErrOrStderr(), s: s, live: isTerminal(c.ErrOrStderr()) && !isTerminal(c.OutOrStdout()), at: time.Now()}
}

// show draws a line, now and then.
func (p *progress) show(flows uint64) {
	if !p.live || time.Since(p.at) < progressInterval {
		return
	}
	p.at, p.drawn = time.Now(), true
	of := ""
	if p.s.size > 0 {
		of = fmt.Sprintf(" of %s (%d %%)", inBytes(p.s.size), 100*p.s.read.n/p.s.size)
	}
	fmt.Fprintf(p.to, "\r%s: %s%s, %d flows\x1b[K", p.s.name, inBytes(p.s.read.n), of, flows)
}

// end wipes the line.
func (p *progress) end() {
	if p.drawn {
		fmt.Fprint(p.to, "\r\x1b[K")
	}
}

// outcome ends a file, and says what is wrong with it: it is no flow log, or there
// are errors, with the last of them, or flaws. isEmpty says that there are flow logs
// without flows.
func (p *progress) outcome(flows, errors uint64, last string, isEmpty bool) error {
	p.end()
	if flows+errors == 0 {
		text, code := whatItIs(p.s, isEmpty)
		p.say(p.s.name + ": " + text)
		return code
	}
	bad := ""
	if errors > 0 {
		bad = fmt.Sprintf("%d errors, the last: %s", errors, last)
	}
	if bad = p.s.flaws(bad); bad != "" {
		p.say(p.s.name + ": " + bad)
		return damaged
	}
	return nil
}

// say writes a line that stays.
func (p *progress) say(text string) { fmt.Fprintln(p.to, "nsgflow:", text) }

func isTerminal(w any) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// inBytes is a number of bytes for eyes.
func inBytes(n int64) string {
	const units = "kMGTPE"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	size, unit := float64(n)/1000, 0
	for size >= 999.5 && unit < len(units)-1 {
		size, unit = size/1000, unit+1
	}
	return fmt.Sprintf("%.3g %cB", size, units[unit])
}
