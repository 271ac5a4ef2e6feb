package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"fluent-bit-nsgflow/test/engine"
)

// report is all that was measured; agent is nil and benchmarks are empty where
// a part did not run.
type report struct {
	settings
	agent      *agent
	benchmarks []*benchmark
}

func (r *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "`make bench` on %s, %d processors, %s", processor(), runtime.NumCPU(), runtime.Version())
	if r.agent != nil {
		fmt.Fprintf(&b, ", %s; medians of %d runs, in turns", r.agent.version, r.runs)
	}
	b.WriteString(".\n")
	if r.agent != nil {
		if path, err := filepath.Rel(engine.Path("docs"), r.svg); err == nil {
			fmt.Fprintf(&b, "\n![CPU that a filter adds](%s)\n", filepath.ToSlash(path))
		}
		r.agent.table(&b)
		r.agent.callbackTable(&b)
	}
	if len(r.benchmarks) > 0 {
		r.benchmarkTable(&b)
		r.growthTable(&b)
		r.contextTable(&b)
	}
	if checks := r.checks(); len(checks) > 0 {
		b.WriteString("\n| what has to hold | limit | measured | |\n|---|---:|---:|---|\n")
		for _, c := range checks {
			verdict := "holds"
			if c.value > c.limit {
				verdict = "**does not hold**"
			}
			fmt.Fprintf(&b, "| %s | %.4g | %.4g | %s |\n", c.what, c.limit, c.value, verdict)
		}
	}
	return b.String()
}

func (a *agent) table(b *strings.Builder) {
	fmt.Fprintf(b, "\nIn Fluent Bit: %.0f MB, %d flows in records of %d, realistic ones of %d, tail → filter → null. The floor hands over as many ready-made events of the same size, without aggregation: what the agent itself pays for receiving them. Lua does the same mapping, and gives the same events.\n\n",
		a.megabytes, a.flows, flowsPerRecord, flowsOfServer)
	b.WriteString("| schema, input | filter | CPU, s | adds, µs a flow | times the floor | of what Lua adds | peak, MB |\n|---|---|---:|---:|---:|---:|---:|\n")
	for _, m := range a.measurements {
		for v := range variants {
			if len(m.runs[v]) == 0 {
				continue
			}
			fmt.Fprintf(b, "| %s | %s | %.2f | %s | %s | %s | %.0f |\n", m.name, variantNames[v], m.cpu(v),
				cell("%.2f", v != none, m.adds(v)*1e6/float64(a.flows)),
				cell("%.2f", v == ours || v == lua, m.share(v, floor)),
				cell("%.3f", m.lua && v == ours, m.share(v, lua)), m.peak(v))
		}
	}
}

func (a *agent) callbackTable(b *strings.Builder) {
	b.WriteString("\nThe filter callback alone, in the stand-in host, with chunks of 256 KB:\n\n| schema, input | floor, ns a flow | nsgflow, ns a flow | Lua's own share, ns a flow | nsgflow is a |\n|---|---:|---:|---:|---:|\n")
	for _, m := range a.measurements {
		own := m.luaOwn(a.flows)
		fmt.Fprintf(b, "| %s | %.0f | %.0f | %s | %s |\n", m.name, m.callbackNs(floor), m.callbackNs(ours),
			cell("%.0f", m.lua, own), cell("%.1fth", m.lua, own/m.callbackNs(ours)))
	}
}

// luaOwn is what Lua adds less what the floor adds, in ns a flow: what is left
// is not the host's.
func (m *measurement) luaOwn(flows int) float64 {
	return (m.adds(lua) - m.adds(floor)) * 1e9 / float64(flows)
}

func (r *report) benchmarkTable(b *strings.Builder) {
	b.WriteString("\nGo benchmarks of core (texts) and chunk path. An event of the rows *Foreign* is a record that passes. Rates, allocations and copy are those at 1,000; copy is that of as many bytes of output, within the processor's cache.\n\n")
	b.WriteString("| benchmark | ns an event at 1 | at 1,000 | at 100,000 | MB/s in | MB/s out | allocations an event | bytes an event | copy, ns | times copy |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, row := range r.benchmarks {
		if strings.HasPrefix(row.name, "Growth/") || strings.HasPrefix(row.name, "Context/") {
			continue
		}
		m := row.bySize[1_000]
		out := m["out-B/tuple"] > 0
		fmt.Fprintf(b, "| %s | %.0f | %.0f | %.0f | %.0f | %s | %.3g | %s | %s | %s |\n", row.name,
			row.bySize[1]["ns/tuple"], m["ns/tuple"], row.bySize[100_000]["ns/tuple"], m.perSecond("in-B/tuple"),
			cell("%.0f", out, m.perSecond("out-B/tuple")), m.allocsPerTuple(), cell("%.0f", out, m["out-B/tuple"]),
			cell("%.1f", out, m["copy-ns/tuple"]), cell("%.1f", out, m.timesCopy()))
	}
}

func (r *report) growthTable(b *strings.Builder) {
	b.WriteString("\nGrowth: ten times the work, ns an event.\n\n| input | 1,000 | 10,000 | 100,000 | 1,000,000 |\n|---|---:|---:|---:|---:|\n")
	for _, row := range r.benchmarks {
		if !strings.HasPrefix(row.name, "Growth/") {
			continue
		}
		fmt.Fprintf(b, "| %s |", row.name)
		for _, size := range []int{1_000, 10_000, 100_000, 1_000_000} {
			fmt.Fprintf(b, " %.0f |", row.bySize[size]["ns/tuple"])
		}
		b.WriteString("\n")
	}
}

// contextSizes are how many addresses the far ends are.
var contextSizes = []int{1_000, 40_000, 1_000_000}

func (r *report) contextTable(b *strings.Builder) {
	b.WriteString("\nContext from all sources, schema `ecs`, ns an event, by how many addresses the far ends are; a million no cache keeps. Passes without and with take turns; what is more is the median of the pairs.\n\n| | 1,000 | 40,000 | 1,000,000 |\n|---|---:|---:|---:|\n")
	for _, row := range []struct{ name, benchmark, unit string }{
		{"without", "Context/ecs", "without-ns/tuple"}, {"with", "Context/ecs", "ns/tuple"}, {"more", "Context/ecs", "more-ns/tuple"},
		{"more, each address with an answer of its own, `context_cache 64M`", "Context/own", "more-ns/tuple"},
	} {
		fmt.Fprintf(b, "| %s |", row.name)
		for _, size := range contextSizes {
			ns, ok := r.at(row.benchmark, size)[row.unit]
			fmt.Fprintf(b, " %s |", cell("%.0f", ok, ns))
		}
		b.WriteString("\n")
	}
}

// at are the metrics of a benchmark at a size.
func (r *report) at(name string, size int) metrics {
	for _, b := range r.benchmarks {
		if b.name == name {
			return b.bySize[size]
		}
	}
	return nil
}

// cell is a figure, or nothing where there is none.
func cell(format string, is bool, value float64) string {
	if !is {
		return ""
	}
	return fmt.Sprintf(format, value)
}

func processor() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range bytes.Lines(info) {
		if key, value, ok := strings.Cut(string(line), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

const begin, end = "<!-- bench -->", "<!-- /bench -->"

// update puts text between the markers of a file; one without stays as it is.
func update(path, text string) error {
	file, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, found := strings.Cut(string(file), begin)
	_, tail, closed := strings.Cut(rest, end)
	if !found || !closed {
		progress("%s has no %s … %s: left as it is", path, begin, end)
		return nil
	}
	return os.WriteFile(path, []byte(head+begin+"\n"+text+end+tail), 0o644)
}
