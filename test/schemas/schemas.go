// Package schemas judges events of the schemas asim, ocsf and otel by what
// others wrote of these: the columns of Microsoft's table and the rows of its
// tester, the export of OCSF as JSON Schema, the registry of OpenTelemetry. They
// stand beside the code as data, each with its version and origin.
//
// What these cannot say, because it is a relation of fields (a sum, a caption, a
// MAC on the NIC's side), the package says itself. Events are judged whole: with
// the fields of a source record, or without some of their own, they may not pass.
package schemas

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

//go:embed *.tsv ocsf-1.8.0/*.json ocsf-1.8.0/*.tsv
var files embed.FS

// Event is one as encoding/json reads it, numbers as json.Number.
type Event = map[string]any

// Of is the check of a schema by its name; nil for one that has none. A check
// says all that is wrong with an event, one complaint a line, in order; nil:
// nothing is.
func Of(schema string) func(Event) error {
	return map[string]func(Event) error{"asim": ASIM, "ocsf": OCSF, "otel": OTel}[schema]
}

// Parse reads an event.
func Parse(line string) (event Event, err error) {
	d := json.NewDecoder(strings.NewReader(line))
	d.UseNumber()
	err = d.Decode(&event)
	return event, err
}

// complaints are what is wrong with an event.
type complaints []string

func (c *complaints) add(format string, values ...any) {
	*c = append(*c, fmt.Sprintf(format, values...))
}

func (c complaints) err() error {
	if len(c) == 0 {
		return nil
	}
	slices.Sort(c)
	return errors.New(strings.Join(slices.Compact(c), "\n"))
}

// equal complains of a value that is not what follows from others.
func (c *complaints) equal(name string, got, want any) {
	if got != want {
		c.add("%s: %s, want %s", name, shown(got), shown(want))
	}
}

// sum complains of a whole that is not that of its two parts, or is there
// without one of them.
func (c *complaints) sum(event Event, whole, one, other string) {
	var want any
	if a, ok := number(event, one); ok {
		if b, ok := number(event, other); ok {
			want = a + b
		}
	}
	var got any
	if n, ok := number(event, whole); ok {
		got = n
	}
	c.equal(whole, got, want)
}

// aggregate complains of the numbers of an aggregated event, which are below a
// path; how many tuples it has is elsewhere. A tuple is counted once, if at all.
func (c *complaints) aggregate(event Event, below, tuples string) {
	names := aggregateNames[below]
	count, counted := number(event, tuples)
	if at(event, below+"."+names.key) == nil {
		for _, name := range names.all() {
			c.equal(below+"."+name, at(event, below+"."+name), nil)
		}
		return
	}
	sum := int64(0)
	for i, name := range names.all() {
		n, there := number(event, below+"."+name)
		if !there {
			if i < len(names.states) {
				c.add("%s.%s: missing", below, name)
			}
			continue
		}
		if n < 0 || n > count {
			c.add("%s.%s: %d of %d tuples", below, name, n, count)
		}
		if i < len(names.states) {
			sum += n
		}
	}
	if !counted || count < 1 || sum > count {
		c.add("%s: %d, of %d with a state", tuples, count, sum)
	}
}

// aggregateNames are what the numbers of aggregated events are called.
var aggregateNames = map[string]aggregateFields{
	"AdditionalFields":     {"AggregatedBy", []string{"Begin", "Continue", "End", "Denied"}, []string{"SrcPorts", "DstPorts"}},
	"unmapped.aggregate":   {"key", []string{"begin", "continue", "end", "denied"}, []string{"source_ports", "destination_ports"}},
	"azure.flow.aggregate": {"key", []string{"begin", "continue", "end", "denied"}, []string{"source_ports", "destination_ports"}},
}

type aggregateFields struct {
	key           string
	states, ports []string
}

func (f aggregateFields) all() []string { return slices.Concat(f.states, f.ports) }

// Forms that fields of several schemas have.
var (
	communityID     = regexp.MustCompile(`^1:[A-Za-z0-9+/]{27}=$`)
	stateWord       = regexp.MustCompile(`^(begin|continue|end|deny)$`)
	millisecondsUTC = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)
)

// noEmpty complains of texts without a letter; a tuple, below the path original,
// may be one.
func (c *complaints) noEmpty(path string, value any, original string) {
	switch v := value.(type) {
	case string:
		if v == "" && path != original {
			c.add("%s: empty", path)
		}
	case map[string]any:
		for name, inner := range v {
			c.noEmpty(strings.TrimPrefix(path+"."+name, "."), inner, original)
		}
	}
}

func shown(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case string:
		return fmt.Sprintf("%q", v)
	}
	return fmt.Sprint(v)
}

// at is a value by its path, with dots; nil where there is none. A name that
// stands in the event with its dots comes first.
func at(event Event, path string) any {
	if v, ok := event[path]; ok {
		return v
	}
	key, rest, deeper := strings.Cut(path, ".")
	if inner, ok := event[key].(map[string]any); ok && deeper {
		return at(inner, rest)
	}
	return nil
}

// text is a text by its path; empty where there is none.
func text(event Event, path string) string {
	s, _ := at(event, path).(string)
	return s
}

// number is an integer by its path.
func number(event Event, path string) (int64, bool) {
	n, ok := at(event, path).(json.Number)
	if !ok {
		return 0, false
	}
	v, err := n.Int64()
	return v, err == nil
}

// integer is the number at a path; -1 where there is none.
func integer(event Event, path string) int64 {
	if n, ok := number(event, path); ok {
		return n
	}
	return -1
}

// mostMilliseconds is the longest duration that events of asim say: its column has
// 32 bits.
const mostMilliseconds = 1<<31 - 1

// versionOfIP is 4 or 6 where both addresses are of that version, else 0. IPv4 in
// IPv6 (::ffff:192.0.2.4) is IPv4.
func versionOfIP(one, other string) int64 {
	a, errA := netip.ParseAddr(one)
	b, errB := netip.ParseAddr(other)
	switch a, b := a.Unmap(), b.Unmap(); {
	case errA != nil || errB != nil || a.Is4() != b.Is4():
		return 0
	case a.Is4():
		return 4
	}
	return 6
}

// rows are the lines of a table without its comments.
func rows(file string, columns int) (table [][]string) {
	content, err := files.ReadFile(file)
	if err != nil {
		panic(err)
	}
	for line := range strings.Lines(string(content)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		row := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(row) != columns {
			panic(fmt.Sprintf("%s: %d columns, want %d: %s", file, len(row), columns, line))
		}
		table = append(table, row)
	}
	return table
}
