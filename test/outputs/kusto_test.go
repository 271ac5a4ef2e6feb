package outputs

import (
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fluent-bit-nsgflow/test/internal/npm"
	"fluent-bit-nsgflow/test/internal/pages"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// Queries of pages in KQL are such, and name columns of their table: the one that
// template.json makes, or Sentinel's, as far as sentinel.json fills it. There is no
// engine for KQL to run them in: this is Microsoft's own parser, which also knows what
// types functions take.
func TestKustoQueries(t *testing.T) {
	folder, err := npm.Install("", "@kusto/language-service-next", "12.4.1")
	if err != nil {
		t.Skipf("skipped: no language service for KQL: %v", err)
	}
	wrong := map[string]string{ // what it refuses
		"AzureFlow_CL | summarize sum(network.bytes)":                            "summable",
		"AzureFlow_CL | summarize sum(tolong(network.bytes)) by source.ip":       "dynamic",
		`AzureFlow_CL | where netwrk.direction == "outbound"`:                    "netwrk",
		`AzureFlow_CL | where network.direction == "outbound" summarize count()`: "Expected",
		`ASimNetworkSessionLogs | where DvcActoin == "Deny"`:                     "DvcActoin",
		"ASimNetworkSessionLogs | summarize sum(NetworkBytes) by SrcUsername":    "SrcUsername", // which no event has
		"ASimNetworkSessionLogs | summarize sum(SrcIpAddr)":                      "summable",
		"ASimNetworkSessionLogs | where Src == '192.0.2.4'":                      "'Src'", // which the parser adds
		"_Im_NetworkSession | summarize count() by DvcSubscriptionId":            "DvcSubscriptionId",
	}
	queries := slices.Collect(maps.Keys(wrong))
	for _, s := range pages.Snippets(t, "kusto") {
		queries = append(queries, s.Text)
		if sentinel.MatchString(s.Text) {
			queries = append(queries, sentinel.ReplaceAllString(s.Text, "_Im_NetworkSession\n"))
		}
	}
	if len(queries) == len(wrong) {
		t.Fatal("no page has a query")
	}
	tables, err := json.Marshal(map[string]string{
		ownTable.table:       kustoColumns(declaredColumns(t, ownTable)),
		nativeTable.table:    kustoColumns(declaredColumns(t, nativeTable)),
		"_Im_NetworkSession": kustoColumns(behindParser(declaredColumns(t, nativeTable))),
	})
	if err != nil {
		t.Fatal(err)
	}
	input, err := json.Marshal(queries)
	if err != nil {
		t.Fatal(err)
	}
	check := exec.Command("node", textfile.Path("test/outputs/kusto/check.js"), folder, string(tables))
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

// sentinel is the line of a query that names Sentinel's table.
var sentinel = regexp.MustCompile(`(?m)^ASimNetworkSessionLogs\n`)

// behindParser are columns that the parser of the table hands over: without the one
// that it takes away, and with those that it adds (ASimNetworkSessionNative, version
// 0.3).
func behindParser(columns map[string]string) map[string]string {
	columns = maps.Clone(columns)
	delete(columns, "DvcSubscriptionId")
	for _, name := range []string{"EventUid", "EventSchema", "DvcScopeId", "Dst", "Src", "Hostname", "IpAddr", "Rule", "SessionId"} {
		columns[name] = "string"
	}
	columns["Duration"] = "int"
	return columns
}

// kustoColumns is a table's schema in KQL: (column: type, …).
func kustoColumns(types map[string]string) string {
	var columns []string
	for name, kind := range types {
		columns = append(columns, name+": "+kind)
	}
	return "(" + strings.Join(columns, ", ") + ")"
}
