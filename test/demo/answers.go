package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"fluent-bit-nsgflow/plugin/tables"
)

// question is what a LogsQL query asks, and the columns to show.
type question struct {
	title   string
	query   string
	columns []string
}

// internet leaves out flows from private addresses (RFC 1918, 4193, 6598). A flow
// inside the network is written by the interfaces of both sides: beside those
// from the internet, sums take what is outbound only.
const internet = `!source.ip:(ipv4_range("10.0.0.0/8") or ipv4_range("172.16.0.0/12") or ipv4_range("192.168.0.0/16") or ipv4_range("100.64.0.0/10") or ipv6_range("fc00::/7"))`

// questions are what one asks flow logs first.
var questions = []question{
	{
		"Which machines move most bytes, in what they begin?",
		`network.direction:=outbound network.bytes:>0 | stats by (source.ip) sum(network.bytes) as bytes, sum(network.packets) as packets | sort by (bytes desc) | limit 8`,
		[]string{"source.ip", "bytes", "packets"},
	},
	{
		"Which ports are denied?",
		`event.action:=reject | stats by (destination.port) count() as flows, count_uniq(source.ip) as sources | sort by (flows desc, destination.port) | limit 8`,
		[]string{"destination.port", "flows", "sources"},
	},
	{
		"Who scans? Sources that were denied at more than three ports or hosts",
		`event.action:=reject | stats by (source.ip) count_uniq(destination.port) as ports, count_uniq(destination.ip) as hosts, count() as flows` +
			` | filter (ports:>3 or hosts:>3) | sort by (ports desc, hosts desc, flows desc) | limit 8`,
		[]string{"source.ip", "ports", "hosts", "flows"},
	},
	{
		"When? Bytes of each five minutes, in what comes from the internet and in what the network's machines begin",
		`network.bytes:>0 | stats by (_time:5m) sum(network.bytes) if (network.direction:=inbound ` + internet + `) as internet, sum(network.bytes) if (network.direction:=outbound) as outbound | sort by (_time)`,
		[]string{"_time", "internet", "outbound"},
	},
	{
		"What is allowed in from the internet, by which rule?",
		`event.action:=accept network.direction:=inbound ` + internet +
			` | stats by (rule.name, destination.port) count() as flows, count_uniq(source.ip) as sources, sum(network.bytes) as bytes | sort by (flows desc) | limit 8`,
		[]string{"rule.name", "destination.port", "flows", "sources", "bytes"},
	},
}

// denied is what the page shows.
var denied = question{
	query:   `event.action:=reject`,
	columns: []string{"_time", "source.ip", "destination.ip", "destination.port", "network.transport", "rule.name", "azure.resource.name"},
}

// panelQuestions are what the dashboards in conf ask, as the page shows it: but for
// what needs flows that are aggregated.
func panelQuestions() (all []question) {
	for _, p := range tables.Panels {
		if strings.Contains(p.Measure.Of, ".aggregate.") {
			continue
		}
		columns := append(slices.Clone(p.By), p.Measure.Name)
		if p.Over {
			columns = append([]string{"_time"}, columns...)
		}
		all = append(all, question{p.Title, p.LogsQL("5m"), columns})
	}
	return all
}

// answer prints each question with its answer and its query.
func answer(ctx context.Context, out io.Writer, from *store) error {
	for _, q := range questions {
		rows, err := from.query(ctx, q.query)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "\n%s\n\n%s\n  query: %s\n", q.title, table(q.columns, rows), q.query)
	}
	return nil
}

// table has numbers on the right, all else on the left.
func table(columns []string, rows []row) string {
	var b strings.Builder
	width := make([]int, len(columns))
	for i, c := range columns {
		width[i] = utf8.RuneCountInString(c)
		for _, r := range rows {
			width[i] = max(width[i], utf8.RuneCountInString(r[c]))
		}
	}
	line := func(value func(string) string) {
		var cells strings.Builder
		for i, c := range columns {
			sign := -1
			if len(rows) > 0 && number(rows[0][c]) {
				sign = 1
			}
			fmt.Fprintf(&cells, "  %*s", sign*width[i], value(c))
		}
		b.WriteString(strings.TrimRight(cells.String(), " ") + "\n")
	}
	line(func(c string) string { return c })
	for _, r := range rows {
		line(func(c string) string { return r[c] })
	}
	return b.String()
}

func number(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
