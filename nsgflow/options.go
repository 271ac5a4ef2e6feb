package nsgflow

import (
	"fmt"
	"slices"
	"strings"

	"fluent-bit-nsgflow/nsgflow/context"
)

// Schema names the table that turns a Flow into an event.
type Schema uint8

const (
	// SchemaSekoia is the documented event of the Azure Network Watcher
	// integration (docs/schema-sekoia.md).
	SchemaSekoia Schema = iota
	// SchemaECS is the full event of the Elastic Common Schema, 9.4.
	SchemaECS
	// SchemaASIM is a row of Microsoft Sentinel's table ASimNetworkSessionLogs.
	SchemaASIM
	// SchemaOCSF is Network Activity of the Open Cybersecurity Schema Framework, 1.8.0.
	SchemaOCSF
	// SchemaOTel is the body and the attributes of an OpenTelemetry log record.
	SchemaOTel
)

// Options say what a Normalizer looks at and what it writes.
// The zero value is not useful; start from DefaultOptions.
type Options struct {
	Schema Schema
	// Key is the top-level field that holds the flow log as JSON text.
	// Empty: the body itself, then "message", then "log".
	Key string
	// Original keeps the flattened JSON of the flow in the event.
	Original bool
	// TimestampKey names the field that carries the flow's time as text.
	// Empty: no such field.
	TimestampKey string
	// ReserveData keeps the fields of the source record that are not the
	// flow log itself in every event.
	ReserveData bool
	// DropErrors leaves out the error events of tuples that do not parse.
	DropErrors bool
	// Aggregate makes one event of the flows of a record that differ in less
	// than it says. AggregateDenied is the same for denied flows.
	Aggregate, AggregateDenied Aggregate
	// Drop leaves out flows.
	Drop Drops
	// ExcludeFields are names of event fields, or of objects, with dots, that
	// events do not have.
	ExcludeFields []string
	// Context adds what is known of addresses; nil: nothing is added. A
	// *context.Context is one.
	Context Context
	// ContextCache is how many bytes are kept of what has been written of
	// addresses. 0: 16 MB.
	ContextCache int
}

// Context is where the tables come from that say what is known of addresses. A
// Normalizer asks for them at the beginning of each chunk, or of a record on its own.
type Context interface {
	Generation() *context.Tables
}

// DefaultOptions are the options of an instance that configures nothing
// but its schema.
func DefaultOptions(s Schema) Options {
	o := Options{Schema: s, Original: s == SchemaSekoia, ReserveData: true}
	if int(s) < len(schemas) && !schemas[s].unasked {
		o.TimestampKey = schemas[s].timestamp
	}
	return o
}

// Check says what is wrong with options, if anything is. New does so too.
func (o Options) Check() error {
	if int(o.Schema) >= len(schemas) {
		return fmt.Errorf("schema %d: there are %d", o.Schema, len(schemas))
	}
	if o.Schema.isEventName(o.TimestampKey) {
		return fmt.Errorf("timestamp key %q: a name of the schema", o.TimestampKey)
	}
	if strings.HasSuffix(o.TimestampKey, "[]") {
		return fmt.Errorf("timestamp key %q: a name that ends in [] is one of lists", o.TimestampKey)
	}
	return o.checkLess()
}

// checkLess says what is wrong with the options that leave something out.
func (o Options) checkLess() error {
	if int(max(o.Aggregate, o.AggregateDenied)) >= len(aggregateNames) {
		return fmt.Errorf("aggregate %d, of denied flows %d: there are %d", o.Aggregate, o.AggregateDenied, len(aggregateNames))
	}
	if o.Drop >= 1<<len(dropNames) {
		return fmt.Errorf("drop %d: there are %s", o.Drop, strings.Join(dropNames, ", "))
	}
	for _, name := range o.ExcludeFields {
		names := o.Schema.names()
		if !slices.ContainsFunc(names, func(own string) bool { return isIn(own, name) }) {
			return fmt.Errorf("field %s: schema %s has none of this name, the nearest is %s", appendQuoted(nil, name), o.Schema, nearest(name, names))
		}
	}
	return nil
}

// String is the schema's name.
func (s Schema) String() string { return schemas[s].name }

// ParseSchema finds a schema by its name, in any case.
func ParseSchema(name string) (Schema, error) {
	i := slices.Index(Schemas(), strings.ToLower(name))
	if i < 0 {
		return 0, fmt.Errorf("schema %s: there are %s", appendQuoted(nil, name), strings.Join(Schemas(), ", "))
	}
	return Schema(i), nil
}

// Schemas are the names of the schemas, by Schema.
func Schemas() []string {
	names := make([]string, len(schemas))
	for i, s := range schemas {
		names[i] = s.name
	}
	return names
}
