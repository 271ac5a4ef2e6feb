package soak

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fluent-bit-nsgflow/test/engine"
)

func TestParse(t *testing.T) {
	all := map[string]int{}
	for _, r := range Rows {
		all[r.Name] = r.Long
	}
	for text, want := range map[string]map[string]int{
		"":                           {},
		"all":                        all,
		"kills=7,stops":              {"kills": 7, "stops": 500},
		"trouble=3m still=1s cuts=2": {"trouble": 180, "still": 1, "cuts": 2},
	} {
		got, err := Parse(text)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v %s", text, err, diff)
		}
	}
	for text, says := range map[string]string{
		"1":         `nothing is called "1": there are all, chunks, families,`,
		"kils=5":    `nothing is called "kils"`,
		"all=5":     `nothing is called "all"`,
		"kills=":    "kills=: ",
		"trouble=5": "trouble=5: ",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Every row has tests that run for it, in packages that ask for it.
func TestRowsAreAsked(t *testing.T) {
	for _, r := range Rows {
		for _, folder := range strings.Fields(r.Packages) {
			asked, tests := false, false
			code(t, engine.Path(strings.TrimSuffix(folder, "/...")), func(_, text string) {
				asked = asked || regexp.MustCompile(`soak\.(N|Time|Long)\("`+r.Name+`"\)`).MatchString(text)
				tests = tests || regexp.MustCompile(`(?m)^func `+r.Test+`\(t `).MatchString(text)
			})
			if !asked || !tests {
				t.Errorf("%s: asked for in %s: %v, tests: %v", r.Name, folder, asked, tests)
			}
		}
	}
}

// No test reads another variable of ours than those of the table in
// docs/architecture.md, and each of them is read.
func TestVariables(t *testing.T) {
	page, err := os.ReadFile(engine.Path("docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	table := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(NSGFLOW_\\w+)` \\|").FindAllStringSubmatch(string(page), -1) {
		table[m[1]] = false
	}
	if n := len(table); n == 0 || n > 8 {
		t.Errorf("%d variables in the table: nobody knows more than eight by heart", n)
	}
	name := regexp.MustCompile(`"(NSGFLOW_\w*)=?`)
	code(t, engine.Root(), func(file, text string) {
		for _, m := range name.FindAllStringSubmatch(text, -1) {
			if _, ok := table[m[1]]; !ok {
				t.Errorf("%s reads %s, which is not in the table", file, m[1])
			}
			table[m[1]] = true
		}
	})
	for variable, read := range table {
		if !read {
			t.Errorf("nobody reads %s", variable)
		}
	}
}

// code shows the files of Go below a folder.
func code(t *testing.T, folder string, show func(file, text string)) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == "build" {
			return fs.SkipDir
		}
		if filepath.Ext(path) == ".go" && !strings.HasSuffix(path, "soak_test.go") {
			text, err := os.ReadFile(path)
			show(path, string(text))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
