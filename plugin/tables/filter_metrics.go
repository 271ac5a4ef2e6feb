package tables

import (
	"fmt"
	"strings"

	"fluent-bit-nsgflow/nsgflow"
)

// FilterMetric is a counter of the filter. fluentbit_filter_ stands before its
// name.
type FilterMetric struct {
	Name   string
	Help   string
	Labels []string // besides name, the instance's alias or name; at most maxLabels
	Series []FilterSeries
}

const maxLabels = 2

// FilterCounts is what an instance of the filter has seen.
type FilterCounts struct {
	nsgflow.Counts
	Faults uint64 // chunks that passed on as they were because the filter panicked
}

// FilterSeries is one value of a counter.
type FilterSeries struct {
	Labels []string // their values
	Value  func(FilterCounts) uint64
}

// FilterMetrics is every metric of the filter, in the order of the docs.
var FilterMetrics = []FilterMetric{
	{"nsgflow_flows_total", "Flows that became events, or parts of events.", []string{"kind", "decision"}, flowSeries()},
	{"nsgflow_events_total", "Events that flows became: fewer where they are aggregated.", nil,
		one(func(c FilterCounts) uint64 { return c.Events })},
	{"nsgflow_dropped_total", "Flows that the option drop left out, in no other count.", []string{"reason"}, dropSeries()},
	{"nsgflow_errors_total", "Tuples and texts that do not parse.", nil,
		one(func(c FilterCounts) uint64 { return c.Errors })},
	{"nsgflow_unknown_codes_total", "Columns with a code that no document names.", nil,
		one(func(c FilterCounts) uint64 { return c.Unknown })},
	{"nsgflow_foreign_records_total", "Records that are no flow logs, passed on unchanged.", nil,
		one(func(c FilterCounts) uint64 { return c.Foreign })},
	{"nsgflow_empty_flow_logs_total", "Flow logs without a tuple.", nil,
		one(func(c FilterCounts) uint64 { return c.Empty })},
	{"nsgflow_faults_total", "Chunks that passed on unchanged because of a fault of the filter.", nil,
		one(func(c FilterCounts) uint64 { return c.Faults })},
}

func one(value func(FilterCounts) uint64) []FilterSeries {
	return []FilterSeries{{Value: value}}
}

func flowSeries() (all []FilterSeries) {
	for kind, kindName := range []string{nsgflow.NSG: "nsg", nsgflow.VNet: "vnet"} {
		for decision, decisionName := range []string{nsgflow.DecisionUnknown: "unknown", nsgflow.Allowed: "allowed", nsgflow.Denied: "denied"} {
			all = append(all, FilterSeries{[]string{kindName, decisionName}, func(c FilterCounts) uint64 { return c.Flows[kind][decision] }})
		}
	}
	return all
}

func dropSeries() (all []FilterSeries) {
	for reason, name := range nsgflow.DropNames() {
		all = append(all, FilterSeries{[]string{name}, func(c FilterCounts) uint64 { return c.Dropped[reason] }})
	}
	return all
}

// FilterMetricsHeader is the C part of the table: the counters, and their
// series in the order of FilterTotals.
func FilterMetricsHeader() string {
	var counters, series strings.Builder
	n := 0
	for i, m := range FilterMetrics {
		for _, s := range m.Series {
			fmt.Fprintf(&series, "    {%d, {%s}},\n", i, cList(s.Labels))
			n++
		}
		fmt.Fprintf(&counters, "    {%q, %q, %d, {%s}},\n", m.Name, m.Help, 1+len(m.Labels), cList(append([]string{"name"}, m.Labels...)))
	}
	return fmt.Sprintf(`enum { COUNTERS = %d, SERIES = %d, MOST_LABELS = %d };

/* The first label is the instance: its alias or its name. */
static const struct { const char *name, *help; int labels; const char *keys[MOST_LABELS]; } counters[COUNTERS] = {
%s};

/* The values of the other labels. */
static const struct { int counter; const char *values[MOST_LABELS - 1]; } series[SERIES] = {
%s};
`, len(FilterMetrics), n, 1+maxLabels, counters.String(), series.String())
}

// cList is the elements of an array of strings in C. An empty one has no
// initialiser before C23.
func cList(texts []string) string {
	if len(texts) == 0 {
		return "NULL"
	}
	var quoted []string
	for _, text := range texts {
		quoted = append(quoted, fmt.Sprintf("%q", text))
	}
	return strings.Join(quoted, ", ")
}

// FilterTotals appends the values of an instance's counters.
func FilterTotals(to []uint64, c FilterCounts) []uint64 {
	for _, m := range FilterMetrics {
		for _, s := range m.Series {
			to = append(to, s.Value(c))
		}
	}
	return to
}
