package nsgflow

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// Values of a wrong type have an error event each, up to maxWrong in a record; the
// last of these says how many more there are, and all are counted.
func TestWrongValuesAreCounted(t *testing.T) {
	const one = "1111111111111111" // long enough for a record of it to become so many events
	flat := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"flow.%d":%s`, i, one)
		}
		return b.String()
	}
	ones := strings.Repeat(one+",", 99) + one
	const named = `"category":"NetworkSecurityGroupFlowEvent",`
	for _, row := range []struct {
		name, text string
		want       int
	}{
		{"few tuples", `{"properties":{"flows":[{"flows":[{"flowTuples":[1,2,3]}]}]}}`, 3},
		{"as many as have an event", `{"properties":{"flows":[{"flows":[{"flowTuples":[` + strings.Repeat(one+",", maxWrong-1) + one + `]}]}]}}`, maxWrong},
		{"many tuples", `{"properties":{"flows":[{"flows":[{"flowTuples":[` + ones + `]}]}]}}`, 100},
		{"many elements of flows", `{` + named + `"properties":{"flows":[` + ones + `]}}`, 100},
		{"both", `{"properties":{"flows":[` + ones + `,{"flows":[{"flowTuples":[` + ones + `]}]}]}}`, 200},
		{"both families", `{"properties":{"flows":[{"flows":[{"flowTuples":[` + ones + `]}]}]},"flowRecords":{"flows":[{"flowGroups":[{"flowTuples":[` + ones + `]}]}]}}`, 200},
		{"many flow.N", `{"rule":"r"` + flat(100) + `}`, 100},
		{"many flow.N beside flows of another program", `{"properties":{"flows":[1,2]}` + flat(100) + `}`, 100},
		{"two records", `{"rule":"r"` + flat(100) + `}{"rule":"r"` + flat(100) + `}`, 200},
	} {
		n, err := New(DefaultOptions(SchemaECS))
		if err != nil {
			t.Fatal(err)
		}
		out, changed := n.AppendText(nil, []byte(row.text), Frame{})
		if got := n.Counts().Errors; !changed || got != uint64(row.want) {
			t.Errorf("%s: %d errors are counted, want %d", row.name, got, row.want)
		}
		records := 1 + strings.Count(row.text, "}{")
		events := min(row.want, records*maxWrong)
		if got := bytes.Count(out, []byte("pipeline_error")); got != events {
			t.Errorf("%s: %d events, want %d", row.name, got, events)
		}
		more := []byte(fmt.Sprintf(", and %d more values of a wrong type", row.want/records-maxWrong))
		if got := bytes.Count(out, more); row.want > events && got != records {
			t.Errorf("%s: %d times %q, want %d", row.name, got, more, records)
		}
	}
}
