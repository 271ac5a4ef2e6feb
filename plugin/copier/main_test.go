package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const object, link = "flb-filter_nsgflow.so", "a_link.so" // sorts before the object

func image(t *testing.T, content string) string {
	t.Helper()
	from := t.TempDir()
	for _, name := range []string{object, "copy", "passwd"} {
		if err := os.WriteFile(filepath.Join(from, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(object, filepath.Join(from, link)); err != nil {
		t.Fatal(err)
	}
	return from
}

// A second run replaces the first; who has the old object open keeps it.
func TestInstall(t *testing.T) {
	to := t.TempDir()
	var open *os.File
	for _, content := range []string{"old", "new and longer"} {
		var log bytes.Buffer
		if err := install(image(t, content), to, &log); err != nil {
			t.Fatal(err)
		}
		if want := to + "/" + object + "\n" + to + "/" + link + "\n"; log.String() != want {
			t.Errorf("it says\n%swant\n%s", log.String(), want)
		}
		got, err := os.ReadFile(filepath.Join(to, link))
		if target, _ := os.Readlink(filepath.Join(to, link)); err != nil || string(got) != content || target != object {
			t.Errorf("%s → %s: %q, %v", link, target, got, err)
		}
		if open == nil {
			open, _ = os.Open(filepath.Join(to, object))
			defer open.Close()
		}
	}
	old := make([]byte, 99)
	if n, _ := open.Read(old); string(old[:n]) != "old" {
		t.Errorf("the open object has become %q", old[:n])
	}
	left, _ := os.ReadDir(to)
	if len(left) != 2 {
		t.Errorf("the folder has %v", left)
	}
}

func TestInstallFails(t *testing.T) {
	empty := t.TempDir()
	for want, folders := range map[string][2]string{
		"no *.so in":      {empty, t.TempDir()},
		"no such file or": {image(t, "x"), empty + "/none"},
		"not a directory": {image(t, "x"), image(t, "y") + "/copy"},
		"file exists":     {image(t, "x"), occupied(t)},
	} {
		if err := install(folders[0], folders[1], &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		if left, _ := filepath.Glob(folders[1] + "/.nsgflow-*"); len(left) > 0 {
			t.Errorf("%s: it has left %v", want, left)
		}
	}
}

// occupied has a folder where the object should go.
func occupied(t *testing.T) string {
	to := t.TempDir()
	if err := os.Mkdir(filepath.Join(to, object), 0o755); err != nil {
		t.Fatal(err)
	}
	return to
}
