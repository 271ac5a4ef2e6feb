package main

import (
	"bufio"
	"cmp"
	"io"
	"iter"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/tidwall/gjson"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/plugin/tables"
)

// eventsCommand has the options of the filter.
func eventsCommand() *cobra.Command {
	values, takes := map[string]*string{}, map[string]string{}
	c := &cobra.Command{
		Use:   "events [flags] FILE… | -",
		Short: "Write one event per flow, as JSON lines",
		Args:  cobra.MinimumNArgs(1),
	}
	for _, o := range tables.FilterOptions {
		if o.Key == "key" { // there are no records of Fluent Bit around the texts
			continue
		}
		takes[o.Key] = o.Values
		values[o.Key] = c.Flags().String(strings.ReplaceAll(o.Key, "_", "-"), o.Default, o.Text+" Takes: "+strings.Replace(o.Values, anyPath, "path", 1)+".")
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		options, err := tables.ParseFilterOptions(func(key string) (string, bool) {
			value, ok := values[key]
			if !ok || !c.Flags().Changed(strings.ReplaceAll(key, "_", "-")) {
				return "", false
			}
			return fromHere(*value, takes[key]), true
		})
		if err != nil {
			return err
		}
		if options.HasContext {
			opened, err := openContext(c, options.Files)
			if err != nil {
				return err
			}
			defer opened.Close()
			options.Context = opened
		}
		out := bufio.NewWriterSize(c.OutOrStdout(), 1<<20)
		err = each(c, args, func(s *source) error { return writeEvents(out, s, options.Options, newProgress(c, s)) })
		return cmp.Or(out.Flush(), err)
	}
	return c
}

// anyPath is what options of files take: those of an agent have to be absolute.
const anyPath = "absolute path"

// fromHere makes the paths of an option absolute. takes is what the option takes.
func fromHere(value, takes string) string {
	if !strings.Contains(takes, anyPath) {
		return value
	}
	all := []string{value}
	if strings.Contains(takes, "separated by commas") {
		all = strings.Split(value, ",")
	}
	for i, one := range all {
		begin := 0
		if strings.HasPrefix(takes, "name=") {
			if begin = strings.Index(one, "=") + 1; begin == 0 {
				continue
			}
		}
		path, err := filepath.Abs(strings.TrimSpace(one[begin:]))
		if one[begin:] != "" && err == nil {
			all[i] = one[:begin] + path
		}
	}
	return strings.Join(all, ",")
}

// writeEvents writes the events of a file. Foreign texts are left out.
func writeEvents(out io.Writer, s *source, o nsgflow.Options, p *progress) error {
	n, err := nsgflow.New(o)
	if err != nil {
		return err
	}
	var events, lines []byte
	var counts nsgflow.Counts
	for t, err := range s.texts() {
		if err != nil {
			p.end()
			return err
		}
		events = events[:0]
		isFlowLog := false
		for one := range t.unwrapped() {
			if events, isFlowLog = n.AppendText(events, one, nsgflow.Frame{}); isFlowLog {
				break
			}
		}
		if !isFlowLog {
			s.foreign(t)
		}
		lines = nsgflow.AppendJSONLines(lines[:0], events)
		if _, err := out.Write(lines); err != nil {
			return err
		}
		counts = n.Counts()
		p.show(counts.AllFlows())
	}
	return p.outcome(counts.AllFlows()+counts.AllDropped(), counts.Errors, counts.LastError, counts.Empty > 0)
}

// wrappers are the fields in which shippers carry the text of a flow log.
var wrappers = []string{"message", "log", "event.original", "body"}

// unwrapped are the texts that may be the flow log of a record: itself, or a text
// in it.
func (t text) unwrapped() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if !yield(t.json) {
			return
		}
		for _, name := range wrappers {
			if inner := gjson.GetBytes(t.json, name); inner.Type == gjson.String && !yield([]byte(inner.Str)) {
				return
			}
		}
	}
}
