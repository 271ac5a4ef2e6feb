package tables

import (
	"fmt"
	"strings"
	"time"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/nsgflow/context"
)

// FilterMetric is a metric of the filter. fluentbit_filter_ stands before its
// name.
type FilterMetric struct {
	Name      string
	Help      string
	Gauge     bool     // else a counter
	OfContext bool     // a filter without a context does not have it
	Labels    []string // besides name, the instance's alias or name; at most maxLabels
	Series    []FilterSeries
}

const maxLabels = 2

// FilterCounts is what an instance of the filter has seen.
type FilterCounts struct {
	nsgflow.Counts
	Faults  uint64 // chunks that passed on as they were because the filter panicked
	Context context.Counts
}

// FilterFigures are the counts of an instance, and the state of its context.
type FilterFigures struct {
	FilterCounts
	Sources []context.SourceStats
	At      time.Time
}

// FilterSeries is one value of a metric.
type FilterSeries struct {
	Labels []string                    // their values
	Value  func(FilterFigures) float64 // NaN: there is none
}

// FilterMetrics is every metric of the filter, in the order of the docs.
var FilterMetrics = append([]FilterMetric{
	total("nsgflow_flows_total", "Flows that became events, or parts of events.", flowSeries(), "kind", "decision"),
	total("nsgflow_events_total", "Events that flows became: fewer where they are aggregated.",
		one(func(c FilterFigures) uint64 { return c.Events })),
	total("nsgflow_dropped_total", "Flows that the option drop left out, in no other count.", dropSeries(), "reason"),
	total("nsgflow_errors_total", "Tuples and texts that do not parse.",
		one(func(c FilterFigures) uint64 { return c.Errors })),
	total("nsgflow_unknown_codes_total", "Columns with a code that no document names.",
		one(func(c FilterFigures) uint64 { return c.Unknown })),
	total("nsgflow_foreign_records_total", "Records that are no flow logs, passed on unchanged.",
		one(func(c FilterFigures) uint64 { return c.Foreign })),
	total("nsgflow_empty_flow_logs_total", "Records of flow logs without a tuple.",
		one(func(c FilterFigures) uint64 { return c.Empty })),
	total("nsgflow_faults_total", "Chunks that passed on unchanged because of a fault of the filter.",
		one(func(c FilterFigures) uint64 { return c.Faults })),
}, contextMetrics...)

func total(name, help string, series []FilterSeries, labels ...string) FilterMetric {
	return FilterMetric{Name: name, Help: help, Labels: labels, Series: series}
}

func one(value func(FilterFigures) uint64, labels ...string) []FilterSeries {
	return []FilterSeries{{labels, func(c FilterFigures) float64 { return float64(value(c)) }}}
}

func flowSeries() (all []FilterSeries) {
	for kind, kindName := range []string{nsgflow.NSG: "nsg", nsgflow.VNet: "vnet"} {
		for decision, decisionName := range []string{nsgflow.DecisionUnknown: "unknown", nsgflow.Allowed: "allowed", nsgflow.Denied: "denied"} {
			all = append(all, one(func(c FilterFigures) uint64 { return c.Flows[kind][decision] }, kindName, decisionName)...)
		}
	}
	return all
}

func dropSeries() (all []FilterSeries) {
	for reason, name := range nsgflow.DropNames() {
		all = append(all, one(func(c FilterFigures) uint64 { return c.Dropped[reason] }, name)...)
	}
	return all
}

// FilterMetricsHeader is the C part of the table: the metrics, and their
// series in the order of FilterTotals.
func FilterMetricsHeader() string {
	var metrics, series strings.Builder
	n := 0
	for i, m := range FilterMetrics {
		for _, s := range m.Series {
			fmt.Fprintf(&series, "    {%d, {%s}},\n", i, cList(s.Labels))
			n++
		}
		fmt.Fprintf(&metrics, "    {%q, %q, %d, %d, %d, {%s}},\n", m.Name, m.Help, flag(m.Gauge), flag(m.OfContext),
			1+len(m.Labels), cList(append([]string{"name"}, m.Labels...)))
	}
	return fmt.Sprintf(`enum { METRICS = %d, SERIES = %d, MOST_LABELS = %d };

/* The first label is the instance: its alias or its name. */
static const struct {
    const char *name, *help;
    int gauge, of_context, labels;
    const char *keys[MOST_LABELS];
} metrics[METRICS] = {
%s};

/* The values of the other labels. */
static const struct { int metric; const char *values[MOST_LABELS - 1]; } series[SERIES] = {
%s};
`, len(FilterMetrics), n, 1+maxLabels, metrics.String(), series.String())
}

func flag(set bool) int {
	if set {
		return 1
	}
	return 0
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

// FilterTotals appends the values of an instance's metrics.
func FilterTotals(to []float64, c FilterFigures) []float64 {
	for _, m := range FilterMetrics {
		for _, s := range m.Series {
			to = append(to, s.Value(c))
		}
	}
	return to
}
