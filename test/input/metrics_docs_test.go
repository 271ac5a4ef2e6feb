package input

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/plugin/tables"
	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/follow"
	"fluent-bit-nsgflow/test/internal/metrics"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// Every metric of the input is in the host's own place, and says what happened.
func TestAzureMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		if r.Before(2, 1) {
			t.Skipf("skipped: Fluent Bit %s has no metrics of inputs", r.Version)
		}
		storage := azure.NewStorage(t)
		root := follow.Stage(t)
		e := metrics.Of(t, r)
		textfile.Write(t, root, "etc/metrics.conf", e.In(follow.Pipeline(root, "alias flows")))
		w := follow.NewWriter(t, storage)
		w.Minute()
		a := r.Start(t, root, storage.Environment, "-c", "etc/metrics.conf")
		a.Until("the events", w.AllSeen(root))
		label := fmt.Sprintf(`{name="flows",account=%q`, storage.Account)
		records := 2 * 2 * follow.NICs // two records in each blob
		var got map[string]int
		for deadline := time.Now().Add(fluentbit.Timeout / 2); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
			if got = metrics.Ours(e.Text()); got["fluentbit_input_nsgflow_records_total"+label+"}"] == records &&
				got["fluentbit_input_nsgflow_blobs_open"+label+"}"] == 0 {
				break
			}
		}
		text := e.Text()
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
			"checkpoints_total" + label + "}":                         2 * follow.NICs,
			"lag_seconds" + label + "}":                               1,
			"requests_total" + label + `,kind="list",status="200"}`:   2,
			"requests_total" + label + `,kind="blocks",status="200"}`: 2 * follow.NICs,
			"requests_total" + label + `,kind="get",status="206"}`:    2 * follow.NICs,
		} {
			if n := got["fluentbit_input_nsgflow_"+name]; n < least {
				t.Errorf("%s is %d, less than %d", name, n, least)
			}
		}
		a.Stop()
		if t.Failed() {
			t.Log(got)
		}
	})
}
