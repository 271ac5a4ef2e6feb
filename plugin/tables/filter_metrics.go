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
	Series []FilterSeries
}

// FilterSeries is one value of a counter. Without a kind and a decision its
// only label is name, the instance's alias or name.
type FilterSeries struct {
	Kind, Decision string
	Value          func(nsgflow.Counts) uint64
}

// FilterMetrics is every metric of the filter, in the order of the docs.
var FilterMetrics = []FilterMetric{
	{"nsgflow_flows_total", "Flows that became events.", flowSeries()},
	{"nsgflow_errors_total", "Tuples and texts that do not parse.",
		one(func(c nsgflow.Counts) uint64 { return c.Errors })},
	{"nsgflow_unknown_codes_total", "Columns with a code that no document names.",
		one(func(c nsgflow.Counts) uint64 { return c.Unknown })},
	{"nsgflow_foreign_records_total", "Records that are no flow logs, passed on unchanged.",
		one(func(c nsgflow.Counts) uint64 { return c.Foreign })},
	{"nsgflow_empty_flow_logs_total", "Flow logs without a tuple.",
		one(func(c nsgflow.Counts) uint64 { return c.Empty })},
}

func one(value func(nsgflow.Counts) uint64) []FilterSeries {
	return []FilterSeries{{Value: value}}
}

func flowSeries() (all []FilterSeries) {
	for kind, kindName := range []string{nsgflow.NSG: "nsg", nsgflow.VNet: "vnet"} {
		for decision, decisionName := range []string{nsgflow.DecisionUnknown: "unknown", nsgflow.Allowed: "allowed", nsgflow.Denied: "denied"} {
			all = append(all, FilterSeries{kindName, decisionName, func(c nsgflow.Counts) uint64 { return c.Flows[kind][decision] }})
		}
	}
	return all
}

// FilterMetricsHeader is the C part of the table: the counters, and their
// series in the order of FilterTotals.
func FilterMetricsHeader() string {
	var counters, series strings.Builder
	n := 0
	for i, m := range FilterMetrics {
		labels := 1
		for _, s := range m.Series {
			kind, decision := "NULL", "NULL"
			if s.Kind != "" {
				labels, kind, decision = 3, fmt.Sprintf("%q", s.Kind), fmt.Sprintf("%q", s.Decision)
			}
			fmt.Fprintf(&series, "    {%d, %s, %s},\n", i, kind, decision)
			n++
		}
		fmt.Fprintf(&counters, "    {%q, %q, %d},\n", m.Name, m.Help, labels)
	}
	return fmt.Sprintf(`enum { COUNTERS = %d, SERIES = %d };

static const struct { const char *name, *help; int labels; } counters[COUNTERS] = {
%s};

static const struct { int counter; const char *kind, *decision; } series[SERIES] = {
%s};
`, len(FilterMetrics), n, counters.String(), series.String())
}

// FilterTotals appends the values of an instance's counters.
func FilterTotals(to []uint64, c nsgflow.Counts) []uint64 {
	for _, m := range FilterMetrics {
		for _, s := range m.Series {
			to = append(to, s.Value(c))
		}
	}
	return to
}
