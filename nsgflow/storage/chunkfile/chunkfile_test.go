package chunkfile

import (
	"errors"
	"fmt"
	"io/fs"
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

// A chunk that this process has made counts as such though the clock was set.
func TestMadeSinceTheClockWasSet(t *testing.T) {
	moment := time.Now()
	for _, set := range []time.Duration{0, time.Hour, -time.Hour} {
		now := moment.Add(time.Minute + set)
		for made, want := range map[time.Duration]bool{
			time.Second:           true, // before the clock was set
			time.Minute + set - 1: true, // after
			-2 * time.Hour:        false,
		} {
			if got := since(moment.Add(made), moment, now, time.Minute); got != want {
				t.Errorf("set by %s, made %s after: %t", set, made, got)
			}
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

// A mark is of what stood there, however much comes behind it.
func TestMark(t *testing.T) {
	const head, metadata = "\xc1\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00", "\x00\x08\xf1w\x00\x00flow"
	const since20, before20 = head + "\x00\x00\x00\x07" + "\x00\x00\x00\x00\x00\x00\x00\x00" + metadata, head + "\x00\x00\x00\x00" + "\x00\x00\x00\x00\x00\x00\x00\x00" + metadata
	zeros := strings.Repeat("\x00", 100)
	path := filepath.Join(t.TempDir(), "1-1.1.flb")
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		what, content string
		end           int64
		holds, not    []string
	}{
		{"a chunk", since20 + "records" + zeros, 39,
			[]string{since20 + "records", strings.Replace(since20, "\x07", "\x0a", 1) + "recordsnew"},
			[]string{"", since20 + "recordS", since20[:30], since20 + "record", strings.Replace(since20, "\x07", "\x08", 1) + "records",
				strings.Replace(since20, "\x07", "\x06", 1) + "records", "\x00" + since20[1:] + "records", strings.Replace(since20, "flow", "Flow", 1) + "records"}},
		{"one of 1.9", before20 + "records" + zeros, 39,
			[]string{before20 + "records", before20 + "recordsnew" + zeros},
			[]string{before20 + "record" + zeros, before20 + zeros + "s", before20}},
		{"a long one of 1.9", before20 + strings.Repeat("records", 2000) + strings.Repeat(zeros, 100), 14032,
			[]string{before20 + strings.Repeat("records", 2001)}, []string{before20 + strings.Repeat("records", 1999) + zeros}},
		{"one without records", before20 + zeros, 32, []string{before20, before20 + "records", since20 + "records"}, []string{before20[:31]}},
	} {
		write(test.content)
		mark, err := MarkOf(path)
		if err != nil || mark.End != test.end || !mark.Holds(path) {
			t.Errorf("%s: %+v, %v", test.what, mark, err)
		}
		for _, content := range test.holds {
			if write(content); !mark.Holds(path) {
				t.Errorf("%s: not in %q", test.what, content)
			}
		}
		for _, content := range test.not {
			if write(content); mark.Holds(path) {
				t.Errorf("%s: in %q", test.what, content)
			}
		}
	}
	for _, content := range []string{"", since20[:23], since20 + "record", "\xc1\x01" + since20[2:] + "records"} {
		write(content)
		if _, err := MarkOf(path); !errors.Is(err, ErrNotWhole) {
			t.Errorf("%q: %v", content, err)
		}
	}
	if _, err := MarkOf(path + ".gone"); !errors.Is(err, fs.ErrNotExist) || (Mark{}).Holds(path+".gone") {
		t.Errorf("gone: %v", err)
	}
}
