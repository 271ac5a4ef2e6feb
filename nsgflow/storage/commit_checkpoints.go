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

	loading standing              // while they cannot be read
	saving  standing              // while they cannot be written
	damaged atomic.Pointer[error] // why the follower has stopped by itself; nil: it has not
}

func (c *checkpoints) begun(claim *checkpoint.Claim) (watermark time.Time, ok bool, err error) {
	watermark, ok, err = claim.Begun()
	return watermark, ok, c.read(err)
}

func (c *checkpoints) get(bucket, name string) (at checkpoint.Checkpoint, ok bool, err error) {
	at, ok, err = c.store.Get(bucket, name)
	return at, ok, c.read(err)
}

func (c *checkpoints) settle(claim *checkpoint.Claim, needs time.Time, keep func(watermark time.Time, name string, at checkpoint.Checkpoint) bool) error {
	err := claim.Settle(needs, keep)
	if errors.Is(err, checkpoint.ErrNotClosed) {
		return err // nothing is wrong
	}
	return c.wrote(err)
}

// skip keeps checkpoints of what is not read.
func (c *checkpoints) skip(bucket string, blobs map[string]checkpoint.Checkpoint) error {
	if len(blobs) == 0 {
		return nil
	}
	return c.wrote(c.store.Put(checkpoint.Set{bucket: blobs}, ""))
}

// commit writes the checkpoints behind batches. Their chunks may be in a folder,
// and not on disk yet.
func (c *checkpoints) commit(due checkpoint.Set, folder string) error {
	return c.wrote(c.store.Put(due, folder))
}

// read and wrote say how it went, whatever is locked.
func (c *checkpoints) read(err error) error {
	return c.said(err, &c.loading, "checkpoints, reading them", "read from")
}
func (c *checkpoints) wrote(err error) error {
	return c.said(err, &c.saving, "checkpoints", "written to")
}

// said says what is wrong with the checkpoints, if anything is. Where the file is
// damaged, the follower ends: what it read could never be put behind.
func (c *checkpoints) said(err error, stands *standing, what, done string) error {
	switch {
	case err == nil:
		if c.damaged.Load() == nil {
			c.alerts.end(what, "checkpoints: recovered")
			stands.end()
		}
		return nil
	case !errors.Is(err, checkpoint.ErrDamaged):
		stands.begin(Disk, describe(err))
		c.alerts.raise(what, Error, fmt.Sprintf("checkpoints: cannot be %s %q: %s; reading waits for it", done, c.folder, describe(err)))
		return err
	}
	damage := fmt.Errorf("checkpoints: %q %w; NOTHING IS READ any more", c.store.File(), err)
	if c.damaged.CompareAndSwap(nil, &damage) {
		stands.begin(Damaged, damage.Error())
		c.log(Error, damage.Error())
		c.stop()
	}
	return err
}
