package nsgflow_test

import (
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/nsgflow"

	"github.com/google/go-cmp/cmp"
)

// wantedGroup is what an aggregated event has to say.
type wantedGroup struct {
	tuples []wantedTuple
}

// key is what the tuples of a group have in common, as a text.
func (t *wantedTuple) key(by nsgflow.Aggregate) string {
	c := append([]string(nil), t.columns...)
	for _, i := range []int{1, 2} {
		c[i] = netip.MustParseAddr(c[i]).String()
	}
	source, destination := c[3], c[4]
	if by != nsgflow.AggregateConnection {
		source = "any"
	}
	if by == nsgflow.AggregateHost {
		destination = "any"
	}
	protocol, direction := c[5], c[6]
	if n, err := strconv.Atoi(protocol); err != nil || n > 255 || len(protocol) > 3 {
		protocol = "unknown"
	} else {
		protocol = strconv.Itoa(n)
	}
	if direction != "I" && direction != "O" {
		direction = "unknown"
	}
	return fmt.Sprintf("%t %q", t.vnet, []string{t.acl, t.rule, t.mac, c[1], c[2], source, destination, protocol, direction, c[8], c[13]})
}

// groupsOf are the groups of a record, in the order of their first tuples, and
// the tuples that stay alone.
func groupsOf(r wantedRecord, allowed, denied nsgflow.Aggregate) (groups []*wantedGroup, by []nsgflow.Aggregate, alone []wantedTuple) {
	known := map[string]*wantedGroup{}
	for _, t := range r {
		mode := allowed
		if t.columns[13] == "reject" {
			mode = denied
		}
		if mode == nsgflow.AggregateOff {
			alone = append(alone, t)
			continue
		}
		key := t.key(mode)
		if known[key] == nil {
			known[key] = &wantedGroup{}
			groups, by = append(groups, known[key]), append(by, mode)
		}
		known[key].tuples = append(known[key].tuples, t)
	}
	return groups, by, alone
}

// sum adds up columns, each over all tuples that have it; "": of one of them,
// none has.
func (g *wantedGroup) sum(columns ...int) string {
	total := new(big.Int)
	for _, c := range columns {
		known := false
		for _, t := range g.tuples {
			if n, ok := new(big.Int).SetString(t.columns[c], 10); ok {
				total.Add(total, n)
				known = true
			}
		}
		if !known {
			return ""
		}
	}
	return total.String()
}

// different are the different values of a column.
func (g *wantedGroup) different(column int) (values []string) {
	seen := map[string]bool{}
	for _, t := range g.tuples {
		if v := t.columns[column]; !seen[v] {
			seen[v] = true
			values = append(values, v)
		}
	}
	return values
}

// stage counts the tuples of a kind.
func (g *wantedGroup) stage(state string) (n int) {
	for _, t := range g.tuples {
		denied := t.columns[13] == "reject"
		switch {
		case state == "D":
			if denied {
				n++
			}
		case !denied && t.columns[7] == state && (state != "B" || t.columns[13] == "accept"):
			n++
		}
	}
	return n
}

// Packets and bytes of a network are those of both sides added up, as ECS has
// it, also where no tuple or not each tuple knows both.
func TestAggregateOfBothSides(t *testing.T) {
	for name, test := range map[string]struct {
		counters []string
		want     map[string]any
	}{
		"one side each":   {[]string{"1,60,,", ",,2,120"}, map[string]any{"source.bytes": "60", "destination.bytes": "120", "network.packets": "3", "network.bytes": "180"}},
		"both and one":    {[]string{"1,60,2,120", "3,600,,"}, map[string]any{"source.bytes": "660", "destination.bytes": "120", "network.packets": "6", "network.bytes": "780"}},
		"one side only":   {[]string{"1,60,,", "3,600,,"}, map[string]any{"source.bytes": "660"}},
		"bytes of both":   {[]string{"1,60,,", "3,600,,9"}, map[string]any{"source.bytes": "660", "destination.bytes": "9", "network.bytes": "669"}},
		"none":            {[]string{",,,", ",,,"}, map[string]any{}},
		"beginning, end":  {[]string{"", "1,60,2,120"}, map[string]any{"source.bytes": "60", "destination.bytes": "120", "network.packets": "3", "network.bytes": "180"}},
		"of a lone tuple": {[]string{"1,60,2,120"}, map[string]any{"source.bytes": "60", "destination.bytes": "120", "network.packets": "3", "network.bytes": "180"}},
	} {
		var log idRecord
		for i, counters := range test.counters {
			log.tuples = append(log.tuples, fmt.Sprintf("1746525600,10.8.0.4,192.0.2.9,%d,443,T,O,A,C,%s", 50000+i, counters))
		}
		n := newNormalizer(t, inECS, aggregating(nsgflow.AggregateService, nsgflow.AggregateService))
		e := eventsOf(t, n, log.String())[0]
		got := valuesOf(t, e, "source.bytes", "destination.bytes", "network.packets", "network.bytes")
		for field, value := range got {
			got[field] = fmt.Sprint(value)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

var stateWords = map[string]string{"B": "begin", "C": "continue", "E": "end", "D": "deny"}

// wantedAggregate is what an event has to have of all that aggregation decides.
func wantedAggregate(s nsgflow.Schema, g *wantedGroup, by nsgflow.Aggregate) map[string]any {
	first := g.tuples[0].columns
	at := func(tuple wantedTuple) int64 { ms, _ := strconv.ParseInt(tuple.columns[0], 10, 64); return ms }
	start, end := at(g.tuples[0]), at(g.tuples[0])
	for _, tuple := range g.tuples {
		start, end = min(start, at(tuple)), max(end, at(tuple))
	}
	stamp := func(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }
	want := map[string]any{
		"@timestamp": stamp(start), "event.start": stamp(start), "event.end": stamp(end),
		"source.ip": first[1], "destination.ip": first[2],
	}
	set := func(name, value string, is bool) {
		if is && value != "" {
			want[name] = value
		}
	}
	const prefix = "azure.flow_log.aggregate."
	for name, value := range map[string]any{
		"key": by, "tuples": len(g.tuples), "begin": g.stage("B"), "continue": g.stage("C"), "end": g.stage("E"), "denied": g.stage("D"),
		"source_ports": len(g.different(3)), "destination_ports": len(g.different(4)),
	} {
		want[prefix+name] = fmt.Sprint(value)
	}
	set("rule.name", g.tuples[0].rule, true)
	set("event.action", first[13], true)
	set("network.direction", map[string]string{"I": "inbound", "O": "outbound"}[first[6]], true)
	set("source.packets", g.sum(9), true)
	set("source.bytes", g.sum(10), true)
	set("destination.packets", g.sum(11), true)
	set("destination.bytes", g.sum(12), true)
	set("source.port", first[3], len(g.different(3)) == 1)
	set("destination.port", first[4], len(g.different(4)) == 1)
	var texts []string
	for _, tuple := range g.tuples {
		texts = append(texts, tuple.text)
	}
	want["tuples"] = strings.Join(texts, "|")
	want["event.type"] = "connection"
	if word := map[string]string{"accept": ",allowed", "reject": ",denied"}[first[13]]; word != "" {
		want["event.type"] = "connection" + word
	}
	if s == nsgflow.SchemaECS {
		want["event.duration"] = strconv.FormatInt((end-start)*1e6, 10)
		set("network.packets", g.sum(9, 11), true)
		set("network.bytes", g.sum(10, 12), true)
		set("azure.flow_log.encryption.code", first[8], true)
		set("azure.flow_log.acl_id", g.tuples[0].acl, true)
		state := stateWords[first[7]]
		if first[7] == "" {
			state = g.tuples[0].state
		}
		set("azure.flow_log.state", state, len(g.different(7)) == 1 && (first[7] != "D" || g.tuples[0].vnet))
	}
	return want
}

// gotAggregate is what an event has of the same.
func gotAggregate(t *testing.T, s nsgflow.Schema, e map[string]any) map[string]any {
	t.Helper()
	got := map[string]any{}
	names := []string{"@timestamp", "event.start", "event.end", "source.ip", "destination.ip", "rule.name", "event.action", "network.direction",
		"source.port", "source.packets", "source.bytes", "destination.port", "destination.packets", "destination.bytes"}
	for _, name := range []string{"key", "tuples", "begin", "continue", "end", "denied", "source_ports", "destination_ports"} {
		names = append(names, "azure.flow_log.aggregate."+name)
	}
	original := "message"
	if s == nsgflow.SchemaECS {
		original = "event.original"
		names = append(names, "event.duration", "network.packets", "network.bytes", "azure.flow_log.encryption.code", "azure.flow_log.acl_id", "azure.flow_log.state")
	}
	for _, name := range names {
		if v := valueIn(t, e, name); v != nil {
			got[name] = fmt.Sprint(v)
		}
	}
	var types []string
	for _, v := range valueIn(t, e, "event.type").([]any) {
		types = append(types, v.(string))
	}
	got["event.type"] = strings.Join(types, ",")
	got["tuples"] = strings.Join(tuplesIn(t, valueIn(t, e, original).(string)), "|")
	return got
}

// tuplesIn are the tuples of a flattened JSON, in the order of their numbers.
func tuplesIn(t *testing.T, message string) (texts []string) {
	t.Helper()
	values, ok := trees(message)
	if !ok || len(values) != 1 {
		t.Fatalf("no JSON: %s", message)
	}
	o, ok := values[0].(object)
	if !ok {
		t.Fatalf("no object: %s", message)
	}
	var numbers []int
	byNumber := map[int]string{}
	for _, m := range o {
		if digits := flowKey.FindStringSubmatch(m.key); digits != nil {
			n, _ := strconv.Atoi(digits[1])
			numbers = append(numbers, n)
			byNumber[n], _ = m.value.(string)
		}
	}
	if !slices.IsSorted(numbers) {
		t.Errorf("numbers %v", numbers)
	}
	for _, n := range numbers {
		texts = append(texts, byNumber[n])
	}
	return texts
}
