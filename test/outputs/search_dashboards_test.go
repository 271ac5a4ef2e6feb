package outputs

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fluent-bit-nsgflow/plugin/tables"
	"fluent-bit-nsgflow/test/internal/event"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// shown is a panel of a dashboard: a query, terms around each other, and over time.
type shown struct {
	title, lucene string
	kind, field   string // of the metric
	terms         []termsOf
	over          bool
}

type termsOf struct {
	field, size string
	byCount     bool
}

// grafanaPanels are those of a dashboard for a search engine.
func grafanaPanels(t *testing.T, file string) (all []shown) {
	t.Helper()
	type setting struct{ Size, OrderBy string }
	var d struct {
		Panels []struct {
			Title   string
			Targets []struct {
				Query      string
				TimeField  string
				Metrics    []struct{ Type, Field string }
				BucketAggs []struct {
					Type, Field string
					Settings    setting
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(textfile.Read(t, file)), &d); err != nil {
		t.Fatal(err)
	}
	for _, p := range d.Panels {
		q := p.Targets[0]
		s := shown{title: p.Title, lucene: q.Query, kind: q.Metrics[0].Type, field: q.Metrics[0].Field}
		for _, b := range q.BucketAggs {
			if b.Type == "date_histogram" {
				s.over = true
				continue
			}
			s.terms = append(s.terms, termsOf{b.Field, b.Settings.Size, b.Settings.OrderBy == "_count"})
		}
		all = append(all, s)
	}
	return all
}

// savedPanels are those of the saved objects, whose references all lead somewhere.
func savedPanels(t *testing.T, file string) (all []shown) {
	t.Helper()
	known, wanted := map[string]bool{}, map[string]bool{}
	for _, line := range textfile.Lines(textfile.Read(t, file)) {
		var o struct {
			Type, ID   string
			Attributes struct{ VisState, PanelsJSON string }
			References []struct{ Type, ID, Name string }
		}
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatal(err)
		}
		known[o.Type+" "+o.ID] = true
		names := map[string]bool{}
		for _, r := range o.References {
			wanted[r.Type+" "+r.ID] = true
			names[r.Name] = true
		}
		switch o.Type {
		case "dashboard":
			var panels []struct{ PanelRefName string }
			if err := json.Unmarshal([]byte(o.Attributes.PanelsJSON), &panels); err != nil {
				t.Fatal(err)
			}
			for _, p := range panels {
				if !names[p.PanelRefName] {
					t.Errorf("the dashboard has no reference %s", p.PanelRefName)
				}
			}
		case "visualization":
			all = append(all, savedPanel(t, line, o.Attributes.VisState))
		}
	}
	if diff := cmp.Diff(wanted, intersection(known, wanted)); diff != "" {
		t.Errorf("references (-wanted +known): %s", diff)
	}
	return all
}

func intersection(a, b map[string]bool) map[string]bool {
	both := map[string]bool{}
	for key := range a {
		if b[key] {
			both[key] = true
		}
	}
	return both
}

func savedPanel(t *testing.T, line, state string) shown {
	t.Helper()
	var o struct {
		Attributes struct {
			Meta struct{ SearchSourceJSON string } `json:"kibanaSavedObjectMeta"`
		}
	}
	var source struct {
		Query struct{ Language, Query string }
	}
	var v struct {
		Title string
		Aggs  []struct {
			ID, Type string
			Params   struct {
				Field, OrderBy string
				Size           int
			}
		}
	}
	for text, to := range map[string]any{line: &o, state: &v} {
		if err := json.Unmarshal([]byte(text), to); err != nil {
			t.Fatal(err)
		}
	}
	if err := json.Unmarshal([]byte(o.Attributes.Meta.SearchSourceJSON), &source); err != nil || source.Query.Language != "lucene" {
		t.Fatalf("%+v, %v", source, err)
	}
	s := shown{title: v.Title, lucene: source.Query.Query}
	for _, a := range v.Aggs {
		switch a.Type {
		case "date_histogram":
			s.over = true
		case "terms":
			s.terms = append(s.terms, termsOf{a.Params.Field, fmt.Sprint(a.Params.Size), s.kind == "count" && a.Params.OrderBy == "1"})
		default:
			s.kind, s.field = a.Type, a.Params.Field
		}
	}
	return s
}

// search is the request that the panel stands for.
func (s shown) search() query {
	metric := query{}
	if s.kind != "count" {
		metric["1"] = query{s.kind: query{"field": s.field}}
	}
	inner := maps.Clone(metric)
	if s.over {
		inner = query{"time": query{"date_histogram": query{"field": "@timestamp", "fixed_interval": "1m"}, "aggs": inner}}
	}
	for i := len(s.terms) - 1; i >= 0; i-- {
		order := "1"
		if s.terms[i].byCount {
			order = "_count"
		}
		maps.Copy(inner, metric) // what it is ordered by
		inner = query{"by": query{"terms": query{"field": s.terms[i].field, "size": s.terms[i].size, "order": query{order: "desc"}}, "aggs": inner}}
	}
	return query{"size": 0, "query": query{"query_string": query{"query": s.lucene}}, "aggs": inner}
}

// level is an aggregation's answer.
type level struct {
	Buckets []struct {
		Key   any
		Text  string `json:"key_as_string"`
		Count int    `json:"doc_count"`
		By    *level
		Time  *level
		One   *struct{ Value float64 } `json:"1"`
	}
}

// numbers are those of the innermost terms, by all of their keys; over time, the sums.
func (l *level) numbers(above string, to map[string]int) map[string]int {
	for _, b := range l.Buckets {
		key := fmt.Sprint(b.Key)
		if b.Text != "" {
			key = b.Text
		}
		if above != "" {
			key = above + " " + key
		}
		switch {
		case b.By != nil:
			b.By.numbers(key, to)
		case b.Time != nil:
			for _, minute := range b.Time.numbers("", map[string]int{}) {
				to[key] += minute
			}
		case b.One != nil:
			to[key] = int(b.One.Value)
		default:
			to[key] = b.Count
		}
	}
	return to
}

// values are what a panel makes of events: a number for each of its keys.
func values(p tables.Panel, events []event.Event) map[string]int {
	at := func(e event.Event, field string) string {
		v := e.Body.At(strings.Split(field, ".")...)
		if v == nil {
			return ""
		}
		return fmt.Sprint(v)
	}
	sums, distinct := map[string]int{}, map[string]map[string]bool{}
	for _, e := range events {
		counts := !slices.ContainsFunc(p.Only, func(term tables.Term) bool { return at(e, term.Field) != term.Value })
		var keys []string
		for _, field := range p.By {
			keys = append(keys, at(e, field))
		}
		if !counts || slices.Contains(keys, "") {
			continue
		}
		key := strings.Join(keys, " ")
		switch p.Measure.Kind {
		case tables.Events:
			sums[key]++
		case tables.Sum:
			if n := number(e, strings.Split(p.Measure.Of, ".")...); n > 0 {
				sums[key] += n
			}
		case tables.Distinct:
			if distinct[key] == nil {
				distinct[key] = map[string]bool{}
			}
			if v := at(e, p.Measure.Of); v != "" {
				distinct[key][v] = true
			}
		}
	}
	for key, all := range distinct {
		sums[key] = len(all)
	}
	return sums
}

// dashboardsOfFlows asks what the dashboards ask, of a stream with the events, and
// finds what the table of panels says. An event that is there twice is stored once.
func dashboardsOfFlows(t *testing.T, stream searchStream, events []event.Event) {
	ids := map[any]bool{}
	events = slices.DeleteFunc(slices.Clone(events), func(e event.Event) bool {
		id := e.Body.At("event", "id")
		again := id == nil || ids[id]
		ids[id] = true
		return again
	})
	for file, panels := range map[string][]shown{
		"grafana-elasticsearch.json":   grafanaPanels(t, "conf/dashboards/grafana-elasticsearch.json"),
		"grafana-opensearch.json":      grafanaPanels(t, "conf/dashboards/grafana-opensearch.json"),
		"opensearch-dashboards.ndjson": savedPanels(t, "conf/dashboards/opensearch-dashboards.ndjson"),
	} {
		if len(panels) != len(tables.Panels) {
			t.Fatalf("%s: %d panels of %d", file, len(panels), len(tables.Panels))
		}
		for i, p := range tables.Panels {
			var answer struct{ Aggregations struct{ By level } }
			stream.call(t, http.MethodPost, "/"+stream.name+"/_search", panels[i].search(), &answer)
			got, want := answer.Aggregations.By.numbers("", map[string]int{}), values(p, events)
			if panels[i].title != p.Title || panels[i].over != p.Over {
				t.Errorf("%s: %+v is not %s", file, panels[i], p.Title)
			}
			for key, n := range got {
				if n != want[key] {
					t.Errorf("%s, %s: %s has %d, want %d", file, p.Title, key, n, want[key])
				}
			}
			// Terms around each other have more than the largest.
			most := func(numbers map[string]int) []int {
				all := slices.Sorted(maps.Values(numbers))
				slices.Reverse(all)
				return all[:min(tables.PanelRows, len(all))]
			}
			if diff := cmp.Diff(most(want), most(got)); diff != "" {
				t.Errorf("%s, %s: those with most (-events +index): %s", file, p.Title, diff)
			}
		}
	}
}
