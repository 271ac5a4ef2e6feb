package storage

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	azcontainer "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
)

// list takes a container that is not there for an empty one: Azure makes it
// with the first flow log.
func (c *container) list() error {
	began := time.Now()
	err := c.listAll(began)
	if !means(err, gone) {
		if err == nil {
			c.a.alerts.clear(c.missing())
		}
		return err
	}
	c.a.alerts.raise(c.missing(), Info, fmt.Sprintf("container %q does not exist, waiting for it", c.name))
	c.mu.Lock()
	c.listed = began
	c.mu.Unlock()
	return c.settle(time.Time{}) // it has begun, and nothing is settled
}

// listAll finds the flow logs and NICs of a container: it walks down the folders
// to the flow logs, and lists in each the hours since the last listing.
func (c *container) listAll(began time.Time) error {
	now := c.a.clock.time()
	sweep := c.swept.IsZero() || time.Since(c.swept) >= sweepInterval
	c.mu.Lock()
	c.skipped = map[string]checkpoint{}
	if sweep {
		c.aside = time.Time{}
	}
	c.mu.Unlock()
	if err := c.walk(sweep); err != nil {
		return err
	}
	if err := c.each(c.folders(sweep, now), c.listFlat); err != nil {
		return err
	}
	if err := c.settle(c.a.clock.earliest()); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for root := range c.roots {
		c.roots[root] = now
	}
	c.listed = began
	if sweep {
		c.swept = began
	}
	return nil
}

// folders are those to list: of every flow log the hours that may hold
// something new.
func (c *container) folders(sweep bool, now time.Time) (folders []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for root, listed := range c.roots {
		from := listed.Add(-stillWritten)
		if sweep || listed.IsZero() || from.Before(c.horizon) {
			from = c.horizon
		}
		for _, folder := range covering(root, from, now) {
			if folder, ok := narrow(folder, c.a.f.o.Prefix); ok {
				folders = append(folders, folder)
			}
		}
	}
	return folders
}

// walk finds the folders of flow logs. Whole, it looks into every folder on the
// way; else it takes for granted what Azure names alike everywhere.
func (c *container) walk(whole bool) error {
	var tops []string
	if err := c.listLevel(c.a.f.o.Prefix, func(folder string) { tops = append(tops, folder) }); err != nil {
		return err
	}
	return c.each(tops, func(folder string) error { return c.descend(folder, whole) })
}

// descend goes down to where the dates begin, or to a flow log that is known.
func (c *container) descend(folder string, whole bool) error {
	root, _, span := cutDate(folder)
	c.mu.Lock()
	_, found := c.roots[root]
	if span.unit != unitNone && !found {
		c.roots[root] = time.Time{}
	}
	c.mu.Unlock()
	if span.unit != unitNone || found && !whole {
		return nil
	}
	if !whole {
		folder += constantFolders(folder)
	}
	var below []string
	if err := c.listLevel(folder, func(name string) { below = append(below, name) }); err != nil {
		return err
	}
	for _, name := range below {
		if err := c.descend(name, whole); err != nil {
			return err
		}
	}
	return nil
}

// constantFolders are the only ones that Azure makes in a folder on the way to
// the flow log of an NSG:
// resourceId=/SUBSCRIPTIONS/{}/RESOURCEGROUPS/{}/PROVIDERS/MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/{}/
func constantFolders(folder string) string {
	levels := strings.Split(strings.TrimSuffix(folder, "/"), "/")
	switch n := len(levels); {
	case levels[n-1] == "resourceId=":
		return "SUBSCRIPTIONS/"
	case n > 1 && levels[n-2] == "SUBSCRIPTIONS":
		return "RESOURCEGROUPS/"
	case n > 1 && levels[n-2] == "RESOURCEGROUPS":
		return "PROVIDERS/MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/"
	}
	return ""
}

// settle ends a listing: it moves the horizon as far as nothing before it is
// unread or without a checkpoint, and forgets what lies before.
func (c *container) settle(now time.Time) error {
	horizon := now.Add(-late).Truncate(time.Hour)
	c.a.mu.Lock()
	for _, b := range c.a.active {
		if written := b.written(); b.container == c.name && !written.IsZero() && written.Add(-time.Hour).Before(horizon) {
			horizon = written.Add(-time.Hour).Truncate(time.Hour)
		}
	}
	c.a.mu.Unlock()
	if aside := c.keepsAside(now); !aside.IsZero() && aside.Add(-time.Hour).Before(horizon) {
		horizon = aside.Add(-time.Hour).Truncate(time.Hour)
	}
	if horizon.Before(c.horizon) {
		horizon = c.horizon
	}
	err := c.putSkipped(c.skipped)
	if err == nil {
		clear(c.skipped)
	}
	if err == nil && c.begun && horizon.Equal(c.horizon) {
		return nil
	}
	if err == nil {
		err = c.a.f.store.settle(c.bucket, horizon, func(name string, read checkpoint) bool {
			if p := parsePath(name); p.dated() {
				return !p.hour.Before(horizon)
			}
			return read.Modified.IsZero() || !read.Modified.Before(horizon)
		})
	}
	if err != nil {
		c.a.f.storeFailed(err)
		if c.begun {
			return nil // the horizon can wait, what is new cannot
		}
		return err
	}
	c.begun, c.horizon = true, horizon
	return nil
}

// observe takes one blob of a listing.
func (c *container) observe(item *azcontainer.BlobItem) error {
	p := item.Properties
	if item.Name == nil || *item.Name == "" || p == nil || p.ETag == nil || p.BlobType == nil || *p.BlobType != azcontainer.BlobTypeBlockBlob ||
		p.ResourceType != nil && *p.ResourceType == "directory" { // of a hierarchical namespace
		return nil
	}
	name, version, now := *item.Name, versionOf(*p.ETag), c.a.clock.time()
	path, modified := parsePath(name), now
	if p.LastModified != nil {
		modified = *p.LastModified
	}
	if settled := path.hour; path.dated() && settled.Before(c.horizon) || !path.dated() && modified.Before(c.horizon) {
		return nil
	}
	if !c.a.f.o.Shard.holds(path.nic) {
		return nil
	}
	c.remember(name, path, modified, now)
	before := !c.begun && (c.a.f.o.Start.Now || !path.dated() && modified.Before(c.since))
	if isArchived(p) && !before {
		c.setAside(writtenBy(path, modified))
		return nil
	}

	known, err := c.a.observe(c, name, version, modified, now, before)
	if err == nil && !known {
		err = c.skip(name, version, modified, p.ContentLength)
	}
	return err
}

// observe lines up a blob that has changed. It reports false for one that is
// not known and was there before the beginning.
func (a *account) observe(c *container, name, version string, modified, now time.Time, before bool) (known bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.await(func() bool { return c.open < a.f.o.mostOpen() }) {
		return false, a.f.ctx.Err()
	}
	b, err := a.stateOf(c, name, func() bool { return !before })
	if err != nil || b == nil {
		return false, err
	}
	b.closed = now.Sub(b.writtenBy(modified)) > closedAfter
	if b.read.Half && !b.closed {
		a.unended(b)
	}
	if b.read.ETag == version && !(b.read.Half && b.closed) {
		a.forget(b)
		return true, nil
	}
	b.changedAt(modified)
	switch b.progress {
	case idle:
		b.byName = false
		a.enqueue(b)
	case reading:
		b.again = true // once more, whatever this attempt finds
	default:
		b.byName = false
	}
	return true, nil
}

// remember keeps the names that are asked for without a listing.
func (c *container) remember(name string, path blobPath, modified, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !path.dated() && now.Sub(modified) < time.Hour:
		c.undated[name] = modified
	case path.dated() && now.Sub(path.hour) <= known+time.Hour:
		n := nic{path.root, path.tail}
		if c.nics[n].Before(path.hour) {
			c.nics[n] = path.hour
		}
	}
}

// skip leaves out what stands in a blob before the beginning.
func (c *container) skip(name, version string, modified time.Time, length *int64) error {
	read := checkpoint{ETag: version}
	if length != nil {
		read.Offset = max(0, *length-tailBytes)
	}
	if !parsePath(name).dated() {
		read.Modified = modified
	}
	full := map[string]checkpoint(nil)
	c.mu.Lock()
	c.skipped[name] = read
	if len(c.skipped) >= maxSkipped {
		full, c.skipped = c.skipped, map[string]checkpoint{}
	}
	c.mu.Unlock()
	return c.putSkipped(full) // nothing is locked while the disk works
}

// maxSkipped bounds what is held of blobs that are left out.
const maxSkipped = 1000

func (c *container) putSkipped(skipped map[string]checkpoint) error {
	if len(skipped) == 0 {
		return nil
	}
	return c.a.f.store.put(map[string]map[string]checkpoint{c.bucket: skipped})
}

// each does one thing for several folders, several of them at a time. Where as
// many as that have failed in a row, the others are left for the next time:
// what is known by name is not asked for meanwhile.
func (c *container) each(folders []string, do func(string) error) error {
	var all sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	inARow := 0 // of errs
	turns := make(chan struct{}, 1+c.a.f.o.Concurrency)
	for _, folder := range folders {
		turns <- struct{}{}
		mu.Lock()
		givesUp := inARow >= cap(turns)
		mu.Unlock()
		if givesUp {
			break
		}
		all.Go(func() {
			defer func() { <-turns }()
			err := c.a.guarded(fmt.Sprintf("container %q", c.name), func() error { return do(folder) })
			mu.Lock()
			defer mu.Unlock()
			if inARow++; err == nil {
				inARow = 0
				return
			}
			errs = append(errs, err)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
