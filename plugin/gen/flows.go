package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"fluent-bit-nsgflow/plugin/tables"
)

// flowDashboards show the flows themselves: in Grafana, and in OpenSearch Dashboards.
func flowDashboards() []file {
	if err := tables.CheckPanels(); err != nil {
		panic(err)
	}
	return []file{
		inGrafana("victorialogs", "VictoriaLogs", "victoriametrics-logs-datasource", victoriaLogsPanel),
		inGrafana("elasticsearch", "Elasticsearch", "elasticsearch", searchPanel),
		inGrafana("opensearch", "OpenSearch", "grafana-opensearch-datasource", func(p tables.Panel, source object) object {
			panel := searchPanel(p, source)
			target := panel["targets"].([]object)[0]
			target["queryType"], target["luceneQueryType"] = "lucene", "Metric"
			return panel
		}),
		savedObjects(),
	}
}

func inGrafana(name, store, kind string, panel func(p tables.Panel, source object) object) file {
	const width, height = 12, 9
	source := object{"type": kind, "uid": "${datasource}"}
	var d panels
	for i, p := range tables.Panels {
		shown := panel(p, source)
		shown["id"] = i + 1
		shown["gridPos"] = object{"x": i % 2 * width, "y": i / 2 * height, "w": width, "h": height}
		d.all = append(d.all, shown)
	}
	return d.file("conf/dashboards/grafana-"+name+".json", "azure-flows-"+name, "Azure flows in "+store, []object{chooseDataSource(kind)})
}

func unitOf(p tables.Panel) string {
	if p.Measure.Name == "bytes" {
		return "bytes"
	}
	return "short"
}

// victoriaLogsPanel has the queries of VictoriaLogs' own data source. It gives a series
// for each row of an answer.
func victoriaLogsPanel(p tables.Panel, source object) object {
	var legend []string
	for _, field := range p.By {
		legend = append(legend, "{{"+field+"}}")
	}
	target := object{"expr": p.LogsQL(""), "queryType": "stats", "legendFormat": strings.Join(legend, " ")}
	if p.Over {
		target["queryType"] = "statsRange"
		return timeSeries(p.Title, p.Help, unitOf(p), source, target)
	}
	return panelOf("bargauge", p.Title, p.Help, unitOf(p), source, target, object{
		"orientation": "horizontal", "displayMode": "basic", "valueMode": "color", "namePlacement": "left", "showUnfilled": true,
		"sizing": "auto", "minVizWidth": 8, "minVizHeight": 16, "maxVizHeight": 300,
		"legend":        object{"displayMode": "list", "placement": "bottom", "showLegend": false, "calcs": []string{}},
		"reduceOptions": object{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
	})
}

// searchPanel has the queries of the data sources of Elasticsearch and OpenSearch.
func searchPanel(p tables.Panel, source object) object {
	metric, order := object{"id": "1", "type": "count"}, "_count"
	switch p.Measure.Kind {
	case tables.Sum:
		metric, order = object{"id": "1", "type": "sum", "field": p.Measure.Of}, "1"
	case tables.Distinct:
		metric, order = object{"id": "1", "type": "cardinality", "field": p.Measure.Of}, "1"
	}
	var buckets []object
	for i, field := range p.By {
		buckets = append(buckets, object{"id": strconv.Itoa(2 + i), "type": "terms", "field": field,
			"settings": object{"size": strconv.Itoa(tables.PanelRows), "order": "desc", "orderBy": order, "min_doc_count": "1"}})
	}
	target := object{"query": p.Lucene(), "timeField": "@timestamp", "metrics": []object{metric}}
	if p.Over {
		target["alias"] = "{{term " + p.By[0] + "}}"
		target["bucketAggs"] = append(buckets, object{"id": strconv.Itoa(2 + len(buckets)), "type": "date_histogram", "field": "@timestamp",
			"settings": object{"interval": "auto", "min_doc_count": "0"}})
		return timeSeries(p.Title, p.Help, unitOf(p), source, target)
	}
	target["bucketAggs"] = buckets
	return panelOf("table", p.Title, p.Help, unitOf(p), source, target, object{"frameIndex": 0, "showHeader": true})
}

const indexPattern = "azure-flows"

// savedObjects are for OpenSearch Dashboards, 2.12 and later: an index pattern, a
// visualization for each panel, a dashboard. One object a line.
func savedObjects() file {
	var b bytes.Buffer
	add := func(kind, id, migration string, attributes object, references ...object) {
		line, err := json.Marshal(object{"type": kind, "id": id, "migrationVersion": object{kind: migration},
			"attributes": attributes, "references": append([]object{}, references...)})
		if err != nil {
			panic(err) // there is nothing in it that JSON has not
		}
		b.Write(append(line, '\n'))
	}
	add("index-pattern", indexPattern, "7.6.0", object{"title": "logs-azure.flow-*", "timeFieldName": "@timestamp"})
	const width, height = 24, 15
	var shown, references []object
	for i, p := range tables.Panels {
		id, number := fmt.Sprintf("%s-%d", indexPattern, i+1), strconv.Itoa(i+1)
		const index = "kibanaSavedObjectMeta.searchSourceJSON.index"
		add("visualization", id, "7.10.0", object{
			"title": p.Title, "description": p.Help, "version": 1, "uiStateJSON": "{}",
			"visState": text(visualization(p)),
			"kibanaSavedObjectMeta": object{"searchSourceJSON": text(object{
				"query": object{"language": "lucene", "query": p.Lucene()}, "filter": []object{}, "indexRefName": index})},
		}, object{"type": "index-pattern", "id": indexPattern, "name": index})
		shown = append(shown, object{"version": "2.12.0", "panelIndex": number, "panelRefName": "panel_" + number, "embeddableConfig": object{},
			"gridData": object{"i": number, "x": i % 2 * width, "y": i / 2 * height, "w": width, "h": height}})
		references = append(references, object{"type": "visualization", "id": id, "name": "panel_" + number})
	}
	add("dashboard", indexPattern, "7.9.3", object{
		"title": "Azure flows", "description": "", "version": 1, "hits": 0, "timeRestore": false,
		"panelsJSON":  text(shown),
		"optionsJSON": text(object{"useMargins": true, "hidePanelTitles": false}),
		"kibanaSavedObjectMeta": object{"searchSourceJSON": text(object{
			"query": object{"language": "lucene", "query": ""}, "filter": []object{}})},
	}, references...)
	return file{"conf/dashboards/opensearch-dashboards.ndjson", b.Bytes()}
}

// text is JSON that stands in JSON, as saved objects have it.
func text(of any) string {
	b, err := json.Marshal(of)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// visualization is a table, or lines over time.
func visualization(p tables.Panel) object {
	metric := object{"id": "1", "enabled": true, "type": "count", "schema": "metric", "params": object{}}
	switch p.Measure.Kind {
	case tables.Sum:
		metric["type"], metric["params"] = "sum", object{"field": p.Measure.Of}
	case tables.Distinct:
		metric["type"], metric["params"] = "cardinality", object{"field": p.Measure.Of}
	}
	aggs := []object{metric}
	kind, schema, params := "table", "bucket", object{"perPage": tables.PanelRows, "showPartialRows": false, "showTotal": false}
	if p.Over {
		kind, schema, params = "line", "group", lines(p)
		aggs = append(aggs, object{"id": "2", "enabled": true, "type": "date_histogram", "schema": "segment",
			"params": object{"field": "@timestamp", "interval": "auto", "min_doc_count": 1, "extended_bounds": object{}}})
	}
	for _, field := range p.By {
		aggs = append(aggs, object{"id": strconv.Itoa(len(aggs) + 1), "enabled": true, "type": "terms", "schema": schema,
			"params": object{"field": field, "orderBy": "1", "order": "desc", "size": tables.PanelRows, "otherBucket": false, "missingBucket": false}})
	}
	return object{"title": p.Title, "type": kind, "aggs": aggs, "params": params}
}

// lines are the axes that a visualization of this type has to name.
func lines(p tables.Panel) object {
	axis := func(id, kind, position string) object {
		return object{"id": id, "type": kind, "position": position, "show": true, "style": object{}, "labels": object{"show": true, "truncate": 100}, "title": object{}}
	}
	x, y := axis("CategoryAxis-1", "category", "bottom"), axis("ValueAxis-1", "value", "left")
	x["scale"] = object{"type": "linear"}
	y["scale"], y["name"] = object{"type": "linear", "mode": "normal"}, "LeftAxis-1"
	return object{
		"type": "line", "addTooltip": true, "addLegend": true, "legendPosition": "right", "grid": object{"categoryLines": false}, "times": []object{},
		"categoryAxes": []object{x}, "valueAxes": []object{y},
		"seriesParams": []object{{"show": true, "type": "line", "mode": "normal", "valueAxis": "ValueAxis-1", "drawLinesBetweenPoints": true, "showCircles": true,
			"data": object{"id": "1", "label": p.Measure.Name}}},
	}
}
