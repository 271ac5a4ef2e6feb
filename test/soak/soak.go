// Package soak says how much tests do: little in "make test", much in "make
// soak".
//
// NSGFLOW_LONG asks for more in a run of go test: "all", or names of Rows, each
// with a value or without one, "kills=1000,stops". Tests that a row does not
// name do as much as always.
package soak

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Row is one thing of which long tests do more.
type Row struct {
	Name   string
	Counts string        // what the value counts
	Unit   time.Duration // of a value that is a time; 0: it is a number
	Short  int
	Long   int
	// Packages and Test are what "make soak" runs; Test is a regular expression.
	Packages, Test string
	Timeout        time.Duration
}

// Rows are in the order of "make soak". Rows of 0 and 1 are tests that do all
// or a selection.
var Rows = []Row{
	{"chunks", "chunks through one instance", 0, 10_000, 2_000_000, "./test/contract", "TestLeak", 4 * time.Hour},
	{"families", "all families and sizes of unkind records", 0, 0, 1, "./nsgflow ./test/pipeline", "Test(Proportion|HonestBlobs|Sequence|NothingOfLargeRecordsIsKept)", time.Hour},
	{"context", "time in which files of a context are replaced, under hot reloads", time.Second, 6, 600, "./test/contract ./plugin", "TestContextReplaced", time.Hour},
	{"storage", "thousands of blobs, fifty kills of a follower", 0, 0, 1, "./nsgflow/storage/...", "Test.*", time.Hour},
	{"kills", "kills of an agent that follows three accounts", 0, 5, 1000, "./test/input", "TestAzureKill", 4 * time.Hour},
	{"backlog", "MB of flow logs to catch up with", 0, 96, 1000, "./test/input", "TestAzureBacklog(AndNow)?", time.Hour},
	{"interrupted", "MB to catch up with, under kills", 0, 24, 120, "./test/input", "TestAzureBacklogKill", 4 * time.Hour},
	{"interruptions", "kills while an agent catches up", 0, 1, 10, "./test/input", "TestAzureBacklogKill", 4 * time.Hour},
	{"packages", "packages of every architecture, from two checkouts, in two Debians", 0, 0, 1, "./test/package", "Test.*", 20 * time.Minute},
	{"cuts", "power cuts of a virtual machine", 0, 3, 50, "./test/powercut", "TestPowerCut", 4 * time.Hour},
	{"trouble", "time with one fault after another", time.Second, 48, 6000, "./test/input", "TestAzureTrouble", 4 * time.Hour},
	{"estate", "accounts in one agent", 0, 6, 28, "./test/input", "TestAzureEstate", 2 * time.Hour},
	{"stops", "stops in the middle of reading", 0, 4, 500, "./test/input", "TestAzureStops", 2 * time.Hour},
	{"still", "time for which an agent is stopped by SIGSTOP", time.Second, 3, 30, "./test/input", "TestAzureStoppedProcess", 10 * time.Minute},
}

// N is the value of a row for this run.
func N(name string) int {
	n, ok := asked()[name]
	if !ok {
		n = row(name).Short
	}
	return n
}

// Time is the value of a row that counts time.
func Time(name string) time.Duration { return time.Duration(N(name)) * row(name).Unit }

// Long reports whether a row has another value than in "make test".
func Long(name string) bool { return N(name) != row(name).Short }

// Variable is what asks for more.
const Variable = "NSGFLOW_LONG"

var asked = sync.OnceValue(func() map[string]int {
	values, err := Parse(os.Getenv(Variable))
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", Variable, err)
		os.Exit(1)
	}
	return values
})

// Parse reads what Variable may hold: values by the names of rows.
func Parse(text string) (map[string]int, error) {
	values := map[string]int{}
	for _, one := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' }) {
		name, value, given := strings.Cut(one, "=")
		known := false
		for _, r := range Rows {
			if name != r.Name && one != "all" {
				continue
			}
			known = true
			values[r.Name] = r.Long
			if given {
				n, err := r.parse(value)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", one, err)
				}
				values[r.Name] = n
			}
		}
		if !known {
			return nil, fmt.Errorf("nothing is called %q: there are all, %s", name, strings.Join(names(), ", "))
		}
	}
	return values, nil
}

// parse reads a value.
func (r Row) parse(text string) (int, error) {
	if r.Unit == 0 {
		return strconv.Atoi(text)
	}
	d, err := time.ParseDuration(text)
	return int(d / r.Unit), err
}

// Value is a number as Parse takes it.
func (r Row) Value(n int) string {
	if r.Unit == 0 {
		return strconv.Itoa(n)
	}
	return (time.Duration(n) * r.Unit).String()
}

func names() (all []string) {
	for _, r := range Rows {
		all = append(all, r.Name)
	}
	return all
}

func row(name string) Row {
	for _, r := range Rows {
		if r.Name == name {
			return r
		}
	}
	panic("soak: no row " + name)
}
