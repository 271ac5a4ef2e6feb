package storage

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

// What is in the checkpoint file.

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
	s.mu.Lock()
	c, ok = s.recent[bucket][name]
	failed := s.failed
	s.mu.Unlock()
	if errors.Is(failed, errDamaged) {
		return checkpoint{}, false, failed
	}
	if ok {
		return c, ok, nil
	}
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

func putAll(tx *bbolt.Tx, all checkpoints) error {
	for bucket, blobs := range all {
		b, err := blobsOf(tx, bucket)
		if err != nil {
			return err
		}
		for name, c := range blobs {
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
}

// settle moves the horizon, and forgets the checkpoints that keep says false
// of. What lies before the horizon is on disk then.
func (s *store) settle(bucket string, horizon time.Time, keep func(name string, c checkpoint) bool) error {
	if err := s.persist(); err != nil {
		return err
	}
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
