package storage

import (
	"fmt"
	"sync"
	"time"

	azcontainer "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
)

// Archived blobs cannot be read until they are rehydrated, which changes neither
// their ETag nor their time. So no checkpoint is made of them: they hold the
// watermark as what is unread does, and the sweep after the rehydration finds them.

// heldAside is how long after its hour an archived blob is waited for.
const heldAside = 30 * 24 * time.Hour

func isArchived(p *azcontainer.BlobProperties) bool {
	return p.AccessTier != nil && *p.AccessTier == azcontainer.AccessTierArchive
}

// archive notes the archived blobs of a container.
type archive struct {
	mu     sync.Mutex
	oldest time.Time // when the oldest was complete; zero: there is none
}

// add notes an archived blob, by the time at which it was complete.
func (a *archive) add(written time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.oldest.IsZero() || written.Before(a.oldest) {
		a.oldest = written
	}
}

// none reports whether no archived blob is waited for.
func (a *archive) none() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.oldest.IsZero()
}

// reset begins anew, with a listing of everything.
func (a *archive) reset() {
	a.mu.Lock()
	a.oldest = time.Time{}
	a.mu.Unlock()
}

// holds lowers a watermark to the hour of the oldest archived blob that is waited
// for, which is said.
func (a *archive) holds(watermark, now time.Time, container string, alerts *alerts) time.Time {
	a.mu.Lock()
	oldest := a.oldest
	a.mu.Unlock()
	what := fmt.Sprintf("container %q archived", container)
	if oldest.IsZero() {
		alerts.end(what, fmt.Sprintf("container %q: none of its blobs is archived any more", container))
		return watermark
	}
	alerts.raise(what, Warn, fmt.Sprintf("container %q: blobs since %s are archived, they are read once they are rehydrated, within %.0f days of their hour",
		container, oldest.Add(-time.Hour).Format(time.RFC3339), heldAside.Hours()/24))
	if limit := now.Add(-heldAside); oldest.Before(limit) {
		oldest = limit
	}
	if hour := oldest.Add(-time.Hour); hour.Before(watermark) {
		return hour.Truncate(time.Hour)
	}
	return watermark
}
