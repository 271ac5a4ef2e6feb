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
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.etcd.io/bbolt"

	"fluent-bit-nsgflow/nsgflow/storage/internal/oneline"
)

// database is a file of bbolt, which outlives what bbolt does on a damaged page.
// Layout: one bucket per container, named by its URL; in it the key "horizon",
// which is the watermark, and the bucket "blobs", which holds the checkpoints as
// JSON by the names of the blobs. Beside them the buckets of discoveredKey and risksKey.
type database struct {
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
}

var (
	blobsKey     = []byte("blobs")
	watermarkKey = []byte("horizon")
)

// ErrDamaged says that the file does not hold what was written to it.
var ErrDamaged = errors.New("is damaged: move it away, and reading begins anew as option start says")

func (d *database) openDB() (err error) {
	if info, err := os.Stat(d.file); err == nil && info.Size() == 0 {
		return errors.New("it is empty")
	}
	open := func(name string, flag int, mode os.FileMode) (*os.File, error) {
		file, err := os.OpenFile(name, flag, mode)
		d.opened = file
		return file, err
	}
	d.db, err = bbolt.Open(d.file, 0o600, &bbolt.Options{Timeout: 2 * time.Second, OpenFile: open})
	return err
}

// check reads everything once. bbolt's own check does so in a goroutine of its
// own, where a read beyond the end of the file ends the process.
func (d *database) check() error {
	return d.view(func(tx *bbolt.Tx) error {
		if info, err := os.Stat(d.file); err != nil || info.Size() < tx.Size() {
			return errors.Join(err, errors.New("it is cut short"))
		}
		used := 2 // of the pages, by the meta pages
		err := tx.ForEach(func(name []byte, container *bbolt.Bucket) error {
			if container == nil || !isContainer(name) && string(name) != string(discoveredKey) && string(name) != string(risksKey) {
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
		pages := int(tx.Size()) / d.db.Info().PageSize
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
	if _, err := os.Lstat(file); err == nil {
		return nil
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
func (d *database) guard(do func() error) (err error) {
	if d.panicked.Load() {
		return ErrDamaged
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			d.panicked.Store(true)
			d.breakUp()
			err = fmt.Errorf("%w (%s)", ErrDamaged, oneline.Of(fmt.Sprint(p)))
		}
	}()
	return do()
}

func (d *database) view(do func(*bbolt.Tx) error) error {
	d.reading.Lock()
	defer d.reading.Unlock()
	return d.guard(func() error { return d.db.View(do) })
}

func (d *database) update(do func(*bbolt.Tx) error) error {
	if d.panicked.Load() {
		return ErrDamaged
	}
	done := make(chan error, 1)
	go func() {
		d.writing.Lock()
		defer d.writing.Unlock()
		done <- d.guard(func() error { return d.write(do) })
	}()
	select {
	case err := <-done:
		return err
	case <-d.broken.Done():
		return ErrDamaged
	}
}

func (d *database) write(do func(*bbolt.Tx) error) error {
	tx, err := d.begin()
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
	if damage := d.check(); damage != nil {
		return fmt.Errorf("%w (%s)", ErrDamaged, oneline.Of(err.Error()))
	}
	return err
}

func (d *database) begin() (*bbolt.Tx, error) {
	d.reading.Lock()
	defer d.reading.Unlock()
	if d.panicked.Load() {
		return nil, ErrDamaged
	}
	return d.db.Begin(true)
}

// close does not wait for a lock that a panic has left behind.
func (d *database) close() error {
	if d.db != nil && !d.panicked.Load() {
		return d.guard(d.db.Close)
	}
	if d.opened == nil {
		return nil
	}
	return errors.Join(unlock(d.opened), d.opened.Close())
}
