package checkpoint

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const bucketOfTest = "https://example.blob.core.windows.net/flowlogs"

func one(name string, offset int64) Set {
	return Set{bucketOfTest: {name: {Offset: offset}}}
}

// offsets are those that a store opened from the files of another one has.
func offsets(t *testing.T, file string, names ...string) (all []int64) {
	t.Helper()
	dir := t.TempDir()
	for _, path := range []string{file, journalOf(file)} {
		content, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(path)), content, 0o600)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	s, err := Open(filepath.Join(dir, filepath.Base(file)), quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, name := range names {
		c, _, err := s.Get(bucketOfTest, name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c.Offset)
	}
	return all
}

// afterPowerCut runs a function in another boot of the machine.
func afterPowerCut(t *testing.T, do func()) {
	t.Helper()
	before := bootFile
	defer func() { bootFile = before }()
	bootFile = filepath.Join(t.TempDir(), "boot")
	if err := os.WriteFile(bootFile, []byte("2c1b6f0e-7a65-4c58-9a8e-3f1d6a0b9c42\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	do()
}

func newStore(t *testing.T) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "nsgflow.db"), quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// chunkOf writes what a host would have in a folder.
func chunkOf(t *testing.T, folder, name string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A checkpoint outlives a kill at once, and a power cut only when the chunks
// that it stands for are on disk.
func TestCheckpointWaitsForChunks(t *testing.T) {
	real := datasync
	defer func() { datasync = real }()
	s := newStore(t)
	folder := t.TempDir()
	chunk := chunkOf(t, folder, "1-1.1.flb")
	asked, goOn := make(chan string), make(chan error)
	datasync = func(file *os.File) error { asked <- file.Name(); return <-goOn }
	if err := s.Put(one("a", 1), folder); err != nil {
		t.Fatal(err)
	}
	if got := <-asked; got != chunk {
		t.Errorf("%q is brought to disk, want %q", got, chunk)
	}
	// The chunk is not on disk yet.
	beside := datasync
	datasync = real
	if got := offsets(t, s.file, "a"); got[0] != 1 {
		t.Errorf("a kill takes the checkpoint along: %d", got)
	}
	afterPowerCut(t, func() {
		if got := offsets(t, s.file, "a"); got[0] != 0 {
			t.Errorf("the checkpoint %d is ahead of its chunk", got)
		}
	})
	datasync = beside
	// The disk fails: said, and tried again.
	goOn <- syscall.EIO
	<-asked
	if err := s.Put(one("b", 1), folder); !errors.Is(err, syscall.EIO) {
		t.Errorf("put: %v", err)
	}
	goOn <- nil
	await(t, "a checkpoint that outlives power", func() bool { return unsaved(s) == 0 })
	datasync = real
	afterPowerCut(t, func() {
		if got := offsets(t, s.file, "a"); got[0] != 1 {
			t.Errorf("a power cut takes the checkpoint along: %d", got)
		}
	})
}

// Of what comes while the chunks are brought to disk, nothing is taken for
// being there.
func TestCheckpointWhileChunksAreSynced(t *testing.T) {
	real := datasync
	defer func() { datasync = real }()
	s := newStore(t)
	folder := t.TempDir()
	chunkOf(t, folder, "1-1.1.flb")
	asked, goOn := make(chan bool), make(chan error)
	hook := func(*os.File) error { asked <- true; return <-goOn }
	datasync = hook
	if err := s.Put(one("a", 1), folder); err != nil {
		t.Fatal(err)
	}
	<-asked
	if err := errors.Join(s.Put(one("a", 2), folder), s.Put(one("b", 2), folder)); err != nil {
		t.Fatal(err)
	}
	goOn <- nil
	<-asked // the next risk has begun
	datasync = real
	if got := offsets(t, s.file, "a", "b"); !slices.Equal(got, []int64{2, 2}) {
		t.Errorf("after a kill: %d", got)
	}
	afterPowerCut(t, func() {
		if got := offsets(t, s.file, "a", "b"); !slices.Equal(got, []int64{1, 0}) {
			t.Errorf("after a power cut: %d", got)
		}
	})
	goOn <- nil
}

// A process that was killed may have left chunks that are not on disk: the next
// one brings them there before it writes its checkpoints.
func TestNextProcessSyncsChunks(t *testing.T) {
	real := datasync
	defer func() { datasync = real }()
	folder, dir := t.TempDir(), t.TempDir()
	chunk := chunkOf(t, folder, "1-1.1.flb")
	s, err := Open(filepath.Join(t.TempDir(), "nsgflow.db"), quiet)
	if err != nil {
		t.Fatal(err)
	}
	datasync = func(*os.File) error { return syscall.EIO }
	if err := s.Put(one("a", 1), folder); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{s.file, journalOf(s.file)} {
		content, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(path)), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	synced := make(chan string, 1)
	datasync = func(file *os.File) error { synced <- file.Name(); return nil }
	next, err := Open(filepath.Join(dir, "nsgflow.db"), quiet)
	if err != nil {
		t.Fatal(err)
	}
	if got := <-synced; got != chunk {
		t.Errorf("%q is brought to disk, want %q", got, chunk)
	}
	if err := next.Close(); err != nil {
		t.Fatal(err)
	}
	afterPowerCut(t, func() {
		if got := offsets(t, filepath.Join(dir, "nsgflow.db"), "a"); got[0] != 1 {
			t.Errorf("after a power cut: %d", got)
		}
	})
}

// toDisk brings folders to disk as they are now.
func toDisk(s *Store, folders ...string) error {
	return errors.Join(s.chunks.lookAll(folders), s.chunks.sync(folders))
}

// Only chunks that have changed are brought to disk again.
func TestChunksAtRest(t *testing.T) {
	real := datasync
	defer func() { datasync = real }()
	s := newStore(t)
	var synced []string
	datasync = func(file *os.File) error { synced = append(synced, filepath.Base(file.Name())); return nil }
	folder := t.TempDir()
	old := chunkOf(t, folder, "1-1.1.flb")
	long := time.Now().Add(-time.Minute)
	if err := os.Chtimes(old, long, long); err != nil {
		t.Fatal(err)
	}
	chunkOf(t, folder, "1-2.1.flb")
	for _, want := range [][]string{{"1-1.1.flb", "1-2.1.flb"}, {"1-2.1.flb"}} {
		synced = nil
		if err := toDisk(s, folder); err != nil || !slices.Equal(synced, want) {
			t.Errorf("%q are brought to disk, want %q; %v", synced, want, err)
		}
	}
	if err := os.Chtimes(old, long, long.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	synced = nil
	if err := toDisk(s, folder, filepath.Join(folder, "gone")); err != nil || !slices.Contains(synced, filepath.Base(old)) {
		t.Errorf("%q are brought to disk; %v", synced, err)
	}
}

// The name of a new chunk is brought to disk as well, and the first time that of its folder.
func TestNamesOfChunks(t *testing.T) {
	real := namesync
	defer func() { namesync = real }()
	var synced []string
	namesync = func(file *os.File) error { synced = append(synced, filepath.Base(file.Name())); return nil }
	s, folder := newStore(t), filepath.Join(t.TempDir(), "root", "nsgflow.0")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for n, want := range [][]string{{"root", "nsgflow.0"}, {"nsgflow.0"}, nil} {
		if n < 2 {
			chunkOf(t, folder, fmt.Sprint("1-", n, ".1.flb"))
		}
		synced = nil
		if err := toDisk(s, folder); err != nil || !slices.Equal(synced, want) {
			t.Errorf("%q are brought to disk, want %q; %v", synced, want, err)
		}
	}
}

// A journal may end anywhere, and hold anything: what is whole before counts,
// and nothing of another database.
func TestJournalIsReadable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nsgflow.journal")
	j := journal{path: path, boot: boot()}
	if err := j.replace(entry{Folders: []string{"/a"}}); err != nil {
		t.Fatal(err)
	}
	var sizes []int64
	for n := range 3 {
		sizes = append(sizes, j.size)
		if err := j.add(entry{Checkpoints: one("a", int64(n+1))}); err != nil {
			t.Fatal(err)
		}
	}
	j.close()
	content, _ := os.ReadFile(path)
	for size := range len(content) {
		for _, tail := range []string{"", "\n", strings.Repeat("\x00", 100), "00000000 {}\n"} {
			if err := os.WriteFile(path, append(slices.Clone(content[:size]), tail...), 0o600); err != nil {
				t.Fatal(err)
			}
			whole := int64(0)
			for _, at := range sizes {
				if int64(size) > at {
					whole++
				}
			}
			all, _, another := readJournal(path)
			got := all[bucketOfTest]["a"].Offset
			if got > whole || got < whole-1 || another {
				t.Errorf("%d bytes and %q: checkpoint %d, another boot %t", size, tail, got, another)
			}
		}
	}
	s, err := Open(filepath.Join(filepath.Dir(path), "nsgflow.db"), quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if n := unsaved(s); n > 0 {
		t.Errorf("a new database has %d checkpoints of an old journal", n)
	}
}

// Where checkpoints cannot be brought into the database because it is damaged,
// whoever asks for one hears of it, though the journal knows the answer: with
// nothing new to read, nobody would write one.
func TestDamageIsToldWhenIdle(t *testing.T) {
	real := datasync
	defer func() { datasync = real }()
	s := newStore(t)
	folder := t.TempDir()
	chunkOf(t, folder, "1-1.1.flb")
	datasync = func(*os.File) error { return ErrDamaged }
	if err := s.Put(one("a", 1), folder); err != nil {
		t.Fatal(err)
	}
	await(t, "an answer that it is damaged", func() bool {
		_, _, err := s.Get(bucketOfTest, "a")
		return errors.Is(err, ErrDamaged)
	})
}

// unsaved is how many checkpoints are not in the database.
func unsaved(s *Store) (n int) {
	_, recent := s.snapshot()
	for _, all := range recent {
		for _, blobs := range all {
			n += len(blobs)
		}
	}
	return n
}

// quiet takes warnings that a test does not look at.
func quiet(string) {}

func await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}
