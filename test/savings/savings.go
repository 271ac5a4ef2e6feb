// Command savings measures what settings leave of events and bytes, and brings the
// table in docs/volume.md up to date.
package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/plugin/tables"
	"fluent-bit-nsgflow/test/loggen"
)

// settings are the rows of the table in docs/volume.md, as one writes
// them into a configuration.
var settings = []string{
	"",
	"aggregate connection",
	"aggregate service",
	"aggregate service; aggregate_denied off",
	"aggregate host",
	"aggregate_denied host",
	"aggregate service; aggregate_denied host",
	"drop begin",
	"drop denied; aggregate service",
	"exclude_fields " + leanFields,
	"aggregate service; aggregate_denied host; exclude_fields " + leanFields,
}

// leanFields are constant, or follow from other fields, in schema ecs; they are
// those of conf/lean.conf.
const leanFields = "event.provider,event.module,network.iana_number,network.type,source.address,destination.address,related,observer,cloud.provider,cloud.service,azure.resource.id,azure.flow_log.system_id,azure.flow_log.time"

// logs are those that the table is measured on.
var logs = []loggen.Log{
	{Family: loggen.NSGv2, Records: 20, Tuples: 300, Seed: 1, Traffic: loggen.Realistic},
	{Family: loggen.VNet, Records: 20, Tuples: 300, Seed: 2, Traffic: loggen.Realistic},
}

const page = "docs/volume.md"

func main() {
	text, err := os.ReadFile(page)
	if err == nil {
		err = os.WriteFile(page, filled(text), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "savings:", err)
		os.Exit(1)
	}
}

var block = regexp.MustCompile(`(?s)(<!-- measured: savings -->\n).*?(<!-- /measured -->)`)

// filled is the page with the table of now.
func filled(page []byte) []byte {
	return block.ReplaceAll(page, []byte("${1}"+strings.ReplaceAll(measure(), "$", "$$")+"${2}"))
}

// measure says what settings leave of events, and of their bytes as JSON, in
// per cent.
func measure() string {
	var b strings.Builder
	b.WriteString("| settings, schema `ecs` | NSG v2: events, % | bytes, % | VNet: events, % | bytes, % |\n|---|---:|---:|---:|---:|\n")
	var all [2]left
	for i, setting := range settings {
		words := "none"
		if setting != "" {
			words = "`" + strings.ReplaceAll(setting, "; ", "`, `") + "`"
			words = strings.ReplaceAll(words, leanFields, "…")
		}
		fmt.Fprintf(&b, "| %s |", words)
		for k, log := range logs {
			l := leaves(log, setting)
			if i == 0 {
				all[k] = l
			}
			fmt.Fprintf(&b, " %.1f | %.1f |", l.events/all[k].events*100, l.bytes/all[k].bytes*100)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "\n100 %% are %.0f events of %.0f bytes (NSG v2) and of %.0f bytes (VNet) on average; `…` stands for the fields of [`lean.conf`](../conf/lean.conf).\n",
		all[0].events, all[0].bytes/all[0].events, all[1].bytes/all[1].events)
	return b.String()
}

// left is what settings leave of a log.
type left struct{ events, bytes float64 }

func leaves(log loggen.Log, setting string) left {
	configured := map[string]string{"schema": "ecs"}
	for _, option := range strings.Split(setting, "; ") {
		key, value, _ := strings.Cut(option, " ")
		configured[key] = value
	}
	options, err := tables.ParseFilterOptions(func(key string) (string, bool) { v, ok := configured[key]; return v, ok })
	if err != nil {
		panic(err) // the settings above are good
	}
	n, err := nsgflow.New(options.Options)
	if err != nil {
		panic(err)
	}
	var text bytes.Buffer
	if err := log.Write(&text, loggen.Blob); err != nil {
		panic(err) // a buffer takes everything
	}
	records, _ := n.AppendText(nil, text.Bytes(), nsgflow.Frame{})
	return left{float64(n.Counts().Events), float64(len(nsgflow.AppendJSONLines(nil, records)))}
}
