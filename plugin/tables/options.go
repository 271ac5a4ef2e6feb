package tables

import (
	"slices"
	"strings"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/plugin/config"
)

// FilterOptions is every option of the filter.
var FilterOptions = slices.Concat(FlowOptions, ContextOptions)

// FlowOptions are those of the filter that say what becomes of flows. The schema
// comes first because it decides what the others default to.
var FlowOptions = []config.Option[Filter]{
	{Key: "schema", Values: strings.Join(nsgflow.Schemas(), ", "), Default: "sekoia",
		Text: "Names and shape of the events: the documented event of the Azure Network Watcher integration; ECS 9.4; ASIM Network Session, for Microsoft Sentinel; OCSF 1.8.0 Network Activity; attributes of OpenTelemetry.",
		Set:  setSchema},
	{Key: "key", Values: "name of a field",
		Text: "Top-level field that holds the flow log as JSON text. Without it: the record itself, then message, then log.",
		Set:  setKey},
	{Key: "original", Values: "on, off",
		Text: "Keep the flow's own JSON, flattened, in the event: sekoia as message (default on); ecs as event.original, asim as AdditionalFields.Original, ocsf as raw_data, otel as log.record.original (default off).",
		Set:  func(f *Filter, v string) bool { return setSwitch(&f.Original, v) }},
	{Key: "timestamp_key", Values: "name of a field that the schema does not use, off",
		Text: "Field that carries the flow's time as text, besides the record's own time. Without it: @timestamp; asim TimeGenerated, ocsf and otel none.",
		Set:  setTimestampKey},
	{Key: "reserve_data", Values: "on, off", Default: "on",
		Text: "Keep the other fields of the source record in every event it becomes.",
		Set:  func(f *Filter, v string) bool { return setSwitch(&f.ReserveData, v) }},
	{Key: "on_error", Values: "keep, drop", Default: "keep",
		Text: "What becomes of a tuple that does not parse: an event that says why, or nothing but a count.",
		Set:  setOnError},
	{Key: "aggregate", Values: strings.Join(nsgflow.Aggregates(), ", "), Default: "off",
		Text: "Make one event of the flows of a record that have the same connection (five-tuple), service (whatever the source port) or hosts (whatever the ports), with their sums.",
		Set:  setAggregate},
	{Key: "aggregate_denied", Values: strings.Join(nsgflow.Aggregates(), ", "),
		Text: "The same for denied flows; without it, they follow aggregate.",
		Set:  func(f *Filter, v string) bool { return parsed(&f.AggregateDenied, v, nsgflow.ParseAggregate) }},
	{Key: "drop", Values: strings.Join(nsgflow.DropNames(), ", ") + ", separated by commas",
		Text: "Leave out flows by decision, or those that are not denied by the part of their life that they report (begin: allowed ones without counters), and count them.",
		Set:  func(f *Filter, v string) bool { return parsed(&f.Drop, v, nsgflow.ParseDrops) }},
	{Key: "exclude_fields", Values: "names of event fields or of objects, separated by commas",
		Text: "Leave these fields out of every event.",
		Set:  setExcludeFields, Why: func(f Filter) error { return f.Check() }},
}

// ParseFilterOptions reads the configuration of one filter instance. get gives what
// was configured for a key, and whether anything was.
func ParseFilterOptions(get func(key string) (string, bool)) (Filter, error) {
	f := Filter{Options: nsgflow.DefaultOptions(nsgflow.SchemaSekoia)}
	err := config.Parse(FilterOptions, &f, func(p config.Option[Filter]) (string, bool) { return get(p.Key) })
	if err == nil {
		err = f.withContext()
	}
	return f, err
}

func setSchema(f *Filter, v string) bool {
	schema, err := nsgflow.ParseSchema(v)
	f.Options = nsgflow.DefaultOptions(schema)
	return err == nil
}

func setKey(f *Filter, v string) bool {
	f.Key = v
	return v != ""
}

func setTimestampKey(f *Filter, v string) bool {
	if on, ok := parseSwitch(v); ok {
		f.TimestampKey = ""
		return !on
	}
	f.TimestampKey = v
	return v != "" && f.Check() == nil
}

func setOnError(f *Filter, v string) bool {
	f.DropErrors = strings.EqualFold(v, "drop")
	return f.DropErrors || strings.EqualFold(v, "keep")
}

// setAggregate also sets what denied flows default to: their own option comes
// behind it.
func setAggregate(f *Filter, v string) bool {
	ok := parsed(&f.Aggregate, v, nsgflow.ParseAggregate)
	f.AggregateDenied = f.Aggregate
	return ok
}

func setExcludeFields(f *Filter, v string) bool {
	f.ExcludeFields = nil
	for _, name := range strings.Split(strings.TrimSuffix(strings.TrimSpace(v), ","), ",") {
		f.ExcludeFields = append(f.ExcludeFields, strings.TrimSpace(name))
	}
	return f.Check() == nil
}

func parsed[T any](to *T, v string, parse func(string) (T, error)) bool {
	value, err := parse(v)
	*to = value
	return err == nil
}

func setSwitch(to *bool, v string) bool {
	on, ok := parseSwitch(v)
	*to = on
	return ok
}

// parseSwitch takes the words that the host takes for its own flags.
func parseSwitch(v string) (on, ok bool) {
	switch strings.ToLower(v) {
	case "on", "true", "yes":
		return true, true
	case "off", "false", "no":
		return false, true
	}
	return false, false
}
