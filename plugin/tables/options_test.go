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
		"no timestamp key": {
			map[string]string{"timestamp_key": "OFF"},
			with(func(o *nsgflow.Options) { o.TimestampKey = "" })},
	} {
		got, err := ParseFilterOptions(get(test.configured))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
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
		{"original", strings.Repeat("x", 1000), `option original: "` + strings.Repeat("x", 128) + `" is not allowed, it takes: on, off`},
	} {
		_, err := ParseFilterOptions(get(map[string]string{test.key: test.value}))
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s %q: got %v, want %s", test.key, test.value, err, test.want)
		}
	}
}
