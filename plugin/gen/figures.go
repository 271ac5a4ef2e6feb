package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// figures are the four of the README, out of the tables that make bench writes
// into docs/performance.md.
func figures(root string) (string, error) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "performance.md"))
	if err != nil {
		return "", err
	}
	var missing error
	cell := func(row string) string {
		m := regexp.MustCompile(`(?m)^\| ` + row).FindSubmatch(page)
		if m == nil {
			missing = fmt.Errorf("docs/performance.md has no row %q", row)
			return ""
		}
		return string(m[1])
	}
	const number = `([0-9.]+)`
	text := fmt.Sprintf(`| | schema sekoia | schema ecs |
|---|---:|---:|
| the filter adds to the agent's CPU, µs a flow | %s | %s |
| times what any filter costs that hands over as many bytes | %s | %s |
| of what the same mapping in Lua adds | %s | – |
| the library alone, dense NSG v2, MB/s of flow logs on one core | %s | %s |
`,
		cell(`sekoia, text \| nsgflow \| [0-9.]+ \| `+number), cell(`ecs, text \| nsgflow \| [0-9.]+ \| `+number),
		cell(`sekoia, text \| nsgflow \| [0-9.]+ \| [0-9.]+ \| `+number), cell(`ecs, text \| nsgflow \| [0-9.]+ \| [0-9.]+ \| `+number),
		cell(`sekoia, text \| nsgflow \| [0-9.]+ \| [0-9.]+ \| [0-9.]+ \| `+number),
		cell(`Core/v2-dense/sekoia \| [0-9]+ \| [0-9]+ \| [0-9]+ \| `+number), cell(`Core/v2-dense/ecs \| [0-9]+ \| [0-9]+ \| [0-9]+ \| `+number))
	return text, missing
}
