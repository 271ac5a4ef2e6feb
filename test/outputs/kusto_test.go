package outputs

import (
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"fluent-bit-nsgflow/test/internal/npm"
	"fluent-bit-nsgflow/test/internal/pages"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// Queries of pages in KQL are such, and name columns of the table that
// template.json makes, or of those of Sentinel's that sentinel.json fills. There is no engine for KQL to run them in: this is
// Microsoft's own parser, which also knows what types functions take.
func TestKustoQueries(t *testing.T) {
	folder, err := npm.Install("", "@kusto/language-service-next", "12.4.1")
	if err != nil {
		t.Skipf("skipped: no language service for KQL: %v", err)
	}
	wrong := map[string]string{ // what it refuses
		"ASimNetworkSessionLogs | summarize sum(SrcMacAddr)":                     "summable",
		"ASimNetworkSessionLogs | where Src == '192.0.2.4'":                      "'Src'",
		"AzureFlow_CL | summarize sum(network.bytes)":                            "summable",
		"AzureFlow_CL | summarize sum(tolong(network.bytes)) by source.ip":       "dynamic",
		`AzureFlow_CL | where netwrk.direction == "outbound"`:                    "netwrk",
		`AzureFlow_CL | where network.direction == "outbound" summarize count()`: "Expected",
	}
	queries := slices.Collect(maps.Keys(wrong))
	for _, s := range pages.Snippets(t, "kusto") {
		queries = append(queries, s.Text)
	}
	if len(queries) == len(wrong) {
		t.Fatal("no page has a query")
	}
	arguments := []string{textfile.Path("test/outputs/kusto/check.js"), folder}
	for _, to := range []ingested{ownTable, nativeTable} {
		var columns []string
		for name, kind := range declaredColumns(t, to) {
			columns = append(columns, name+": "+kind)
		}
		arguments = append(arguments, to.table, "("+strings.Join(columns, ", ")+")")
	}
	input, err := json.Marshal(queries)
	if err != nil {
		t.Fatal(err)
	}
	check := exec.Command("node", arguments...)
	check.Stdin = strings.NewReader(string(input))
	out, err := check.Output()
	var found [][]string
	if err == nil {
		err = json.Unmarshal(out, &found)
	}
	if err != nil || len(found) != len(queries) {
		t.Fatalf("%v: %s", err, out)
	}
	for i, q := range queries {
		if said := fmt.Sprint(found[i]); len(found[i]) > 0 != (wrong[q] != "") || !strings.Contains(said, wrong[q]) {
			t.Errorf("%s\n%s", q, said)
		}
	}
}
