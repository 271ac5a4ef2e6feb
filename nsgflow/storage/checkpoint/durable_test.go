package checkpoint

import (
	"errors"
	"fmt"
	"maps"
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
	await(t, "a checkpoint that outlives power", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.recent) == 0 })
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
	<-asked // the next round has begun
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
		if err := s.chunks.sync(folder); err != nil || !slices.Equal(synced, want) {
			t.Errorf("%q are brought to disk, want %q; %v", synced, want, err)
		}
	}
	if err := os.Chtimes(old, long, long.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	synced = nil
	if err := errors.Join(s.chunks.sync(folder), s.chunks.sync(filepath.Join(folder, "gone"))); err != nil || !slices.Contains(synced, filepath.Base(old)) {
		t.Errorf("%q are brought to disk; %v", synced, err)
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
	if n := len(slices.Collect(maps.Keys(s.recent))); n > 0 {
		t.Errorf("a new database has %d buckets of an old journal", n)
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

// hostChunk is a chunk that this process fills, with the tag that it has.
func hostChunk(t *testing.T, folder, tag string, n int) (path string) {
	t.Helper()
	path = chunkOf(t, folder, fmt.Sprintf("%d-%d.%d.flb", os.Getpid(), time.Now().Add(time.Second).Unix(), n))
	head := "\xc1\x00" + strings.Repeat("\x00", 20) + "\x00" + string(rune(4+len(tag))) + "\xf1w\x00\x00" + tag
	if err := os.WriteFile(path, []byte(head), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// outlivesPower is the offset that the checkpoint of a blob has after a power cut at
// this moment.
func outlivesPower(t *testing.T, s *Store, name string) (offset int64) {
	t.Helper()
	if err := s.persist(false); err != nil {
		t.Fatal(err)
	}
	afterPowerCut(t, func() { offset = offsets(t, s.file, name)[0] })
	return offset
}

// A chunk that the host still writes to may be lost to a power cut, with all that
// is on disk of it. So the checkpoints that stand for it wait for what closes it.
func TestCheckpointWaitsForTheEndOfAChunk(t *testing.T) {
	remove := func(t *testing.T, path string) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		what   string
		first  string // the tag of the chunk that holds the checkpoint
		others []string
		then   func(t *testing.T, s *Store, folder, chunk string)
		closed bool
	}{
		{"time passes", "flow", nil, func(t *testing.T, s *Store, _, _ string) { outlivesPower(t, s, "a") }, false},
		{"it grows", "flow", nil, func(t *testing.T, _ *Store, _, chunk string) { os.Truncate(chunk, 1<<20) }, false},
		{"the next chunk has begun", "flow", nil, func(t *testing.T, _ *Store, folder, _ string) { hostChunk(t, folder, "flow", 2) }, true},
		{"one of another route has begun", "flow", nil, func(t *testing.T, _ *Store, folder, _ string) { hostChunk(t, folder, "other", 2) }, false},
		{"the host has made a file, and not written its head", "flow", nil, func(t *testing.T, _ *Store, folder, _ string) { hostChunk(t, folder, "", 2) }, false},
		{"it is delivered", "flow", nil, func(t *testing.T, _ *Store, _, chunk string) { remove(t, chunk) }, true},
		{"one of two routes is delivered", "flow", []string{"other"}, func(t *testing.T, _ *Store, _, chunk string) { remove(t, chunk) }, false},
		{"nobody writes to it for ten minutes", "flow", nil, func(t *testing.T, s *Store, folder, chunk string) {
			s.persisting.Lock()
			defer s.persisting.Unlock()
			file := s.chunks.looked[folder][filepath.Base(chunk)]
			file.rests = file.rests.Add(-atRest)
			s.chunks.looked[folder][filepath.Base(chunk)] = file
		}, true},
		{"it grows after ten minutes", "flow", nil, func(t *testing.T, s *Store, folder, chunk string) {
			s.persisting.Lock()
			defer s.persisting.Unlock()
			file := s.chunks.looked[folder][filepath.Base(chunk)]
			file.rests = file.rests.Add(-atRest)
			s.chunks.looked[folder][filepath.Base(chunk)] = file
			os.Truncate(chunk, 1<<20)
		}, false},
	} {
		t.Run(test.what, func(t *testing.T) {
			s, err := Open(filepath.Join(t.TempDir(), "nsgflow.db"), quiet)
			if err != nil {
				t.Fatal(err)
			}
			folder := t.TempDir()
			chunkOf(t, folder, "1-1.1.flb") // of an earlier process: nobody writes to it
			chunk := hostChunk(t, folder, test.first, 1)
			for n, tag := range test.others {
				hostChunk(t, folder, tag, 10+n)
			}
			if err := s.Put(one("a", 1), folder); err != nil {
				t.Fatal(err)
			}
			if got := outlivesPower(t, s, "a"); got != 0 {
				t.Errorf("the checkpoint %d is ahead of a chunk that is written to", got)
			}
			if got := offsets(t, s.file, "a"); got[0] != 1 {
				t.Errorf("after a kill: %d", got)
			}
			test.then(t, s, folder, chunk)
			if got := outlivesPower(t, s, "a"); (got == 1) != test.closed {
				t.Errorf("then %d", got)
			}
			// The end closes all.
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			afterPowerCut(t, func() {
				if got := offsets(t, s.file, "a"); got[0] != 1 {
					t.Errorf("after the end: %d", got)
				}
			})
		})
	}
}

// What is put while a chunk is waited for stands for a later one.
func TestCheckpointsOfOneChunkAfterTheOther(t *testing.T) {
	s, folder := newStore(t), t.TempDir()
	for n := range int64(5) {
		hostChunk(t, folder, "flow", int(n))
		if got := outlivesPower(t, s, "a"); got != n-1 && (n > 0 || got != 0) {
			t.Errorf("chunk %d has begun: the checkpoint is %d", n, got)
		}
		if err := s.Put(one("a", n), folder); err != nil {
			t.Fatal(err)
		}
		if got := outlivesPower(t, s, "a"); got != max(0, n-1) {
			t.Errorf("chunk %d is filled: the checkpoint is %d", n, got)
		}
	}
}

// The chunks of one section, which nothing closes, do not keep back the checkpoints
// of another one; nor those of a process before, though they are of the same blob.
func TestCheckpointsOfOtherFolders(t *testing.T) {
	s, still, other := newStore(t), t.TempDir(), t.TempDir()
	hostChunk(t, still, "flow", 1)
	if err := errors.Join(s.Put(one("a", 1), still), s.Put(one("b", 2), other), s.Put(one("c", 3), ""), s.Put(one("d", 4), ""), s.Put(one("d", 5), still)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int64{"a": 0, "b": 2, "c": 3, "d": 4} {
		if got := outlivesPower(t, s, name); got != want {
			t.Errorf("%q: %d, want %d", name, got, want)
		}
		if c, _, err := s.Get(bucketOfTest, name); name == "d" && (err != nil || c.Offset != 5) {
			t.Errorf("%q: %v, %v", name, c, err)
		}
	}
	for n, name := range []string{"a", "d"} { // "d" came while "a" was waited for, or not
		hostChunk(t, still, "flow", 2+n)
		outlivesPower(t, s, name)
	}
	if got := offsets(t, s.file, "a", "d"); !slices.Equal(got, []int64{1, 5}) {
		t.Errorf("%d", got)
	}
	afterPowerCut(t, func() {
		if got := offsets(t, s.file, "a", "d"); !slices.Equal(got, []int64{1, 5}) {
			t.Errorf("after a power cut: %d", got)
		}
	})
	if s.pending() {
		t.Errorf("%v waits, %v", s.recent, s.piles)
	}
	if all, folders, _ := readJournal(journalOf(s.file)); len(all) > 0 || !slices.Equal(folders, slices.Sorted(slices.Values([]string{still, other}))) {
		t.Errorf("in the journal: %v, %q", all, folders)
	}
}

// What a chunk that is written to stands for is not forgotten: the watermark waits.
func TestSettleWaitsForTheEndOfAChunk(t *testing.T) {
	s, folder := newStore(t), t.TempDir()
	hostChunk(t, folder, "flow", 1)
	at := time.Date(2026, 11, 30, 5, 0, 0, 0, time.UTC)
	forget := func(name string, _ Checkpoint) bool { return name != "a" }
	if err := errors.Join(s.Put(one("a", 1), folder), s.Put(one("b", 1), folder)); err != nil {
		t.Fatal(err)
	}
	if err := s.Settle(bucketOfTest, at, forget); !errors.Is(err, ErrNotClosed) {
		t.Fatalf("%v", err)
	}
	if _, begun, err := s.Begun(bucketOfTest); begun || err != nil {
		t.Errorf("%t, %v", begun, err)
	}
	if err := s.Settle(bucketOfTest, at, func(string, Checkpoint) bool { return true }); err != nil {
		t.Errorf("nothing is to be forgotten: %v", err)
	}
	hostChunk(t, folder, "flow", 2)
	if err := s.Settle(bucketOfTest, at, forget); err != nil {
		t.Fatal(err)
	}
	if got := offsets(t, s.file, "a", "b"); !slices.Equal(got, []int64{0, 1}) {
		t.Errorf("%d", got)
	}
}
