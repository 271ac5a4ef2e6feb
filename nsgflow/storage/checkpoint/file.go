package checkpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// Store keeps checkpoints on disk. Layout of the database: one
// bucket per container, named by its URL; in it the key "horizon" and the bucket
// "blobs", which holds the checkpoints as JSON by the names of the blobs.
type Store struct {
	durable

	db     *bbolt.DB
	opened *os.File // of db
	file   string

	// bbolt keeps its locks where it panics. So at most one transaction at a
	// time reads or begins, at most one writes, none begins after a panic, and
	// nobody waits for one that is under way then.
	reading, writing sync.Mutex
	panicked         atomic.Bool
	broken           context.Context // ends with panicked
	breakUp          context.CancelFunc

	mu      sync.Mutex
	claimed map[string]bool // containers that have a follower
}

var (
	blobsKey   = []byte("blobs")
	horizonKey = []byte("horizon")
)

// ErrDamaged says that the file does not hold what was written to it.
var ErrDamaged = errors.New("is damaged: move it away, and reading begins anew as option start says")

// Open makes a database where there is none; its journal stands beside it. An
// existing one is checked whole: what turns out to be damaged later would be too
// late. Only one process may have it open. warn hears of rights that were too
// wide. Errors begin with "option state_path: ".
func Open(file string, warn func(string)) (*Store, error) {
	if err := secure(filepath.Dir(file), file, warn); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, fmt.Errorf("option state_path: %w", err)
	}
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		if err := create(file); err != nil {
			return nil, fmt.Errorf("option state_path: %w", err)
		}
	}
	s := &Store{file: file, claimed: map[string]bool{}}
	s.broken, s.breakUp = context.WithCancel(context.Background())
	err := s.guard(s.openDB)
	if err == nil {
		err = s.check()
	}
	if err == nil {
		s.recall()
		return s, nil
	}
	s.Close()
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, fmt.Errorf("option state_path: %q is in use by another agent, each needs a folder of its own", filepath.Dir(file))
	case errors.Is(err, ErrDamaged):
		return nil, fmt.Errorf("option state_path: %q %w", file, err)
	case errors.As(err, new(syscall.Errno)): // such as of a file system that is read-only, or knows no locks
		return nil, fmt.Errorf("option state_path: %w", err)
	}
	return nil, fmt.Errorf("option state_path: %q %w (%s)", file, ErrDamaged, oneLine(err))
}

func (s *Store) openDB() (err error) {
	if info, err := os.Stat(s.file); err == nil && info.Size() == 0 {
		return errors.New("it is empty")
	}
	open := func(name string, flag int, mode os.FileMode) (*os.File, error) {
		file, err := os.OpenFile(name, flag, mode)
		s.opened = file
		return file, err
	}
	s.db, err = bbolt.Open(s.file, 0o600, &bbolt.Options{Timeout: 2 * time.Second, OpenFile: open})
	return err
}

// check reads everything once. bbolt's own check does so in a goroutine of its
// own, where a read beyond the end of the file ends the process.
func (s *Store) check() error {
	return s.view(func(tx *bbolt.Tx) error {
		if info, err := os.Stat(s.file); err != nil || info.Size() < tx.Size() {
			return errors.Join(err, errors.New("it is cut short"))
		}
		used := 2 // of the pages, by the meta pages
		err := tx.ForEach(func(name []byte, container *bbolt.Bucket) error {
			if container == nil {
				return fmt.Errorf("%.100q is no container", name)
			}
			blobs := container.Bucket(blobsKey)
			if blobs == nil {
				return nil
			}
			return blobs.ForEach(func(name, text []byte) error {
				if string(blobs.Get(name)) != string(text) {
					return fmt.Errorf("%.100q is not in its place", name)
				}
				return json.Unmarshal(text, new(Checkpoint))
			})
		})
		if err != nil {
			return err
		}
		stats := tx.Cursor().Bucket().Stats()
		used += stats.BranchPageN + stats.BranchOverflowN + stats.LeafPageN + stats.LeafOverflowN
		pages := int(tx.Size()) / s.db.Info().PageSize
		for id := 2; id < pages; id++ {
			page, err := tx.Page(id)
			switch {
			case err != nil:
				return err
			case page.Type == "free":
				used++
			case page.Type == "freelist":
				used += 1 + page.OverflowCount
			}
		}
		if used != pages {
			return fmt.Errorf("%d of %d pages are in use or free", used, pages)
		}
		return nil
	})
}

// create makes the file under another name first: a process that is
// killed meanwhile leaves no file that is empty. One that another agent has made
// meanwhile stays.
func create(file string) error {
	dir, err := os.MkdirTemp(filepath.Dir(file), "new-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	made := filepath.Join(dir, filepath.Base(file))
	db, err := bbolt.Open(made, 0o600, nil)
	if err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return err
	}
	if err := os.Remove(journalOf(file)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // it is of a database that was moved away
	}
	switch err := os.Link(made, file); {
	case errors.Is(err, fs.ErrExist):
		return nil
	case err != nil: // some file systems have no links
		if err := os.Rename(made, file); err != nil {
			return err
		}
	}
	if err := syncFile(filepath.Dir(file), (*os.File).Sync); err != nil {
		return err
	}
	return syncFile(filepath.Dir(filepath.Dir(file)), (*os.File).Sync)
}

// guard makes an error of what bbolt does on a page that is damaged: it panics,
// or reads beyond the end of the file.
func (s *Store) guard(do func() error) (err error) {
	if s.panicked.Load() {
		return ErrDamaged
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			s.panicked.Store(true)
			s.breakUp()
			err = fmt.Errorf("%w (%s)", ErrDamaged, oneLine(p))
		}
	}()
	return do()
}

func (s *Store) view(do func(*bbolt.Tx) error) error {
	s.reading.Lock()
	defer s.reading.Unlock()
	return s.guard(func() error { return s.db.View(do) })
}

func (s *Store) update(do func(*bbolt.Tx) error) error {
	if s.panicked.Load() {
		return ErrDamaged
	}
	done := make(chan error, 1)
	go func() {
		s.writing.Lock()
		defer s.writing.Unlock()
		done <- s.guard(func() error { return s.write(do) })
	}()
	select {
	case err := <-done:
		return err
	case <-s.broken.Done():
		return ErrDamaged
	}
}

func (s *Store) write(do func(*bbolt.Tx) error) error {
	tx, err := s.begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	if err = do(tx); err == nil {
		err = tx.Commit()
	}
	var system syscall.Errno // such as of a disk that is full
	if err == nil || errors.As(err, &system) || errors.Is(err, ErrDamaged) {
		return err
	}
	if damage := s.check(); damage != nil {
		return fmt.Errorf("%w (%s)", ErrDamaged, oneLine(err))
	}
	return err
}

func (s *Store) begin() (*bbolt.Tx, error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	if s.panicked.Load() {
		return nil, ErrDamaged
	}
	return s.db.Begin(true)
}

// Close brings the last checkpoints to disk. It does not wait for a lock that a panic has left behind.
func (s *Store) Close() error {
	err := s.endPersist()
	if s.db != nil && !s.panicked.Load() {
		return errors.Join(err, s.guard(s.db.Close))
	}
	if s.opened == nil {
		return nil
	}
	return errors.Join(unlock(s.opened), s.opened.Close())
}

// File is the database.
func (s *Store) File() string { return s.file }

// oneLine is the beginning of what bbolt says, which may be many lines.
func oneLine(what any) string {
	const most = 400
	text := strings.Join(strings.Fields(fmt.Sprint(what)), " ")
	return strings.ToValidUTF8(text[:min(len(text), most)], "")
}
