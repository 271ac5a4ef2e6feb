package storage

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"fluent-bit-nsgflow/nsgflow/storage/checkpoint"
)

// checkpoints are those of a follower: what is in its store, and what is said
// where that fails.
type checkpoints struct {
	store  *checkpoint.Store
	folder string // option state_path, for messages
	log    Log
	alerts *alerts
	stop   func() // ends the follower

	saving  standing              // what stands while they cannot be written
	damaged atomic.Pointer[error] // why the follower has stopped by itself; nil: it has not
}

func (c *checkpoints) begun(bucket string) (watermark time.Time, ok bool, err error) {
	watermark, ok, err = c.store.Begun(bucket)
	return watermark, ok, c.said(err)
}

func (c *checkpoints) get(bucket, name string) (at checkpoint.Checkpoint, ok bool, err error) {
	at, ok, err = c.store.Get(bucket, name)
	return at, ok, c.said(err)
}

func (c *checkpoints) settle(bucket string, watermark time.Time, keep func(name string, at checkpoint.Checkpoint) bool) error {
	return c.said(c.store.Settle(bucket, watermark, keep))
}

// skip keeps checkpoints of what is not read.
func (c *checkpoints) skip(bucket string, blobs map[string]checkpoint.Checkpoint) error {
	if len(blobs) == 0 {
		return nil
	}
	return c.said(c.store.Put(checkpoint.Set{bucket: blobs}))
}

// commit writes the checkpoints behind batches. Their chunks may be in a folder,
// and not on disk yet.
func (c *checkpoints) commit(due checkpoint.Set, folder string) error {
	err := c.store.ChunksIn(folder)
	if err == nil {
		err = c.store.Put(due)
	}
	if err == nil {
		c.alerts.clear("checkpoints")
		c.saving.end()
	}
	return c.said(err)
}

// said says what is wrong with the checkpoints, if anything is, whatever is
// locked. Where the file is damaged, the follower ends: what it read could never
// be put behind.
func (c *checkpoints) said(err error) error {
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, checkpoint.ErrDamaged):
		c.saving.begin(Disk, describe(err))
		c.alerts.raise("checkpoints", Error, fmt.Sprintf("checkpoints: cannot be written to %q: %s; reading waits for it", c.folder, describe(err)))
		return err
	}
	damage := fmt.Errorf("checkpoints: %q %w; NOTHING IS READ any more", c.store.File(), err)
	if c.damaged.CompareAndSwap(nil, &damage) {
		c.saving.begin(Damaged, damage.Error())
		c.log(Error, damage.Error())
		c.stop()
	}
	return err
}
