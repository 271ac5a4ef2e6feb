package nsgflow_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// pretty are the lines of a sample as jq prints it.
func pretty(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile("../conf/samples/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, bytes.TrimSpace(text), "", "  "); err != nil {
		t.Fatal(err)
	}
	return strings.Split(b.String(), "\n")
}

// One look-alike makes no flow log, nor do both with something between them.
func TestFlowLogLineByLine(t *testing.T) {
	const list, tuple = `  "flowTuples": [`, `    "1741078809,203.0.113.24,10.20.0.4,51844,443,T,I,A",`
	for _, row := range []struct {
		name  string
		lines []string
		want  bool
	}{
		{"nsg v1", pretty(t, "nsg_v1.json"), true},
		{"nsg v2", pretty(t, "nsg_v2.json"), true},
		{"vnet", pretty(t, "vnet_v4.json"), true},
		{"the two", []string{list, tuple}, true},
		{"no blanks, no comma", []string{`"flowTuples":[`, strings.Trim(tuple, " ,")}, true},
		{"the two, later", []string{list, "x", list, list, tuple, "y"}, true},
		{"only the list", []string{list, list}, false},
		{"only tuples", []string{tuple, tuple}, false},
		{"the other way round", []string{tuple, list}, false},
		{"something between", []string{list, "x", tuple}, false},
		{"a flow log between", []string{list, `{"flowTuples":["1741078809,203.0.113.24,10.20.0.4,51844,443,T,I,A"]}`, tuple}, false},
		{"another text behind the list", []string{list, `"1741078809,203.0.113.24",`}, false},
		{"a tuple without quotes", []string{list, strings.Trim(tuple, ` ,"`)}, false},
		{"a tuple with more around it", []string{list, "[" + tuple}, false},
		{"words about it", []string{`see "flowTuples": [`, tuple}, false},
		{"whole", []string{strings.Join(pretty(t, "nsg_v2.json"), "\n")}, false},
	} {
		for _, field := range []string{"log", "message"} {
			n := newNormalizer(t)
			for _, line := range row.lines {
				n.AppendRecord(nil, packed(t, `{"`+field+`":`+quoted(line)+`}`), source)
			}
			if got := n.Counts().LineByLine; got != row.want {
				t.Errorf("%s: got %v, want %v", row.name, got, row.want)
			}
		}
	}
}

// What the second line is does not change: a foreign record, passed on as it is.
func TestTupleBehindItsListPassesOn(t *testing.T) {
	n := newNormalizer(t)
	n.AppendRecord(nil, packed(t, `{"log":"\"flowTuples\": ["}`), source)
	before := n.Counts().Foreign
	_, _, changed := n.AppendRecord(nil, packed(t, `{"log":"\"1741078809,203.0.113.24,10.20.0.4,51844,443,T,I,A\""}`), source)
	if c := n.Counts(); changed || !c.LineByLine || c.Foreign != before+1 {
		t.Errorf("changed: %v, %+v", changed, c)
	}
}
