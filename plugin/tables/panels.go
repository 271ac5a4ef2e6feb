package tables

import (
	"fmt"
	"slices"
	"strings"

	"fluent-bit-nsgflow/nsgflow"
)

// Panel is a question to flows of schema ecs that dashboards answer.
type Panel struct {
	Title   string
	Help    string
	Only    []Term   // what counts
	By      []string // fields: a series, or a row, for each of their values
	Measure Measure
	Over    bool // time; else the values with most
}

// Term is a field with a value.
type Term struct{ Field, Value string }

// Measure is a number of events.
type Measure struct {
	Name string // what it is a number of
	Kind MeasureKind
	Of   string // the field; "" of Events
}

// MeasureKind says how events become a number.
type MeasureKind int

const (
	Events   MeasureKind = iota // how many there are
	Sum                         // of a field, where it is more than 0
	Distinct                    // values of a field
)

// PanelRows is how many values a panel shows that is not over time.
const PanelRows = 10

var (
	bytes  = Measure{"bytes", Sum, "network.bytes"}
	events = Measure{"events", Events, ""}
	denied = []Term{{"event.action", "reject"}}
)

// Panels are what dashboards of flows show, in this order.
var Panels = []Panel{
	{"Bytes by direction", "What both sides of a flow sent. A flow inside the network is in both directions: the interfaces of both its sides write it.",
		nil, []string{"network.direction"}, bytes, true},
	{"Decisions", "Events: flows, or several that are aggregated.", nil, []string{"event.action"}, events, true},
	{"Top talkers", "Bytes of what a machine begins, with what it gets back.", []Term{{"network.direction", "outbound"}}, []string{"source.ip"}, bytes, false},
	{"Denied by rule and port", "Events: flows, or several that are aggregated.", denied, []string{"rule.name", "destination.port"}, events, false},
	{"Scans of ports", "At how many ports a source was denied.", denied, []string{"source.ip"}, Measure{"ports", Distinct, "destination.port"}, false},
	{"Scans of hosts", "At how many hosts a source was denied.", denied, []string{"source.ip"}, Measure{"hosts", Distinct, "destination.ip"}, false},
	{"Scans of ports, aggregated", "With aggregate_denied host events have no port, but how many there were in a minute, or a part of one.",
		denied, []string{"source.ip", "destination.ip"}, Measure{"ports", Sum, "azure.flow_log.aggregate.destination_ports"}, false},
}

// Fields are the fields of the schema that the panel asks for.
func (p Panel) Fields() []string {
	all := slices.Clone(p.By)
	for _, term := range p.Only {
		all = append(all, term.Field)
	}
	if p.Measure.Of != "" {
		all = append(all, p.Measure.Of)
	}
	return all
}

// check says which field of a panel the schema has not, or not as that.
func (p Panel) check() error {
	types := map[string]string{}
	for _, f := range nsgflow.SchemaECS.Fields() {
		types[f.Name] = f.Type
	}
	for _, name := range p.Fields() {
		if types[name] == "" || types[name] == "match_only_text" {
			return fmt.Errorf("panel %q: schema ecs has no field %s to group by", p.Title, name)
		}
	}
	if p.Measure.Kind == Sum && types[p.Measure.Of] != "long" {
		return fmt.Errorf("panel %q: %s is no number", p.Title, p.Measure.Of)
	}
	return nil
}

// CheckPanels says what is wrong with the table.
func CheckPanels() error {
	for _, p := range Panels {
		if err := p.check(); err != nil {
			return err
		}
	}
	return nil
}

// LogsQL is the question to VictoriaLogs. step, such as 5m, is where it asks over
// time itself; with "" whoever asks does so.
func (p Panel) LogsQL(step string) string {
	var only []string
	for _, term := range p.Only {
		only = append(only, term.Field+":="+term.Value)
	}
	for _, field := range p.By {
		only = append(only, field+":*")
	}
	number := "count()"
	switch p.Measure.Kind {
	case Sum:
		only = append(only, p.Measure.Of+":>0") // a sum of nothing is NaN
		number = "sum(" + p.Measure.Of + ")"
	case Distinct:
		number = "count_uniq(" + p.Measure.Of + ")"
	}
	by := p.By
	if p.Over && step != "" {
		by = append([]string{"_time:" + step}, by...)
	}
	q := fmt.Sprintf("%s | stats by (%s) %s as %s", strings.Join(only, " "), strings.Join(by, ", "), number, p.Measure.Name)
	switch {
	case !p.Over:
		q += fmt.Sprintf(" | sort by (%s desc) | limit %d", p.Measure.Name, PanelRows)
	case step != "":
		q += " | sort by (_time)"
	}
	return q
}

// Lucene is what counts, for Elasticsearch and OpenSearch.
func (p Panel) Lucene() string {
	var only []string
	for _, term := range p.Only {
		only = append(only, term.Field+":"+term.Value)
	}
	if p.Measure.Kind == Sum {
		only = append(only, p.Measure.Of+":>0")
	}
	if len(only) == 0 {
		return "*"
	}
	return strings.Join(only, " AND ")
}
