package pipeline

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"fluent-bit-nsgflow/test/internal/event"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// prettySample is a sample with indentation, as jq prints it.
func prettySample(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(strings.TrimSpace(textfile.Read(t, "conf/samples/nsg_v2.json"))), "", "  "); err != nil {
		t.Fatal(err)
	}
	return b.String() + "\n"
}

const lineByLine = "a flow log comes line by line, as tail reads one that is pretty-printed"

// tail gives a pretty-printed flow log line by line. The filter says so once, for
// however many, and passes the lines on.
func TestPrettyPrintedLineByLine(t *testing.T) {
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		root := fluentbit.Stage(t)
		textfile.Write(t, root, "flow-logs/a.json", strings.Repeat(prettySample(t), 3))
		textfile.Write(t, root, "etc/lines.conf", fluentbit.Service(root)+fluentbit.Tailing(root, "*", "flow", "")+fluentbit.Filtering("*")+fluentbit.Printing)
		a := r.Start(t, root, nil, "-c", "etc/lines.conf")
		want := strings.Count(prettySample(t), `    "1`) * 3
		tuples := func() (n int) {
			for _, e := range a.Printed() {
				if text, _ := e.Body.At("log").(string); strings.HasPrefix(strings.TrimSpace(text), `"1`) {
					n++
				}
			}
			return n
		}
		a.Until("the lines", func() bool { return tuples() == want })
		a.Stop()
		if n := strings.Count(a.Log.String(), lineByLine); n != 1 {
			t.Errorf("said %d times", n)
		}
	})
}

// The parser in conf joins the lines of a pretty-printed flow log, and leaves flow
// logs of one line alone.
func TestPrettyPrintedJoined(t *testing.T) {
	want := event.Read(t, "test/cases/nsg_v2/expected.ndjson")
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		root := fluentbit.Stage(t)
		textfile.Write(t, root, "flow-logs/a.json", prettySample(t)+strings.TrimSpace(textfile.Read(t, "conf/samples/nsg_v2.json"))+"\n"+prettySample(t))
		textfile.Write(t, root, "etc/joined.conf", fluentbit.Service(root)+
			fluentbit.Tailing(root, "*", "flow", "    Multiline.Parser pretty_flow_log\n")+fluentbit.Filtering("*", "original off")+fluentbit.Printing)
		a := r.Start(t, root, nil, "-c", "etc/joined.conf")
		a.Until("the events", func() bool { return len(a.Printed()) >= 3*len(want) })
		a.Stop()
		if n := len(a.Printed()); n != 3*len(want) || a.Says(lineByLine) {
			t.Errorf("%d events, want %d", n, 3*len(want))
		}
	})
}
