package nsgflow

// Schema names the table that turns a Flow into an event.
type Schema uint8

const (
	// SchemaSekoia is the documented event of the Azure Network Watcher
	// integration (mapping table in the README).
	SchemaSekoia Schema = iota
	// SchemaECS is the full event of the Elastic Common Schema, 9.4.
	SchemaECS
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
}

// DefaultOptions are the options of an instance that configures nothing
// but its schema.
func DefaultOptions(s Schema) Options {
	return Options{
		Schema:       s,
		Original:     s == SchemaSekoia,
		TimestampKey: "@timestamp",
		ReserveData:  true,
	}
}

// Schemas are the names of the schemas, by Schema.
func Schemas() []string {
	names := make([]string, len(schemas))
	for i, s := range schemas {
		names[i] = s.name
	}
	return names
}
