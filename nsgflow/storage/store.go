package storage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// store keeps checkpoints on disk. Layout: one bucket per container, named by
// its URL; in it the key "horizon" and the bucket "blobs", which holds the
// checkpoints as JSON by the names of the blobs.
type store struct {
	db    *bbolt.DB
	file  string
	users int // guarded by the Agent

	mu      sync.Mutex
	claimed map[string]bool // buckets that have a follower
}

var (
	blobsKey   = []byte("blobs")
	horizonKey = []byte("horizon")
)

// errDamaged says that the file does not hold what was written to it.
var errDamaged = errors.New("is damaged: move it away, and reading begins anew as option start says")

// openStore makes the file where there is none. An existing one is checked
// page by page: what turns out to be damaged later would be too late.
func openStore(file string) (*store, error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, fmt.Errorf("option state_path: %w", err)
	}
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		if err := createStore(file); err != nil {
			return nil, fmt.Errorf("option state_path: %w", err)
		}
	}
	s := &store{file: file, claimed: map[string]bool{}}
	err := s.guard(func() (err error) {
		if s.db, err = openDB(file); err != nil {
			return err
		}
		return s.db.View(func(tx *bbolt.Tx) (err error) {
			// Check reads in a goroutine of its own, where a page beyond the
			// end of the file could not be caught.
			if info, err := os.Stat(file); err != nil || info.Size() < tx.Size() {
				return errors.Join(err, errors.New("it is cut short"))
			}
			for problem := range tx.Check() {
				err = errors.Join(err, problem)
			}
			return err
		})
	})
	switch {
	case err == nil:
		return s, nil
	case errors.Is(err, berrors.ErrTimeout):
		return nil, fmt.Errorf("option state_path: %q is in use by another agent, each needs a folder of its own", filepath.Dir(file))
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("option state_path: %w", err)
	}
	if s.db != nil {
		s.guard(s.db.Close)
	}
	return nil, fmt.Errorf("option state_path: %q %w (%s)", file, errDamaged, shorten(err.Error()))
}

func openDB(file string) (*bbolt.DB, error) {
	if info, err := os.Stat(file); err == nil && info.Size() == 0 {
		return nil, errors.New("it is empty")
	}
	return bbolt.Open(file, 0o600, &bbolt.Options{Timeout: 2 * time.Second})
}

// createStore makes the file under another name first: a process that is
// killed meanwhile leaves no file that is empty.
func createStore(file string) error {
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
	return os.Rename(made, file)
}

// guard makes an error of what bbolt does on a page that is damaged: it panics,
// or reads beyond the end of the file.
func (s *store) guard(do func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w (%v)", errDamaged, p)
		}
	}()
	return do()
}

func (s *store) view(do func(*bbolt.Tx) error) error {
	return s.guard(func() error { return s.db.View(do) })
}

func (s *store) update(do func(*bbolt.Tx) error) error {
	return s.guard(func() error { return s.db.Update(do) })
}

func (s *store) close() error { return s.guard(s.db.Close) }

// claim reserves a bucket for one follower. It reports false where it has one.
func (s *store) claim(bucket string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.claimed[bucket] {
		return false
	}
	s.claimed[bucket] = true
	return true
}

func (s *store) unclaim(bucket string) {
	s.mu.Lock()
	delete(s.claimed, bucket)
	s.mu.Unlock()
}

// begun reports whether the container has been listed once, and the hour
// before which everything is read.
func (s *store) begun(bucket string) (horizon time.Time, ok bool, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		if b := tx.Bucket([]byte(bucket)); b != nil {
			if text := b.Get(horizonKey); text != nil {
				ok = true
				return decode(horizon.UnmarshalText(text))
			}
		}
		return nil
	})
	return horizon, ok, err
}

func (s *store) get(bucket, name string) (c checkpoint, ok bool, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte(bucket))
		if b == nil {
			return nil
		}
		if b = b.Bucket(blobsKey); b == nil {
			return nil
		}
		if text := b.Get([]byte(name)); text != nil {
			ok = true
			return decode(json.Unmarshal(text, &c))
		}
		return nil
	})
	return c, ok, err
}

func decode(err error) error {
	if err != nil {
		err = fmt.Errorf("%w (%v)", errDamaged, err)
	}
	return err
}

// put writes checkpoints, by bucket and name, all of them or none.
func (s *store) put(all map[string]map[string]checkpoint) error {
	if len(all) == 0 {
		return nil
	}
	return s.update(func(tx *bbolt.Tx) error {
		for bucket, checkpoints := range all {
			b, err := blobsOf(tx, bucket)
			if err != nil {
				return err
			}
			for name, c := range checkpoints {
				text, err := json.Marshal(c)
				if err != nil {
					return err
				}
				if err := b.Put([]byte(name), text); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// settle moves the horizon, and forgets the checkpoints that keep says false
// of.
func (s *store) settle(bucket string, horizon time.Time, keep func(name string, c checkpoint) bool) error {
	return s.update(func(tx *bbolt.Tx) error {
		b, err := blobsOf(tx, bucket)
		if err != nil {
			return err
		}
		var old [][]byte
		err = b.ForEach(func(name, text []byte) error {
			var c checkpoint
			if err := decode(json.Unmarshal(text, &c)); err != nil {
				return err
			}
			if !keep(string(name), c) {
				old = append(old, append([]byte(nil), name...))
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, name := range old {
			if err := b.Delete(name); err != nil {
				return err
			}
		}
		text, err := horizon.MarshalText()
		if err != nil {
			return err
		}
		return tx.Bucket([]byte(bucket)).Put(horizonKey, text)
	})
}

func blobsOf(tx *bbolt.Tx, bucket string) (*bbolt.Bucket, error) {
	b, err := tx.CreateBucketIfNotExists([]byte(bucket))
	if err != nil {
		return nil, err
	}
	return b.CreateBucketIfNotExists(blobsKey)
}
