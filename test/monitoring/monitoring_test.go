package monitoring

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/follow"
	"fluent-bit-nsgflow/test/internal/metrics"
	"fluent-bit-nsgflow/test/internal/needs"
	"fluent-bit-nsgflow/test/internal/textfile"
	"fluent-bit-nsgflow/test/internal/token"
)

const rulesFile = "conf/monitoring/rules.yaml"

// The alarms are what Prometheus takes, and do what test/monitoring says.
func TestAlarms(t *testing.T) {
	needs.Programs(t, "promtool")
	for _, command := range [][]string{
		{"check", "rules", textfile.Path(rulesFile)},
		{"test", "rules", "rules_test.yaml"},
	} {
		if out, err := exec.Command("promtool", command...).CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", command, err, out)
		}
	}
}

// Dashboards have what Grafana's schema has, nothing else.
func TestDashboardsAreGrafanas(t *testing.T) {
	needs.Programs(t, "go")
	files := append(textfile.Glob(t, "conf/dashboards/*.json"), textfile.Path("conf/monitoring/dashboard.json"))
	if len(files) < 4 {
		t.Fatalf("%q", files)
	}
	checks := func(files ...string) (string, error) {
		command := exec.Command("go", append([]string{"run", "."}, files...)...)
		command.Dir = textfile.Path("test/monitoring/grafana")
		out, err := command.CombinedOutput()
		return string(out), err
	}
	if out, err := checks(files...); strings.Contains(out, "dial tcp") || strings.Contains(out, "module lookup disabled") {
		t.Skipf("skipped: Grafana's schema cannot be had: %s", out)
	} else if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	root := t.TempDir()
	for _, change := range [][2]string{{`"bucketAggs"`, `"buckets"`}, {`"id": "1"`, `"id": 1`}, {`"type": "terms"`, `"type": "words"`}} {
		textfile.Write(t, root, "wrong.json", strings.Replace(textfile.Read(t, "conf/dashboards/grafana-elasticsearch.json"), change[0], change[1], 1))
		if out, err := checks(root + "/wrong.json"); err == nil {
			t.Errorf("%s is taken\n%s", change[1], out)
		}
	}
}

// Each alarm has a case in which it fires and one in which it does not.
func TestEveryAlarmIsTested(t *testing.T) {
	cases := textfile.Read(t, "test/monitoring/rules_test.yaml")
	names := regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(textfile.Read(t, rulesFile), -1)
	if len(names) < 5 {
		t.Fatalf("%d alarms", len(names))
	}
	for _, m := range names {
		asked := `'ALERTS{alertname="` + m[1] + `",alertstate="firing"}'`
		if !strings.Contains(cases, `labels: 'ALERTS{alertname="`+m[1]+`",alertstate="firing"`) {
			t.Errorf("%s never fires", m[1])
		}
		if !regexp.MustCompile(regexp.QuoteMeta(asked) + `, eval_time: \w+, exp_samples: \[\]`).MatchString(cases) {
			t.Errorf("%s is never silent", m[1])
		}
	}
}

// prometheus is a real one that scrapes an agent every second.
type prometheus struct {
	t    *testing.T
	base string
}

func startPrometheus(t *testing.T, scraped metrics.Endpoint) prometheus {
	t.Helper()
	rules := textfile.Path(rulesFile)
	port := fluentbit.FreePort(t)
	at, err := url.Parse(scraped.URL)
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	textfile.Write(t, root, "prometheus.yml", fmt.Sprintf(`
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%s]
scrape_configs:
  - job_name: fluent-bit
    metrics_path: %s
    static_configs: [{targets: ['%s']}]
`, rules, at.Path, at.Host))
	log, err := os.Create(filepath.Join(root, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	c := exec.Command("prometheus", "--config.file="+root+"/prometheus.yml", "--storage.tsdb.path="+root+"/data",
		fmt.Sprintf("--web.listen-address=127.0.0.1:%d", port))
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
		if t.Failed() {
			t.Logf("log of Prometheus:\n%s", textfile.Read(t, log.Name()))
		}
	})
	return prometheus{t, fmt.Sprintf("http://127.0.0.1:%d/api/v1/", port)}
}

// get asks the API. While Prometheus starts there are no data.
func (p prometheus) get(path string, data any) {
	p.t.Helper()
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Get(p.base + path)
	if err != nil {
		return
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusServiceUnavailable {
		return
	}
	answer := struct {
		Status, Error string
		Data          any
	}{Data: data}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Status != "success" {
		p.t.Errorf("%s: %v %s", path, err, answer.Error)
	}
}

// series are the labels of what an expression gives now.
func (p prometheus) series(expr string) (all []map[string]string) {
	p.t.Helper()
	var data struct {
		Result []struct{ Metric map[string]string }
	}
	p.get("query?query="+url.QueryEscape(expr), &data)
	for _, r := range data.Result {
		all = append(all, r.Metric)
	}
	return all
}

// rule is one that Prometheus has loaded.
type rule struct{ Name, Query, State, Health, LastError string }

func (p prometheus) rules() (all []rule) {
	p.t.Helper()
	var data struct {
		Groups []struct{ Rules []rule }
	}
	p.get("rules", &data)
	for _, g := range data.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

func (p prometheus) firing() (names []string) {
	for _, r := range p.rules() {
		if r.State == "firing" {
			names = append(names, r.Name)
		}
	}
	return names
}

// graph is a query of the dashboard.
type graph struct{ title, expr, legend string }

func graphs(t *testing.T) (all []graph) {
	t.Helper()
	var d struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr, LegendFormat string }
		}
	}
	if err := json.Unmarshal([]byte(textfile.Read(t, "conf/monitoring/dashboard.json")), &d); err != nil {
		t.Fatal(err)
	}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			all = append(all, graph{p.Title, target.Expr, target.LegendFormat})
		}
	}
	return all
}

// What a real Prometheus scrapes from a real agent has every metric and label
// that the alarms and the dashboard name, and the alarms for what has just
// gone wrong fire.
func TestPrometheus(t *testing.T) {
	t.Parallel()
	needs.Programs(t, "prometheus")
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		r.NeedsMetrics(t)
		storage := azure.NewStorage(t)
		w := follow.NewWriter(t, storage)
		w.Minute()
		l := azure.NewFlowLog(t, storage.NSG, azure.NSGName("OTHER-NSG", 0, azure.ThisHour))
		l.Grow(strings.Replace(azure.NSGRecord(1<<20), ",T,O,A,", ",T,O,Z,", 1), strings.Replace(azure.NSGRecord(1<<20+1), ",443,", ",99999,", 1))
		e := metrics.Of(t, r)
		root := follow.Stage(t)
		textfile.Write(t, root, "networks.csv", "cidr,name\n10.0.0.0/8,inside\n")
		withContext := fluentbit.Filtering("flow", "schema ecs", "original on", "context_networks "+filepath.Join(root, "networks.csv"))
		conf := e.In(strings.Replace(follow.Pipeline(root, follow.Accounts(t, storage)...), follow.Filter, withContext, 1))
		// An output that drops all it gets.
		textfile.Write(t, root, "etc/monitored.conf", conf+"[OUTPUT]\n    Name http\n    Match flow\n    Host 127.0.0.1\n    Port 1\n    Retry_Limit no_retries\n")
		p := startPrometheus(t, e)
		a := r.Start(t, root, nil, "-c", filepath.Join(root, "etc", "monitored.conf"))

		want := []string{"NsgflowErrors", "NsgflowOutputDrops", "NsgflowUnknownCodes"}
		a.Until("the alarms for errors, unknown codes and dropped records", func() bool {
			firing := p.firing()
			slices.Sort(firing)
			return slices.Equal(firing, want)
		})
		// A rate needs two scrapes.
		a.Until("a rate of requests", func() bool { return len(p.series("rate(fluentbit_input_nsgflow_requests_total[10s])")) >= 3 })
		for _, rule := range p.rules() {
			if rule.Health != "ok" || rule.LastError != "" {
				t.Errorf("%s: %s %s", rule.Name, rule.Health, rule.LastError)
			}
			p.hasLabels(rule)
		}
		instance := strings.Split(strings.TrimPrefix(e.URL, "http://"), "/")[0]
		variables := strings.NewReplacer("$instance", instance, "$__rate_interval", "10s")
		for _, g := range graphs(t) {
			all := p.series(variables.Replace(g.expr))
			if len(all) == 0 {
				t.Errorf("%s: nothing for %s", g.title, g.expr)
			}
			for _, m := range regexp.MustCompile(`{{(\w+)}}`).FindAllStringSubmatch(g.legend, -1) {
				if len(all) > 0 && all[0][m[1]] == "" {
					t.Errorf("%s: no label %s in %v", g.title, m[1], all[0])
				}
			}
		}
		a.Stop()
	})
}

var (
	selector = regexp.MustCompile(`(fluentbit_\w+)(?:\{(\w+)=~?"[^"]*"\})?`)
	listed   = regexp.MustCompile(`(?:without|on|by) \(([^)]*)\) ?(?:\(\w+\()?(fluentbit_\w+)`)
	listedBy = regexp.MustCompile(`, *`)
)

// hasLabels checks that every metric of a rule is there, with the labels that
// the rule names.
func (p prometheus) hasLabels(r rule) {
	p.t.Helper()
	named := map[string][]string{}
	for _, m := range selector.FindAllStringSubmatch(r.Query, -1) {
		named[m[1]] = append(named[m[1]], m[2])
	}
	for _, m := range listed.FindAllStringSubmatch(r.Query, -1) {
		named[m[2]] = append(named[m[2]], listedBy.Split(m[1], -1)...)
	}
	if len(named) == 0 {
		p.t.Errorf("%s names no metric: %s", r.Name, r.Query)
	}
	for metric, labels := range named {
		all := p.series(metric)
		if len(all) == 0 {
			p.t.Errorf("%s: there is no %s", r.Name, metric)
			continue
		}
		for _, label := range append(labels, "job", "instance") {
			if label != "" && all[0][label] == "" {
				p.t.Errorf("%s: %s has no label %s: %v", r.Name, metric, label, all[0])
			}
		}
	}
}

// What NsgflowSignInFails watches: where there is no token the input tries
// again, and no request is counted.
func TestMetricsWithoutToken(t *testing.T) {
	t.Parallel()
	tokens := token.New(t)
	storage := azure.StartOAuth(t, tokens)
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		r.NeedsMetrics(t)
		account, identity := storage.NewAccount(t), tokens.WorkloadIdentity()
		identity.Refuse(http.StatusUnauthorized)
		e := metrics.Of(t, r)
		root := follow.Stage(t)
		textfile.Write(t, root, "etc/follow.conf", e.In(follow.Pipeline(root, "auth workload_identity")))
		a := r.Start(t, root, append(account.Environment, identity.Environment...), "-c", "etc/follow.conf")
		retries := regexp.MustCompile(`(?m)^fluentbit_input_nsgflow_retries_total\{.*} ([2-9]|\d\d)`)
		a.Until("retries", func() bool { return retries.MatchString(e.Text()) })
		if strings.Contains(e.Text(), "fluentbit_input_nsgflow_requests_total{") {
			t.Errorf("requests without a token:\n%s", e.Text())
		}
		a.Stop()
	})
}
