package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"fluent-bit-nsgflow/test/engine"
)

// benchmark is a Go benchmark at all its sizes.
type benchmark struct {
	name   string // without "Benchmark" and without the size
	bySize map[int]metrics
}

// metrics are the medians by unit: ns/op, MB/s, ns/tuple, ….
type metrics map[string]float64

func (m metrics) allocsPerTuple() float64 { return m["allocs/op"] / m["tuples/op"] }
func (m metrics) timesCopy() float64      { return m["ns/tuple"] / m["copy-ns/tuple"] }

// perSecond is a throughput in MB/s, of in-B/tuple or out-B/tuple.
func (m metrics) perSecond(unit string) float64 { return m[unit] / m["ns/tuple"] * 1000 }

func runBenchmarks(ctx context.Context, s settings) ([]*benchmark, error) {
	// By the profile that the object is built by.
	args := []string{"test", "-pgo", engine.Path("plugin", "default.pgo"), "-run", "^$", "-bench", ".", "-benchmem", "-timeout", "30m",
		"-benchtime", s.benchtime.String(), "-count", "1", "./test/bench"}
	var all []byte
	for range s.runs { // in turns: what else the machine does comes in bursts of seconds
		progress("go %s", strings.Join(args, " "))
		command := exec.CommandContext(ctx, "go", args...)
		command.Dir = engine.Root()
		output, err := command.CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("%q: %w\n%s", command.Args, err, output)
		}
		all = append(all, output...)
	}
	return parseBenchmarks(all)
}

// parseBenchmarks reads lines like
//
//	BenchmarkCore/v2-dense/ecs/1000-2   1234   430123 ns/op   190.1 MB/s   0 B/op
//
// The figures of a name that comes several times become their medians.
func parseBenchmarks(output []byte) (all []*benchmark, err error) {
	values := map[string]map[string][]float64{}
	var names []string
	for line := range bytes.Lines(output) {
		fields := strings.Fields(string(line))
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		name := strings.TrimPrefix(fields[0], "Benchmark")
		if i := strings.LastIndexByte(name, '-'); i > strings.LastIndexByte(name, '/') {
			name = name[:i] // the number of processors
		}
		if values[name] == nil {
			values[name] = map[string][]float64{}
			names = append(names, name)
		}
		for i := 2; i+1 < len(fields); i += 2 {
			v, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return nil, fmt.Errorf("benchmark line %q: %w", line, err)
			}
			values[name][fields[i+1]] = append(values[name][fields[i+1]], v)
		}
	}
	for _, name := range names {
		row, last := name[:strings.LastIndexByte(name, '/')], name[strings.LastIndexByte(name, '/')+1:]
		size, err := strconv.Atoi(last)
		if err != nil {
			return nil, fmt.Errorf("benchmark %q: %w", name, err)
		}
		i := slices.IndexFunc(all, func(b *benchmark) bool { return b.name == row })
		if i < 0 {
			i = len(all)
			all = append(all, &benchmark{row, map[int]metrics{}})
		}
		all[i].bySize[size] = metrics{}
		for unit, v := range values[name] {
			all[i].bySize[size][unit] = median(v)
		}
	}
	return all, nil
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}
