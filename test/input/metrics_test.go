package input

import (
	"path/filepath"
	"strings"
	"testing"

	"fluent-bit-nsgflow/plugin/tables"
	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/follow"
	"fluent-bit-nsgflow/test/internal/metrics"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// Every metric of the input's table is among the host's, with its labels, and
// says what was written and read.
func TestAzureMetrics(t *testing.T) {
	t.Parallel()
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		r.NeedsMetrics(t)
		storages := []azure.Storage{azure.NewStorage(t), azure.NewStorage(t)}
		writers := []*follow.Writer{follow.NewWriter(t, storages[0]), follow.NewWriter(t, storages[1])}
		writers[0].Minute()
		for range 2 {
			writers[1].Minute()
		}
		e := metrics.Of(t, r)
		root := follow.Stage(t)
		conf := follow.Pipeline(root, append(follow.Accounts(t, storages...), "alias edge")...)
		textfile.Write(t, root, "etc/follow.conf", e.In(conf))
		a := r.Start(t, root, nil, "-c", filepath.Join(root, "etc", "follow.conf"))
		of := func(metric, account string, more ...string) string {
			labels := []string{`name="edge"`}
			if account != "" {
				labels = append(labels, `account="`+account+`"`)
			}
			return "fluentbit_input_nsgflow_" + metric + "{" + strings.Join(append(labels, more...), ",") + "}"
		}
		records := func(i int) int { return int(metrics.Series(e.Text())[of("records_total", storages[i].Account)]) }
		a.Until("all records in the metrics", func() bool { return records(0) == 8*2 && records(1) == 8*4 })
		// One blob is made anew: it begins with less than was read.
		l := azure.NewFlowLog(t, storages[0].NSG, azure.NSGName("EDGE-NSG", 0, azure.ThisHour))
		l.Grow(azure.NSGRecord(1 << 20))
		a.Until("one more record", func() bool { return records(0) == 8*2+1 })
		all := metrics.Series(e.Text())
		for i, s := range storages {
			account := s.Account
			for metric, ok := range map[string]func(float64) bool{
				"records_total":         func(v float64) bool { return v == float64([]int{8*2 + 1, 8 * 4}[i]) },
				"bytes_total":           func(v float64) bool { return v > 500*float64(records(i)) && v < 2000*float64(records(i)) },
				"read_bytes_total":      func(v float64) bool { return v >= all[of("bytes_total", account)] },
				"throttled_total":       func(v float64) bool { return v == 0 },
				"retries_total":         func(v float64) bool { return v == 0 },
				"checkpoints_total":     func(v float64) bool { return v >= 8 && v <= 200 },
				"blob_restarts_total":   func(v float64) bool { return v == float64(1-i) },
				"blobs_open":            func(v float64) bool { return v == 0 },
				"lag_seconds":           func(v float64) bool { return v > 0 && v < 24*3600 },
				"oldest_unread_seconds": func(v float64) bool { return v == 0 },
			} {
				if v, there := all[of(metric, account)]; !there || !ok(v) {
					t.Errorf("%s: %v, there: %v", of(metric, account), v, there)
				}
			}
			// Of each kind there are some; a blob that is asked for and is not there, or has not changed, is no failure.
			for kind, status := range map[string]string{"list": "200", "ask": "304", "blocks": "200", "get": "206"} {
				if v := all[of("requests_total", account, `kind="`+kind+`"`, `status="`+status+`"`)]; v == 0 {
					t.Errorf("account %s: no requests of kind %s with status %s", account, kind, status)
				}
			}
		}
		if v, there := all[of("refused_appends_total", "")]; !there || v != 0 {
			t.Errorf("refused appends: %v, there: %v", v, there)
		}
		seen := map[string]bool{}
		for series := range all {
			name, _, _ := strings.Cut(series, "{")
			if strings.HasPrefix(name, "fluentbit_input_nsgflow_") {
				seen[strings.TrimPrefix(name, "fluentbit_input_")] = true
			}
		}
		for _, metric := range tables.InputMetrics {
			if !seen[metric.Name] {
				t.Errorf("%s is missing", metric.Name)
			}
			delete(seen, metric.Name)
		}
		if len(seen) > 0 {
			t.Errorf("not in the table: %v", seen)
		}
		// The host's own form of the same.
		text := metrics.Endpoint{URL: strings.TrimSuffix(e.URL, "/prometheus")}.Text()
		for _, metric := range tables.InputMetrics {
			if !strings.Contains(text, "fluentbit_input_"+metric.Name) {
				t.Errorf("%s is missing in /api/v2/metrics", metric.Name)
			}
		}
		a.Stop()
	})
}
