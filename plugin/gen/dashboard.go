package main

import (
	"strings"

	"fluent-bit-nsgflow/plugin/tables"
)

// dashboard is for Grafana 9 and later: a panel for each metric.
func dashboard() file {
	var d panels
	d.row("Alarms")
	d.graph(columns, "Alarms that fire", "Those of conf/monitoring/rules.yaml.", `ALERTS{alertname=~"Nsgflow.+",alertstate="firing"}`, "short", "alertname", "instance", "name")
	d.row("Filter")
	for _, m := range tables.FilterMetrics {
		d.metric("fluentbit_filter_"+m.Name, title(m.Name), m.Help, m.Gauge, m.Labels...)
	}
	d.row("Input")
	for _, m := range tables.InputMetrics {
		d.metric("fluentbit_input_"+m.Name, title(m.Name), m.Help, m.Gauge, m.Labels...)
	}
	d.row("Outputs")
	for _, m := range outputMetrics {
		d.metric(m.name, m.title, m.help, false)
	}
	return d.file("conf/monitoring/dashboard.json", "fluent-bit-nsgflow", "Azure flow logs in Fluent Bit", variables)
}

// file is a dashboard of Grafana with the panels.
func (p *panels) file(path, uid, title string, variables []object) file {
	return file{path, encode(object{
		"uid":           uid,
		"title":         title,
		"tags":          []string{"fluent-bit", "azure"},
		"schemaVersion": 37,
		"editable":      true,
		"refresh":       "30s",
		"time":          object{"from": "now-3h", "to": "now"},
		"annotations":   object{"list": []object{}},
		"templating":    object{"list": variables},
		"panels":        p.all,
	})}
}

// outputMetrics are counters that Fluent Bit has of every output since 2.1.
var outputMetrics = []struct{ name, title, help string }{
	{"fluentbit_output_proc_records_total", "delivered records", "Records that outputs delivered."},
	{"fluentbit_output_proc_bytes_total", "delivered bytes", "Bytes that outputs delivered."},
	{"fluentbit_output_retries_total", "retries", "Deliveries that are retried."},
	{"fluentbit_output_dropped_records_total", "dropped records", "Records that are lost for this output."},
}

// title is what a metric of ours counts, in words.
func title(name string) string {
	return strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(name, "nsgflow_"), "_total"), "_", " ")
}

var dataSource = object{"type": "prometheus", "uid": "${datasource}"}

// variables are what one chooses above the panels. The instances are those
// that run the filter.
var variables = []object{
	chooseDataSource("prometheus"),
	{"name": "instance", "label": "Agent", "type": "query", "datasource": dataSource,
		"query": object{"query": "label_values(fluentbit_filter_nsgflow_events_total, instance)", "refId": "instance"},
		"multi": true, "includeAll": true, "refresh": 2, "sort": 1,
		"current": object{"selected": true, "text": "All", "value": "$__all"}},
}

// chooseDataSource is the variable for a data source of a type.
func chooseDataSource(kind string) object {
	return object{"name": "datasource", "label": "Data source", "type": "datasource", "query": kind}
}

// panels are placed one beside the other.
type panels struct {
	all  []object
	x, y int
}

const columns, panelWidth, panelHeight = 24, 8, 7

func (p *panels) add(width, height int, panel object) {
	if p.x+width > columns {
		p.x, p.y = 0, p.y+panelHeight
	}
	panel["id"] = len(p.all) + 1
	panel["gridPos"] = object{"x": p.x, "y": p.y, "w": width, "h": height}
	p.all = append(p.all, panel)
	p.x += width
}

func (p *panels) row(title string) {
	p.add(columns, 1, object{"type": "row", "title": title, "collapsed": false, "panels": []object{}})
	p.x, p.y = 0, p.y+1
}

// metric shows a gauge as it is and a counter by the second.
func (p *panels) metric(name, title, help string, gauge bool, labels ...string) {
	expr := name + `{instance=~"$instance"}`
	unit := "short"
	switch {
	case gauge && strings.HasSuffix(name, "_seconds"):
		unit = "s"
	case !gauge && strings.HasSuffix(name, "_bytes_total"):
		unit = "Bps"
	case !gauge:
		unit = "cps"
	}
	if !gauge {
		expr = "rate(" + expr + "[$__rate_interval])"
	}
	p.graph(panelWidth, title, help, expr, unit, append([]string{"instance", "name"}, labels...)...)
}

func (p *panels) graph(width int, title, help, expr, unit string, labels ...string) {
	var legend []string
	for _, label := range labels {
		legend = append(legend, "{{"+label+"}}")
	}
	p.add(width, panelHeight, timeSeries(title, help, unit, dataSource, object{"expr": expr, "legendFormat": strings.Join(legend, " ")}))
}

func timeSeries(title, help, unit string, source, target object) object {
	return panelOf("timeseries", title, help, unit, source, target, object{
		"legend":  object{"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []string{}},
		"tooltip": object{"mode": "multi", "sort": "desc"},
	})
}

// panelOf is a panel of a type with one query.
func panelOf(kind, title, help, unit string, source, target, options object) object {
	target["refId"], target["datasource"] = "A", source
	return object{
		"type": kind, "title": title, "description": help, "datasource": source,
		"fieldConfig": object{"defaults": object{"unit": unit, "min": 0}, "overrides": []object{}},
		"options":     options,
		"targets":     []object{target},
	}
}
