// Command bench measures what the filter costs, and prints it as Markdown:
//
//   - in the Fluent Bit of this machine, 85 MB of flow logs through tail and
//     nsgflow, beside no filter at all, a floor that only hands over ready-made
//     events (floor/floor.c), and the same mapping in Lua (flows.lua);
//   - the filter callback alone, in the stand-in host;
//   - the Go benchmarks of core and chunk path.
//
// Everything that is compared runs in turns, so that what else the machine
// does falls on all of it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"fluent-bit-nsgflow/test/engine"
)

type settings struct {
	runs      int
	benchtime time.Duration
	records   int
	svg       string
	update    bool
	only      string
}

func main() {
	var s settings
	flag.IntVar(&s.runs, "runs", 3, "how often each variant runs; figures are medians")
	flag.DurationVar(&s.benchtime, "benchtime", 50*time.Millisecond, "time for each Go benchmark and run; 0: none of them")
	flag.IntVar(&s.records, "records", 20_000, "records of 48 flows in the log that Fluent Bit reads; 0: no Fluent Bit")
	flag.StringVar(&s.svg, "svg", engine.Path("test", "bench", "cost.svg"), "where the plot goes")
	flag.BoolVar(&s.update, "update", false, "also put the tables into docs/performance.md, between its markers")
	flag.StringVar(&s.only, "only", "", "only pipelines with this in their names")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Minute)
	defer cancel()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings) error {
	work, err := os.MkdirTemp("", "nsgflow-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := engine.Make("build", "hosts"); err != nil {
		return err
	}
	r := report{settings: s}

	// Fluent Bit first: the peak memory that the kernel notes for a child
	// is at least that of its parent, which is small as yet.
	path, how := engine.Find()
	switch {
	case s.records == 0:
		progress("Fluent Bit: skipped, no records wanted")
	case path == "":
		progress("Fluent Bit: skipped, %s", how)
	default:
		progress("Fluent Bit: %s", how)
		p := pipeline{fluentBit: path, work: work, records: s.records, only: s.only}
		if r.agent, err = p.measure(ctx, s.runs); err != nil {
			return err
		}
		if err := os.WriteFile(s.svg, r.agent.plot(), 0o644); err != nil {
			return err
		}
	}
	if s.benchtime > 0 {
		if r.benchmarks, err = runBenchmarks(ctx, s); err != nil {
			return err
		}
	}
	text := r.markdown()
	fmt.Print(text)
	if s.update {
		return update(engine.Path("docs", "performance.md"), text)
	}
	return nil
}

func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}

// objectOf is the path of a native filter: nsgflow, or what build makes here.
func objectOf(work, filter string) string {
	if filter == "nsgflow" {
		return engine.Path("build", "flb-filter_nsgflow.so")
	}
	return filepath.Join(work, "flb-filter_"+filter+".so")
}
