package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"fluent-bit-nsgflow/test/contexts"
	"fluent-bit-nsgflow/test/engine"
	"fluent-bit-nsgflow/test/loggen"
)

const (
	flowsPerRecord = 48  // of logs whose flows have nothing in common
	flowsOfServer  = 300 // of realistic ones
)

// pipeline runs a real Fluent Bit: tail, a filter, null.
type pipeline struct {
	fluentBit string
	work      string
	records   int
	only      string
}

// scenario is what the variants have in common.
type scenario struct {
	name    string
	input   string // text, or structured: by tail's JSON parser
	options []string
	lua     bool
	traffic loggen.Traffic
	// aggregate is an option besides: the floor hands over the events that
	// come without it.
	aggregate string
	// most is what nsgflow may add, times the floor; 0: no limit.
	most float64
	// context is whether all sources of one are on.
	context bool
	// like names the scenario without aggregate, which it may cost 1.3 times.
	like string
}

var (
	inSekoia = []string{"schema=sekoia", "original=off"}
	inECS    = []string{"schema=ecs", "original=off"}
)

var scenarios = []scenario{
	{name: "sekoia, text", input: "text", options: inSekoia, lua: true, most: 1.4},
	{name: "sekoia, structured", input: "structured", options: inSekoia, lua: true, most: 1.4},
	{name: "sekoia with original, text", input: "text", options: []string{"schema=sekoia", "original=on"}, lua: true, most: 1.4},
	{name: "ecs, text", input: "text", options: inECS, most: 1.4},
	{name: "asim, text", input: "text", options: []string{"schema=asim", "original=off"}, most: 1.4},
	{name: "ocsf, text", input: "text", options: []string{"schema=ocsf", "original=off"}, most: 1.4},
	{name: "otel, text", input: "text", options: []string{"schema=otel", "original=off"}, most: 1.4},
	{name: "ecs, realistic", input: "text", options: inECS, traffic: loggen.Realistic, most: 1.4},
	{name: "ecs, realistic, aggregated", input: "text", options: inECS, traffic: loggen.Realistic, aggregate: "aggregate=service", most: 0.5},
	{name: "ecs, realistic, with context", input: "text", options: inECS, traffic: loggen.Realistic, context: true, most: 1.4},
	{name: "ecs, nothing to aggregate", input: "text", options: inECS, aggregate: "aggregate=service", like: "ecs, text"},
	{name: "sekoia, nothing to aggregate", input: "text", options: inSekoia, aggregate: "aggregate=service", like: "sekoia, text"},
}

// log is a flow log of about so many flows.
func (s *scenario) log(flows int) loggen.Log {
	tuples := flowsPerRecord
	if s.traffic == loggen.Realistic {
		tuples = flowsOfServer
	}
	return loggen.Log{Family: loggen.NSGv2, Records: max(1, flows/tuples), Tuples: tuples, Seed: 1, Traffic: s.traffic}
}

// file is the name of the log that Fluent Bit reads.
func (s *scenario) file() string { return string(s.traffic) + "flows.log" }

// settings are all options of the filter.
func (p *pipeline) settings(s *scenario) []string {
	all := slices.Clone(s.options)
	if s.aggregate != "" {
		all = append(all, s.aggregate)
	}
	if s.context {
		for _, o := range contextOptions {
			all = append(all, o.option+p.path(o.file))
		}
	}
	return all
}

// contextOptions name the files of the estate that tests speak of.
var contextOptions = []struct{ option, file string }{
	{"context_service_tags=", "tags.json"}, {"context_inventory=", "inventory.jsonl"}, {"context_networks=", "networks.csv"},
	{"context_geo=", "city.mmdb"}, {"context_asn=", "city.mmdb"}, {"context_threats=feodo=", "feodo.csv"},
}

// variant is what stands between tail and null.
type variant int

const (
	none variant = iota
	floor
	ours
	lua
	variants
)

var variantNames = [variants]string{"no filter", "floor", "nsgflow", "Lua"}

// cost is one run of an agent.
type cost struct {
	cpu    time.Duration
	peakMB float64
}

// measurement holds the runs of a scenario, by variant, in the order of the turns.
type measurement struct {
	scenario
	runs     [variants][]cost
	callback [variants][]time.Duration // per flow, in the stand-in host; floor and ours
}

// agent is what was measured in a Fluent Bit.
type agent struct {
	version      string
	flows        int
	megabytes    float64
	measurements []*measurement
}

func (p *pipeline) measure(ctx context.Context, turns int) (*agent, error) {
	version, err := exec.CommandContext(ctx, p.fluentBit, "--version").Output()
	if err != nil {
		return nil, err
	}
	first, _, _ := strings.Cut(string(version), "\n")
	a := &agent{version: first, flows: p.records * flowsPerRecord}
	if err := p.prepare(ctx); err != nil {
		return nil, err
	}
	if info, err := os.Stat(p.path("flows.log")); err == nil {
		a.megabytes = float64(info.Size()) / 1e6
	}
	for i := range scenarios {
		s := &scenarios[i]
		if !strings.Contains(s.name, p.only) {
			continue
		}
		if s.lua {
			if err := p.agree(ctx, s); err != nil {
				return nil, err
			}
		}
		if err := p.floorEvents(ctx, s); err != nil {
			return nil, err
		}
		a.measurements = append(a.measurements, &measurement{scenario: *s})
	}
	progress("Lua gives the same events as nsgflow")
	for turn := range turns {
		for _, m := range a.measurements {
			for v := range variants {
				if v == lua && !m.lua {
					continue
				}
				c, err := p.cost(ctx, &m.scenario, v)
				if err != nil {
					return nil, err
				}
				m.runs[v] = append(m.runs[v], c)
				progress("turn %d of %d, %s, %s: %.2f s, %.0f MB", turn+1, turns, m.name, variantNames[v], c.cpu.Seconds(), c.peakMB)
			}
			for _, v := range []variant{floor, ours} {
				d, err := p.callback(ctx, &m.scenario, v)
				if err != nil {
					return nil, err
				}
				m.callback[v] = append(m.callback[v], d)
			}
		}
	}
	return a, nil
}

func (p *pipeline) path(name string) string { return filepath.Join(p.work, name) }

// prepare writes the logs and builds the floor.
func (p *pipeline) prepare(ctx context.Context) error {
	mixed, realistic := scenario{}, scenario{traffic: loggen.Realistic}
	for name, log := range map[string]loggen.Log{
		mixed.file(): mixed.log(p.records * flowsPerRecord), "few.log": mixed.log(50 * flowsPerRecord),
		realistic.file(): realistic.log(p.records * flowsPerRecord),
	} {
		file, err := os.Create(p.path(name))
		if err != nil {
			return err
		}
		if err := log.Write(file, loggen.Records); err != nil {
			return err
		}
		if err := file.Close(); err != nil {
			return err
		}
	}
	if err := os.WriteFile(p.path("parsers.conf"), []byte("[PARSER]\n    Name json\n    Format json\n"), 0o644); err != nil {
		return err
	}
	for name, text := range contexts.All {
		if err := os.WriteFile(p.path(name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	script, err := os.ReadFile(engine.Path("test", "bench", "flows.lua"))
	if err != nil {
		return err
	}
	for _, original := range []string{"on", "off"} {
		text := fmt.Appendf(nil, "original = %t\n%s", original == "on", script)
		if err := os.WriteFile(p.path(original+".lua"), text, 0o644); err != nil {
			return err
		}
	}
	output, err := exec.CommandContext(ctx, "gcc", "-O2", "-shared", "-fPIC", "-o", objectOf(p.work, "floor"),
		engine.Path("test", "bench", "floor", "floor.c"), "-ldl").CombinedOutput()
	if err != nil {
		return fmt.Errorf("building the floor: %w\n%s", err, output)
	}
	return nil
}

// command is an agent that reads a log to its end.
func (p *pipeline) command(ctx context.Context, s *scenario, v variant, log string, output ...string) *exec.Cmd {
	var args []string
	if v == floor || v == ours {
		args = append(args, "-e", objectOf(p.work, filterNames[v]))
	}
	args = append(args, "-R", p.path("parsers.conf"), "-i", "tail", "-t", "flow", "-p", "path="+p.path(log),
		"-p", "read_from_head=true", "-p", "exit_on_eof=true", "-p", "buffer_chunk_size=256k", "-p", "buffer_max_size=512M")
	if s.input == "structured" {
		args = append(args, "-p", "parser=json")
	}
	if v != none {
		args = append(args, "-F", filterNames[v], "-m", "flow")
	}
	switch v {
	case ours:
		for _, option := range p.settings(s) {
			args = append(args, "-p", option)
		}
	case lua:
		args = append(args, "-p", "script="+p.path(s.original()+".lua"), "-p", "call="+s.input)
	}
	command := exec.CommandContext(ctx, p.fluentBit, append(append(args, "-o"), output...)...)
	command.Env = append(os.Environ(), "FLOOR_EVENTS="+p.eventsOf(s))
	return command
}

var filterNames = [variants]string{floor: "floor", ours: "nsgflow", lua: "lua"}

func (s *scenario) original() string {
	_, value, _ := strings.Cut(s.options[1], "=")
	return value
}

func (p *pipeline) cost(ctx context.Context, s *scenario, v variant) (cost, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	command := p.command(ctx, s, v, s.file(), "null", "-m", "flow")
	if output, err := command.CombinedOutput(); err != nil {
		return cost{}, fmt.Errorf("%q: %w\n%s", command.Args, err, output)
	}
	state := command.ProcessState
	peak := float64(state.SysUsage().(*syscall.Rusage).Maxrss) * 1024 / 1e6
	return cost{state.UserTime() + state.SystemTime(), peak}, nil
}
