package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fluent-bit-nsgflow/test/engine"
	"fluent-bit-nsgflow/test/internal/needs"
)

// made is what make run writes, with variables as a user gives them.
func made(t *testing.T, variables ...string) (out, said string, ok bool) {
	t.Helper()
	needs.Programs(t, "make", "go")
	if err := engine.Make("build"); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	command := exec.Command("make", append([]string{"-s", "-C", engine.Root(), "run"}, variables...)...)
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	return stdout.String(), stderr.String(), err == nil
}

// What cannot be read is said, and the others are shown; so are files whose names a
// shell would take apart.
func TestFilesOfAUser(t *testing.T) {
	dir := t.TempDir()
	sample, err := os.ReadFile(engine.Path("conf", "samples", "nsg_v2.json"))
	if err != nil {
		t.Fatal(err)
	}
	good, cut := filepath.Join(dir, "it's.json"), filepath.Join(dir, "cut.json")
	if err := os.WriteFile(good, sample, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cut, sample[:len(sample)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	whole, said, ok := made(t, "FILE="+good)
	if !ok || strings.Count(whole, "\n") < 2 {
		t.Fatalf("%s%s", whole, said)
	}
	if out, said, ok := made(t, "FILE="+good+" "+dir+"/missing"); ok || out != whole || !strings.Contains(said, "missing: no such file") {
		t.Errorf("one is missing: %t\n%s\n%s", ok, out, said)
	}
	if out, said, ok := made(t, "FILE="+dir); ok || len(out) <= len(whole) || !strings.Contains(said, cut+": cut off") {
		t.Errorf("one is cut off: %t\n%s\n%s", ok, out, said)
	}
	if out, said, ok := made(t, "FILE="+dir+"/missing"); ok || out != "" || strings.Count(said, "missing") != 1 || strings.Contains(said, "no flow log") {
		t.Errorf("the only one is missing: %t\n%s\n%s", ok, out, said)
	}
	empty := filepath.Join(dir, "empty.json")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, said, ok := made(t, "FILE="+empty); ok || out != "" || strings.Count(said, "no flow log: it is empty") != 1 {
		t.Errorf("the only one is empty: %t\n%s\n%s", ok, out, said)
	}
}

// A wrong option is the first line that is said.
func TestOptionsOfAUser(t *testing.T) {
	out, said, ok := made(t, "SCHEMA=esc")
	if ok || out != "" || !strings.HasPrefix(said, `run: option schema: "esc" is not allowed, it takes: `) {
		t.Errorf("%t\n%s\n%s", ok, out, said)
	}
}
