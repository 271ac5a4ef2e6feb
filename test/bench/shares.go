package main

import "fmt"

// The figures that are derived from the runs. Shares are taken turn by turn:
// what slows the machine down falls on both of their sides.

// cpu is in seconds.
func (m *measurement) cpu(v variant) float64 {
	return m.median(v, func(turn int) float64 { return m.runs[v][turn].cpu.Seconds() })
}

func (m *measurement) peak(v variant) float64 {
	return m.median(v, func(turn int) float64 { return m.runs[v][turn].peakMB })
}

// adds is the CPU, in seconds, that is not spent without a filter.
func (m *measurement) adds(v variant) float64 {
	return m.median(v, func(turn int) float64 { return m.added(v, turn) })
}

// share is what v adds, by what other adds.
func (m *measurement) share(v, other variant) float64 {
	if len(m.runs[other]) == 0 {
		return 0
	}
	return m.median(v, func(turn int) float64 { return m.added(v, turn) / m.added(other, turn) })
}

func (m *measurement) added(v variant, turn int) float64 {
	return (m.runs[v][turn].cpu - m.runs[none][turn].cpu).Seconds()
}

// times is what nsgflow adds, by what it adds in another scenario.
func (m *measurement) times(other *measurement) float64 {
	return m.median(ours, func(turn int) float64 { return m.added(ours, turn) / other.added(ours, turn) })
}

// named is a measurement by the name of its scenario.
func (a *agent) named(name string) *measurement {
	for _, m := range a.measurements {
		if m.name == name {
			return m
		}
	}
	return nil // it did not run
}

func (m *measurement) callbackNs(v variant) float64 {
	var all []float64
	for _, d := range m.callback[v] {
		all = append(all, float64(d.Nanoseconds()))
	}
	return median(all)
}

func (m *measurement) median(v variant, of func(turn int) float64) float64 {
	var all []float64
	for turn := range m.runs[v] {
		all = append(all, of(turn))
	}
	return median(all)
}

// check is a promise with its limit: value must not be above.
type check struct {
	what         string
	limit, value float64
}

func (r *report) checks() (all []check) {
	if r.agent != nil {
		for _, m := range r.agent.measurements {
			if m.most > 0 {
				all = append(all, check{m.name + ": nsgflow adds, times the floor", m.most, m.share(ours, floor)})
			}
			if other := r.agent.named(m.like); other != nil {
				all = append(all, check{m.name + ": nsgflow adds, times without aggregate", 1.3, m.times(other)})
			}
			if m.lua {
				all = append(all,
					check{m.name + ": nsgflow adds, of what Lua adds", 0.2, m.share(ours, lua)},
					check{m.name + ": callback, of Lua's own share", 1.0 / 25, m.callbackNs(ours) / m.luaOwn(r.agent.flows)})
			}
		}
	}
	if len(r.benchmarks) == 0 {
		return all
	}
	at := r.at
	plain, foreign := at("Core/v2-dense/sekoia", 1_000), at("Foreign/small", 1_000)
	for _, schema := range []string{"sekoia", "ecs"} {
		without := at("Volume/mixed/"+schema+"/off", 1_000)
		all = append(all, check{"core, " + schema + ", nothing to aggregate: times without", 1.3, at("Volume/mixed/"+schema+"/service", 1_000)["ns/tuple"] / without["ns/tuple"]},
			check{"core, " + schema + ", realistic, aggregated: times without", 1, at("Volume/realistic/"+schema+"/service", 1_000)["ns/tuple"] / at("Volume/realistic/"+schema+"/off", 1_000)["ns/tuple"]})
	}
	for i, limit := range []float64{100, 160, 1500} {
		size := contextSizes[i]
		all = append(all, check{fmt.Sprintf("context, ecs, %d addresses: ns an event more", size), limit, at("Context/ecs", size)["more-ns/tuple"]})
	}
	return append(all,
		check{"context, ecs, 1000 addresses: allocations an event", 0, at("Context/ecs", 1_000).allocsPerTuple()},
		check{"core, dense NSG v2: times copy", 20, plain.timesCopy()},
		check{"core: allocations an event", 0, plain.allocsPerTuple()},
		check{"core, ecs: times copy", 40, at("Core/v2-dense/ecs", 1_000).timesCopy()},
		check{"core: with original, times without", 1.5, at("Core/v2-dense/sekoia-original", 1_000)["ns/tuple"] / plain["ns/tuple"]},
		check{"foreign, small: ns a record", 60, foreign["ns/tuple"]},
		check{"foreign, small: allocations", 0, foreign["allocs/op"]},
		check{"core: an event at 100,000, times at 1,000", 1.15, at("Core/v2-dense/sekoia", 100_000)["ns/tuple"] / plain["ns/tuple"]})
}
