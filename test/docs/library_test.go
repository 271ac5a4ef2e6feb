package docs

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"fluent-bit-nsgflow/test/engine"
	"fluent-bit-nsgflow/test/internal/needs"
	"fluent-bit-nsgflow/test/internal/textfile"
)

const libraryUser = `package main

import (
	"fmt"

	"fluent-bit-nsgflow/nsgflow"
)

func main() {
	flow, err := nsgflow.ParseTuple(nsgflow.NSG, "1607984156,10.0.0.4,192.0.2.7,36422,443,T,O,A")
	fmt.Println(flow.Destination.Addr, flow.Decision, err)
}
`

// The commands that the README has for users of the library, in an empty module.
func TestLibraryInAnEmptyModule(t *testing.T) {
	needs.Programs(t, "go")
	_, text, _ := strings.Cut(textfile.Read(t, "README.md"), "**As a library**")
	text, _, _ = strings.Cut(text, "\n\n")
	commands := regexp.MustCompile("`(go [^`]+)`").FindAllStringSubmatch(text, -1)
	if len(commands) != 2 {
		t.Fatalf("%q", commands)
	}
	dir := t.TempDir()
	goes := func(args ...string) (string, error) {
		command := exec.Command("go", args...)
		command.Dir, command.Env = dir, append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
		out, err := command.CombinedOutput()
		return string(out), err
	}
	textfile.Write(t, dir, "go.mod", "module example\n\ngo 1.24\n")
	textfile.Write(t, dir, "main.go", libraryUser)
	for _, m := range commands {
		args := strings.Fields(strings.ReplaceAll(m[1], "./path/to/checkout", engine.Root()))[1:]
		out, err := goes(args...)
		switch {
		case err == nil:
		case strings.Contains(out, "dial tcp") || strings.Contains(out, "module lookup disabled"):
			t.Skipf("skipped: modules cannot be had: %s", out)
		default:
			t.Fatalf("%s: %v\n%s", m[1], err, out)
		}
	}
	const want = "192.0.2.7 allowed <nil>\n"
	if out, err := goes("run", "."); err != nil || out != want {
		t.Errorf("%v\ngot  %swant %s", err, out, want)
	}
}
