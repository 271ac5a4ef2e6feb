package test

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"fluent-bit-nsgflow/plugin/tables"
	"fluent-bit-nsgflow/test/azure"
)

// Every metric of the input's table is among the host's, with its labels, and
// says what was written and read.
func TestAzureMetrics(t *testing.T) {
	t.Parallel()
	inEveryRelease(t, func(t *testing.T, r release) {
		r.needsMetrics(t)
		storages := []azure.Storage{azure.NewStorage(t), azure.NewStorage(t)}
		writers := []*writer{newWriter(t, storages[0]), newWriter(t, storages[1])}
		writers[0].minute()
		for range 2 {
			writers[1].minute()
		}
		e := r.metricsEndpoint(t)
		root := stageInput(t, r)
		conf := following(root, append(emulated(t, storages...), "alias edge")...)
		write(t, root, "etc/follow.conf", strings.Replace(conf, "[SERVICE]\n", "[SERVICE]\n"+e.conf, 1))
		a := r.start(t, root, nil, "-c", filepath.Join(root, "etc", "follow.conf"))
		of := func(metric, account string, more ...string) string {
			labels := []string{`name="edge"`}
			if account != "" {
				labels = append(labels, `account="`+account+`"`)
			}
			return "fluentbit_input_nsgflow_" + metric + "{" + strings.Join(append(labels, more...), ",") + "}"
		}
		records := func(i int) int { return int(seriesOf(e.text())[of("records_total", storages[i].Account)]) }
		a.until("all records in the metrics", func() bool { return records(0) == 8*2 && records(1) == 8*4 })
		// One blob is made anew: it begins with less than was read.
		l := azure.NewFlowLog(t, storages[0].NSG, azure.NSGName("EDGE-NSG", 0, azure.ThisHour))
		l.Grow(azure.NSGRecord(1 << 20))
		a.until("one more record", func() bool { return records(0) == 8*2+1 })
		all := seriesOf(e.text())
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
			for kind, status := range map[string]string{"list": "200", "properties": "304", "blocks": "200", "get": "206"} {
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
		text := endpoint{url: strings.TrimSuffix(e.url, "/prometheus")}.text()
		for _, metric := range tables.InputMetrics {
			if !strings.Contains(text, "fluentbit_input_"+metric.Name) {
				t.Errorf("%s is missing in /api/v2/metrics", metric.Name)
			}
		}
		a.stop()
	})
}

// seriesOf reads a text of Prometheus form.
func seriesOf(text string) map[string]float64 {
	all := map[string]float64{}
	for _, line := range lines(text) {
		name, value, _ := strings.Cut(line, "} ")
		fields := strings.Fields(value) // a time may follow
		if strings.HasPrefix(line, "#") || len(fields) == 0 {
			continue
		}
		if v, err := strconv.ParseFloat(fields[0], 64); err == nil {
			all[name+"}"] = v
		}
	}
	return all
}
