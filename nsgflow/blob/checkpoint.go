package blob

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// mark is how far a blob has been read. The zero value: not at all.
type mark struct {
	// Offset is the end of the last record, or where to begin.
	Offset int64 `json:"offset"`
	// Check is a hash of the Checked bytes before Offset. It tells a blob
	// that has grown from one that was replaced.
	Check   uint64 `json:"check,omitempty"`
	Checked int    `json:"checked,omitempty"`
	// ETag is the version of which all has been read. Valid iff not empty.
	ETag string `json:"etag,omitempty"`
	// Half says that bytes without an end stood behind Offset. Valid iff
	// ETag is.
	Half bool `json:"half,omitempty"`
}

// maxChecked is far beyond what two records have in common at their end: it
// reaches into the tuples, which hold times.
const maxChecked = 256

// behind is the mark at the end of a record.
func behind(text []byte, offset int64) mark {
	tail := text[max(0, len(text)-maxChecked):]
	return mark{Offset: offset + int64(len(text)), Check: check(tail), Checked: len(tail)}
}

func check(b []byte) uint64 {
	h := fnv.New64a()
	h.Write(b)
	return h.Sum64()
}

// store keeps marks on disk, by container and blob. Layout: one bucket per
// container, named by its URL; in it the key "horizon" and the bucket "blobs".
type store struct {
	db      *bbolt.DB
	account string // URL of the blob service
}

var (
	blobsKey   = []byte("blobs")
	horizonKey = []byte("horizon")
)

func openStore(dir, account string) (*store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("option state_path: %w", err)
	}
	file := filepath.Join(dir, "nsgflow.db")
	db, err := bbolt.Open(file, 0o600, &bbolt.Options{Timeout: 2 * time.Second})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, fmt.Errorf("option state_path: %q is in use by another agent, each needs a folder of its own", dir)
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		return nil, fmt.Errorf("option state_path: %q is damaged (%w), move it away to begin anew as start says", file, err)
	case err != nil:
		return nil, fmt.Errorf("option state_path: %w", err)
	}
	return &store{db, account}, nil
}

func (s *store) close() error { return s.db.Close() }

// begun reports whether the container has been listed once, and the hour
// before which all is settled.
func (s *store) begun(container string) (horizon time.Time, ok bool, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		if b := tx.Bucket(s.bucket(container)); b != nil {
			if text := b.Get(horizonKey); text != nil {
				ok = true
				return horizon.UnmarshalText(text)
			}
		}
		return nil
	})
	return horizon, ok, err
}

func (s *store) get(container, name string) (m mark, ok bool, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket(s.bucket(container))
		if b == nil {
			return nil
		}
		if text := b.Bucket(blobsKey).Get([]byte(name)); text != nil {
			ok = true
			return json.Unmarshal(text, &m)
		}
		return nil
	})
	return m, ok, err
}

// place is a blob within all containers.
type place struct{ container, name string }

func (s *store) put(marks map[place]mark) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		for at, m := range marks {
			b, err := s.blobs(tx, at.container)
			if err != nil {
				return err
			}
			text, err := json.Marshal(m)
			if err != nil {
				return err
			}
			if err := b.Put([]byte(at.name), text); err != nil {
				return err
			}
		}
		return nil
	})
}

// settle moves the horizon, and forgets what keep does not want to know
// any longer.
func (s *store) settle(container string, horizon time.Time, keep func(name string) bool) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		b, err := s.blobs(tx, container)
		if err != nil {
			return err
		}
		var old []string
		err = b.ForEach(func(key, _ []byte) error {
			if name := string(key); !keep(name) {
				old = append(old, name)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, name := range old {
			if err := b.Delete([]byte(name)); err != nil {
				return err
			}
		}
		text, err := horizon.MarshalText()
		if err != nil {
			return err
		}
		return tx.Bucket(s.bucket(container)).Put(horizonKey, text)
	})
}

func (s *store) bucket(container string) []byte { return []byte(s.account + "/" + container) }

func (s *store) blobs(tx *bbolt.Tx, container string) (*bbolt.Bucket, error) {
	b, err := tx.CreateBucketIfNotExists(s.bucket(container))
	if err != nil {
		return nil, err
	}
	return b.CreateBucketIfNotExists(blobsKey)
}
