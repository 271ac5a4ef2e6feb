package storage

import (
	"sync"
	"time"

	"fluent-bit-nsgflow/nsgflow/storage/checkpoint"
)

// watermark is where the past of a container ends: hours before it are settled,
// which is to say that they are not listed, and their checkpoints not kept. It is
// kept from one start to the next. Its methods are for one goroutine, and skip for
// those that it starts.
type watermark struct {
	bucket string            // the container, in the store
	claim  *checkpoint.Claim // of the part that is read
	kept   watermarks

	recalled bool
	begun    bool      // the container was listed once, now or by a follower before
	since    time.Time // valid iff not begun: where to begin
	at       time.Time

	mu      sync.Mutex
	skipped map[string]checkpoint.Checkpoint // blobs that were there before the beginning; not in the store yet
}

// watermarks is what a store keeps of containers.
type watermarks interface {
	begun(*checkpoint.Claim) (watermark time.Time, ok bool, err error)
	settle(claim *checkpoint.Claim, needs time.Time, keep func(watermark time.Time, name string, c checkpoint.Checkpoint) bool) error
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
func (w *watermark) recall(start Start, now func() (time.Time, error)) (err error) {
	if w.recalled {
		return nil
	}
	if w.at, w.begun, err = w.kept.begun(w.claim); err != nil {
		return err
	}
	if !w.begun {
		at, err := now()
		if err != nil {
			return err
		}
		w.at = start.from(at)
		if w.since = w.at; start.Now {
			w.since = at
		}
	}
	w.recalled = true
	return nil
}

// from is the hour to begin with at a time.
func (s Start) from(now time.Time) time.Time {
	switch {
	case s.Now:
		return now.Add(-time.Hour).Truncate(time.Hour)
	case s.Back > 0:
		return now.Add(-s.Back).Truncate(time.Hour)
	}
	return s.At.UTC().Truncate(time.Hour)
}

// skip leaves out what stands in a blob before the beginning.
func (w *watermark) skip(name, version string, modified time.Time, length *int64) error {
	read := checkpoint.Checkpoint{ETag: version}
	if length != nil {
		read.Offset = max(0, *length-tailBytes)
	}
	if !parsePath(name).dated() {
		read.Modified = modified
	}
	full := map[string]checkpoint.Checkpoint(nil)
	w.mu.Lock()
	if w.skipped == nil {
		w.skipped = map[string]checkpoint.Checkpoint{}
	}
	w.skipped[name] = read
	if len(w.skipped) >= maxSkipped {
		full, w.skipped = w.skipped, nil
	}
	w.mu.Unlock()
	return w.kept.skip(w.bucket, full) // nothing is locked while the disk works
}

// forgetSkipped begins a listing anew.
func (w *watermark) forgetSkipped() {
	w.mu.Lock()
	w.skipped = nil
	w.mu.Unlock()
}

// settle ends a listing: it moves the watermark on to an hour, and forgets what
// lies before.
func (w *watermark) settle(to time.Time) error {
	if to.Before(w.at) {
		to = w.at
	}
	w.mu.Lock()
	skipped := w.skipped
	w.skipped = nil
	w.mu.Unlock()
	err := w.kept.skip(w.bucket, skipped)
	if err != nil {
		w.mu.Lock()
		if w.skipped == nil {
			w.skipped = map[string]checkpoint.Checkpoint{}
		}
		for name, read := range skipped {
			if _, newer := w.skipped[name]; !newer {
				w.skipped[name] = read
			}
		}
		w.mu.Unlock()
	}
	if err == nil && w.begun && to.Equal(w.at) {
		return nil
	}
	if err == nil {
		err = w.kept.settle(w.claim, to, func(watermark time.Time, name string, read checkpoint.Checkpoint) bool {
			path := parsePath(name)
			return !path.dated() && read.Modified.IsZero() || !path.before(watermark, read.Modified)
		})
	}
	if err != nil {
		if w.begun {
			return nil // the watermark can wait, what is new cannot
		}
		return err
	}
	w.mu.Lock()
	w.begun, w.at = true, to
	w.mu.Unlock()
	return nil
}

// reached is how far it has come, for those who take blobs of a listing meanwhile.
func (w *watermark) reached() (at time.Time, begun bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at, w.begun
}
