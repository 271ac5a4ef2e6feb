package main

import (
	"os"
	"strings"
	"testing"
	"time"

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
		got, err := parseOptions(get(test.configured))
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
		_, err := parseOptions(get(map[string]string{test.key: test.value}))
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s %q: got %v, want %s", test.key, test.value, err, test.want)
		}
	}
}

func TestOptionsHeaderIsCurrent(t *testing.T) {
	got, err := os.ReadFile("options.h")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(optionsHeader(), string(got)); diff != "" {
		t.Errorf("options.h is out of date, run go generate ./plugin: %s", diff)
	}
}

func TestNotice(t *testing.T) {
	var n notice
	start := time.Unix(1700000000, 0)
	for _, step := range []struct {
		after time.Duration
		count nsgflow.Counts
		want  string
	}{
		{0, nsgflow.Counts{Flows: [2][3]uint64{{0, 5}}, Foreign: 3, Empty: 1}, ""},
		{0, nsgflow.Counts{Errors: 2, LastError: "a"}, "2 errors, 0 unknown codes since the last warning, for example: a"},
		{9 * time.Second, nsgflow.Counts{Errors: 7, Unknown: 1, LastError: "a"}, ""},
		{10 * time.Second, nsgflow.Counts{Errors: 8, Unknown: 1, LastError: "a"}, "6 errors, 1 unknown codes since the last warning, for example: a"},
		{time.Hour, nsgflow.Counts{Errors: 8, Unknown: 1, LastError: "a"}, ""},
		{time.Hour, nsgflow.Counts{Errors: 8, Unknown: 4, LastError: "a"}, "0 errors, 3 unknown codes since the last warning"},
	} {
		if got := n.due(step.count, start.Add(step.after)); got != step.want {
			t.Errorf("after %v: got %q, want %q", step.after, got, step.want)
		}
	}
}
