package nsgflow

import "strings"

// Field is one row of a schema's table, for what is made from it: index
// templates, documentation, tests.
type Field struct {
	// Name is the path with dots. "[]" behind a part says that its value is
	// an array of one object.
	Name string
	Type string // in an index: keyword, ip, integer, long, date, match_only_text, object
	List bool   // the value is an array of Type
	In   string // the events that may have it: "flows", "NSG", "VNet", "aggregated", "errors", "all"
	Doc  string // the value in words, as Markdown
}

// kindWords are the sets of kinds that tables use, in words.
var kindWords = map[kinds]string{
	inFlows:      "flows",
	inNSG:        "NSG",
	inVNet:       "VNet",
	inError:      "errors",
	inAll:        "all",
	inAggregated: "aggregated",
}

// Fields are the fields of the schema's events, in the order of the event. A
// name stands twice where flows, aggregated flows or errors have different values
// there.
func (s Schema) Fields() []Field {
	schema := &schemas[s]
	var fields []Field
	for _, f := range schema.fields {
		if schema.unasked && f.name == schema.timestamp {
			continue
		}
		typ, list := strings.CutPrefix(f.typ, "[]")
		fields = append(fields, Field{Name: f.name, Type: typ, List: list, In: kindWords[f.in], Doc: f.doc})
	}
	return fields
}
