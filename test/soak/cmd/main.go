// Command cmd does what the table of package soak says, row by row, and ends at
// the first that fails. Arguments choose rows, with a value or without:
// "cuts=100 stops".
package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"fluent-bit-nsgflow/test/soak"
)

func main() {
	text := strings.Join(os.Args[1:], ",")
	if text == "" {
		text = "all"
	}
	values, err := soak.Parse(text)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	for _, step := range steps(values) {
		fmt.Printf("== %s: %s\n", step.long, strings.Join(step.args, " "))
		began := time.Now()
		command := exec.Command("go", step.args...)
		command.Env = append(os.Environ(), "CGO_ENABLED=0", soak.Variable+"="+step.long)
		command.Stdout, command.Stderr = os.Stdout, os.Stderr
		err := command.Run()
		fmt.Printf("== %s took %s\n", step.long, time.Since(began).Round(time.Second))
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", step.long, err)
			os.Exit(1)
		}
	}
}

// step is a run of go test.
type step struct {
	long string // value of soak.Variable
	args []string
}

// steps are the runs for some values. Rows of the same test have one.
func steps(values map[string]int) (all []step) {
	at := map[string]int{}
	for _, r := range soak.Rows {
		n, ok := values[r.Name]
		if !ok {
			continue
		}
		long := r.Name + "=" + r.Value(n)
		if i, ok := at[r.Packages+r.Test]; ok {
			all[i].long += "," + long
			continue
		}
		at[r.Packages+r.Test] = len(all)
		// One package at a time: some measure.
		args := []string{"test", "-count=1", "-v", "-p=1", "-timeout=" + r.Timeout.String(), "-run=^" + r.Test + "$"}
		all = append(all, step{long, append(args, strings.Fields(r.Packages)...)})
	}
	return all
}
