package main

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"fluent-bit-nsgflow/test/loggen"
)

// flow is a tuple as this test reads it, without the filter.
type flow struct {
	at                  time.Time
	source, destination string
	port                string
	denied, outbound    bool
	again               bool // the log of the other side has it, too
	rule                string
	packets, bytes      int
}

// flowsOf reads the tuples of an hour.
func flowsOf(h hour) (all []flow) {
	for _, l := range h.logs {
		for i := range l.Records {
			for _, g := range l.Record(i).Groups {
				for _, t := range g.Tuples {
					f := flowOf(l.Family, g.Rule, strings.Split(t, ","))
					f.again = l.Traffic == loggen.Inside && l.Inbound
					all = append(all, f)
				}
			}
		}
	}
	return all
}

func flowOf(family loggen.Family, rule string, c []string) flow {
	n := func(i int) int {
		v, _ := strconv.Atoi(c[i]) // empty: 0
		return v
	}
	f := flow{source: c[1], destination: c[2], port: c[4], denied: c[7] == "D", outbound: c[6] == "O", rule: rule, packets: n(9) + n(11), bytes: n(10) + n(12)}
	if family == loggen.VNet {
		f.at = time.UnixMilli(int64(n(0)))
	} else {
		f.at = time.Unix(int64(n(0)), 0)
	}
	return f
}

// fromInternet and begun read addresses, not directions: the interfaces have
// 10.20.0.0/24.
func (f flow) fromInternet() bool { return !netip.MustParseAddr(f.source).IsPrivate() }
func (f flow) begun() bool        { return strings.HasPrefix(f.source, "10.20.0.") && !f.again }

// group is what the flows with a key have in common.
type group struct {
	flows, packets, bytes, internet, begun int
	sources, ports, hosts                  map[string]bool
}

// grouped are the flows that count, by a key.
func grouped(flows []flow, counts func(flow) bool, key func(flow) string) map[string]*group {
	all := map[string]*group{}
	for _, f := range flows {
		if !counts(f) {
			continue
		}
		g := all[key(f)]
		if g == nil {
			g = &group{sources: map[string]bool{}, ports: map[string]bool{}, hosts: map[string]bool{}}
			all[key(f)] = g
		}
		g.flows++
		g.packets += f.packets
		g.bytes += f.bytes
		if f.fromInternet() {
			g.internet += f.bytes
		} else if f.begun() {
			g.begun += f.bytes
		}
		g.sources[f.source], g.ports[f.port], g.hosts[f.destination] = true, true, true
	}
	return all
}

// expected are all rows of each answer, in no order: key and values as they
// stand in the table.
func expected(flows []flow) (answers []map[string][]int) {
	source := func(f flow) string { return f.source }
	moved := func(f flow) bool { return f.bytes > 0 }
	denied := func(f flow) bool { return f.denied }
	for _, a := range []struct {
		counts func(flow) bool
		key    func(flow) string
		values func(*group) []int // none: not in the answer
	}{
		{func(f flow) bool { return moved(f) && f.begun() }, source, func(g *group) []int { return []int{g.bytes, g.packets} }},
		{denied, func(f flow) string { return f.port }, func(g *group) []int { return []int{g.flows, len(g.sources)} }},
		{denied, source, func(g *group) []int {
			if len(g.ports) <= 3 && len(g.hosts) <= 3 {
				return nil
			}
			return []int{len(g.ports), len(g.hosts), g.flows}
		}},
		{moved, func(f flow) string { return f.at.UTC().Truncate(5 * time.Minute).Format(time.RFC3339) }, func(g *group) []int { return []int{g.internet, g.begun} }},
		{func(f flow) bool { return !f.denied && f.fromInternet() },
			func(f flow) string { return f.rule + " " + f.port }, func(g *group) []int { return []int{g.flows, len(g.sources), g.bytes} }},
	} {
		rows := map[string][]int{}
		for key, g := range grouped(flows, a.counts, a.key) {
			if values := a.values(g); values != nil {
				rows[key] = values
			}
		}
		answers = append(answers, rows)
	}
	return answers
}

// best are the first values that a table of a length has, the largest first.
func best(rows map[string][]int, length int) (all []int) {
	for _, values := range rows {
		all = append(all, values[0])
	}
	slices.Sort(all)
	slices.Reverse(all)
	return all[:min(length, len(all))]
}
