package tables

import (
	"strings"
	"testing"

	"fluent-bit-nsgflow/nsgflow"

	"github.com/google/go-cmp/cmp"
)

func with(changes ...func(*nsgflow.Options)) nsgflow.Options {
	o := nsgflow.DefaultOptions(nsgflow.SchemaSekoia)
	for _, change := range changes {
		change(&o)
	}
	return o
}

func get(configured map[string]string) func(string) (string, bool) {
	return func(key string) (string, bool) {
		value, ok := configured[key]
		return value, ok
	}
}

func TestParseOptions(t *testing.T) {
	for name, test := range map[string]struct {
		configured map[string]string
		want       nsgflow.Options
	}{
		"nothing": {nil, with()},
		"as the host shows them": {
			map[string]string{"schema": "sekoia", "original": "on", "timestamp_key": "@timestamp", "reserve_data": "on", "on_error": "keep"},
			with()},
		"all": {
			map[string]string{"schema": "SEKOIA", "key": "event", "original": "No", "timestamp_key": "time", "reserve_data": "FALSE", "on_error": "Drop"},
			nsgflow.Options{Schema: nsgflow.SchemaSekoia, Key: "event", TimestampKey: "time", DropErrors: true}},
		"aggregate": {
			map[string]string{"aggregate": "Service"},
			with(func(o *nsgflow.Options) {
				o.Aggregate, o.AggregateDenied = nsgflow.AggregateService, nsgflow.AggregateService
			})},
		"less of it": {
			map[string]string{"aggregate": "connection", "aggregate_denied": "host", "drop": "begin, Continue", "exclude_fields": "network.iana_number,action.properties[].Version, related"},
			with(func(o *nsgflow.Options) {
				o.Aggregate, o.AggregateDenied = nsgflow.AggregateConnection, nsgflow.AggregateHost
				o.Drop = nsgflow.DropBegin | nsgflow.DropContinue
				o.ExcludeFields = []string{"network.iana_number", "action.properties[].Version", "related"}
			})},
		"denied ones only": {
			map[string]string{"aggregate": "off", "aggregate_denied": "host"},
			with(func(o *nsgflow.Options) { o.AggregateDenied = nsgflow.AggregateHost })},
		"fields of another schema": {
			map[string]string{"schema": "ecs", "exclude_fields": "observer,azure.resource.id"},
			func() nsgflow.Options {
				o := nsgflow.DefaultOptions(nsgflow.SchemaECS)
				o.ExcludeFields = []string{"observer", "azure.resource.id"}
				return o
			}()},
		"no timestamp key": {
			map[string]string{"timestamp_key": "OFF"},
			with(func(o *nsgflow.Options) { o.TimestampKey = "" })},
	} {
		got, err := ParseFilterOptions(get(test.configured))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(test.want, got.Options); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestParseOptionsRefuses(t *testing.T) {
	for _, test := range []struct{ key, value, want string }{
		{"schema", "", `option schema: "" is not allowed, it takes: `},
		{"schema", "elastic", `option schema: "elastic" is not allowed, it takes: sekoia`},
		{"key", "", `option key: "" is not allowed, it takes: name of a field`},
		{"original", "1", `option original: "1" is not allowed, it takes: on, off`},
		{"reserve_data", "on ", `option reserve_data: "on " is not allowed, it takes: on, off`},
		{"on_error", "x\n[error] forged", `option on_error: "x\n[error] forged" is not allowed, it takes: keep, drop`},
		{"timestamp_key", "", `option timestamp_key: "" is not allowed, it takes: `},
		{"timestamp_key", "on", `option timestamp_key: "on" is not allowed, it takes: `},
		{"timestamp_key", "message", `option timestamp_key: "message" is not allowed, it takes: `},
		{"aggregate", "", `option aggregate: "" is not allowed, it takes: off, connection, service, host`},
		{"aggregate", "on", `option aggregate: "on" is not allowed, it takes: off, connection, service, host`},
		{"aggregate_denied", "flow", `option aggregate_denied: "flow" is not allowed, it takes: off, connection, service, host`},
		{"drop", "begin;end", `option drop: "begin;end" is not allowed, it takes: allowed, denied, begin, continue, end, separated by commas`},
		{"drop", "", `option drop: "" is not allowed, it takes: allowed`},
		{"exclude_fields", "", `option exclude_fields: "" is not allowed, it takes: names of event fields`},
		{"exclude_fields", "observer.mac,cloud", `option exclude_fields: "observer.mac,cloud" is not allowed, it takes: names of event fields`},
		{"exclude_fields", "observer.", `option exclude_fields: "observer." is not allowed, it takes: names of event fields`},
		{"exclude_fields", ",", `option exclude_fields: "," is not allowed, it takes: names of event fields`},
		{"exclude_fields", "related,rule.nme", `option exclude_fields: "related,rule.nme" is not allowed, it takes: names of event fields or of objects, separated by commas; ` +
			`field "rule.nme": schema sekoia has none of this name, the nearest is rule.name`},
		{"original", strings.Repeat("x", 1000), `option original: "` + strings.Repeat("x", 128) + `" is not allowed, it takes: on, off`},
	} {
		_, err := ParseFilterOptions(get(map[string]string{test.key: test.value}))
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s %q: got %v, want %s", test.key, test.value, err, test.want)
		}
	}
}
