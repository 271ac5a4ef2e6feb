package tables

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fluent-bit-nsgflow/nsgflow/context"
)

func TestParseContextOptions(t *testing.T) {
	for name, test := range map[string]struct {
		configured map[string]string
		has        bool
		files      context.Options
	}{
		"nothing":     {nil, false, context.Options{}},
		"on":          {map[string]string{"context": "on"}, true, context.Options{}},
		"off":         {map[string]string{"context": "Off"}, false, context.Options{}},
		"one is set":  {map[string]string{"context_geo": "/data/city.mmdb"}, true, context.Options{Geo: "/data/city.mmdb"}},
		"no file":     {map[string]string{"context_cache": "1M"}, true, context.Options{}},
		"one of both": {map[string]string{"context_geo": "/data/all.mmdb", "context_asn": "/data/all.mmdb"}, true, context.Options{Geo: "/data/all.mmdb", ASN: "/data/all.mmdb"}},
		"all": {
			map[string]string{"context": "on", "context_service_tags": "/data/tags.json", "context_inventory": "/data/a.jsonl, /data/b.jsonl",
				"context_networks": "/data/n.csv", "context_threats": "feodo=/data/f.csv, drop=/data/d=1.txt", "context_threats_except": "/data/e.txt",
				"context_tags": "env,owner", "context_check": "2m"},
			true,
			context.Options{ServiceTags: "/data/tags.json", Inventory: []string{"/data/a.jsonl", "/data/b.jsonl"}, Networks: []string{"/data/n.csv"},
				Threats:       []context.ThreatList{{Name: "feodo", Path: "/data/f.csv"}, {Name: "drop", Path: "/data/d=1.txt"}},
				ThreatsExcept: []string{"/data/e.txt"}, Tags: []string{"env", "owner"}, Check: 2 * time.Minute}},
	} {
		got, err := ParseFilterOptions(get(test.configured))
		if err != nil || got.HasContext != test.has {
			t.Errorf("%s: %v, %v", name, got.HasContext, err)
		}
		if diff := cmp.Diff(test.files, got.Files); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for value, want := range map[string]int{"1M": 1 << 20, "1G": 1 << 30, "20000000": 20_000_000} {
		if got, err := ParseFilterOptions(get(map[string]string{"context_cache": value})); err != nil || got.ContextCache != want {
			t.Errorf("context_cache %s: %d, %v", value, got.ContextCache, err)
		}
	}
}

func TestParseContextOptionsRefuses(t *testing.T) {
	for _, test := range []struct{ key, value, want string }{
		{"context", "maybe", `option context: "maybe" is not allowed, it takes: on, off`},
		{"context_service_tags", "tags.json", `option context_service_tags: "tags.json" is not allowed, it takes: absolute path`},
		{"context_service_tags", "", `option context_service_tags: "" is not allowed, it takes: absolute path`},
		{"context_inventory", "/a,", `option context_inventory: "/a," is not allowed, it takes: absolute paths, separated by commas`},
		{"context_networks", "/a, /a", `option context_networks: "/a, /a" is not allowed, it takes: absolute paths, separated by commas; context_networks /a: the file is there twice`},
		{"context_geo", "./city.mmdb", `option context_geo: "./city.mmdb" is not allowed, it takes: absolute path`},
		{"context_asn", "asn.mmdb", `option context_asn: "asn.mmdb" is not allowed, it takes: absolute path`},
		{"context_threats", "/a", `option context_threats: "/a" is not allowed, it takes: name=absolute path, separated by commas, at most 32`},
		{"context_threats", "=/a", `option context_threats: "=/a" is not allowed, it takes: name=absolute path, separated by commas, at most 32; context_threats /a: a list without a name`},
		{"context_threats", "a=/a,a=/b", `option context_threats: "a=/a,a=/b" is not allowed, it takes: name=absolute path, separated by commas, at most 32; context_threats "a": the name is there twice`},
		{"context_threats_except", "warn.json", `option context_threats_except: "warn.json" is not allowed, it takes: absolute paths`},
		{"context_tags", "1,2,3,4,5,6,7,8,9", `option context_tags: "1,2,3,4,5,6,7,8,9" is not allowed, it takes: names of tags, separated by commas, at most 8; context_tags: more than 8`},
		{"context_check", "500ms", `option context_check: "500ms" is not allowed, it takes: duration from 1s to 1h`},
		{"context_check", "2h", `option context_check: "2h" is not allowed, it takes: duration from 1s to 1h`},
		{"context_cache", "2G", `option context_cache: "2G" is not allowed, it takes: size from 1M to 1G`},
		{"context_cache", "1K", `option context_cache: "1K" is not allowed, it takes: size from 1M to 1G`},
	} {
		_, err := ParseFilterOptions(get(map[string]string{test.key: test.value}))
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s %q: got %v, want %s", test.key, test.value, err, test.want)
		}
	}
	_, err := ParseFilterOptions(get(map[string]string{"context": "off", "context_check": "10s"}))
	if err == nil || err.Error() != "option context: off is not allowed beside context_check" {
		t.Error(err)
	}
}

// What is not configured has no state, and what has no time has no age.
func TestContextFigures(t *testing.T) {
	now := time.Now()
	f := FilterFigures{At: now, Sources: []context.SourceStats{
		{Source: "inventory", Entries: 7, Time: now.Add(-time.Minute), Loads: 3},
		{Source: "threats", FailedLoads: 1, Refused: true}}}
	f.Context = context.Counts{Hits: 5, Inventory: 4}
	got := map[string]float64{}
	for _, m := range contextMetrics {
		for _, s := range m.Series {
			if v := s.Value(f); !math.IsNaN(v) && v != 0 {
				got[strings.Join(append([]string{m.Name}, s.Labels...), " ")] = v
			}
		}
	}
	want := map[string]float64{
		"nsgflow_context_lookups_total hit": 5, "nsgflow_context_matches_total inventory": 4, "nsgflow_context_loads_total inventory ok": 3,
		"nsgflow_context_loads_total threats failed": 1, "nsgflow_context_refused threats": 1,
		"nsgflow_context_entries inventory": 7, "nsgflow_context_age_seconds inventory": 60}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
