package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/tidwall/gjson"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/nsgflow/context"
)

func checkCommand() *cobra.Command {
	var most int
	var as string
	c := &cobra.Command{
		Use:   "check [flags] FILE… | -",
		Short: "Say what a file is, how much is in it, and what does not parse",
		Long: `Says what a flow log is, how much is in it, and what does not parse. Of a file of
context it says what is in it, or what is wrong with it.`,
		Args: cobra.MinimumNArgs(1),
	}
	c.Flags().IntVar(&most, "errors", 20, "Errors to show of a file; the others are counted.")
	c.Flags().StringVar(&as, "as", "", "Kind of a file of context that does not show it: "+strings.Join(context.FileKinds(), ", ")+".")
	c.RunE = func(c *cobra.Command, args []string) error {
		if as != "" && !slices.Contains(context.FileKinds(), as) {
			return fmt.Errorf("option as: %q is not allowed, it takes: %s", as, strings.Join(context.FileKinds(), ", "))
		}
		out := bufio.NewWriter(c.OutOrStdout())
		err := each(c, args, func(s *source) error {
			if kind := cmp.Or(as, context.KindOf(s.name, s.head)); kind != "" {
				return checkContext(out, s, kind)
			}
			return check(out, s, newProgress(c, s), most)
		})
		return cmp.Or(out.Flush(), err)
	}
	return c
}

// finding is what there is in a file.
type finding struct {
	kinds            map[string]int // records, by what they are
	order            []string       // of kinds
	records, foreign int
	flows            uint64
	first, last      int64 // time of a flow, in milliseconds
	errors           []string
	more             int // errors beyond those
}

func check(out io.Writer, s *source, p *progress, most int) error {
	f := finding{kinds: map[string]int{}}
	var unread error
	for t, err := range s.texts() {
		if unread = err; err == nil {
			if !f.add(t, most) {
				f.foreign++
				s.foreign(t)
			}
			p.show(f.flows)
		}
	}
	p.end()
	bad := len(f.errors) + f.more
	if f.flows == 0 && bad == 0 {
		if unread != nil {
			return unread
		}
		text, code := whatItIs(s, f.records > 0)
		fmt.Fprintf(out, "%s: %s\n", s.name, text)
		return code
	}
	fmt.Fprintf(out, "%s: %s\n", s.name, f.String())
	for _, text := range f.errors {
		fmt.Fprintf(out, "%s: %s\n", s.name, text)
	}
	if f.more > 0 {
		fmt.Fprintf(out, "%s: and %d more\n", s.name, f.more)
	}
	flaws := s.flaws()
	if flaws != "" {
		fmt.Fprintf(out, "%s: %s\n", s.name, flaws)
	}
	if unread == nil && (bad > 0 || flaws != "") {
		return damaged
	}
	return unread
}

// add reads one record, and reports false where it is none of a flow log.
func (f *finding) add(t text, most int) bool {
	for one := range t.unwrapped() {
		before := f.flows + uint64(len(f.errors)+f.more)
		for flow, err := range nsgflow.Flows(one) {
			if err != nil {
				f.fail(fmt.Sprintf("record %d, at byte %d%s %v", f.records, t.offset, joinOf(err), err), most)
				continue
			}
			if f.flows == 0 || flow.Time < f.first {
				f.first = flow.Time
			}
			f.last = max(f.last, flow.Time)
			f.flows++
		}
		if f.flows+uint64(len(f.errors)+f.more) > before || isRecord(one) {
			f.kind(one)
			f.records++
			return true
		}
	}
	return false
}

// joinOf stands between the place of a record and an error of it: a text's has a byte,
// counted from the record's first.
func joinOf(err error) string {
	var text *nsgflow.TextError
	if errors.As(err, &text) {
		return ", its"
	}
	return ":"
}

func (f *finding) fail(text string, most int) {
	if len(f.errors) < most {
		f.errors = append(f.errors, text)
	} else {
		f.more++
	}
}

// isRecord reports whether a text without flows is a flow log all the same.
func isRecord(text []byte) bool {
	category := gjson.GetBytes(text, "category").Str
	return category == "NetworkSecurityGroupFlowEvent" || category == "FlowLogFlowEvent"
}

// kind counts a record under what it is.
func (f *finding) kind(record []byte) {
	name := "flow log"
	switch {
	case gjson.GetBytes(record, "flowRecords").Exists():
		name = "Virtual Network flow log, version " + cmp.Or(gjson.GetBytes(record, "flowLogVersion").String(), "unknown")
	case gjson.GetBytes(record, "properties.flows").Exists():
		name = "NSG flow log, version " + cmp.Or(gjson.GetBytes(record, "properties.Version").String(), "unknown")
	case gjson.GetBytes(record, `flow\.0`).Exists(), gjson.GetBytes(record, "flowTuple").Exists():
		name = "flattened flow log"
	case gjson.GetBytes(record, "nsgRuleName").Exists():
		name = "denormalised flow log"
	}
	if f.kinds[name] == 0 {
		f.order = append(f.order, name)
	}
	f.kinds[name]++
}

// String is a line: what it is, how many, from when to when.
func (f *finding) String() string {
	parts := []string{}
	for _, name := range f.order {
		parts = append(parts, fmt.Sprintf("%s, %d records", name, f.kinds[name]))
	}
	if f.foreign > 0 {
		parts = append(parts, fmt.Sprintf("%d records of something else", f.foreign))
	}
	parts = append(parts, fmt.Sprintf("%d flows", f.flows))
	if f.flows > 0 {
		at := func(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }
		parts[len(parts)-1] += fmt.Sprintf(" from %s to %s", at(f.first), at(f.last))
	}
	return strings.Join(parts, "; ")
}
