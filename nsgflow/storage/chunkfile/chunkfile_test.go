package chunkfile

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestMadeSince(t *testing.T) {
	began := time.Now()
	name := func(pid int, after time.Duration) string {
		at := began.Add(after)
		return fmt.Sprintf("%d-%d.%d.flb", pid, at.Unix(), at.Nanosecond())
	}
	padded := fmt.Sprintf("%d-%d.%4d.flb", os.Getpid(), began.Unix()+1, 7) // "%4lu" of the host
	for _, test := range []struct {
		name string
		want bool
	}{
		{name(os.Getpid(), 0), true},
		{name(os.Getpid(), time.Hour), true},
		{name(os.Getpid(), -time.Second), false},
		{name(os.Getpid()+1, time.Second), false},
		{padded, true},
		{"0-0.0.flb", false},
		{"notes.txt", false},
		{"", false},
	} {
		if got := MadeSince(test.name, began); got != test.want {
			t.Errorf("%q: %t", test.name, got)
		}
	}
}

func TestHead(t *testing.T) {
	const plain = "\xc1\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x07" + "\x00\x00\x00\x00\x00\x00\x00\x00"
	const sum = "\xc1\x00" + "\x00\x12\xd9\x41" + "\x00\x00\x00\x00" + "\x00\x00\x00\x07" + "\x00\x00\x00\x00\x00\x00\x00\x00"
	for _, test := range []struct {
		what, content string
		metadata      string
		checksum      bool
	}{
		{"a chunk", plain + "\x00\x08\xf1w\x00\x00flowrecords", "\xf1w\x00\x00flow", false},
		{"one with a checksum", sum + "\x00\x08\xf1w\x00\x00flowrecords", "\xf1w\x00\x00flow", true},
		{"long metadata", plain + "\x01\x00" + strings.Repeat("m", 300), strings.Repeat("m", 256), false},
		{"no metadata yet", plain + "\x00\x00\x00\x00\x00\x00", "", false},
		{"metadata without an end", plain + "\x00\x08\xf1w\x00\x00flo", "", false},
		{"half a head", plain[:12], "", false},
		{"nothing", "", "", true},
	} {
		path := filepath.Join(t.TempDir(), "1-1.1.flb")
		if err := os.WriteFile(path, []byte(test.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := Metadata(path); got != test.metadata {
			t.Errorf("%s: metadata %q", test.what, got)
		}
		if got := HasChecksum(path); got != test.checksum {
			t.Errorf("%s: checksum %t", test.what, got)
		}
	}
	gone := filepath.Join(t.TempDir(), "1-1.1.flb")
	if Metadata(gone) != "" || !HasChecksum(gone) || !Is(gone) || Is("notes.txt") {
		t.Error("a file that is gone")
	}
}
