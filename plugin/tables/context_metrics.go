package tables

import (
	"math"
	"slices"

	"fluent-bit-nsgflow/nsgflow/context"
)

// contextMetrics are those of a filter with a context. A source that is not
// configured has matches, of which there are none, and nothing else.
var contextMetrics = []FilterMetric{
	{Name: "nsgflow_context_lookups_total", Help: "Addresses of events that were looked up: those that were kept ready, and those that were not.",
		OfContext: true, Labels: []string{"result"}, Series: slices.Concat(
			one(func(c FilterFigures) uint64 { return c.Context.Hits }, "hit"),
			one(func(c FilterFigures) uint64 { return c.Context.Misses }, "miss"))},
	{Name: "nsgflow_context_matches_total", Help: "Addresses of events that a source knew something of.",
		OfContext: true, Labels: []string{"source"}, Series: slices.Concat(
			one(func(c FilterFigures) uint64 { return c.Context.ServiceTags }, "service_tags"),
			one(func(c FilterFigures) uint64 { return c.Context.Inventory }, "inventory"),
			one(func(c FilterFigures) uint64 { return c.Context.Networks }, "networks"),
			one(func(c FilterFigures) uint64 { return c.Context.Geo }, "geo"),
			one(func(c FilterFigures) uint64 { return c.Context.ASN }, "asn"),
			one(func(c FilterFigures) uint64 { return c.Context.Threats }, "threats"))},
	{Name: "nsgflow_context_ambiguous_total", Help: "Addresses of events that have no name because there is more than one.",
		OfContext: true, Series: one(func(c FilterFigures) uint64 { return c.Context.Ambiguous })},
	{Name: "nsgflow_context_loads_total", Help: "Files that were read, by all filters that have them.",
		OfContext: true, Labels: []string{"source", "result"}, Series: slices.Concat(
			ofSources(func(_ FilterFigures, s context.SourceStats) float64 { return float64(s.Loads) }, "ok"),
			ofSources(func(_ FilterFigures, s context.SourceStats) float64 { return float64(s.FailedLoads) }, "failed"))},
	{Name: "nsgflow_context_refused", Help: "1 where a newest file is bad, or not there; what is in use stays in use.",
		Gauge: true, OfContext: true, Labels: []string{"source"},
		Series: ofSources(func(_ FilterFigures, s context.SourceStats) float64 { return float64(flag(s.Refused)) })},
	{Name: "nsgflow_context_entries", Help: "Entries that are in use.",
		Gauge: true, OfContext: true, Labels: []string{"source"},
		Series: ofSources(func(_ FilterFigures, s context.SourceStats) float64 { return float64(s.Entries) })},
	{Name: "nsgflow_context_age_seconds", Help: "Age of the oldest data in use, at the last chunk.",
		Gauge: true, OfContext: true, Labels: []string{"source"},
		Series: ofSources(func(c FilterFigures, s context.SourceStats) float64 {
			if s.Time.IsZero() {
				return math.NaN()
			}
			return c.At.Sub(s.Time).Seconds()
		})},
}

// contextSources are the names of sources, as context.SourceStats has them.
var contextSources = []string{"service_tags", "inventory", "networks", "geo", "asn", "threats"}

// ofSources has a series for each source, absent where that is not configured.
func ofSources(value func(FilterFigures, context.SourceStats) float64, labels ...string) (all []FilterSeries) {
	for _, name := range contextSources {
		all = append(all, FilterSeries{append([]string{name}, labels...), func(c FilterFigures) float64 {
			i := slices.IndexFunc(c.Sources, func(s context.SourceStats) bool { return s.Source == name })
			if i < 0 {
				return math.NaN()
			}
			return value(c, c.Sources[i])
		}})
	}
	return all
}
