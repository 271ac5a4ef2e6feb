package storage

import (
	"fmt"
	"slices"
	"time"
)

// A section with an end, option until, reads the hours before it, as they are when
// they can be expected to be complete, and then no more.

// isOver reports whether the last hour is complete: an end within an hour takes that
// hour with it.
func (o *Options) isOver(now time.Time) bool {
	return !o.Until.IsZero() && !now.Add(-stillWritten).Truncate(time.Hour).Before(o.Until)
}

// ended reports whether everything before the end is read and behind a checkpoint.
// It stays so.
func (c *container) ended() bool {
	c.mu.Lock()
	whole := c.whole
	c.mu.Unlock()
	// A blob leaves word of how it ends before it goes.
	return whole && c.blobs.none(c) && c.known.allEnd() && c.archive.none()
}

// endLoop says once that the section has come to its end.
func (f *Follower) endLoop() {
	for sleep(f.ctx, glance) {
		looked := f.looked.Load() // before the accounts, which it stands behind
		all := f.all()
		if f.o.discovers() && (len(all) == 0 || !looked) || slices.ContainsFunc(all, func(a *account) bool {
			return slices.ContainsFunc(a.containers, func(c *container) bool { return !c.ended() })
		}) {
			continue
		}
		for _, a := range all {
			for _, c := range a.containers {
				c.watermark.claim.Ended()
			}
		}
		f.ended.Store(true)
		f.log(Info, fmt.Sprintf("until %s: everything before it is read; this section reads no more, the agent goes on", f.o.Until.Format(time.RFC3339)))
		break
	}
	<-f.ctx.Done()
}
