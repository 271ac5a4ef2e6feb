package checkpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"fluent-bit-nsgflow/nsgflow/storage/internal/oneline"
)

// Store keeps checkpoints on disk.
type Store struct {
	database
	durable

	mu      sync.Mutex
	claimed map[string]*followed // by container
}

// Open makes a database where there is none; its journal stands beside it. An
// existing one is checked whole: what turns out to be damaged later would be too
// late. Only one process may have it open. warn hears of rights that were too
// wide. Errors begin with "option state_path: ".
func Open(file string, warn func(string)) (*Store, error) {
	if err := secure(file, warn); err != nil {
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
	s := &Store{database: database{file: file}, claimed: map[string]*followed{}}
	s.broken, s.breakUp = context.WithCancel(context.Background())
	err := s.guard(s.openDB)
	if err == nil {
		err = s.check()
	}
	wentBack := false
	if err == nil {
		wentBack, err = s.assess()
	}
	if err == nil {
		s.recall(wentBack)
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
	return nil, fmt.Errorf("option state_path: %q %w (%s)", file, ErrDamaged, oneline.Of(err.Error()))
}

// Close brings the last checkpoints to disk.
func (s *Store) Close() error { return errors.Join(s.endPersist(), s.close()) }

// File is the database.
func (s *Store) File() string { return s.file }

// Begun reports whether a container has been listed once, and its watermark: the
// hour before which everything is read.
func (s *Store) Begun(container string) (watermark time.Time, ok bool, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		if b := tx.Bucket([]byte(container)); b != nil {
			if text := b.Get(watermarkKey); text != nil {
				ok = true
				return decode(watermark.UnmarshalText(text))
			}
		}
		return nil
	})
	return watermark, ok, err
}

// Get is the checkpoint of a blob. It is not ok where there is none.
func (s *Store) Get(container, name string) (c Checkpoint, ok bool, err error) {
	s.mu.Lock()
	failed := s.failed
	for _, folder := range slices.Sorted(maps.Keys(s.recent)) { // the last one counts
		if newer, known := s.recent[folder][container][name]; known {
			c, ok = newer, true
		}
	}
	s.mu.Unlock()
	if errors.Is(failed, ErrDamaged) {
		return Checkpoint{}, false, failed
	}
	if ok {
		return c, ok, nil
	}
	err = s.view(func(tx *bbolt.Tx) (err error) {
		c, ok, err = get(tx, container, name)
		return err
	})
	return c, ok, err
}

func get(tx *bbolt.Tx, container, name string) (c Checkpoint, ok bool, err error) {
	b := tx.Bucket([]byte(container))
	if b == nil || b.Bucket(blobsKey) == nil {
		return c, false, nil
	}
	text := b.Bucket(blobsKey).Get([]byte(name))
	if text == nil {
		return c, false, nil
	}
	return c, true, decode(json.Unmarshal(text, &c))
}

func decode(err error) error {
	if err != nil {
		err = fmt.Errorf("%w (%v)", ErrDamaged, err)
	}
	return err
}

func putAll(tx *bbolt.Tx, all Set) error {
	for container, blobs := range all {
		b, err := blobsOf(tx, container)
		if err != nil {
			return err
		}
		for name, c := range blobs {
			if err := put(b, name, c); err != nil {
				return err
			}
		}
	}
	return nil
}

func put(blobs *bbolt.Bucket, name string, c Checkpoint) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return blobs.Put([]byte(name), text)
}

// ErrNotClosed says that checkpoints which are to be forgotten stand for chunks
// that the host still writes to.
var ErrNotClosed = errors.New("the last chunk is not closed")

// Settle moves the watermark of a container, and forgets the checkpoints that keep
// says false of. What lies before the watermark is on disk then, in closed chunks;
// until that can be, the error is ErrNotClosed.
func (s *Store) Settle(container string, watermark time.Time, keep func(name string, c Checkpoint) bool) error {
	s.persisting.Lock()
	defer s.persisting.Unlock()
	if err := s.persistLocked(false); err != nil {
		return err
	}
	forget, err := s.blobs(container)
	if err != nil {
		return err
	}
	maps.DeleteFunc(forget, keep)
	for name := range forget {
		if slices.ContainsFunc(s.risks, func(r risk) bool { _, of := r.Before[container][name]; return of }) {
			return ErrNotClosed
		}
	}
	return s.update(func(tx *bbolt.Tx) error {
		b, err := blobsOf(tx, container)
		if err != nil {
			return err
		}
		for name := range forget {
			if err := b.Delete([]byte(name)); err != nil {
				return err
			}
		}
		text, err := watermark.MarshalText()
		if err != nil {
			return err
		}
		return tx.Bucket([]byte(container)).Put(watermarkKey, text)
	})
}

func blobsOf(tx *bbolt.Tx, container string) (*bbolt.Bucket, error) {
	b, err := tx.CreateBucketIfNotExists([]byte(container))
	if err != nil {
		return nil, err
	}
	return b.CreateBucketIfNotExists(blobsKey)
}

// Account is an account that was found, now or before a restart.
type Account struct {
	URL string `json:"url"`
	// Gone is when a look first did not find it any more; zero: it is found.
	Gone time.Time `json:"gone,omitzero"`
}

// discoveredKey is the bucket of the accounts that were found: JSON by section.
// It holds no checkpoints.
var discoveredKey = []byte("discovered")

// Accounts are those that were put for a section, by name.
func (s *Store) Accounts(section string) (all map[string]Account, err error) {
	all = map[string]Account{}
	err = s.view(func(tx *bbolt.Tx) error {
		if b := tx.Bucket(discoveredKey); b != nil {
			if text := b.Get([]byte(section)); text != nil {
				return decode(json.Unmarshal(text, &all))
			}
		}
		return nil
	})
	return all, err
}

// PutAccounts keeps the accounts of a section. They are on disk then.
func (s *Store) PutAccounts(section string, all map[string]Account) error {
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return s.update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(discoveredKey)
		if err != nil {
			return err
		}
		return b.Put([]byte(section), text)
	})
}

// Containers are those that were begun or have checkpoints.
func (s *Store) Containers() (all []string, err error) {
	if err := s.persist(false); err != nil {
		return nil, err
	}
	err = s.view(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
			if isContainer(name) {
				all = append(all, string(name))
			}
			return nil
		})
	})
	return all, err
}

// isContainer tells the bucket of a container, whose name is a URL, from others.
func isContainer(bucket []byte) bool { return strings.Contains(string(bucket), "://") }

// Blobs are all checkpoints of a container, by the names of the blobs.
func (s *Store) Blobs(container string) (all map[string]Checkpoint, err error) {
	if err := s.persist(false); err != nil {
		return nil, err
	}
	return s.blobs(container)
}

// blobs are those in the database.
func (s *Store) blobs(container string) (all map[string]Checkpoint, err error) {
	all = map[string]Checkpoint{}
	err = s.view(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte(container))
		if b == nil || b.Bucket(blobsKey) == nil {
			return nil
		}
		return b.Bucket(blobsKey).ForEach(func(name, text []byte) error {
			var c Checkpoint
			err := decode(json.Unmarshal(text, &c))
			all[string(name)] = c
			return err
		})
	})
	return all, err
}
