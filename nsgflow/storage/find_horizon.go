package storage

import (
	"sync"
	"time"

	"fluent-bit-nsgflow/nsgflow/storage/checkpoint"
)

// horizon is where the past of a container ends: hours before it are settled,
// which is to say that they are not listed, and their checkpoints not kept. It is
// kept from one start to the next. Its methods but skip are for one goroutine.
type horizon struct {
	bucket string // the container, in the store
	kept   horizons

	recalled bool
	begun    bool      // the container was listed once, now or by a follower before
	since    time.Time // valid iff not begun: where to begin
	at       time.Time

	mu      sync.Mutex
	skipped map[string]checkpoint.Checkpoint // blobs that were there before the beginning; not in the store yet
}

// horizons is what a store keeps of containers.
type horizons interface {
	begun(bucket string) (horizon time.Time, ok bool, err error)
	settle(bucket string, horizon time.Time, keep func(name string, c checkpoint.Checkpoint) bool) error
	skip(bucket string, blobs map[string]checkpoint.Checkpoint) error
}

const (
	// late is how long after its hour a blob may still appear or grow, and be
	// seen. Checkpoints are kept as long.
	late = 48 * time.Hour
	// maxSkipped bounds what is held of blobs that are left out.
	maxSkipped = 1000
)

// recall brings back what the store knows. Where that is nothing, start says
// where to begin, by the time that now gives.
func (h *horizon) recall(start Start, now func() (time.Time, error)) (err error) {
	if h.recalled {
		return nil
	}
	if h.at, h.begun, err = h.kept.begun(h.bucket); err != nil {
		return err
	}
	if !h.begun {
		at, err := now()
		if err != nil {
			return err
		}
		switch {
		case start.Now:
			h.since, h.at = at, at.Add(-time.Hour).Truncate(time.Hour)
		case start.Back > 0:
			h.since = at.Add(-start.Back).Truncate(time.Hour)
			h.at = h.since
		default:
			h.since = start.At.UTC().Truncate(time.Hour)
			h.at = h.since
		}
	}
	h.recalled = true
	return nil
}

// passed reports whether a blob lies before the horizon.
func (h *horizon) passed(path blobPath, modified time.Time) bool {
	if path.dated() {
		return path.hour.Before(h.at)
	}
	return modified.Before(h.at)
}

// skip leaves out what stands in a blob before the beginning.
func (h *horizon) skip(name, version string, modified time.Time, length *int64) error {
	read := checkpoint.Checkpoint{ETag: version}
	if length != nil {
		read.Offset = max(0, *length-tailBytes)
	}
	if !parsePath(name).dated() {
		read.Modified = modified
	}
	full := map[string]checkpoint.Checkpoint(nil)
	h.mu.Lock()
	if h.skipped == nil {
		h.skipped = map[string]checkpoint.Checkpoint{}
	}
	h.skipped[name] = read
	if len(h.skipped) >= maxSkipped {
		full, h.skipped = h.skipped, nil
	}
	h.mu.Unlock()
	return h.kept.skip(h.bucket, full) // nothing is locked while the disk works
}

// settle ends a listing: it moves the horizon on to an hour, and forgets what
// lies before.
func (h *horizon) settle(to time.Time) error {
	if to.Before(h.at) {
		to = h.at
	}
	err := h.kept.skip(h.bucket, h.skipped)
	if err == nil {
		h.skipped = nil
	}
	if err == nil && h.begun && to.Equal(h.at) {
		return nil
	}
	if err == nil {
		err = h.kept.settle(h.bucket, to, func(name string, read checkpoint.Checkpoint) bool {
			if p := parsePath(name); p.dated() {
				return !p.hour.Before(to)
			}
			return read.Modified.IsZero() || !read.Modified.Before(to)
		})
	}
	if err != nil {
		if h.begun {
			return nil // the horizon can wait, what is new cannot
		}
		return err
	}
	h.begun, h.at = true, to
	return nil
}
