package pack_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"fluent-bit-nsgflow/test/engine"
	"fluent-bit-nsgflow/test/internal/needs"
)

// clone is a checkout of the last commit with the scripts as they are now, with
// an entry in the changelog, and with a command in the place of all tests and
// one in that of packing.
func clone(t *testing.T, entry, tests string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "clone")
	run(t, ".", "git", "clone", "-q", engine.Root(), to)
	run(t, ".", "cp", "-r", engine.Path("plugin", "package"), to+"/plugin")
	edit := func(from, name string, change func(string) string) {
		text, err := os.ReadFile(filepath.Join(from, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), []byte(change(string(text))), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	edit(to, "CHANGELOG.md", func(s string) string { return s + entry })
	edit(engine.Root(), "Makefile", func(s string) string {
		s = regexp.MustCompile(`(?m)^test:.*\n(\t.*\n)+`).ReplaceAllLiteralString(s, "test:\n\t@"+tests+"\n")
		return regexp.MustCompile(`(?m)^package:.*\n(\t.*\n)+`).ReplaceAllLiteralString(s, "package:\n\t@echo packed $(VERSION)\n")
	})
	run(t, to, "git", "add", "-A")
	run(t, to, "git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qam", "change", "--allow-empty")
	return to
}

// Nothing is released whose tests fail, no image without its packages, and no
// pre-release as the latest.
func TestOrderOfARelease(t *testing.T) {
	var release struct {
		On   struct{ Push struct{ Tags []string } }
		Jobs map[string]struct{ Needs, Uses string }
	}
	text, err := os.ReadFile(engine.Path(".github", "workflows", "release.yml"))
	if err == nil {
		err = yaml.Unmarshal(text, &release)
	}
	if err != nil {
		t.Fatal(err)
	}
	for job, first := range map[string]string{"packages": "test", "images": "packages"} {
		if release.Jobs[job].Needs != first {
			t.Errorf("%s needs %q, not %s", job, release.Jobs[job].Needs, first)
		}
	}
	if uses := release.Jobs["test"].Uses; uses != "./.github/workflows/ci.yml" {
		t.Errorf("the tests are %q", uses)
	}
	if tags := release.On.Push.Tags; len(tags) != 1 || tags[0] != "v[0-9]+.[0-9]+.[0-9]+" {
		t.Errorf("%q are released", tags)
	}
}

// What a distribution does not know is left out, and said: the tests run.
func TestCIWithoutSomePackages(t *testing.T) {
	needs.Programs(t, "bash")
	root, bin := t.TempDir(), t.TempDir()
	run(t, ".", "cp", "-r", engine.Path(".ci"), root)
	stub := func(name, script string) {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/bash\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	stub("id", "echo 0")
	stub("uname", "echo x86_64")
	stub("dirname", `echo "${1%/*}"`)
	stub("make", `echo "make $*"`)
	stub("apt-cache", `[[ $2 == rpm || $2 == gpg* ]]`)
	stub("apt-get", `echo "apt-get $*"; [[ $1 != install ]] || for one in "${@:2}"; do [[ $one == -* || $one == rpm || $one == gpg* ]] || exit 100; done`)
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(bash, filepath.Join(root, ".ci", "run"))
	command.Env = []string{"PATH=" + bin}
	out, err := command.CombinedOutput()
	text := string(out)
	if err != nil || !strings.Contains(text, "--no-install-recommends rpm gpg gpg-agent\n") || !strings.Contains(text, "skipped valgrind: ") || !strings.HasSuffix(text, "make test\n") {
		t.Errorf("%v\n%s", err, text)
	}
}

// The workflows are ones that GitHub takes, and call what is there.
func TestWorkflows(t *testing.T) {
	files, _ := filepath.Glob(engine.Path(".github", "workflows", "*.yml"))
	if len(files) < 2 {
		t.Fatalf("%q", files)
	}
	tools := exec.Command("go", "mod", "download", "github.com/rhysd/actionlint")
	tools.Dir = engine.Path("plugin", "package")
	if out, err := tools.CombinedOutput(); err != nil {
		t.Skipf("skipped: there is no actionlint to be had: %s", out)
	}
	run(t, engine.Root(), "go", append([]string{"tool", "-modfile=plugin/package/go.mod", "actionlint", "-no-color"}, files...)...)
	makefile, err := os.ReadFile(engine.Path("Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, _ := os.ReadFile(file)
		for _, m := range regexp.MustCompile(`\bmake ([a-z-]+)`).FindAllStringSubmatch(string(text), -1) {
			if !strings.Contains(string(makefile), "\n"+m[1]+":") {
				t.Errorf("%s: %s", filepath.Base(file), m[0])
			}
		}
	}
}

// What is not ready is not released. Go does nothing in these checkouts, or fails.
func TestReleaseRefuses(t *testing.T) {
	needs.Programs(t, "git", "make")
	const entry = "\n## [7.0.0] - 2030-01-02\n"
	for name, tt := range map[string]struct {
		version, entry, tests, golang string
		then                          []string // a command in the clean checkout
		want                          string
	}{
		"no version":       {"", entry, "true", "true", nil, "VERSION is '', not x.y.z"},
		"two numbers":      {"7.0", entry, "true", "true", nil, "VERSION is '7.0', not x.y.z"},
		"a tag's name":     {"v7.0.0", entry, "true", "true", nil, "VERSION is 'v7.0.0'"},
		"a zero in front":  {"07.0.0", entry, "true", "true", nil, "VERSION is '07.0.0'"},
		"changed file":     {"7.0.0", entry, "true", "true", []string{"sed", "-i", "1d", "LICENSE"}, "the tree is not clean"},
		"new file":         {"7.0.0", entry, "true", "true", []string{"cp", "LICENSE", "new.go"}, "the tree is not clean"},
		"tagged":           {"7.0.0", entry, "true", "true", []string{"git", "tag", "v7.0.0"}, "there is a tag v7.0.0"},
		"no entry":         {"7.0.0", "", "true", "true", nil, "CHANGELOG.md has no entry"},
		"an entry like it": {"7.0.0", "\n## [7x0.0] - 2030-01-02\n", "true", "true", nil, "CHANGELOG.md has no entry"},
		"without a date":   {"7.0.0", "\n## [7.0.0]\n", "true", "true", nil, "CHANGELOG.md has no entry"},
		"stale files":      {"7.0.0", entry, "true", "false", nil, "generated files are stale"},
		"failing tests":    {"7.0.0", entry, "false", "true", nil, "tests fail"},
		"all is well":      {"7.0.0", entry, "true", "true", nil, "git tag -a v7.0.0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := clone(t, tt.entry, tt.tests)
			if tt.then != nil {
				run(t, root, tt.then[0], tt.then[1:]...)
			}
			command := exec.Command("make", "release", "GO="+tt.golang)
			if tt.version != "" {
				command.Args = append(command.Args, "VERSION="+tt.version)
			}
			command.Dir = root
			out, err := command.CombinedOutput()
			well := name == "all is well"
			if !strings.Contains(string(out), tt.want) || (err == nil) != well {
				t.Errorf("%v, want %q\n%s", err, tt.want, out)
			}
			if packed := strings.Contains(string(out), "packed 7.0.0"); packed != well {
				t.Errorf("packed: %v\n%s", packed, out)
			}
		})
	}
}
