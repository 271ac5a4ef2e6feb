package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fluent-bit-nsgflow/nsgflow/storage"
	"fluent-bit-nsgflow/plugin/tables"
)

// A panic while a batch is encoded is said, and the same batch comes when it is
// over: one that was left out would be behind the checkpoint of the next.
func TestPanicKeepsTheBatch(t *testing.T) {
	defer func() { encode = encodeRecords }()
	f := &feed{}
	batch := storage.Batch{Records: []storage.Record{{Text: []byte("{}")}}, Token: 7}
	encode = func(*bytes.Buffer, []storage.Record, time.Time) error { panic("no\nway") }
	_, err := f.encode(batch)
	if err == nil || !strings.Contains(err.Error(), `internal error: "no\nway"`) {
		t.Fatalf("%v", err)
	}
	f.faults(err)
	if f.fault.reason != tables.WaitFault {
		t.Errorf("%+v", f.fault)
	}
	encode = encodeRecords
	s, err := f.encode(batch)
	if err != nil || s.token != 7 || s.records != 1 || s.size != 2 || s.buffer.Len() == 0 {
		t.Errorf("%+v, %v", s, err)
	}
	if f.faults(nil); f.fault.reason != "" {
		t.Errorf("%+v", f.fault)
	}
}

// What waits is said after a while, again every ten minutes, and when it is
// over; what comes and goes is not.
func TestWaitingIsSaid(t *testing.T) {
	all, began := waits{}, time.Now()
	var log []string
	add := func(level storage.Level, text string) { log = append(log, fmt.Sprint(level, " ", text)) }
	w := []wait{{tables.WaitLimit, "", began, "it holds 7 bytes"}, {"network", "example", began, "no such host"}}
	at := func(after time.Duration, present []wait, want int) {
		t.Helper()
		log = nil
		lasting := all.update(began.Add(after), present, add)
		if len(log) != want || after >= waitsAfter && len(lasting) != len(present) {
			t.Errorf("after %s: %q, %d last", after, log, len(lasting))
		}
	}
	at(14*time.Second, w, 0)
	at(16*time.Second, w, 2)
	if !strings.HasPrefix(log[0], "1 waiting for 16s, limit: ") || !strings.Contains(log[0], "; it holds 7 bytes; what to do: look at") ||
		!strings.Contains(log[1], `; account "example"; no such host; what to do: `) {
		t.Errorf("%q", log)
	}
	at(17*time.Second, w, 0)
	at(10*time.Minute, w, 0)
	at(10*time.Minute+16*time.Second, w, 2)
	at(11*time.Minute, w[:1], 1)
	if log[0] != `2 waiting, network, account "example": over after 11m0s` {
		t.Errorf("%q", log)
	}
	at(12*time.Minute, nil, 1)
	at(13*time.Minute, nil, 0)
}

// With memory storage appending pauses until all is delivered; where the host
// holds no less after a while, it goes on, up to the limit.
func TestDrainIsGivenUp(t *testing.T) {
	o := &storage.Options{PendingLimit: 1000, BatchBytes: 100}
	h := &handover{kind: memoryStorage, looked: time.Now()}
	mayTake := func(textBytes, held int) string {
		h.drain(held, o.PendingLimit)
		return h.waitsFor(textBytes, held, o)
	}
	long := time.Now().Add(-time.Minute)
	h.took(&segment{token: 1, size: 10}, 10, 0)
	h.holds(10)
	if why := mayTake(10, 10); why != "" {
		t.Errorf("at once: %q", why)
	}
	h.since = long
	if why := mayTake(10, 10); why != tables.WaitDraining {
		t.Errorf("overdue: %q", why)
	}
	h.fell = long
	if why := mayTake(10, 10); why != "" || !h.stuck {
		t.Errorf("in vain: %q", why)
	}
	h.took(&segment{token: 2, size: 10}, 990, 10)
	h.holds(1000)
	if why := mayTake(10, 1000); why != tables.WaitLimit {
		t.Errorf("full: %q", why)
	}
	h.holds(500)
	if why := mayTake(10, 500); why != tables.WaitDraining || h.stuck {
		t.Errorf("delivered again: %q", why)
	}
	if got := h.allSafe(); got != 2 || mayTake(10, 0) != "" {
		t.Errorf("all delivered: %d", got)
	}
}

// Where the disk of the chunks has no room for the events of the next records, they wait.
func TestRoomOnDisk(t *testing.T) {
	o := &storage.Options{PendingLimit: 1 << 40, BatchBytes: 1 << 40}
	h := &handover{kind: diskStorage, dir: t.TempDir()}
	var disk unix.Statfs_t
	if err := unix.Statfs(h.dir, &disk); err != nil {
		t.Skip("skipped: ", err)
	}
	free := int(disk.Bavail * uint64(disk.Bsize))
	for _, c := range []struct {
		kind      storageKind
		dir       string
		textBytes int
		want      string
	}{
		{diskStorage, h.dir, 1, ""},
		{diskStorage, h.dir, free / 30, tables.WaitRoom},
		{diskStorage, h.dir + "/none", free / 30, ""},
		{diskStorage, "", free / 30, ""},
		{memoryStorage, h.dir, free / 30, ""},
	} {
		h := &handover{kind: c.kind, dir: c.dir}
		if got := h.waitsFor(c.textBytes, 0, o); got != c.want {
			t.Errorf("%d bytes with %v in %q: waits for %q, not %q", c.textBytes, c.kind, c.dir, got, c.want)
		}
	}
}

// Where chunks are is known also while the host has none of the instance's mapped.
func TestStorageOfClosedChunks(t *testing.T) {
	root, began := t.TempDir(), time.Now()
	write := func(stream, content string) (path string) {
		path = filepath.Join(root, stream, fmt.Sprintf("%d-%d.1.flb", os.Getpid(), began.Unix()+1))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const head, sum = "\xc1\x00\x00\x00\x00\x00", "\xc1\x00\x00\x12\xd9\x41"
	file, err := os.OpenFile(write("tcp.0", head), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	pages, err := unix.Mmap(int(file.Fd()), 0, 6, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(pages)
	write("closed.0", head)
	write("checksum.0", sum)
	if err := os.Rename(write("old.0", head), filepath.Join(root, "old.0", "1-1.1.flb")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		kind storageKind
		dir  string
	}{
		"tcp.0":      {diskStorage, filepath.Join(root, "tcp.0")},
		"closed.0":   {diskStorage, filepath.Join(root, "closed.0")},
		"checksum.0": {memoryStorage, filepath.Join(root, "checksum.0")},
		"old.0":      {memoryStorage, ""},
		"none.0":     {memoryStorage, ""},
		"":           {memoryStorage, ""},
	} {
		if kind, dir := lookAtStorage(name, began); kind != want.kind || dir != want.dir {
			t.Errorf("%q: %v in %q", name, kind, dir)
		}
	}
	// The first append is in a file that is closed, after one that filters left out.
	h := &handover{name: "late.0", began: began}
	if safe := h.took(&segment{token: 1}, 100, 0); safe || h.kind != memoryStorage {
		t.Errorf("nothing is there: %t, %v", safe, h.kind)
	}
	write("late.0", head)
	if safe := h.took(&segment{token: 2}, 100, 0); !safe || h.dir != filepath.Join(root, "late.0") {
		t.Errorf("it is on disk: %t, %v, %q", safe, h.kind, h.dir)
	}
}

// Chunks that are left count while the host does something with them.
func TestChunksThatAreLeft(t *testing.T) {
	dir := t.TempDir()
	name := fmt.Sprintf("%d-%d.1.flb", os.Getpid(), time.Now().Add(time.Hour).Unix())
	for file, size := range map[string]int{"1-1.1.flb": 1000, "1-2.1.flb": 500, name: 20, "other": 7} {
		if err := os.WriteFile(filepath.Join(dir, file), make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h := &handover{kind: diskStorage, dir: dir, began: time.Now()}
	look := func() { h.look(lookAtChunks(dir, h.began), h.given) }
	look()
	if got := h.pending(0); got != 1520 || h.unrouted() {
		t.Errorf("%d bytes wait", got)
	}
	h.idle = time.Now().Add(-time.Minute)
	if look(); h.pending(0) != 20 || !h.unrouted() {
		t.Errorf("%d bytes wait", h.pending(0))
	}
	if err := os.Remove(filepath.Join(dir, "1-2.1.flb")); err != nil {
		t.Fatal(err)
	}
	if look(); h.pending(0) != 1020 || h.unrouted() {
		t.Errorf("delivered: %d bytes wait", h.pending(0))
	}
}

// However many chunks there are, looking at them takes a small part of the time.
func TestManyChunks(t *testing.T) {
	dir := t.TempDir()
	for n := range 5000 {
		name := fmt.Sprintf("%d-%d.%09d.flb", os.Getpid(), time.Now().Unix()+1, n)
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := &feed{wake: func() {}, current: &segment{}}
	f.handover.dir = dir
	began, looking := time.Now(), time.Duration(0)
	for time.Since(began) < 2*time.Second {
		at := time.Now()
		f.lookAround(false, nil)
		looking += time.Since(at)
		time.Sleep(time.Millisecond)
	}
	if whole := time.Since(began); looking > whole/3 {
		t.Errorf("%s of %s", looking, whole)
	}
	if f.handover.inDir.own != 5000 {
		t.Errorf("%d bytes", f.handover.inDir.own)
	}
}
