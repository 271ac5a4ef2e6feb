package fluentbit

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"fluent-bit-nsgflow/test/engine"
)

// Object is a copy of the shared object under test: nothing that is built
// meanwhile may change it under a running agent.
var Object string

// Main runs the tests of a package that starts agents, and returns the exit
// code.
func Main(m *testing.M) int {
	// Agents wait more than they compute. Go's default of one test for each
	// core would take three times as long.
	Parallel(8)
	dir, err := os.MkdirTemp("", "nsgflow-")
	if err == nil {
		defer os.RemoveAll(dir)
		Object = filepath.Join(dir, "flb-filter_nsgflow.so")
		err = copyObject(Object)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// Parallel runs so many tests at a time, unless the command says how many.
func Parallel(n int) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		flag.Set("test.parallel", fmt.Sprint(n))
	}
}

// copyObject takes the object that NSGFLOW_OBJECT names, else builds it.
func copyObject(to string) error {
	from := os.Getenv("NSGFLOW_OBJECT")
	if from == "" {
		var err error
		if from, err = engine.Object(); err != nil {
			return err
		}
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o755)
}

// Stage lays out what a container has in /fluent-bit, in a folder of its own.
func Stage(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	if err := engine.Stage(root, engine.Path("conf"), Object); err != nil {
		t.Fatal(err)
	}
	return root
}
