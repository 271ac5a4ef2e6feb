package pack_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fluent-bit-nsgflow/test/engine"
)

// clone is a checkout of the last commit, with the scripts as they are now, to
// which a change is committed: some bytes at the end of a file.
func clone(t *testing.T, file, bytes string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "clone")
	run(t, ".", "git", "clone", "-q", engine.Root(), to)
	run(t, ".", "cp", engine.Path("Makefile"), to+"/Makefile")
	run(t, ".", "cp", "-r", engine.Path("plugin", "package"), to+"/plugin")
	f, err := os.OpenFile(filepath.Join(to, file), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString(bytes)
	f.Close()
	run(t, to, "git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qam", "change", "--allow-empty")
	return to
}

// What is not ready is not released. The rest of the checks, and packing, do
// nothing in these checkouts: a verb may be given anew.
func TestReleaseRefuses(t *testing.T) {
	needs(t, "git", "make")
	const entry = "\n## [7.0.0] - 2030-01-02\n"
	const verbs = "\ntest:\n\t@echo tested\npackage:\n\t@echo packed\n"
	for name, tt := range map[string]struct {
		version, entry, makefile string
		then                     []string // a command in the clean checkout
		want                     string
	}{
		"no version":        {"", entry, verbs, nil, "VERSION is '', not x.y.z"},
		"two numbers":       {"VERSION=7.0", entry, verbs, nil, "VERSION is '7.0', not x.y.z"},
		"a tag's name":      {"VERSION=v7.0.0", entry, verbs, nil, "VERSION is 'v7.0.0'"},
		"a zero in front":   {"VERSION=07.0.0", entry, verbs, nil, "VERSION is '07.0.0'"},
		"changed file":      {"VERSION=7.0.0", entry, verbs, []string{"sed", "-i", "1d", "LICENSE"}, "the tree is not clean"},
		"new file":          {"VERSION=7.0.0", entry, verbs, []string{"cp", "LICENSE", "new.go"}, "the tree is not clean"},
		"tagged":            {"VERSION=7.0.0", entry, verbs, []string{"git", "tag", "v7.0.0"}, "there is a tag v7.0.0"},
		"no entry":          {"VERSION=7.0.0", "", verbs, nil, "CHANGELOG.md has no entry"},
		"an entry like it":  {"VERSION=7.0.0", "\n## [7x0.0] - 2030-01-02\n", verbs, nil, "CHANGELOG.md has no entry"},
		"without a date":    {"VERSION=7.0.0", "\n## [7.0.0]\n", verbs, nil, "CHANGELOG.md has no entry"},
		"failing tests":     {"VERSION=7.0.0", entry, verbs + "test:\n\t@false\n", nil, "tests fail"},
		"everything's well": {"VERSION=7.0.0", entry, verbs, nil, "git tag -a v7.0.0"},
	} {
		t.Run(name, func(t *testing.T) {
			root := clone(t, "CHANGELOG.md", tt.entry)
			f, _ := os.OpenFile(root+"/Makefile", os.O_APPEND|os.O_WRONLY, 0)
			f.WriteString(tt.makefile)
			f.Close()
			run(t, root, "git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qam", "verbs")
			if tt.then != nil {
				run(t, root, tt.then[0], tt.then[1:]...)
			}
			release(t, root, tt.version, tt.want, name == "everything's well")
		})
	}
	t.Run("stale", func(t *testing.T) {
		root := clone(t, "plugin/options.h", "\n")
		run(t, root, "sh", "-c", "printf '"+entry+"' >> CHANGELOG.md && git -c user.name=t -c user.email=t@t commit -qam entry")
		release(t, root, "VERSION=7.0.0", "generated files are stale", false)
	})
}

func release(t *testing.T, root, version, want string, well bool) {
	t.Helper()
	command := exec.Command("make", "release")
	if version != "" {
		command.Args = append(command.Args, version)
	}
	command.Dir = root
	// Else each checkout would compile everything anew.
	command.Env = append(os.Environ(), "GOFLAGS="+os.Getenv("GOFLAGS")+" -trimpath")
	out, err := command.CombinedOutput()
	if !strings.Contains(string(out), want) || (err == nil) != well {
		t.Errorf("%v, want %q\n%s", err, want, out)
	}
	if packed := strings.Contains(string(out), "packed"); packed != well {
		t.Errorf("packed: %v\n%s", packed, out)
	}
}
