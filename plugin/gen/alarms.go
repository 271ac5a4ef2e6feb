package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// alarm is a rule for Prometheus and a row of docs/monitoring.md.
type alarm struct {
	name     string
	severity string // critical: data is lost, or nothing moves; warning: somebody has to look
	expr     string
	wait     string // how long expr holds before the alarm
	summary  string
	action   string
}

const filterPrefix, inputPrefix = "fluentbit_filter_nsgflow_", "fluentbit_input_nsgflow_"

// alarms keep the labels of the instance: job, instance, name, and account of
// the input. Counters of an agent that starts anew begin at zero; increase
// knows that.
var alarms = []alarm{
	{"NsgflowGone", "critical",
		"absent(" + filterPrefix + "flows_total)", "10m",
		"No agent shows counters of the filter.",
		"Look whether the agent runs, has http_server on, and is scraped. A filter that runs as a processor shows counters from Fluent Bit 4.0 on."},
	{"NsgflowFlowsStop", "critical",
		"sum without (kind, decision) (increase(" + filterPrefix + "flows_total[10m])) + sum without (reason) (increase(" + filterPrefix + "dropped_total[10m])) == 0", "5m",
		"No flow came through the filter for 15 minutes.",
		"Azure writes every minute where there is traffic, up to five minutes late. Look at the alarms of the input and at the flow log in Azure. A network without any traffic gives this alarm too."},
	{"NsgflowInputSilent", "warning",
		"increase(" + inputPrefix + "records_total[10m]) == 0", "50m",
		"The input handed over no record of this account for an hour.",
		"Look whether the flow log still writes to this account, whether containers and prefix fit, and for lines of the input that say trying again. A network without any traffic gives this alarm too."},
	{"NsgflowInputLags", "warning",
		inputPrefix + "oldest_unread_seconds > 600", "5m",
		"Flow logs have waited for more than ten minutes to be read.",
		"Outputs take less than comes in, or storage refuses: look at retries of the outputs and at requests of the input. A backlog after a pause gives this alarm until it is read."},
	{"NsgflowInputWaits", "critical",
		inputPrefix + "waiting > 0", "5m",
		"The input has waited for more than five minutes, for what the label reason names.",
		"The line waiting of the input says for what, and what to do; docs/input.md has every reason."},
	{"NsgflowInputRefused", "critical",
		"sum without (kind, status) (increase(" + inputPrefix + `requests_total{status=~"401|403|failed"}[10m])) > 0`, "10m",
		"Storage refuses this account, or is not reached.",
		"The line of the input has the reason: a role that is missing, a key or token that has expired, a firewall, a name that does not resolve."},
	{"NsgflowSignInFails", "critical",
		"increase(" + inputPrefix + "retries_total[10m]) > 0 unless sum without (kind, status) (increase(" + inputPrefix + "requests_total[10m])) > 0", "10m",
		"The input tries to read, and sends no request to storage: it gets no token.",
		"The line sign-in has the words of Entra ID or of the identity of the machine: a wrong secret or certificate, a federated credential that does not fit, a proxy on the way."},
	{"NsgflowInputThrottled", "warning",
		"increase(" + inputPrefix + "throttled_total[10m]) > 0", "30m",
		"Storage has throttled the input for half an hour.",
		"Others use the account too, or poll_interval is short: make it longer, or concurrency smaller."},
	{"NsgflowCheckpointStands", "critical",
		"increase(" + inputPrefix + "records_total[15m]) > 0 and increase(" + inputPrefix + "checkpoints_total[15m]) == 0", "5m",
		"Records flow, but no checkpoint is written.",
		"A restart would read again what came since. Look for a line about checkpoints: disk full or read-only. With memory storage a checkpoint waits for the outputs."},
	{"NsgflowOutputDrops", "critical",
		"(" + grows("fluentbit_output_dropped_records_total") + ") and on (job, instance) " + filterPrefix + "events_total", "0m",
		"Fluent Bit dropped records of this output.",
		"They are lost there: Retry_Limit is used up, the output refused them for good, or storage.total_limit_size is reached. The log of Fluent Bit names the output and the answer of the destination."},
	{"NsgflowErrors", "warning",
		grows(filterPrefix + "errors_total"), "0m",
		"Tuples or texts do not parse.",
		"A new format, or damage: look at the events with event.kind pipeline_error. They name path, column and value."},
	{"NsgflowFaults", "critical",
		grows(filterPrefix + "faults_total"), "0m",
		"The filter failed, and passed chunks on as they came.",
		"Nothing is lost, but flows of these chunks are no events. The log of Fluent Bit has a line internal error: please report it with the record."},
	{"NsgflowUnknownCodes", "warning",
		grows(filterPrefix + "unknown_codes_total"), "0m",
		"Azure writes a code that the filter does not know.",
		"Events lack the field that would follow from it, nothing else. The warning of the filter has an example; original on keeps the flow's own text."},
	{"NsgflowContextRefused", "warning",
		filterPrefix + "context_refused > 0", "5m",
		"A file of the context is bad or not there.",
		"Events have what the last good file knows, or nothing of this source. The error of the filter names file, line and value; `nsgflow check` reads the file too."},
	{"NsgflowContextOld", "warning",
		older("inventory", time.Hour) + " or " + older("service_tags", 21*day) + " or " + older("geo|asn", 30*day) + " or " + older("threats", 3*day), "5m",
		"A file of the context is not renewed: the inventory for an hour, service tags for 21 days, databases of countries and networks for 30, threat lists for 3.",
		"Look at what is to renew it: the input with context_path, a timer, a CronJob. With a context_interval of more than 15m the hour is to be four times that."},
}

const day = 24 * time.Hour

// older is that the data of sources of the context are of an age.
func older(sources string, age time.Duration) string {
	return fmt.Sprintf(`%scontext_age_seconds{source=~"%s"} > %.0f`, filterPrefix, sources, age.Seconds())
}

// grows is that a counter went up within 15 minutes, or came up with the agent
// that counts: increase does not see what was counted before the first scrape.
func grows(metric string) string {
	return fmt.Sprintf("increase(%s[15m]) > 0 or (%[1]s > 0 unless %[1]s offset 15m)", metric)
}

const alarmsHead = "# Generated by plugin/gen (make generate) from the table that docs/monitoring.md shows. DO NOT EDIT.\n"

// rules are the alarms for Prometheus, and for the chart of Fluent Bit as
// values.
func rules() []file {
	return []file{
		{"conf/monitoring/rules.yaml", []byte(alarmsHead + "groups:\n  - name: nsgflow\n    rules:\n" + ruleList("      "))},
		{"conf/kubernetes/alarms.yaml", []byte(alarmsHead + "prometheusRule:\n  enabled: true\n  rules:\n" + ruleList("    "))},
	}
}

// ruleList is the alarms in YAML. Texts are quoted as in JSON, which YAML
// takes.
func ruleList(indent string) string {
	var b strings.Builder
	for _, a := range alarms {
		whose := "{{ $labels.name }} at {{ $labels.instance }}: "
		if strings.HasPrefix(a.expr, "absent(") {
			whose = "" // nothing has no labels
		}
		lines := []string{
			"- alert: " + a.name,
			"  expr: " + yamlText(a.expr),
			"  for: " + a.wait,
			"  labels: {severity: " + a.severity + "}",
			"  annotations:",
			"    summary: " + yamlText(whose+a.summary),
			"    description: " + yamlText(a.action+" See docs/troubleshooting.md."),
		}
		for _, line := range lines {
			b.WriteString(indent + line + "\n")
		}
	}
	return b.String()
}

// yamlText is a single-quoted text: nothing in it has a meaning but the quote.
func yamlText(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

var metricName = regexp.MustCompile(`fluentbit_\w+`)

// alarmTable is the alarms for docs/monitoring.md.
func alarmTable() string {
	var b strings.Builder
	b.WriteString("| alarm | when | what to do | it watches |\n|---|---|---|---|\n")
	for _, a := range alarms {
		names := metricName.FindAllString(a.expr, -1)
		slices.Sort(names)
		fmt.Fprintf(&b, "| `%s`, %s | %s | %s | `%s` |\n", a.name, a.severity, a.summary, a.action, strings.Join(slices.Compact(names), "`, `"))
	}
	return b.String()
}
