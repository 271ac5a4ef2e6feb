// Package metrics asks agents for their counters.
package metrics

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// Endpoint is where an agent shows its metrics in Prometheus form.
type Endpoint struct {
	URL  string
	Conf string // what the configuration needs for it, after [SERVICE]
}

// Of is the host's HTTP server. Before 2.1 that shows no counters
// of plugins; an output does.
func Of(t *testing.T, r fluentbit.Release) Endpoint {
	t.Helper()
	port := fluentbit.FreePort(t)
	if r.Before(2, 1) {
		return Endpoint{fmt.Sprintf("http://127.0.0.1:%d/metrics", port), fmt.Sprintf(`
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
	return Endpoint{fmt.Sprintf("http://127.0.0.1:%d/api/v2/metrics/prometheus", port),
		fmt.Sprintf("    HTTP_Server On\n    HTTP_Listen 127.0.0.1\n    HTTP_Port %d\n", port)}
}

// Text is what the endpoint says; empty while nothing answers.
func (e Endpoint) Text() string {
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Get(e.URL)
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

// Ours are the filter's counters in a text of Prometheus form.
func Ours(text string) map[string]int {
	series := map[string]int{}
	for _, line := range textfile.Lines(text) {
		name, value, _ := strings.Cut(line, " ")
		value, _, _ = strings.Cut(value, " ") // a time may follow
		if n, err := strconv.ParseFloat(value, 64); err == nil && strings.Contains(name, "nsgflow_") {
			series[name] = int(n)
		}
	}
	return series
}

// In is a configuration with the endpoint.
func (e Endpoint) In(configuration string) string {
	return strings.Replace(configuration, "[SERVICE]\n", "[SERVICE]\n"+e.Conf, 1)
}

// Series reads a text of Prometheus form.
func Series(text string) map[string]float64 {
	all := map[string]float64{}
	for _, line := range textfile.Lines(text) {
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
