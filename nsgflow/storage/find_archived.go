package storage

import (
	"fmt"
	"time"

	azcontainer "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
)

// Archived blobs cannot be read until they are rehydrated, which changes neither
// their ETag nor their time. So no checkpoint is made of them: they hold the
// horizon as what is unread does, and the sweep after the rehydration finds them.

// heldAside is how long after its hour an archived blob is waited for.
const heldAside = 30 * 24 * time.Hour

func isArchived(p *azcontainer.BlobProperties) bool {
	return p.AccessTier != nil && *p.AccessTier == azcontainer.AccessTierArchive
}

// setAside notes an archived blob, by the time at which it was complete.
func (c *container) setAside(written time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.aside.IsZero() || written.Before(c.aside) {
		c.aside = written
	}
}

// keepsAside is the time of the oldest archived blob that is waited for; zero:
// there is none.
func (c *container) keepsAside(now time.Time) time.Time {
	c.mu.Lock()
	oldest := c.aside
	c.mu.Unlock()
	what := fmt.Sprintf("container %q archived", c.name)
	if oldest.IsZero() {
		c.alerts.clear(what)
		return oldest
	}
	c.alerts.raise(what, Warn, fmt.Sprintf("container %q: blobs since %s are archived, they are read once they are rehydrated, within %.0f days of their hour",
		c.name, oldest.Add(-time.Hour).Format(time.RFC3339), heldAside.Hours()/24))
	if limit := now.Add(-heldAside); oldest.Before(limit) {
		return limit
	}
	return oldest
}
