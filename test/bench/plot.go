package main

import (
	"fmt"
	"strings"
)

// plot draws what each filter adds, in CPU seconds per million flows: one
// group of bars for each scenario. The colours read on light and on dark.
func (a *agent) plot() []byte {
	const (
		left, right   = 190, 70
		width, bar    = 760, 20
		top, groupGap = 46, 22
	)
	type row struct {
		y     int
		v     variant
		value float64
	}
	type heading struct {
		y    int
		text string
	}
	var rows []row
	var headings []heading
	y, most := top, 0.0
	for _, m := range a.measurements {
		headings = append(headings, heading{y + bar - 6, m.name})
		for v := floor; v <= lua; v++ {
			if len(m.runs[v]) == 0 {
				continue
			}
			value := m.adds(v) * 1e6 / float64(a.flows)
			rows = append(rows, row{y, v, value})
			most = max(most, value)
			y += bar
		}
		y += groupGap
	}

	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="13" role="img">
<title>CPU seconds that a filter adds per million flows</title>
<style>
text { fill: #24292f }
.floor { fill: #8c959f } .nsgflow { fill: #1a7f64 } .Lua { fill: #bc4c00 }
@media (prefers-color-scheme: dark) {
  text { fill: #d0d7de }
  .floor { fill: #6e7681 } .nsgflow { fill: #2ea98a } .Lua { fill: #db6d28 }
}
</style>
<text x="0" y="20" font-size="15" font-weight="600">CPU seconds that a filter adds to %s per million flows</text>
`, width, y, a.version)
	for _, h := range headings {
		fmt.Fprintf(&b, "<text x=\"0\" y=\"%d\">%s</text>\n", h.y, h.text)
	}
	for _, r := range rows {
		name := variantNames[r.v]
		length := r.value / most * (width - left - right)
		fmt.Fprintf(&b, "<rect class=%q x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\"/>", name, left, r.y, length, bar-3)
		fmt.Fprintf(&b, "<text x=\"%.1f\" y=\"%d\">%.2f %s</text>\n", left+length+6, r.y+bar-6, r.value, name)
	}
	b.WriteString("</svg>\n")
	return []byte(b.String())
}
