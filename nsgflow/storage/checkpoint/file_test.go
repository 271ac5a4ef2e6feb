package checkpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/child"
	"fluent-bit-nsgflow/test/soak"
)

// newStoreFile is a checkpoint file of three containers, with free pages.
func newStoreFile(t *testing.T) (content []byte) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "nsgflow.db")
	s, err := Open(file, quiet)
	if err != nil {
		t.Fatal(err)
	}
	hour := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	for container := range 3 {
		bucket := fmt.Sprintf("https://example%d.blob.core.windows.net/flowlogs", container)
		all := map[string]Checkpoint{}
		for nic := range 400 {
			all[azure.VNetName(nic, hour)] = Checkpoint{Offset: int64(1000 + nic), Check: rand.Uint64(), Checked: 256, ETag: "0x1"}
		}
		if err := s.Put(map[string]map[string]Checkpoint{bucket: all}, ""); err != nil {
			t.Fatal(err)
		}
		n := 0
		if err := s.Settle(bucket, hour, func(string, Checkpoint) bool { n++; return n%4 > 0 }); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if content, err = os.ReadFile(file); err != nil {
		t.Fatal(err)
	}
	return content
}

func noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return b
}

// A damaged file is refused when it is opened, with what to do, and nothing of
// it ends the process.
func TestDamagedStoreIsRefused(t *testing.T) {
	if !child.Runs(t) {
		return
	}
	content := newStoreFile(t)
	page := os.Getpagesize()
	with := func(at int, b []byte) []byte {
		c := slices.Clone(content)
		copy(c[at:], b)
		return c
	}
	damaged := map[string][]byte{"empty": {}, "noise": noise(len(content)), "another kind of file": []byte(strings.Repeat("no database ", 10_000)),
		"zeros": make([]byte, len(content)), "no begin": with(0, noise(2*page))}
	used := (len(bytes.TrimRight(content, "\x00")) + page - 1) / page * page // the file is grown ahead
	for _, size := range []int{1, 100, page - 1, page, 2*page - 1, 2 * page, 3 * page, used / 2, used - page, used - 1} {
		damaged[fmt.Sprintf("cut short at %d", size)] = content[:size]
	}
	other := with(0, nil) // version 3
	for meta := range 2 {
		binary.NativeEndian.PutUint32(other[meta*page+16+4:], 3)
	}
	damaged["version"] = other

	file := filepath.Join(t.TempDir(), "nsgflow.db")
	put := func(c []byte) {
		t.Helper()
		if err := os.WriteFile(file, c, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range damaged {
		put(c)
		s, err := Open(file, quiet)
		if err == nil {
			t.Errorf("%s: opened", name)
			s.Close()
			continue
		}
		if text := err.Error(); !strings.HasPrefix(text, fmt.Sprintf("option state_path: %q is damaged: move it away, and reading begins anew as option start says (", file)) ||
			len(text) > 700 || strings.Contains(text, "\n") {
			t.Errorf("%s: %s", name, text)
		}
		if kept, err := os.ReadFile(file); err != nil || !bytes.Equal(kept, c) {
			t.Errorf("%s: the file has changed", name)
		}
	}
	// Nothing of a refused file is left behind that keeps a good one out.
	put(content)
	s, err := Open(file, quiet)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()

	// Noise in one place may hit what is free; it is found or does no harm.
	tries := 400
	if soak.Long("storage") {
		tries = 4000
	}
	refused := 0
	for n := range tries {
		at, size := rand.IntN(used), 1+rand.IntN(page)
		switch {
		case n < used/page:
			at, size = n*page, page // each page
		case n%2 == 0:
			at, size = at/page*page, 16+rand.IntN(100) // its head
		}
		put(with(at, noise(min(size, len(content)-at))))
		s, err := Open(file, quiet)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("%d bytes at %d: %v", size, at, err)
			}
			refused++
			continue
		}
		use(t, s)
		s.Close()
	}
	t.Logf("%d of %d files with noise in one place refused", refused, tries)
	if refused < tries/2 {
		t.Error("hardly any was refused")
	}
}

// use does what a follower does with a store; errors are of damage only.
func use(t *testing.T, s *Store) {
	t.Helper()
	for container := range 3 {
		bucket := fmt.Sprintf("https://example%d.blob.core.windows.net/flowlogs", container)
		_, _, err := s.Begun(bucket)
		errs := []error{err}
		for nic := range 400 {
			_, _, err := s.Get(bucket, azure.VNetName(nic, time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)))
			errs = append(errs, err)
		}
		errs = append(errs, s.Put(map[string]map[string]Checkpoint{bucket: {"new": {Offset: 1}}}, ""),
			s.Settle(bucket, time.Now(), func(name string, c Checkpoint) bool { return c.Offset%2 == 0 }))
		for _, err := range errs {
			if err != nil && !errors.Is(err, ErrDamaged) {
				t.Error(err)
			}
		}
	}
}

// A database of another program is none of checkpoints.
func TestDatabaseOfAnother(t *testing.T) {
	file := filepath.Join(t.TempDir(), "nsgflow.db")
	db, err := bbolt.Open(file, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucket([]byte("users"))
		if err != nil {
			return err
		}
		return b.Put([]byte("a"), []byte("b"))
	})
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(file, quiet); !errors.Is(err, ErrDamaged) {
		t.Errorf("%v", err)
		s.Close()
	}
}

// A checkpoint that is none makes a file damaged, though its pages are whole.
func TestStoreWithoutJSON(t *testing.T) {
	file := filepath.Join(t.TempDir(), "nsgflow.db")
	db, err := bbolt.Open(file, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucket([]byte("https://example.blob.core.windows.net/flowlogs"))
		if err != nil {
			return err
		}
		if b, err = b.CreateBucket(blobsKey); err != nil {
			return err
		}
		return b.Put([]byte("blob"), []byte("not JSON"))
	})
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, quiet); !errors.Is(err, ErrDamaged) {
		t.Errorf("%v", err)
	}
}

// Two agents that are started at the same time find no checkpoint file, both.
func TestTwoAgentsMakeTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "nsgflow.db")
	s, err := Open(file, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := create(file); err != nil { // the other has looked before
		t.Fatal(err)
	}
	if other, err := Open(file, quiet); err == nil {
		other.Close()
		t.Error("two have it open")
	}
}

// What is no damage is not called so: the file is not to be moved away.
func TestWhatIsNoDamage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "nsgflow.db")
	if err := os.Mkdir(file, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Open(file, quiet)
	if err == nil || strings.Contains(err.Error(), "move it away") {
		t.Error(err)
	}
}
