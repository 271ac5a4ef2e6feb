package main

import (
	"encoding/json"
	"slices"
	"strings"

	"fluent-bit-nsgflow/nsgflow"
)

type object = map[string]any

const component = "azure-flow-mappings"

// besides are the fields that the input gives each record, and the text of what
// is no flow log.
var besides = []nsgflow.Field{
	{Name: "message", Type: "match_only_text"},
	{Name: "azure.storage.account.name", Type: "keyword"},
	{Name: "azure.storage.container.name", Type: "keyword"},
	{Name: "azure.storage.blob.name", Type: "keyword"},
}

// whenTheyCome are mappings of "log" for the first document that has it: the
// input's is an object, that of tail a text, and an index takes one of the two.
var whenTheyCome = []object{
	{"log_text": object{"match": "log", "match_mapping_type": "string", "mapping": object{"type": "match_only_text"}}},
	{"log_file": object{"path_match": "log.file.path", "mapping": object{"type": "keyword", "ignore_above": 1024}}},
	{"log_offset": object{"path_match": "log.offset", "mapping": object{"type": "long"}}},
}

// labels are objects with names of the user's, at most 64. No type for such objects
// is in both, Elasticsearch and OpenSearch.
var labels = object{"labels": object{"path_match": "azure.flow_log.*.labels.*", "mapping": object{"type": "keyword", "ignore_above": 1024}}}

// templates are the index templates for Elasticsearch 8 and 9 and OpenSearch
// 2.12 and later.
func templates() []file {
	return []file{
		{"conf/index/component_template.json", encode(object{
			"_meta":    object{"description": "Azure flow logs: the fields of schema ecs of fluent-bit-nsgflow"},
			"template": object{"mappings": mappings(slices.Concat(nsgflow.SchemaECS.Fields(), nsgflow.SchemaECS.ContextFields(), besides))},
		})},
		{"conf/index/index_template.json", encode(object{
			"_meta":          object{"description": "Azure flow logs, one document a flow"},
			"index_patterns": []string{"logs-azure.flow-*"},
			"data_stream":    object{},
			"composed_of":    []string{component},
			// Above the cluster's own for logs-*-* (100) and those of Elastic's
			// integrations (200); two of one priority may not overlap.
			"priority": 600,
		})},
	}
}

// mappings are those of all fields. An array has the mapping of its elements.
func mappings(fields []nsgflow.Field) object {
	properties := object{}
	for _, f := range fields {
		at := properties
		parts := strings.Split(f.Name, ".")
		for _, part := range parts[:len(parts)-1] {
			part, isList := strings.CutSuffix(part, "[]")
			if at[part] == nil {
				at[part] = object{"properties": object{}}
			}
			if isList { // what belongs together stays together
				at[part].(object)["type"] = "nested"
			}
			at = at[part].(object)["properties"].(object)
		}
		at[parts[len(parts)-1]] = mapping(f)
	}
	return object{
		// What the source record brought along is mapped as it comes; a text
		// that looks like a date would refuse the next one that does not.
		"date_detection":    false,
		"dynamic_templates": append(slices.Clone(whenTheyCome), labels),
		"properties":        properties,
	}
}

func mapping(f nsgflow.Field) object {
	switch {
	case f.Name == "event.original": // ECS: kept, not searched
		return object{"type": "keyword", "index": false, "doc_values": false}
	case f.Name == "azure.flow_log.time": // the log's own text: it must not cost the event
		return object{"type": "date", "ignore_malformed": true}
	case f.Type == "flattened":
		return object{"type": "object"} // see labels
	case f.Type == "keyword": // ECS; a longer one than 32 KB would be refused
		return object{"type": "keyword", "ignore_above": 1024}
	}
	return object{"type": f.Type}
}

func encode(template object) []byte {
	text, err := json.MarshalIndent(template, "", "  ")
	if err != nil {
		panic(err) // there is nothing in it that JSON has not
	}
	return append(text, '\n')
}
