// Package pages reads the documentation.
package pages

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"fluent-bit-nsgflow/test/engine"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// All are the documents, by their path below the repository's root.
func All(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		for _, file := range textfile.Glob(t, pattern) {
			all[strings.TrimPrefix(file, engine.Root()+"/")] = textfile.Read(t, file)
		}
	}
	if len(all) < 10 {
		t.Fatalf("%d pages", len(all))
	}
	return all
}

// Snippet is a fenced block of a page.
type Snippet struct {
	Page, Kind, Text string
	Line             int
}

func (s Snippet) String() string { return fmt.Sprintf("%s, line %d", s.Page, s.Line) }

// Cut takes the fenced blocks out of a page.
func Cut(page, text string) (prose string, all []Snippet) {
	var b strings.Builder
	var open *Snippet
	for i, line := range strings.Split(text, "\n") {
		kind, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && open == nil:
			open = &Snippet{Page: page, Kind: kind, Line: i + 1}
		case fence:
			all = append(all, *open)
			open = nil
		case open != nil:
			open.Text += line + "\n"
		default:
			b.WriteString(line + "\n")
		}
	}
	return b.String(), all
}

// Snippets are the fenced blocks of all pages that are of one of these kinds.
func Snippets(t *testing.T, kinds ...string) (all []Snippet) {
	t.Helper()
	for name, text := range All(t) {
		_, found := Cut(name, text)
		for _, s := range found {
			if slices.Contains(kinds, s.Kind) {
				all = append(all, s)
			}
		}
	}
	return all
}
