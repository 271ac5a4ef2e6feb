package nsgflow_test

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/nsgflow"

	"github.com/google/go-cmp/cmp"
)

func inECS(o *nsgflow.Options) { *o = nsgflow.DefaultOptions(nsgflow.SchemaECS) }

func withOriginal(o *nsgflow.Options) { o.Original = true }

// leaf is a value of an event that is no object, under its name with dots.
type leaf struct {
	name string
	list bool
	each []any // the elements of a list; else the value
}

// decoded is an event's body, with numbers as they are written.
func decoded(t testing.TB, body string) (event map[string]any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&event); err != nil {
		t.Fatal(err)
	}
	return event
}

// eventsOf are the events of a flow log's text.
func eventsOf(t testing.TB, n *nsgflow.Normalizer, flowLog string) (events []map[string]any) {
	t.Helper()
	for _, r := range asText.records(t, n, flowLog) {
		events = append(events, decoded(t, r.Body))
	}
	if len(events) == 0 {
		t.Fatalf("no events of %s", flowLog)
	}
	return events
}

// valueIn is the value under a name with dots; nil where there is none.
func valueIn(t testing.TB, event map[string]any, name string) any {
	t.Helper()
	for {
		key, rest, deeper := strings.Cut(name, ".")
		if !deeper {
			return event[key]
		}
		inner, ok := event[key].(map[string]any)
		if !ok && event[key] != nil {
			t.Fatalf("%s is no object", key)
		}
		event, name = inner, rest
	}
}

// leavesOf are an event's values.
func leavesOf(t testing.TB, body string) (leaves []leaf) {
	t.Helper()
	var walk func(name string, v any)
	walk = func(name string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, inner := range v {
				walk(strings.TrimPrefix(name+"."+key, "."), inner)
			}
		case []any:
			leaves = append(leaves, leaf{name, true, v})
		default:
			leaves = append(leaves, leaf{name, false, []any{v}})
		}
	}
	walk("", decoded(t, body))
	return leaves
}

// ecsField is a line of testdata/ecs-9.4.tsv.
type ecsField struct {
	typ     string
	list    bool
	values  []string // that ECS allows or expects; nil: any
	pattern *regexp.Regexp
}

// readECS reads the fields of ECS, and the values of event.type that go with
// event.category network.
func readECS(t testing.TB) (fields map[string]ecsField, networkTypes []string) {
	t.Helper()
	fields = map[string]ecsField{}
	for _, columns := range readTable(t, "testdata/ecs-9.4.tsv", 4) {
		f := ecsField{typ: columns[1], list: columns[2] == "yes"}
		switch rule, value, _ := strings.Cut(columns[3], "="); rule {
		case "allowed", "expected":
			f.values = strings.Split(value, ",")
		case "pattern":
			f.pattern = regexp.MustCompile(value)
		}
		fields[columns[0]] = f
	}
	networkTypes = fields["types"].values
	delete(fields, "types")
	if len(fields) == 0 || len(networkTypes) == 0 {
		t.Fatal("no fields")
	}
	return fields, networkTypes
}

// readTable reads lines of columns, separated by tabs; "#" begins a comment.
func readTable(t testing.TB, file string, columns int) (rows [][]string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSpace(string(content)), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		row := strings.Split(line, "\t")
		if len(row) != columns {
			t.Fatalf("%s:%d: %d columns, want %d", file, i+1, len(row), columns)
		}
		rows = append(rows, row)
	}
	return rows
}

const ours = "azure." // below it stand the fields that ECS does not have

// The table of the schema says of each field what ECS says of it.
func TestECSTable(t *testing.T) {
	ecs, _ := readECS(t)
	for _, f := range nsgflow.SchemaECS.Fields() {
		if f.Type == "" || f.In == "" || f.Doc == "" {
			t.Errorf("%s: not complete: %+v", f.Name, f)
		}
		want, known := ecs[f.Name]
		switch {
		case strings.HasPrefix(f.Name, ours):
			if known {
				t.Errorf("%s: ECS has such a field", f.Name)
			}
		case !known:
			t.Errorf("%s: not a field of ECS, and not below %s", f.Name, ours)
		case f.Type != want.typ || f.List != want.list:
			t.Errorf("%s: %s, list %t; in ECS it is %s, list %t", f.Name, f.Type, f.List, want.typ, want.list)
		}
	}
}

// Fields of one object stand together in a table: events have no key twice.
func TestTablesKeepObjectsTogether(t *testing.T) {
	for schema, name := range nsgflow.Schemas() {
		if nsgflow.Schema(schema) == nsgflow.SchemaOTel {
			continue // it has no objects
		}
		closed := map[string]bool{}
		var open []string
		for _, f := range nsgflow.Schema(schema).Fields() {
			objects := strings.Split(f.Name, ".")
			objects = objects[:len(objects)-1]
			for i := range objects {
				path := strings.Join(objects[:i+1], ".")
				if closed[path] {
					t.Errorf("%s: %s stands apart from the others of %s", name, f.Name, path)
				}
			}
			for i := range open {
				if path := strings.Join(open[:i+1], "."); !strings.HasPrefix(f.Name, path+".") {
					closed[path] = true
				}
			}
			open = objects
		}
	}
}

// Events have no field that the table lacks and no value that its type, or
// ECS, does not allow; and no field of the table goes without being seen.
func TestECSEvents(t *testing.T) {
	t.Parallel()
	nsgflow.WithoutRaceDetector(t)
	ecs, networkTypes := readECS(t)
	table := map[string]nsgflow.Field{}
	for _, f := range nsgflow.SchemaECS.Fields() {
		table[f.Name] = f
	}
	seen := map[string]bool{}
	check := func(body string) {
		t.Helper()
		category := ""
		for _, l := range leavesOf(t, body) {
			f, known := table[l.name]
			if !known || f.List != l.list || len(l.each) == 0 {
				t.Errorf("%s: list %t, values %v; the table has %+v", l.name, l.list, l.each, f)
				continue
			}
			seen[l.name] = true
			of := ecs[l.name]
			for _, v := range l.each {
				if !isOfType(f.Type, v) {
					t.Errorf("%s: %v is no %s", l.name, v, f.Type)
				}
				text, _ := v.(string)
				if of.values != nil && !slices.Contains(of.values, text) || of.pattern != nil && !of.pattern.MatchString(text) {
					t.Errorf("%s: %q is not a value that ECS has", l.name, text)
				}
				if l.name == "event.type" && !slices.Contains(networkTypes, text) {
					t.Errorf("event.type %q does not go with network", text)
				}
				if l.name == "event.category" {
					category = text
				}
			}
		}
		if strings.Contains(body, `"kind":"event"`) && category != "network" {
			t.Errorf("category %q of %s", category, body)
		}
		if t.Failed() {
			t.Fatalf("of %s", body)
		}
	}
	n := newNormalizer(t, inECS, withOriginal)
	groups := newNormalizer(t, inECS, withOriginal, aggregating(nsgflow.AggregateService, nsgflow.AggregateHost))
	for _, input := range ecsInputs(t) {
		for _, r := range append(asText.records(t, n, input), asText.records(t, groups, input)...) {
			check(r.Body)
		}
	}
	for _, input := range everyLetter() {
		for _, r := range asText.records(t, n, input) {
			check(r.Body)
		}
	}
	for name := range table {
		if !seen[name] {
			t.Errorf("%s: in no event; give it a case in testdata/ecs", name)
		}
	}
}

func isOfType(typ string, v any) bool {
	text, isText := v.(string)
	switch typ {
	case "keyword", "match_only_text":
		return isText
	case "ip":
		a, err := netip.ParseAddr(text)
		return err == nil && a.Zone() == ""
	case "date":
		_, err := time.Parse(time.RFC3339Nano, text)
		return err == nil
	case "long":
		number, _ := v.(json.Number)
		_, err := strconv.ParseInt(number.String(), 10, 64)
		return err == nil
	}
	return false
}

// ecsInputs are the flow logs of testdata/ecs, and those of testdata that
// are nothing else.
func ecsInputs(t testing.TB) map[string]string {
	t.Helper()
	files, err := filepath.Glob("testdata/ecs/*.input.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	more, err := filepath.Glob("testdata/*[14].input.json")
	if err != nil {
		t.Fatal(err)
	}
	inputs := map[string]string{}
	for _, file := range append(files, more...) {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		inputs[strings.TrimSuffix(file, ".input.json")] = string(content)
	}
	return inputs
}

// everyLetter are flattened logs of both families with all letters, known
// and unknown, in all combinations.
func everyLetter() (logs []string) {
	const (
		nsg  = `{"time":"2025-05-06T10:01:12.3456789Z","macAddress":"0022488F3B1D","operationName":"NetworkSecurityGroupFlowEvents","rule":"R","flow.0":"1746525600,`
		vnet = `{"time":"2025-05-06T10:01:12.3456789Z","macAddress":"0022488F3B1D","operationName":"FlowLogFlowEvent","rule":"R","flow.0":"1746525600000,`
	)
	for _, ends := range []string{"10.8.0.4,192.0.2.9,1,2,", "fd00:8::4,2001:db8::9,1,2,", "10.8.0.4,2001:db8::9,1,2,", "10.8.0.4,10.8.0.4,1,1,"} {
		for _, direction := range []string{"I,", "O,", "?,"} {
			for _, protocol := range []string{"T,", "0,", "1,", "58,", "255,", ","} {
				for _, decision := range []string{"A", "D", "?", ""} {
					logs = append(logs, nsg+ends+protocol+direction+decision+`"}`)
					for _, state := range []string{",B,1,2,3,4", ",C,,,,", ",E,1,2,,", ",D,,,3,4", ",?,0,0,0,0", ",,999999999999999999,1,999999999999999999,1"} {
						logs = append(logs, nsg+ends+protocol+direction+decision+state+`"}`)
					}
				}
				for _, state := range []string{"B", "C", "E", "D", "?", ""} {
					for _, encryption := range []string{",X", ",NX", ",NX_HW_NOT_SUPPORTED", ",?", ","} {
						logs = append(logs, vnet+ends+protocol+direction+state+encryption+`,1,2,3,4"}`)
					}
				}
			}
		}
	}
	return logs
}

// A case is a pair of files in testdata/ecs. It comes out the same of the
// text and of the map, event.id included; error events differ in the path.
func TestECSGolden(t *testing.T) {
	for name, input := range ecsInputs(t) {
		if filepath.Dir(name) != filepath.FromSlash("testdata/ecs") {
			continue
		}
		t.Run(filepath.Base(name), func(t *testing.T) {
			for _, r := range []reading{asText, under("message"), asMap} {
				goldenOf(t, r, newNormalizer(t, inECS), input, name+".expected.ndjson")
			}
		})
	}
}

func goldenOf(t *testing.T, r reading, n *nsgflow.Normalizer, input, file string) {
	t.Helper()
	var bodies []string
	for i, o := range r.records(t, n, input) {
		if want := timeOf(t, o.Body); !strings.HasPrefix(o.Time, want) {
			t.Errorf("%s: record %d has time %s, want %s", r.name, i, o.Time, want)
		}
		bodies = append(bodies, o.Body)
	}
	got := strings.Join(append(bodies, ""), "\n")
	if *update && r.name == asText.name {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s: %s", r.name, diff)
	}
}
