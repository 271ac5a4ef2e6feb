package pipeline

import (
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/metrics"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// counted is input with another number of everything that is counted, so that
// no two counters can be taken for each other.
func counted() string {
	var b strings.Builder
	record := func(head string, n int, tuple string) {
		fmt.Fprintf(&b, `{"time":"2025-03-04T09:00:41.3718205Z","rule":"UserRule_Web",%s`, head)
		for i := range n {
			fmt.Fprintf(&b, `,"flow.%d":"%s"`, i, tuple)
		}
		b.WriteString("}\n")
	}
	const nsg = `"operationName":"NetworkSecurityGroupFlowEvents","version":2`
	const vnet = `"operationName":"FlowLogFlowEvent","flowLogVersion":4`
	record(nsg, 1, "1741078803,203.0.113.24,10.20.0.4,51844,443,T,I,Z,B,,,,")
	record(nsg, 2, "1741078803,203.0.113.24,10.20.0.4,51844,443,T,I,A,B,,,,")
	record(nsg, 3, "1741078803,203.0.113.24,10.20.0.4,51844,443,T,Q,D,B,,,,")
	record(vnet, 4, "1741078803123,203.0.113.24,10.20.0.4,51844,443,6,I,Z,NX,0,0,0,0")
	record(vnet, 5, "1741078803123,203.0.113.24,10.20.0.4,51844,443,6,I,B,NX,0,0,0,0")
	record(vnet, 6, "1741078803123,203.0.113.24,10.20.0.4,51844,443,6,I,D,NX,0,0,0,0")
	record(nsg, 7, "1741078803,203.0.113.24,10.20.0.4,51844,99999,T,I,A,B,,,,")
	b.WriteString(strings.Repeat("another line\n", 9))
	b.WriteString(strings.Repeat(`{"records":[{"time":"2025-03-04T09:00:41Z","category":"NetworkSecurityGroupFlowEvent",`+
		`"operationName":"NetworkSecurityGroupFlowEvents","properties":{"Version":2,"flows":[]}}]}`+"\n", 10))
	return b.String()
}

// countersOf are the counters of an instance that has read counted() so many
// times.
func countersOf(name string, times int) map[string]int {
	const prefix = "fluentbit_filter_nsgflow_"
	label := fmt.Sprintf("{name=%q", name)
	series := map[string]int{
		prefix + "errors_total" + label + "}":          7 * times,
		prefix + "unknown_codes_total" + label + "}":   8 * times,
		prefix + "foreign_records_total" + label + "}": 9 * times,
		prefix + "empty_flow_logs_total" + label + "}": 10 * times,
		prefix + "faults_total" + label + "}":          0,
	}
	series[prefix+"events_total"+label+"}"] = 21 * times
	for _, reason := range []string{"allowed", "denied", "begin", "continue", "end"} {
		series[fmt.Sprintf("%sdropped_total%s,reason=%q}", prefix, label, reason)] = 0
	}
	for kind, flows := range map[string][3]int{"nsg": {1, 2, 3}, "vnet": {4, 5, 6}} {
		for i, decision := range []string{"unknown", "allowed", "denied"} {
			series[fmt.Sprintf("%sflows_total%s,kind=%q,decision=%q}", prefix, label, kind, decision)] = flows[i] * times
		}
	}
	return series
}

func untilCounted(t *testing.T, e metrics.Endpoint, want map[string]int) {
	t.Helper()
	var got map[string]int
	for deadline := time.Now().Add(fluentbit.Timeout / 2); ; time.Sleep(100 * time.Millisecond) {
		if got = metrics.Ours(e.Text()); maps.Equal(got, want) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("counters (-want +got):\n%s", cmp.Diff(want, got))
		}
	}
}

func together(parts ...map[string]int) map[string]int {
	all := map[string]int{}
	for _, part := range parts {
		maps.Copy(all, part)
	}
	return all
}

// Each instance has its own counters. They are there, at zero, before the
// first flow.
func TestMetrics(t *testing.T) {
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		e := metrics.Of(t, r)
		root := fluentbit.Stage(t)
		textfile.Write(t, root, "flow-logs/a.json", "")
		textfile.Write(t, root, "flow-logs/b.json", "")
		conf := filepath.Join(root, "etc", "metrics.conf")
		textfile.Write(t, root, "etc/metrics.conf", fluentbit.Service(root)+e.Conf+
			fluentbit.Tailing(root, "a.json", "a", "")+fluentbit.Tailing(root, "b.json", "b", "")+
			fluentbit.Filtering("a", "alias edge")+fluentbit.Filtering("b", "schema ecs")+fluentbit.Printing)
		args := []string{"-c", conf}
		if !r.Before(2, 1) {
			args = append(args, "-Y")
		}
		a := r.Start(t, root, nil, args...)
		untilCounted(t, e, together(countersOf("edge", 0), countersOf("nsgflow.1", 0)))
		documented(t, e.Text())
		textfile.Append(t, filepath.Join(root, "flow-logs", "a.json"), counted())
		untilCounted(t, e, together(countersOf("edge", 1), countersOf("nsgflow.1", 0)))
		textfile.Append(t, filepath.Join(root, "flow-logs", "a.json"), counted())
		textfile.Append(t, filepath.Join(root, "flow-logs", "b.json"), counted())
		untilCounted(t, e, together(countersOf("edge", 2), countersOf("nsgflow.1", 1)))
		if r.Before(2, 1) {
			t.Logf("not tried: Fluent Bit %s has no hot reload", r.Version)
			a.Stop()
			return
		}

		// New instances begin anew: tail reads its files again.
		a.Reload()
		a.Until("the reload", func() bool { return strings.Count(a.Log.String(), " flows, ") == 2 })
		textfile.Append(t, filepath.Join(root, "flow-logs", "b.json"), counted())
		untilCounted(t, e, together(countersOf("edge", 2), countersOf("nsgflow.1", 2)))
		a.Stop()
	})
}

// documented: the table in docs/monitoring.md says what the endpoint says.
func documented(t *testing.T, text string) {
	t.Helper()
	page := textfile.Read(t, "docs/monitoring.md")
	for _, line := range textfile.Lines(text) {
		help, ok := strings.CutPrefix(line, "# HELP fluentbit_filter_nsgflow_")
		if !ok {
			continue
		}
		name, meaning, _ := strings.Cut(help, " ")
		if row := fmt.Sprintf("| `fluentbit_filter_nsgflow_%s` | %s |", name, meaning); !strings.Contains(page, row) {
			t.Errorf("docs/monitoring.md lacks the row\n%s", row)
		}
	}
}

// Hosts show metrics of the filters that they run as processors, their own
// included, since 4.0 at the latest (fluent-bit #9341).
func TestMetricsOfProcessor(t *testing.T) {
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		if r.Before(2, 1) {
			t.Skipf("skipped: Fluent Bit %s has no processors", r.Version)
		}
		e := metrics.Of(t, r)
		root := fluentbit.Stage(t)
		textfile.Write(t, root, "flow-logs/a.json", counted())
		yaml := strings.Replace(processing(root, "original: off"), "exit_on_eof: on", "exit_on_eof: off", 1)
		textfile.Write(t, root, "etc/metrics.yaml", strings.Replace(yaml, "service:\n", "service:\n"+asYAML(e.Conf), 1))
		a := r.Start(t, root, nil, "-c", "etc/metrics.yaml")
		a.Until("the events", func() bool { return len(a.Printed()) == 1+2+3+4+5+6+7+9 })
		a.Until("the host's counters", func() bool { return strings.Contains(e.Text(), "fluentbit_output_proc_records_total") })
		switch {
		case !r.Before(4, 0):
			untilCounted(t, e, countersOf("nsgflow.0", 1))
		case !r.Before(3, 1):
			t.Logf("not checked: whether Fluent Bit %s shows %v", r.Version, metrics.Ours(e.Text()))
		case len(metrics.Ours(e.Text())) > 0:
			t.Errorf("Fluent Bit %s shows %v", r.Version, metrics.Ours(e.Text()))
		}
		a.Stop()
	})
}

// asYAML is a section's lines, "    Key value", as members of a mapping.
func asYAML(section string) string {
	var b strings.Builder
	for _, line := range textfile.Lines(section) {
		f := strings.Fields(line)
		fmt.Fprintf(&b, "  %s: %s\n", strings.ToLower(f[0]), f[1])
	}
	return b.String()
}
