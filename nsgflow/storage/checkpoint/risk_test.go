package checkpoint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// hostChunk is a chunk that this process fills, as the host does.
type hostChunk struct {
	testing.TB
	path string
}

// begin makes the n-th chunk of a folder, with metadata and no records.
func begin(t testing.TB, folder, tag string, n int) hostChunk {
	t.Helper()
	name := fmt.Sprintf("%d-%d.%d.flb", os.Getpid(), time.Now().Add(time.Second).Unix(), n)
	c := hostChunk{t, filepath.Join(folder, name)}
	content := make([]byte, 4096)
	copy(content, "\xc1\x00")
	if tag != "" {
		binary.BigEndian.PutUint16(content[22:], uint16(4+len(tag)))
		copy(content[24:], "\xf1w\x00\x00"+tag)
	}
	c.check(os.WriteFile(c.path, content, 0o600))
	return c
}

func (c hostChunk) check(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

// change writes the file anew, as a page that was written back.
func (c hostChunk) change(do func(content []byte) []byte) {
	c.Helper()
	content, err := os.ReadFile(c.path)
	c.check(err)
	c.check(os.WriteFile(c.path, do(content), 0o600))
}

// add appends a record: the file grows, the record is written, and then the head.
func (c hostChunk) add(record string) hostChunk {
	c.Helper()
	c.change(func(content []byte) []byte {
		end := c.end(content)
		for len(content) < end+len(record) {
			content = append(content, make([]byte, 4096)...)
		}
		copy(content[end:], record)
		c.grow(content, len(record))
		return content
	})
	return c
}

func (c hostChunk) end(content []byte) int {
	return 24 + int(binary.BigEndian.Uint16(content[22:])) + int(binary.BigEndian.Uint32(content[10:]))
}

func (c hostChunk) grow(content []byte, by int) {
	binary.BigEndian.PutUint32(content[10:], binary.BigEndian.Uint32(content[10:])+uint32(by))
}

// tear makes the head tell of more than the file has: the size of the file was not on disk
// when the power went, and the page with the head was.
func (c hostChunk) tear() {
	c.Helper()
	c.change(func(content []byte) []byte { c.grow(content, 1<<20); return content })
}

func (c hostChunk) remove() { c.Helper(); c.check(os.Remove(c.path)) }

// stillStore brings to disk what was put when it is told so only.
func stillStore(t *testing.T) *Store {
	t.Helper()
	s := newStore(t)
	close(s.closing)
	s.ended.Wait()
	s.closing = make(chan struct{})
	return s
}

// saved brings to disk what was put.
func saved(t testing.TB, s *Store) {
	t.Helper()
	if err := s.persist(false); err != nil {
		t.Fatal(err)
	}
}

// putSaved puts a checkpoint that stands for chunks in a folder, and brings it to disk.
func putSaved(t testing.TB, s *Store, folder, name string, offset int64) {
	t.Helper()
	if err := s.Put(one(name, offset), folder); err != nil {
		t.Fatal(err)
	}
	saved(t, s)
}

// afterCut is how far blobs are read where the power goes at this moment.
func afterCut(t *testing.T, s *Store, names ...string) (all []int64) {
	t.Helper()
	afterPowerCut(t, func() { all = offsets(t, s.file, names...) })
	return all
}

// A power cut may take a chunk that the host still writes to, with all that was on disk of
// it. What it held is read again then, and only then.
func TestOpenChunkAfterAPowerCut(t *testing.T) {
	type it struct {
		*testing.T
		*Store
		folder string
		chunk  hostChunk
	}
	for _, test := range []struct {
		what string
		do   func(it)
		want int64 // 1: what is in the chunk counts as read
	}{
		{"nothing else", func(it) {}, 1},
		{"it has grown", func(i it) { i.chunk.add(strings.Repeat("later", 5000)) }, 1},
		{"what came later is zeros", func(i it) {
			i.chunk.change(func(c []byte) []byte { i.chunk.grow(c, 8000); return append(c, make([]byte, 8192)...) })
		}, 1},
		{"its head is ahead of its size", func(i it) { i.chunk.tear() }, 0},
		{"it is cut short", func(i it) { i.chunk.change(func(c []byte) []byte { return c[:37] }) }, 0},
		{"it is empty", func(i it) { i.chunk.change(func([]byte) []byte { return nil }) }, 0},
		{"its head is of before", func(i it) { i.chunk.change(func(c []byte) []byte { i.chunk.grow(c, -1); return c }) }, 0},
		{"its head is zeros", func(i it) { i.chunk.change(func(c []byte) []byte { clear(c[:24]); return c }) }, 0},
		{"a byte of it is another", func(i it) { i.chunk.change(func(c []byte) []byte { c[i.chunk.end(c)-1]++; return c }) }, 0},
		{"its metadata is another", func(i it) { i.chunk.change(func(c []byte) []byte { c[28]++; return c }) }, 0},
		{"it is gone", func(i it) { i.chunk.remove() }, 0},
		{"it is delivered", func(i it) { i.chunk.remove(); saved(i, i.Store) }, 1},
		{"it is closed", func(i it) { begin(i, i.folder, "flow", 2); saved(i, i.Store); i.chunk.tear() }, 1},
		{"the next one has begun, and nobody has looked", func(i it) { begin(i, i.folder, "flow", 2); i.chunk.tear() }, 0},
		{"one of another route has begun", func(i it) { begin(i, i.folder, "other", 2); saved(i, i.Store); i.chunk.tear() }, 0},
		{"one has begun, and has no head", func(i it) { begin(i, i.folder, "", 2); saved(i, i.Store); i.chunk.tear() }, 0},
		{"two have begun, and neither has a head", func(i it) {
			begin(i, i.folder, "", 2)
			saved(i, i.Store)
			begin(i, i.folder, "", 3)
			saved(i, i.Store)
			i.chunk.tear()
		}, 0},
		{"one of an earlier process is damaged", func(i it) { hostChunk{i, filepath.Join(i.folder, "1-1.1.flb")}.tear() }, 1},
		{"nobody has written to it for long", func(i it) { rest(i.Store, i.folder); saved(i, i.Store); i.chunk.tear() }, 0},
	} {
		t.Run(test.what, func(t *testing.T) {
			s, folder := stillStore(t), t.TempDir()
			old := begin(t, folder, "flow", 0).add("old")
			if err := os.Rename(old.path, filepath.Join(folder, "1-1.1.flb")); err != nil {
				t.Fatal(err)
			}
			chunk := begin(t, folder, "flow", 1).add("record")
			if err := s.Put(one("a", 1), folder); err != nil {
				t.Fatal(err)
			}
			saved(t, s)
			test.do(it{t, s, folder, chunk})
			if got := offsets(t, s.file, "a"); got[0] != 1 {
				t.Errorf("after a kill: %d", got)
			}
			if got := afterCut(t, s, "a"); got[0] != test.want {
				t.Errorf("%d, want %d", got, test.want)
			}
		})
	}
}

// rest makes it long ago that chunks were written to.
func rest(s *Store, folder string) {
	s.persisting.Lock()
	defer s.persisting.Unlock()
	for name, file := range s.chunks.listed[folder] {
		file.quiet = atRest
		s.chunks.listed[folder][name] = file
	}
}

// A chunk that nobody writes to has nothing of what is put, but where the disk has refused
// that for long, or the process stood still.
func TestRestWhileThePutIsRefused(t *testing.T) {
	real := datasync
	defer func() { datasync = real }()
	for _, test := range []struct {
		what string
		do   func(s *Store, folder string)
		want int64
	}{
		{"nothing", func(*Store, string) {}, 1},
		{"the database", func(s *Store, folder string) {
			datasync = func(*os.File) error { return syscall.ENOSPC }
			s.Put(one("other", 1), folder)
			if err := errors.Join(s.persist(false), s.Put(one("a", 1), folder)); err == nil {
				t.Error("it is not refused")
			}
			rest(s, folder)
			if err := s.persist(false); err == nil {
				t.Error("it does not fail")
			}
			datasync = real
			saved(t, s)
		}, 0},
		{"the journal", func(s *Store, folder string) {
			file := s.journal.file
			s.journal.file, _ = os.Open(os.DevNull)
			if err := s.Put(one("a", 1), folder); err == nil {
				t.Error("it is not refused")
			}
			s.journal.file.Close()
			s.journal.file = file
		}, 0},
	} {
		s, folder := stillStore(t), t.TempDir()
		chunk := begin(t, folder, "flow", 1).add("x")
		if err := s.Put(one("first", 1), folder); err != nil {
			t.Fatal(err)
		}
		saved(t, s)
		rest(s, folder)
		test.do(s, folder)
		if err := s.Put(one("a", 1), folder); err != nil {
			t.Fatal(err)
		}
		saved(t, s)
		chunk.tear()
		if got := afterCut(t, s, "first", "a"); !slices.Equal(got, []int64{0, test.want}) {
			t.Errorf("%s: %d, want %d", test.what, got, test.want)
		}
	}
	// The time of a process that was stopped.
	c, folder := &chunks{}, t.TempDir()
	begin(t, folder, "flow", 1)
	quiet := func() time.Duration {
		l, err := c.look(folder)
		if err != nil || len(l) != 1 {
			t.Fatal(err)
		}
		for name, file := range l {
			quiet := file.quiet
			file.at = file.at.Add(-time.Hour)
			l[name] = file
			return quiet
		}
		return 0
	}
	if first, second, third := quiet(), quiet(), quiet(); first != 0 || second != mostBetween || third != 2*mostBetween {
		t.Errorf("%s, %s, %s", first, second, third)
	}
}

// A store goes back to what is in chunks that are closed, and no farther.
func TestBackToTheLastClosedChunk(t *testing.T) {
	s, folder := stillStore(t), t.TempDir()
	put := func(offset int64) { t.Helper(); putSaved(t, s, folder, "a", offset) }
	first := begin(t, folder, "flow", 1).add("1")
	put(1)
	first.add("2")
	put(2)
	second := begin(t, folder, "flow", 2).add("3")
	put(3)
	put(4)
	if got := afterCut(t, s, "a"); got[0] != 4 {
		t.Errorf("all is there: %d", got)
	}
	second.tear()
	if got := afterCut(t, s, "a"); got[0] != 2 {
		t.Errorf("the second is torn: %d", got)
	}
	if s.risks[0].Chunks[filepath.Base(first.path)].End != 0 || len(s.risks) != 1 {
		t.Errorf("%+v", s.risks)
	}
	second.remove()
	saved(t, s)
	if got := afterCut(t, s, "a"); got[0] != 4 || len(s.risks) != 0 {
		t.Errorf("the second is delivered: %d, %+v", got, s.risks)
	}
}

// Two chunks are written to, of two routes: what one takes along is read again.
func TestOneOfTwoRoutesIsTorn(t *testing.T) {
	for torn, want := range [][]int64{{2, 0, 5}, {1, 3, 5}, {2, 3, 0}} {
		s, folder, other := stillStore(t), t.TempDir(), t.TempDir()
		all := []hostChunk{begin(t, folder, "dead", 1).add("a and b"), {}, begin(t, other, "flow", 1).add("c")}
		if err := errors.Join(s.Put(one("a", 1), folder), s.Put(one("b", 3), folder), s.Put(one("c", 5), other)); err != nil {
			t.Fatal(err)
		}
		saved(t, s)
		rest(s, folder)
		// The first has nothing of what comes now.
		all[1] = begin(t, folder, "alive", 2).add("a")
		if err := s.Put(one("a", 2), folder); err != nil {
			t.Fatal(err)
		}
		saved(t, s)
		if torn == 0 {
			want[0] = 0 // what came after it of "a", too
		}
		all[torn].tear()
		if got := afterCut(t, s, "a", "b", "c"); !slices.Equal(got, want) {
			t.Errorf("%d is torn: %d, want %d", torn, got, want)
		}
	}
}

// What stood before the first of several risks counts, in whatever order they were merged.
func TestTheFirstRiskCounts(t *testing.T) {
	s, folder := stillStore(t), t.TempDir()
	put := func(name string, offset int64) { t.Helper(); putSaved(t, s, folder, name, offset) }
	x := begin(t, folder, "x", 1).add("1")
	put("a", 1) // in x
	y := begin(t, folder, "y", 2).add("1")
	if err := s.Put(one("a", 2), folder); err != nil {
		t.Fatal(err)
	}
	put("b", 1) // both in x or y
	rest(s, folder)
	x.add("2")
	put("b", 2) // in x
	if len(s.risks) != 2 {
		t.Fatalf("%+v", s.risks)
	}
	if got := afterCut(t, s, "a", "b"); !slices.Equal(got, []int64{2, 2}) {
		t.Errorf("%d", got)
	}
	x.tear()
	if got := afterCut(t, s, "a", "b"); !slices.Equal(got, []int64{0, 0}) {
		t.Errorf("x is torn: %d", got)
	}
	y.remove()
	saved(t, s)
	if got := afterCut(t, s, "a", "b"); !slices.Equal(got, []int64{0, 0}) || len(s.risks) != 1 {
		t.Errorf("and y delivered: %d, %+v", got, s.risks)
	}
}

// What has come into a chunk since it was marked first is marked, too.
func TestChunkIsMarkedAgain(t *testing.T) {
	s, folder := stillStore(t), t.TempDir()
	chunk := begin(t, folder, "flow", 1)
	for n := range int64(2) {
		chunk.add("record")
		if err := s.Put(one("a", n+1), folder); err != nil {
			t.Fatal(err)
		}
		saved(t, s)
	}
	chunk.change(func(c []byte) []byte { c[chunk.end(c)-1]++; return c })
	if got := afterCut(t, s, "a"); got[0] != 0 || len(s.risks) != 1 {
		t.Errorf("%d, %+v", got, s.risks)
	}
}

// Of two marks of a chunk the one that was made later counts, whichever risk it is in.
func TestMarkDoesNotGoBack(t *testing.T) {
	s, folder := stillStore(t), t.TempDir()
	put := func(name string, offset int64) { t.Helper(); putSaved(t, s, folder, name, offset) }
	x := begin(t, folder, "x", 1).add("1")
	put("a", 1) // in x
	y := begin(t, folder, "y", 2).add("1")
	put("b", 1) // in x or y
	rest(s, folder)
	x.add("2")
	put("b", 2) // in x
	y.remove()
	saved(t, s)
	x.change(func(c []byte) []byte { c[x.end(c)-1]++; return c })
	if got := afterCut(t, s, "a", "b"); !slices.Equal(got, []int64{0, 0}) {
		t.Errorf("%d", got)
	}
}

// A chunk that cannot be read keeps back what stands for it.
func TestChunkThatCannotBeRead(t *testing.T) {
	s, folder := stillStore(t), t.TempDir()
	chunk := begin(t, folder, "flow", 1)
	if err := errors.Join(os.Remove(chunk.path), os.Mkdir(chunk.path, 0o700), s.Put(one("a", 1), folder)); err != nil {
		t.Fatal(err)
	}
	if err := s.persist(false); !errors.Is(err, syscall.EISDIR) {
		t.Errorf("%v", err)
	}
	if got := afterCut(t, s, "a"); got[0] != 0 {
		t.Errorf("%d", got)
	}
	if err := os.Remove(chunk.path); err != nil {
		t.Fatal(err)
	}
	saved(t, s)
}

// Where it is not known in which boot of the machine the database was written, the chunks
// are looked at. That a store went back is said once, and nothing of it stays.
func TestUnknownBoot(t *testing.T) {
	before := bootFile
	defer func() { bootFile = before }()
	bootFile = filepath.Join(t.TempDir(), "none")
	s, folder := stillStore(t), t.TempDir()
	chunk := begin(t, folder, "flow", 1).add("x")
	if err := s.Put(one("a", 1), folder); err != nil {
		t.Fatal(err)
	}
	saved(t, s)
	reopen := func() *Store {
		file := filepath.Join(t.TempDir(), "nsgflow.db")
		content, err := os.ReadFile(s.file)
		if err == nil {
			err = os.WriteFile(file, content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		next, err := Open(file, quiet)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { next.Close() })
		return next
	}
	whole := reopen()
	if c, _, _ := whole.Get(bucketOfTest, "a"); c.Offset != 1 || whole.StartedAnew() || len(whole.risks) > 0 {
		t.Errorf("the chunk is whole: %+v, %v", c, whole.risks)
	}
	chunk.tear()
	torn := reopen()
	if _, ok, _ := torn.Get(bucketOfTest, "a"); ok || !torn.StartedAnew() || torn.StartedAnew() || len(torn.risks) > 0 {
		t.Errorf("the chunk is torn: %t, %v", ok, torn.risks)
	}
	err := torn.view(func(tx *bbolt.Tx) error {
		if tx.Bucket(risksKey) != nil {
			t.Error("what was at risk stays in the database")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A route whose output is dead keeps its chunk open for ever, while others go on: what is
// noted of it does not grow.
func TestRiskIsBounded(t *testing.T) {
	s, folder := stillStore(t), t.TempDir()
	begin(t, folder, "dead", 1).add("x")
	size := func() (n int) {
		for _, r := range s.risks {
			n += len(r.Chunks) + len(r.Before[bucketOfTest])
		}
		return n
	}
	var before hostChunk
	for n := range 40 {
		now := begin(t, folder, "alive", 2+n).add("x")
		if err := s.Put(one(fmt.Sprint("blob", n), 1), folder); err != nil {
			t.Fatal(err)
		}
		saved(t, s)
		if n == 10 {
			rest(s, folder)
		}
		if n > 0 {
			before.remove()
		}
		before = now
	}
	if size() > 20 {
		t.Errorf("%d: %+v", size(), s.risks)
	}
	if len(s.chunks.listed[folder]) > 3 || len(s.chunks.synced[folder]) > 3 {
		t.Errorf("%d, %d chunks are known", len(s.chunks.listed[folder]), len(s.chunks.synced[folder]))
	}
}

// The process that comes after a kill writes to no chunk of the one before: they are
// closed. It brings them to disk, and nothing is at risk.
func TestKillClosesChunks(t *testing.T) {
	s, folder := stillStore(t), t.TempDir()
	chunk := begin(t, folder, "flow", 1).add("x")
	if err := s.Put(one("a", 1), folder); err != nil {
		t.Fatal(err)
	}
	saved(t, s)
	name := filepath.Join(folder, "1-1.1.flb") // of another process
	if err := os.Rename(chunk.path, name); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "nsgflow.db")
	content, err := os.ReadFile(s.file)
	if err == nil {
		err = os.WriteFile(file, content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	synced := make(chan string, 10)
	real := datasync
	defer func() { datasync = real }()
	datasync = func(file *os.File) error { synced <- file.Name(); return nil }
	next, err := Open(file, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if got := <-synced; got != name {
		t.Errorf("%q is brought to disk", got)
	}
	saved(t, next)
	if err := next.Close(); err != nil {
		t.Fatal(err)
	}
	hostChunk{t, name}.remove()
	afterPowerCut(t, func() {
		if got := offsets(t, file, "a"); got[0] != 1 {
			t.Errorf("%d", got)
		}
	})
}

// The end of a chunk is noticed within a second or two, though nothing is put.
func TestEndOfAChunkIsNoticed(t *testing.T) {
	s, folder := newStore(t), t.TempDir()
	chunk := begin(t, folder, "flow", 1).add("x")
	if err := s.Put(one("a", 1), folder); err != nil {
		t.Fatal(err)
	}
	await(t, "a checkpoint on disk", func() bool { return unsaved(s) == 0 })
	time.Sleep(persistInterval / 2)
	chunk.remove()
	await(t, "a power cut that takes nothing along", func() bool { return afterCut(t, s, "a")[0] == 1 })
}

// The end closes all chunks.
func TestNothingIsAtRiskAfterTheEnd(t *testing.T) {
	file, folder := filepath.Join(t.TempDir(), "nsgflow.db"), t.TempDir()
	s, err := Open(file, quiet)
	if err != nil {
		t.Fatal(err)
	}
	chunk := begin(t, folder, "flow", 1).add("x")
	if err := errors.Join(s.Put(one("a", 1), folder), s.Close()); err != nil {
		t.Fatal(err)
	}
	chunk.remove()
	afterPowerCut(t, func() {
		if got := offsets(t, file, "a"); got[0] != 1 {
			t.Errorf("%d", got)
		}
	})
}

// A disk that fails for a moment is said to whoever puts, until it works: not longer, though
// nothing moves.
func TestFaultEnds(t *testing.T) {
	real := datasync
	defer func() { datasync = real }()
	s, folder := stillStore(t), t.TempDir()
	chunk := begin(t, folder, "flow", 1).add("x")
	datasync = func(*os.File) error { return syscall.ENOSPC }
	if err := s.Put(one("a", 1), folder); err != nil {
		t.Fatal(err)
	}
	if err := s.persist(false); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("%v", err)
	}
	if err := s.Put(one("a", 2), folder); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%v", err)
	}
	datasync = real
	saved(t, s)
	if err := s.Put(one("a", 2), folder); err != nil {
		t.Errorf("it works again: %v", err)
	}
	saved(t, s)
	// A folder that cannot be looked into for a moment.
	aside := folder + ".aside"
	if err := errors.Join(os.Rename(folder, aside), os.WriteFile(folder, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := s.persist(false); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("%v", err)
	}
	if err := errors.Join(os.Remove(folder), os.Rename(aside, folder)); err != nil {
		t.Fatal(err)
	}
	saved(t, s)
	if err := s.Put(one("b", 1), folder); err != nil {
		t.Errorf("it works again: %v", err)
	}
	saved(t, s)
	if got := afterCut(t, s, "a", "b"); !slices.Equal(got, []int64{2, 1}) {
		t.Errorf("%d", got)
	}
	chunk.tear()
	if got := afterCut(t, s, "a", "b"); !slices.Equal(got, []int64{0, 0}) {
		t.Errorf("%d", got)
	}
}

// Of a blob that is in no folder's chunks and in one's, the folder's counts: it is newer.
func TestFolderIsNewer(t *testing.T) {
	s, folder := stillStore(t), t.TempDir()
	begin(t, folder, "flow", 1).add("x")
	if err := errors.Join(s.Put(one("a", 1), ""), s.Put(one("a", 2), folder)); err != nil {
		t.Fatal(err)
	}
	check := func() {
		t.Helper()
		if c, _, err := s.Get(bucketOfTest, "a"); err != nil || c.Offset != 2 {
			t.Errorf("%v, %v", c, err)
		}
	}
	check()
	saved(t, s)
	check()
	if n := unsaved(s); n > 0 {
		t.Errorf("%d are not saved", n)
	}
}

// What is at risk is not forgotten: the watermark waits.
func TestSettleWaitsForTheEndOfAChunk(t *testing.T) {
	s, folder := stillStore(t), t.TempDir()
	begin(t, folder, "flow", 1).add("x")
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
	begin(t, folder, "flow", 2)
	if err := s.Settle(bucketOfTest, at, forget); err != nil {
		t.Fatal(err)
	}
	if got := offsets(t, s.file, "a", "b"); !slices.Equal(got, []int64{0, 1}) {
		t.Errorf("%d", got)
	}
}

// What is at risk stands beside the containers, and is none.
func TestRiskIsNoContainer(t *testing.T) {
	s, folder := stillStore(t), t.TempDir()
	begin(t, folder, "flow", 1).add("x")
	if err := errors.Join(s.Put(one("a", 1), folder), s.PutAccounts("s", nil)); err != nil {
		t.Fatal(err)
	}
	all, err := s.Containers()
	if err != nil || !slices.Equal(all, []string{bucketOfTest}) || len(s.risks) != 1 {
		t.Errorf("%q, %v, %v", all, s.risks, err)
	}
	err = s.update(func(tx *bbolt.Tx) error { return tx.Bucket(risksKey).Put(risksKey, []byte("{")) })
	if err != nil {
		t.Fatal(err)
	}
	afterPowerCut(t, func() {
		dir := t.TempDir()
		content, _ := os.ReadFile(s.file)
		if err := os.WriteFile(filepath.Join(dir, "nsgflow.db"), content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(filepath.Join(dir, "nsgflow.db"), quiet); !errors.Is(err, ErrDamaged) {
			t.Errorf("%v", err)
		}
	})
}
