package main

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/test/contexts"
)

// The data stream that the configurations write to has these mappings, and
// is the one that the events name.
func TestIndexTemplate(t *testing.T) {
	var index struct {
		Patterns   []string       `json:"index_patterns"`
		ComposedOf []string       `json:"composed_of"`
		DataStream map[string]any `json:"data_stream"`
	}
	content, err := os.ReadFile("../../conf/index/index_template.json")
	if err == nil {
		err = json.Unmarshal(content, &index)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(index.ComposedOf) != 1 || index.ComposedOf[0] != component || index.DataStream == nil {
		t.Errorf("%+v", index)
	}
	for _, file := range []string{"es-ecs.conf", "opensearch-ecs.conf"} {
		conf, err := os.ReadFile("../../conf/" + file)
		if err != nil {
			t.Fatal(err)
		}
		set := map[string]string{}
		for _, line := range strings.Split(string(conf), "\n") {
			if words := strings.Fields(line); len(words) == 2 {
				set[words[0]] = words[1]
			}
		}
		name := set["Logstash_Prefix"] + "-" + set["Logstash_DateFormat"]
		if match, err := filepath.Match(index.Patterns[0], name); err != nil || !match {
			t.Errorf("%s: %q is not of pattern %q", file, name, index.Patterns[0])
		}
		if part := strings.Split(name, "-"); len(part) != 3 || part[0] != "logs" || !strings.Contains(events(t)[0], `"dataset":"`+part[1]+`"`) {
			t.Errorf("%s: %q has not the dataset of %s", file, name, events(t)[0])
		}
		if !strings.Contains(string(conf), "_component_template/"+component+" ") {
			t.Errorf("%s does not say how to load %s", file, component)
		}
	}
}

// Every value of an event has a mapping of its type: nothing is left to what
// a cluster guesses.
func TestEventsAreMapped(t *testing.T) {
	used, _ := mappedFields(t, events(t))
	for _, f := range nsgflow.SchemaECS.Fields() {
		if !used[f.Name] {
			t.Errorf("%s: in no event", f.Name)
		}
	}
}

// So has every field that the input adds (plugin/encode.go).
func TestFieldsOfTheInputAreMapped(t *testing.T) {
	properties := mappings(besides)["properties"].(object)
	at := properties["azure"].(object)["properties"].(object)["storage"].(object)["properties"].(object)
	for _, name := range []string{"account", "container", "blob"} {
		if kind := at[name].(object)["properties"].(object)["name"].(object)["type"]; kind != "keyword" {
			t.Errorf("azure.storage.%s.name is mapped as %v", name, kind)
		}
	}
}

// mapped is a mapping, of an object or of a value.
type mapped struct {
	Type       string
	Properties map[string]mapped
}

func (m mapped) check(t *testing.T, name string, value any, used map[string]bool) {
	t.Helper()
	switch v := value.(type) {
	case map[string]any:
		switch {
		case m.Type == "object" && m.Properties == nil:
			used[name] = true // names of the user's: see labels
			return
		case m.Type == "geo_point":
			used[name] = true
			return
		case m.Properties == nil || m.Type != "" && m.Type != "nested":
			t.Errorf("%s: an object, mapped as %+v", name, m)
		}
		for key, inner := range v {
			m.Properties[key].check(t, strings.TrimPrefix(name+"."+key, "."), inner, used)
		}
	case []any:
		for _, element := range v {
			m.check(t, name, element, used)
		}
	case string:
		used[name] = true
		if m.Type != "keyword" && m.Type != "ip" && m.Type != "date" && m.Type != "match_only_text" {
			t.Errorf("%s: %q is mapped as %q", name, v, m.Type)
		}
	case bool:
		used[name] = true
		if m.Type != "boolean" {
			t.Errorf("%s: %v is mapped as %q", name, v, m.Type)
		}
	case float64:
		used[name] = true
		if m.Type != "long" {
			t.Errorf("%s: %v is mapped as %q", name, v, m.Type)
		}
	default:
		t.Errorf("%s: %v", name, v)
	}
}

// mappedFields are the fields that events have, each of which the template must map,
// and its mappings.
func mappedFields(t *testing.T, events []string) (used map[string]bool, template mapped) {
	t.Helper()
	var file struct{ Template struct{ Mappings mapped } }
	content, err := os.ReadFile("../../conf/index/component_template.json")
	if err == nil {
		err = json.Unmarshal(content, &file)
	}
	if err != nil {
		t.Fatal(err)
	}
	used, template = map[string]bool{}, file.Template.Mappings
	for _, body := range events {
		var event any
		if err := json.Unmarshal([]byte(body), &event); err != nil {
			t.Fatal(err)
		}
		template.check(t, "", event, used)
	}
	return used, template
}

// Fields of a context have mappings of their types.
func TestContextIsMapped(t *testing.T) {
	used, template := mappedFields(t, contextEvents(t))
	for _, name := range []string{"cloud.instance.id", "azure.flow_log.source.labels", "threat.enrichments.indicator.first_seen", "azure.flow_log.destination.service_tag"} {
		if !used[name] {
			t.Errorf("%s: in no event", name)
		}
	}
	for _, f := range nsgflow.SchemaECS.ContextFields() {
		at, nested := template, false
		for part := range strings.SplitSeq(f.Name, ".") {
			part, isList := strings.CutSuffix(part, "[]")
			at = at.Properties[part]
			if isList && at.Type != "nested" {
				t.Errorf("%s: %s is mapped as %q", f.Name, part, at.Type)
			}
			nested = nested || isList
		}
		want := strings.Replace(f.Type, "flattened", "object", 1)
		if at.Type != want || strings.HasPrefix(f.Name, "threat.") != nested {
			t.Errorf("%s is mapped as %q, want %q", f.Name, at.Type, want)
		}
	}
}

// contextEvents are events with what contexts.All knows.
func contextEvents(t *testing.T) (bodies []string) {
	t.Helper()
	o := nsgflow.DefaultOptions(nsgflow.SchemaECS)
	o.Context = contexts.Open(t, contexts.All)
	n, err := nsgflow.New(o)
	if err != nil {
		t.Fatal(err)
	}
	record := `{"time":"2025-03-04T09:00:41Z","macAddress":"000D3AF1C27E","operationName":"FlowLogFlowEvent","flowLogVersion":4,"flow.0":"1741078809345,89.160.20.112,10.20.0.4,51844,443,6,I,E,NX,14,2236,17,19408","flow.1":"1741078812345,10.20.0.4,20.60.0.1,49310,443,6,O,E,NX,9,1180,11,6120"}`
	events, _ := n.AppendText(nil, []byte(record), nsgflow.Frame{})
	return strings.Split(strings.TrimSpace(string(nsgflow.AppendJSONLines(nil, events))), "\n")
}

// events are the bodies of schema ecs that the golden files of nsgflow have.
func events(t *testing.T) (bodies []string) {
	t.Helper()
	files, err := filepath.Glob("../../nsgflow/testdata/ecs/*.expected.ndjson")
	groups, _ := filepath.Glob("../../nsgflow/testdata/aggregate/*.ecs.expected.ndjson")
	files = append(files, groups...)
	if err != nil || len(files) == 0 {
		t.Fatalf("no events: %v", err)
	}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			bodies = append(bodies, lines.Text())
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return bodies
}
