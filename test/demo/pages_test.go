package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fluent-bit-nsgflow/test/engine"
	"fluent-bit-nsgflow/test/loggen"
)

// Queries of pages that the demo does not ask.
var (
	byInterface = question{
		"How many bytes has each interface?",
		`network.bytes:>0 | stats by (observer.mac) sum(network.bytes) as bytes | sort by (bytes desc)`,
		[]string{"observer.mac", "bytes"},
	}
	portsOfMinute = question{
		"Who was denied at more than 100 ports of a machine within a minute?",
		`event.action:=reject | stats by (_time:1m, source.ip, destination.ip) sum(azure.flow_log.aggregate.destination_ports) as ports,` +
			` sum(azure.flow_log.aggregate.tuples) as flows | filter ports:>100 | sort by (_time, ports desc)`,
		[]string{"_time", "source.ip", "destination.ip", "ports", "flows"},
	}
)

// Queries in LogsQL of every page are tested here, and those of this file are on
// a page.
func TestQueriesOfPages(t *testing.T) {
	files, err := filepath.Glob(engine.Path("docs", "*.md"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d pages, %v", len(files), err)
	}
	var found []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("(?s)\n```logsql\n(.*?)\n```").FindAllSubmatch(text, -1) {
			found = append(found, strings.Split(string(m[1]), "\n")...)
		}
	}
	for _, q := range found {
		if !slices.ContainsFunc(append([]question{byInterface, portsOfMinute}, questions...), func(known question) bool { return known.query == q }) {
			t.Errorf("no question has %q", q)
		}
	}
	for _, q := range []question{byInterface, portsOfMinute} {
		if !slices.Contains(found, q.query) {
			t.Errorf("no page has %q", q.query)
		}
	}
}

// The demo's questions are asked of Sentinel's table, too.
func TestQuestionsInKQL(t *testing.T) {
	page, err := os.ReadFile(engine.Path("docs", "schema-asim.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range questions {
		_, after, _ := strings.Cut(string(page), "\n"+q.title)
		if !strings.HasPrefix(strings.TrimPrefix(after, ":"), "\n\n```kusto\n") {
			t.Errorf("no query follows %q", q.title)
		}
	}
}

// What an interface has is what its flow logs say, also of flows that two have.
func TestBytesByInterface(t *testing.T) {
	t.Parallel()
	object, program := built(t)
	h := lastHour(time.Now(), 20)
	want := map[string]string{}
	sums := map[int]int{}
	for _, l := range h.logs {
		for _, f := range flowsOf(hour{logs: []loggen.Log{l}}) {
			sums[l.NIC] += f.bytes
		}
		want[fmt.Sprintf(`["00-0D-3A-F1-C2-%02X"]`, 0x7E+l.NIC)] = strconv.Itoa(sums[l.NIC])
	}
	got := map[string]string{}
	for _, r := range asked(t, stored(t, object, program, "", h), byInterface.query) {
		got[r["observer.mac"]] = r["bytes"]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("bytes (-logs +store): %s", diff)
	}
}

// A scan that no event shows whole is found in their sum: Azure has cut the minute
// into records, and each aggregates on its own.
func TestPortsOfMinute(t *testing.T) {
	t.Parallel()
	_, program := built(t)
	h := hour{start: time.Now().UTC().Truncate(time.Hour).Add(-time.Hour)}
	for nic, family := range []loggen.Family{loggen.NSGv2, loggen.VNet} {
		h.logs = append(h.logs, loggen.Log{Family: family, NIC: nic, Records: 12, Parts: 4, Tuples: 450, Traffic: loggen.Realistic, Start: h.start})
	}
	s := storedAs(t, program, h, "schema=ecs", "aggregate=service", "aggregate_denied=host")
	var got []string
	for _, r := range asked(t, s, portsOfMinute.query) {
		got = append(got, strings.Join([]string{r["_time"], r["source.ip"], r["destination.ip"], r["ports"], r["flows"]}, " "))
	}
	most := asked(t, s, `event.action:=reject | max(azure.flow_log.aggregate.destination_ports) as ports`)
	if n, err := strconv.Atoi(most[0]["ports"]); n == 0 || n > 100 || err != nil {
		t.Errorf("an event has %v ports, %v: it shows the scan", most, err)
	}
	slices.Sort(got)
	if diff := cmp.Diff(scans(h), got); diff != "" || len(got) == 0 {
		t.Errorf("scans (-logs +store): %s", diff)
	}
}

// scans are the minutes in which records that denied a pair of hosts have more
// than 100 ports together.
func scans(h hour) (all []string) {
	type counts struct{ ports, flows int }
	minutes := map[string]*counts{}
	for _, l := range h.logs {
		for i := range l.Records {
			inRecord := map[string]map[string]bool{}
			for _, g := range l.Record(i).Groups {
				for _, tuple := range g.Tuples {
					f := flowOf(l.Family, g.Rule, strings.Split(tuple, ","))
					if !f.denied {
						continue
					}
					key := strings.Join([]string{f.at.UTC().Truncate(time.Minute).Format(time.RFC3339), f.source, f.destination}, " ")
					if minutes[key] == nil {
						minutes[key] = &counts{}
					}
					minutes[key].flows++
					if inRecord[key] == nil {
						inRecord[key] = map[string]bool{}
					}
					inRecord[key][f.port] = true
				}
			}
			for key, ports := range inRecord {
				minutes[key].ports += len(ports)
			}
		}
	}
	for key, c := range minutes {
		if c.ports > 100 {
			all = append(all, fmt.Sprintf("%s %d %d", key, c.ports, c.flows))
		}
	}
	slices.Sort(all)
	return all
}

// storedAs is an hour in a store of its own, with options of the filter that
// aggregate.
func storedAs(t *testing.T, program string, h hour, options ...string) *store {
	t.Helper()
	folder := t.TempDir()
	if err := h.write(folder); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	events, err := engine.StandIn{Options: [][]string{options}}.Events(t.Context(), files)
	if err != nil {
		t.Fatal(err)
	}
	s, err := startStore(t.Context(), program, filepath.Join(t.TempDir(), "store"), freePort(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	for _, lines := range events {
		if _, err := s.post(t.Context(), "/insert/jsonline?_time_field=@timestamp&_msg_field=related.ip", "application/stream+json", bytes.NewReader(lines)); err != nil {
			t.Fatal(err)
		}
	}
	// Events can be found from a second after their insertion on.
	for range 100 {
		if rows := asked(t, s, `* | sum(azure.flow_log.aggregate.tuples) as flows`); rows[0]["flows"] == strconv.Itoa(h.flows()) {
			return s
		}
		if err := pause(t.Context(), 100*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatalf("not all of %d flows have arrived", h.flows())
	return nil
}

func asked(t *testing.T, s *store, query string) []row {
	t.Helper()
	rows, err := s.query(t.Context(), query)
	if err != nil || len(rows) == 0 {
		t.Fatalf("%s: %d rows, %v", query, len(rows), err)
	}
	return rows
}
