package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"math"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"fluent-bit-nsgflow/nsgflow"
)

func flowsCommand() *cobra.Command {
	var top uint
	var by string
	c := &cobra.Command{
		Use:   "flows [flags] FILE… | -",
		Short: "Show flows as a table: time, direction, decision, addresses, ports, bytes, rule",
		Args:  cobra.MinimumNArgs(1),
	}
	c.Flags().UintVar(&top, "top", 0, "Show only the N heaviest of those with the same addresses, destination port, protocol and decision.")
	c.Flags().StringVar(&by, "by", "bytes", "What --top counts: bytes, packets, flows.")
	c.RunE = func(c *cobra.Command, args []string) error {
		weigh, ok := weights[by]
		if !ok {
			return fmt.Errorf("option by: %q is not allowed, it takes: bytes, packets, flows", by)
		}
		out := bufio.NewWriter(c.OutOrStdout())
		t := &table{to: out, colour: isTerminal(c.OutOrStdout()) && os.Getenv("NO_COLOR") == ""}
		var all heaviest
		show := t.flow
		if top > 0 {
			all = heaviest{}
			show = all.add
		}
		err := each(c, args, func(s *source) error { return eachFlow(s, newProgress(c, s), show) })
		for _, one := range all.top(top, weigh) {
			t.sum(one)
		}
		return cmp.Or(out.Flush(), err)
	}
	return c
}

// eachFlow shows the flows of a file.
func eachFlow(s *source, p *progress, show func(nsgflow.Flow)) error {
	flows, bad, isEmpty := uint64(0), uint64(0), false
	last := ""
	for t, err := range s.texts() {
		if err != nil {
			p.end()
			return err
		}
		before, isFlowLog := flows+bad, false
		for one := range t.unwrapped() {
			for f, err := range nsgflow.Flows(one) {
				if err != nil {
					bad++
					last = err.Error()
					continue
				}
				flows++
				show(f)
			}
			if flows+bad > before {
				break
			}
			isFlowLog = isFlowLog || isRecord(one)
		}
		isEmpty = isEmpty || isFlowLog
		if flows+bad == before && !isFlowLog {
			s.foreign(t)
		}
		p.show(flows)
	}
	return p.outcome(flows, bad, last, isEmpty)
}

// table is for eyes: a flow a line.
type table struct {
	to     io.Writer
	colour bool
	begun  bool
}

const (
	row   = "%-20s %-3s %-5s %-4s %39s → %-39s %10s %s\n"
	total = "%10s %10s %10s %-3s %-5s %-4s %39s → %s\n"
)

func (t *table) flow(f nsgflow.Flow) {
	if !t.begun {
		t.begun = true
		fmt.Fprintf(t.to, row, "TIME", "DIR", "", "PROT", "SOURCE", "DESTINATION", "BYTES", "RULE")
	}
	t.write(f.Decision, row, time.UnixMilli(f.Time).UTC().Format("2006-01-02 15:04:05"), direction(f.Direction), decision(f.Decision), f.Protocol.String(),
		endpoint(f.Source), endpoint(f.Destination), together(f.Source.Bytes, f.Destination.Bytes), visible(f.Rule))
}

func (t *table) sum(s *sum) {
	if !t.begun {
		t.begun = true
		fmt.Fprintf(t.to, total, "BYTES", "PACKETS", "FLOWS", "DIR", "", "PROT", "SOURCE", "DESTINATION")
	}
	t.write(s.Decision, total, inBytes(s.bytes), strconv.FormatInt(s.packets, 10), strconv.FormatInt(s.flows, 10), direction(s.Direction), decision(s.Decision),
		s.Protocol.String(), s.source.String(), netip.AddrPortFrom(s.destination, s.port).String())
}

// write paints what was denied red.
func (t *table) write(d nsgflow.Decision, format string, cells ...any) {
	if t.colour && d == nsgflow.Denied {
		format = "\x1b[31m" + format[:len(format)-1] + "\x1b[0m\n"
	}
	fmt.Fprintf(t.to, format, cells...)
}

func direction(d nsgflow.Direction) string {
	return map[nsgflow.Direction]string{nsgflow.Inbound: "in", nsgflow.Outbound: "out"}[d]
}

func decision(d nsgflow.Decision) string {
	return map[nsgflow.Decision]string{nsgflow.Allowed: "allow", nsgflow.Denied: "deny"}[d]
}

func endpoint(e nsgflow.Endpoint) string { return netip.AddrPortFrom(e.Addr, e.Port).String() }

// together is what both sides have sent; empty where the log has neither.
func together(a, b nsgflow.Counter) string {
	if a < 0 && b < 0 {
		return ""
	}
	return inBytes(sent(a, b))
}

// sent is the sum of what both sides have sent.
func sent(a, b nsgflow.Counter) int64 { return int64(max(a, 0) + max(b, 0)) }

// visible is a text of unknown origin without what a terminal obeys: escape
// sequences for instance, and line ends.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

// talk is what flows have in common that are counted together.
type talk struct {
	source, destination netip.Addr
	port                uint16
	nsgflow.Protocol
	nsgflow.Direction
	nsgflow.Decision
}

type sum struct {
	talk
	flows, packets, bytes int64
}

// heaviest are the sums of all flows.
type heaviest map[talk]*sum

func (h heaviest) add(f nsgflow.Flow) {
	key := talk{f.Source.Addr, f.Destination.Addr, f.Destination.Port, f.Protocol, f.Direction, f.Decision}
	s := h[key]
	if s == nil {
		s = &sum{talk: key}
		h[key] = s
	}
	s.flows++
	s.packets = plus(s.packets, sent(f.Source.Packets, f.Destination.Packets))
	s.bytes = plus(s.bytes, sent(f.Source.Bytes, f.Destination.Bytes))
}

// plus is the sum of two numbers that are not negative, up to the largest one.
func plus(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

var weights = map[string]func(*sum) int64{
	"bytes":   func(s *sum) int64 { return s.bytes },
	"packets": func(s *sum) int64 { return s.packets },
	"flows":   func(s *sum) int64 { return s.flows },
}

// top are the n heaviest, the heaviest first.
func (h heaviest) top(n uint, weigh func(*sum) int64) []*sum {
	all := make([]*sum, 0, len(h))
	for _, s := range h {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *sum) int {
		return cmp.Or(cmp.Compare(weigh(b), weigh(a)), cmp.Compare(b.flows, a.flows), a.source.Compare(b.source), a.destination.Compare(b.destination), cmp.Compare(a.port, b.port))
	})
	return all[:min(n, uint(len(all)))]
}
