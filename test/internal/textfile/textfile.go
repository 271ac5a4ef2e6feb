// Package textfile reads and writes small files in tests. A name that is not
// absolute is below the folder of go.mod, whichever room a test is in.
package textfile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fluent-bit-nsgflow/test/engine"
)

// Path is a name as the system takes it.
func Path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return engine.Path(name)
}

// Read is the content of a file.
func Read(t testing.TB, name string) string {
	t.Helper()
	content, err := os.ReadFile(Path(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// Write puts a file below a folder.
func Write(t testing.TB, folder, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Append adds to a file that is there.
func Append(t testing.TB, name, content string) {
	t.Helper()
	f, err := os.OpenFile(Path(name), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(content)
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// Glob are the files of a pattern, of which there must be some.
func Glob(t testing.TB, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(Path(pattern))
	if err != nil || len(found) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	return found
}

// Lines are those of a text that are not empty.
func Lines(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == '\n' })
}
