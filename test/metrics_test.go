package test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fluent-bit-nsgflow/test/azure"
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

// endpoint is where an agent shows its metrics in Prometheus form.
type endpoint struct {
	url  string
	conf string // what the configuration needs for it, after [SERVICE]
}

// needsMetrics skips a release that shows no counters of plugins by itself.
func (r release) needsMetrics(t *testing.T) {
	t.Helper()
	if r.before(2, 1) {
		t.Skipf("skipped: Fluent Bit %s shows no metrics of plugins", r.version)
	}
}

// metricsEndpoint is the host's HTTP server. Before 2.1 that shows no counters
// of plugins; an output does.
func (r release) metricsEndpoint(t *testing.T) endpoint {
	t.Helper()
	port, err := azure.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	if r.before(2, 1) {
		return endpoint{fmt.Sprintf("http://127.0.0.1:%d/metrics", port), fmt.Sprintf(`
[INPUT]
    Name            fluentbit_metrics
    Tag             metrics
    Scrape_Interval 1

[OUTPUT]
    Name  prometheus_exporter
    Match metrics
    Host  127.0.0.1
    Port  %d
`, port)}
	}
	return endpoint{fmt.Sprintf("http://127.0.0.1:%d/api/v2/metrics/prometheus", port),
		fmt.Sprintf("    HTTP_Server On\n    HTTP_Listen 127.0.0.1\n    HTTP_Port %d\n", port)}
}

// text is what the endpoint says; empty while nothing answers.
func (e endpoint) text() string {
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Get(e.url)
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return ""
	}
	return string(body)
}

// ours are the filter's counters in a text of Prometheus form.
func ours(text string) map[string]int {
	series := map[string]int{}
	for _, line := range lines(text) {
		name, value, _ := strings.Cut(line, " ")
		value, _, _ = strings.Cut(value, " ") // a time may follow
		if n, err := strconv.ParseFloat(value, 64); err == nil && strings.Contains(name, "nsgflow_") {
			series[name] = int(n)
		}
	}
	return series
}

func (a *agent) untilCounted(e endpoint, want map[string]int) {
	a.t.Helper()
	var got map[string]int
	for deadline := time.Now().Add(agentTimeout / 2); ; time.Sleep(100 * time.Millisecond) {
		if got = ours(e.text()); maps.Equal(got, want) {
			return
		}
		if time.Now().After(deadline) {
			a.t.Fatalf("counters (-want +got):\n%s", cmp.Diff(want, got))
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
	inEveryRelease(t, func(t *testing.T, r release) {
		e := r.metricsEndpoint(t)
		root := stage(t)
		write(t, root, "flow-logs/a.json", "")
		write(t, root, "flow-logs/b.json", "")
		conf := filepath.Join(root, "etc", "metrics.conf")
		write(t, root, "etc/metrics.conf", service(root)+e.conf+
			tailing(root, "a.json", "a", "")+tailing(root, "b.json", "b", "")+
			filtering("a", "alias edge")+filtering("b", "schema ecs")+printing)
		args := []string{"-c", conf}
		if !r.before(2, 1) {
			args = append(args, "-Y")
		}
		a := r.start(t, root, nil, args...)
		a.untilCounted(e, together(countersOf("edge", 0), countersOf("nsgflow.1", 0)))
		documented(t, e.text())
		appendTo(t, filepath.Join(root, "flow-logs", "a.json"), counted())
		a.untilCounted(e, together(countersOf("edge", 1), countersOf("nsgflow.1", 0)))
		appendTo(t, filepath.Join(root, "flow-logs", "a.json"), counted())
		appendTo(t, filepath.Join(root, "flow-logs", "b.json"), counted())
		a.untilCounted(e, together(countersOf("edge", 2), countersOf("nsgflow.1", 1)))
		if r.before(2, 1) {
			t.Logf("not tried: Fluent Bit %s has no hot reload", r.version)
			a.stop()
			return
		}

		// New instances begin anew: tail reads its files again.
		if err := a.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		a.until("the reload", func() bool { return strings.Count(a.log.String(), " flows, ") == 2 })
		appendTo(t, filepath.Join(root, "flow-logs", "b.json"), counted())
		a.untilCounted(e, together(countersOf("edge", 2), countersOf("nsgflow.1", 2)))
		a.stop()
	})
}

// documented: the table in docs/monitoring.md says what the endpoint says.
func documented(t *testing.T, text string) {
	t.Helper()
	page := read(t, "../docs/monitoring.md")
	for _, line := range lines(text) {
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
	inEveryRelease(t, func(t *testing.T, r release) {
		if r.before(2, 1) {
			t.Skipf("skipped: Fluent Bit %s has no processors", r.version)
		}
		e := r.metricsEndpoint(t)
		root := stage(t)
		write(t, root, "flow-logs/a.json", counted())
		yaml := strings.Replace(processing(root, "original: off"), "exit_on_eof: on", "exit_on_eof: off", 1)
		write(t, root, "etc/metrics.yaml", strings.Replace(yaml, "service:\n", "service:\n"+asYAML(e.conf), 1))
		a := r.start(t, root, nil, "-c", "etc/metrics.yaml")
		a.until("the events", func() bool { return len(a.printed()) == 1+2+3+4+5+6+7+9 })
		a.until("the host's counters", func() bool { return strings.Contains(e.text(), "fluentbit_output_proc_records_total") })
		switch {
		case !r.before(4, 0):
			a.untilCounted(e, countersOf("nsgflow.0", 1))
		case !r.before(3, 1):
			t.Logf("not checked: whether Fluent Bit %s shows %v", r.version, ours(e.text()))
		case len(ours(e.text())) > 0:
			t.Errorf("Fluent Bit %s shows %v", r.version, ours(e.text()))
		}
		a.stop()
	})
}

// asYAML is a section's lines, "    Key value", as members of a mapping.
func asYAML(section string) string {
	var b strings.Builder
	for _, line := range lines(section) {
		f := strings.Fields(line)
		fmt.Fprintf(&b, "  %s: %s\n", strings.ToLower(f[0]), f[1])
	}
	return b.String()
}
