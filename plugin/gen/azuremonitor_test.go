package main

import (
	"encoding/json"
	"testing"

	"fluent-bit-nsgflow/nsgflow"
)

// Every object of an event has a column of the type "dynamic"; the time has the
// one that each table needs.
func TestEventsHaveColumns(t *testing.T) {
	types := map[string]any{}
	for _, c := range tableColumns(nsgflow.SchemaECS.Fields()) {
		types[c["name"].(string)] = c["type"]
	}
	if types["TimeGenerated"] != "datetime" || types["message"] != "string" {
		t.Errorf("%v", types)
	}
	for _, body := range events(t) {
		var event map[string]any
		if err := json.Unmarshal([]byte(body), &event); err != nil {
			t.Fatal(err)
		}
		for name := range event {
			if types[name] != "dynamic" && name != "@timestamp" {
				t.Errorf("%s has a column of type %v", name, types[name])
			}
		}
	}
}
