package test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/plugin/tables"
	"fluent-bit-nsgflow/test/azure"
)

// Every metric of the input is in the host's own place, and says what happened.
func TestAzureMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	inEveryRelease(t, func(t *testing.T, r release) {
		if r.before(2, 1) {
			t.Skipf("skipped: Fluent Bit %s has no metrics of inputs", r.version)
		}
		storage := azure.NewStorage(t)
		root := stageInput(t, r)
		e := r.metricsEndpoint(t)
		write(t, root, "etc/metrics.conf", strings.Replace(following(root, "alias flows"), "[SERVICE]\n", "[SERVICE]\n"+e.conf, 1))
		w := newWriter(t, storage)
		w.minute()
		a := r.start(t, root, storage.Environment, "-c", "etc/metrics.conf")
		a.until("the events", w.allSeen(root))
		label := fmt.Sprintf(`{name="flows",account=%q`, storage.Account)
		records := 2 * 2 * writtenNICs // two records in each blob
		var got map[string]int
		for deadline := time.Now().Add(agentTimeout / 2); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
			if got = ours(e.text()); got["fluentbit_input_nsgflow_records_total"+label+"}"] == records &&
				got["fluentbit_input_nsgflow_blobs_open"+label+"}"] == 0 {
				break
			}
		}
		text := e.text()
		for _, m := range tables.InputMetrics {
			kind := "counter"
			if m.Gauge {
				kind = "gauge"
			}
			for _, want := range []string{fmt.Sprintf("# HELP fluentbit_input_%s %s\n", m.Name, m.Help), fmt.Sprintf("# TYPE fluentbit_input_%s %s\n", m.Name, kind)} {
				if !strings.Contains(text, want) {
					t.Errorf("no %s", want)
				}
			}
		}
		for name, least := range map[string]int{
			"records_total" + label + "}":                             records,
			"bytes_total" + label + "}":                               1000,
			"read_bytes_total" + label + "}":                          1000,
			"checkpoints_total" + label + "}":                         2 * writtenNICs,
			"lag_seconds" + label + "}":                               1,
			"requests_total" + label + `,kind="list",status="200"}`:   2,
			"requests_total" + label + `,kind="blocks",status="200"}`: 2 * writtenNICs,
			"requests_total" + label + `,kind="get",status="206"}`:    2 * writtenNICs,
		} {
			if n := got["fluentbit_input_nsgflow_"+name]; n < least {
				t.Errorf("%s is %d, less than %d", name, n, least)
			}
		}
		a.stop()
		if t.Failed() {
			t.Log(got)
		}
	})
}
