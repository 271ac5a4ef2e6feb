package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/plugin/config"
	"fluent-bit-nsgflow/plugin/tables"
)

// pages are the README and the pages of docs, with their generated parts anew.
func pages(root string) (files []file, err error) {
	names := []string{"README.md"}
	found, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		return nil, err
	}
	for _, path := range found {
		names = append(names, "docs/"+filepath.Base(path))
	}
	blocks, err := blocks(root)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		old, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return nil, err
		}
		page, err := fill(old, blocks)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		files = append(files, file{name, page})
	}
	return files, nil
}

// blocks are the generated parts of pages, by the name in the comments around
// them.
func blocks(root string) (map[string]string, error) {
	figures, err := figures(root)
	if err != nil {
		return nil, err
	}
	all := map[string]string{
		"options":        config.Markdown(tables.FlowOptions),
		"context":        config.Markdown(tables.ContextOptions),
		"input":          config.Markdown(tables.InputOptions),
		"filter-metrics": filterMetrics(),
		"input-metrics":  inputMetrics(),
		"alarms":         alarmTable(),
		"waits":          waitTable(),
		"example":        excerpt(nsgExample, nsgflow.SchemaECS, "@timestamp", "event", "rule", "network", "source", "destination"),
		"vnet":           inEverySchema(vnetExample),
		"sizes":          sizeTable(),
		"figures":        figures,
	}
	for i, name := range nsgflow.Schemas() {
		schema := nsgflow.Schema(i)
		all[name] = fieldTable(schema.Fields())
		all[name+"-context"] = fieldTable(schema.ContextFields())
		all[name+"-flow"] = inSchema(nsgExample, schema)
		all[name+"-error"] = inSchema(errorExample, schema)
	}
	return all, nil
}

var block = regexp.MustCompile(`(?s)(<!-- generated: ([a-z-]+) -->\n).*?(<!-- /generated -->)`)

// fill makes the blocks of a page anew.
func fill(page []byte, blocks map[string]string) (filled []byte, err error) {
	filled = block.ReplaceAllFunc(page, func(old []byte) []byte {
		part := block.FindSubmatch(old)
		text, ok := blocks[string(part[2])]
		if !ok {
			err = fmt.Errorf("nothing generates %q", part[2])
		}
		return slices.Concat(part[1], []byte(text), part[3])
	})
	return filled, err
}

func fieldTable(fields []nsgflow.Field) string {
	var b strings.Builder
	b.WriteString("| field | type | in | value |\n|---|---|---|---|\n")
	for _, f := range fields {
		typ := f.Type
		if f.List {
			typ = "[" + typ + "]"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.Name, typ, f.In, strings.ReplaceAll(f.Doc, "|", `\|`))
	}
	return b.String()
}

func filterMetrics() string {
	var b strings.Builder
	b.WriteString("| metric | meaning | kind | labels |\n|---|---|---|---|\n")
	for _, m := range tables.FilterMetrics {
		labels := "`name`"
		for i, label := range m.Labels {
			var values []string
			for _, s := range m.Series {
				values = append(values, "`"+s.Labels[i]+"`")
			}
			labels += fmt.Sprintf(", `%s` (%s)", label, distinct(values))
		}
		fmt.Fprintf(&b, "| `fluentbit_filter_%s` | %s | %s | %s |\n", m.Name, m.Help, kindOf(m.Gauge), labels)
	}
	return b.String()
}

func kindOf(gauge bool) string {
	if gauge {
		return "gauge"
	}
	return "counter"
}

func distinct(texts []string) string {
	slices.Sort(texts)
	return strings.Join(slices.Compact(texts), ", ")
}

func inputMetrics() string {
	var b strings.Builder
	b.WriteString("| metric | meaning | kind | labels |\n|---|---|---|---|\n")
	for _, m := range tables.InputMetrics {
		fmt.Fprintf(&b, "| `fluentbit_input_%s` | %s | %s | `%s` |\n", m.Name, m.Help, kindOf(m.Gauge), strings.Join(append([]string{"name"}, m.Labels...), "`, `"))
	}
	return b.String()
}

func waitTable() string {
	var b strings.Builder
	b.WriteString("| reason | what it waits for | what to do |\n|---|---|---|\n")
	for _, w := range tables.Waits {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", w.Reason, w.Says, w.Do)
	}
	return b.String()
}
