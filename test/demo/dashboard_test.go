package main

import (
	"encoding/json"
	"maps"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fluent-bit-nsgflow/plugin/tables"
	"fluent-bit-nsgflow/test/engine"
)

// shownBy are the numbers of the panels that flows show one by one, by their values.
func shownBy(flows []flow) map[string]map[string]int {
	all := map[string]map[string]int{}
	sum := func(panel, key string, n int) {
		if all[panel] == nil {
			all[panel] = map[string]int{}
		}
		if n > 0 {
			all[panel][key] += n
		}
	}
	for _, f := range flows {
		direction, decision := "inbound", "accept"
		if f.outbound {
			direction = "outbound"
			sum("Top talkers", f.source, f.bytes)
		}
		if f.denied {
			decision = "reject"
			sum("Denied by rule and port", f.rule+" "+f.port, 1)
		}
		sum("Bytes by direction", direction, f.bytes)
		sum("Decisions", decision, 1)
	}
	denied := func(f flow) bool { return f.denied }
	for source, g := range grouped(flows, denied, func(f flow) string { return f.source }) {
		sum("Scans of ports", source, len(g.ports))
		sum("Scans of hosts", source, len(g.hosts))
	}
	return all
}

// The queries of the dashboard, asked as VictoriaLogs' data source asks them, have the
// numbers of the flows.
func TestDashboard(t *testing.T) {
	t.Parallel()
	object, program := built(t)
	h := lastHour(time.Now(), 40)
	s := stored(t, object, program, "", h)
	var d struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr, QueryType, LegendFormat string }
		}
	}
	text, err := os.ReadFile(engine.Path("conf/dashboards/grafana-victorialogs.json"))
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	if err != nil || len(d.Panels) != len(tables.Panels) {
		t.Fatalf("%d panels, %v", len(d.Panels), err)
	}
	want := shownBy(flowsOf(h))
	for _, p := range d.Panels {
		q := p.Targets[0]
		got := s.shown(t, h, q.QueryType, q.Expr, q.LegendFormat)
		known := want[p.Title]
		if known == nil { // of what this hour has none
			if p.Title != "Scans of ports, aggregated" || len(got) > 0 {
				t.Errorf("%s: %v, and nobody knows it", p.Title, got)
			}
			continue
		}
		for key, n := range got {
			if n != known[key] {
				t.Errorf("%s: %s has %d, want %d", p.Title, key, n, known[key])
			}
		}
		if diff := cmp.Diff(mostOf(known), mostOf(got)); diff != "" {
			t.Errorf("%s: those with most (-flows +store): %s", p.Title, diff)
		}
	}
}

func mostOf(numbers map[string]int) []int {
	all := slices.Sorted(maps.Values(numbers))
	slices.Reverse(all)
	return all[:min(tables.PanelRows, len(all))]
}

// shown are the numbers by legend; over time, their sums.
func (s *store) shown(t *testing.T, h hour, kind, expr, legend string) map[string]int {
	t.Helper()
	path, values := "/select/logsql/stats_query", url.Values{}
	start, end := strconv.FormatInt(h.start.Unix(), 10), strconv.FormatInt(h.end().Unix(), 10)
	switch kind {
	case "stats":
		values = url.Values{"query": {"_time:[" + start + "," + end + ") " + expr}, "time": {end}}
	case "statsRange":
		path, values = path+"_range", url.Values{"query": {expr}, "start": {start}, "end": {end}, "step": {"5m"}}
	default:
		t.Fatalf("nobody knows the kind %q", kind)
	}
	body, err := s.post(t.Context(), path, "application/x-www-form-urlencoded", strings.NewReader(values.Encode()))
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Value  []any
				Values [][]any
			}
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatal(err)
	}
	numbers := map[string]int{}
	for _, r := range answer.Data.Result {
		key := legend
		for name, value := range r.Metric {
			key = strings.ReplaceAll(key, "{{"+name+"}}", value)
		}
		points := r.Values
		if len(r.Value) > 0 {
			points = append(points, r.Value)
		}
		for _, point := range points {
			n, err := strconv.Atoi(point[1].(string))
			if err != nil {
				t.Errorf("%s: %v", expr, err)
			}
			numbers[key] += n
		}
	}
	return numbers
}

// The demo has a page for each panel.
func TestPagesOfPanels(t *testing.T) {
	t.Parallel()
	object, program := built(t)
	h := lastHour(time.Now(), 20)
	s := stored(t, object, program, "", h)
	for _, q := range panelQuestions() {
		rows, err := s.query(t.Context(), q.query)
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) == 0 {
			t.Errorf("%s: no rows", q.title)
		}
		for _, r := range rows {
			for _, column := range q.columns {
				if r[column] == "" {
					t.Errorf("%s: no %s in %v", q.title, column, r)
				}
			}
		}
	}
}
