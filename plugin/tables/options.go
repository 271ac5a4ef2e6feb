package tables

import (
	"strings"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/plugin/config"
)

// FilterOptions is every option of the filter. The schema comes first because it
// decides what the others default to.
var FilterOptions = []config.Option[nsgflow.Options]{
	{Key: "schema", Values: strings.Join(nsgflow.Schemas(), ", "), Default: "sekoia",
		Text: "Names and shape of the events: the documented event of the Azure Network Watcher integration; ECS 9.4; ASIM Network Session, for Microsoft Sentinel; OCSF 1.8.0 Network Activity; attributes of OpenTelemetry.",
		Set:  setSchema},
	{Key: "key", Values: "name of a field",
		Text: "Top-level field that holds the flow log as JSON text. Without it: the record itself, then message, then log.",
		Set:  setKey},
	{Key: "original", Values: "on, off",
		Text: "Keep the flow's own JSON, flattened, in the event: sekoia as message (default on); ecs as event.original, asim as AdditionalFields.Original, ocsf as raw_data, otel as log.record.original (default off).",
		Set:  func(o *nsgflow.Options, v string) bool { return setSwitch(&o.Original, v) }},
	{Key: "timestamp_key", Values: "name of a field that the schema does not use, off",
		Text: "Field that carries the flow's time as text, besides the record's own time. Without it: @timestamp; asim TimeGenerated, ocsf and otel none.",
		Set:  setTimestampKey},
	{Key: "reserve_data", Values: "on, off", Default: "on",
		Text: "Keep the other fields of the source record in every event it becomes.",
		Set:  func(o *nsgflow.Options, v string) bool { return setSwitch(&o.ReserveData, v) }},
	{Key: "on_error", Values: "keep, drop", Default: "keep",
		Text: "What becomes of a tuple that does not parse: an event that says why, or nothing but a count.",
		Set:  setOnError},
	{Key: "aggregate", Values: strings.Join(nsgflow.Aggregates(), ", "), Default: "off",
		Text: "Make one event of the flows of a record that have the same connection (five-tuple), service (whatever the source port) or hosts (whatever the ports), with their sums.",
		Set:  setAggregate},
	{Key: "aggregate_denied", Values: strings.Join(nsgflow.Aggregates(), ", "),
		Text: "The same for denied flows; without it, they follow aggregate.",
		Set:  func(o *nsgflow.Options, v string) bool { return parsed(&o.AggregateDenied, v, nsgflow.ParseAggregate) }},
	{Key: "drop", Values: strings.Join(nsgflow.DropNames(), ", ") + ", separated by commas",
		Text: "Leave out flows by decision, or those that are not denied by the part of their life that they report (begin: allowed ones without counters), and count them.",
		Set:  func(o *nsgflow.Options, v string) bool { return parsed(&o.Drop, v, nsgflow.ParseDrops) }},
	{Key: "exclude_fields", Values: "names of event fields or of objects, separated by commas",
		Text: "Leave these fields out of every event.",
		Set:  setExcludeFields, Why: nsgflow.Options.Check},
}

// ParseFilterOptions reads the configuration of one filter instance. get gives what
// was configured for a key, and whether anything was.
func ParseFilterOptions(get func(key string) (string, bool)) (nsgflow.Options, error) {
	o := nsgflow.DefaultOptions(nsgflow.SchemaSekoia)
	err := config.Parse(FilterOptions, &o, func(p config.Option[nsgflow.Options]) (string, bool) { return get(p.Key) })
	return o, err
}

func setSchema(o *nsgflow.Options, v string) bool {
	schema, err := nsgflow.ParseSchema(v)
	*o = nsgflow.DefaultOptions(schema)
	return err == nil
}

func setKey(o *nsgflow.Options, v string) bool {
	o.Key = v
	return v != ""
}

func setTimestampKey(o *nsgflow.Options, v string) bool {
	if on, ok := parseSwitch(v); ok {
		o.TimestampKey = ""
		return !on
	}
	o.TimestampKey = v
	return v != "" && o.Check() == nil
}

func setOnError(o *nsgflow.Options, v string) bool {
	o.DropErrors = strings.EqualFold(v, "drop")
	return o.DropErrors || strings.EqualFold(v, "keep")
}

// setAggregate also sets what denied flows default to: their own option comes
// behind it.
func setAggregate(o *nsgflow.Options, v string) bool {
	ok := parsed(&o.Aggregate, v, nsgflow.ParseAggregate)
	o.AggregateDenied = o.Aggregate
	return ok
}

func setExcludeFields(o *nsgflow.Options, v string) bool {
	o.ExcludeFields = nil
	for _, name := range strings.Split(strings.TrimSuffix(strings.TrimSpace(v), ","), ",") {
		o.ExcludeFields = append(o.ExcludeFields, strings.TrimSpace(name))
	}
	return o.Check() == nil
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
