package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fluent-bit-nsgflow/plugin/tables"
)

const root = "../.."

// Every generated file is what the generators make now.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	files, err := generated(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		got, err := os.ReadFile(filepath.Join(root, f.path))
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(string(got), string(f.content)); diff != "" {
			t.Errorf("%s is out of date, run make generate (-is +should be): %s", f.path, diff)
		}
	}
}

// A second run has nothing to write, and an unknown block is an error.
func TestFill(t *testing.T) {
	page := "a\n<!-- generated: x -->\nold\n<!-- /generated -->\nb\n"
	got, err := fill([]byte(page), map[string]string{"x": "new\n"})
	if want := strings.Replace(page, "old", "new", 1); string(got) != want || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := fill([]byte(page), map[string]string{"y": ""}); err == nil {
		t.Error("an unknown block is no error")
	}
}

func TestEveryOptionIsDescribed(t *testing.T) {
	for _, o := range tables.FilterOptions {
		if o.Text == "" || o.Values == "" || o.Set == nil {
			t.Errorf("%+v", o)
		}
	}
	for _, o := range tables.InputOptions {
		if o.Text == "" || o.Values == "" || o.Set == nil || o.Secret != strings.Contains(o.Values, "env:") {
			t.Errorf("%+v", o)
		}
	}
}

// Everything that can be generated stands in a page, and its comments are
// closed.
func TestEveryBlockIsUsed(t *testing.T) {
	blocks, err := blocks(root)
	if err != nil {
		t.Fatal(err)
	}
	files, err := pages(root)
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]int{}
	for _, f := range files {
		text := string(f.content)
		whole := block.FindAllStringSubmatch(text, -1)
		if opened := strings.Count(text, "<!-- generated: "); opened != len(whole) {
			t.Errorf("%s: %d blocks begin, %d are whole", f.path, opened, len(whole))
		}
		for _, m := range whole {
			used[m[2]]++
		}
	}
	for name := range blocks {
		if used[name] != 1 {
			t.Errorf("block %q is in %d pages", name, used[name])
		}
	}
}
