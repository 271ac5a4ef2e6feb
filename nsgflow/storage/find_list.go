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
	began, missing := time.Now(), fmt.Sprintf("container %q missing", c.name)
	err := c.listAll(began)
	if !means(err, gone) {
		if err == nil {
			c.requests.alerts.end(missing, fmt.Sprintf("container %q exists now", c.name))
		}
		return err
	}
	c.requests.alerts.raise(missing, Info, fmt.Sprintf("container %q does not exist, waiting for it", c.name))
	c.mu.Lock()
	c.listed, c.whole = began, c.o.isOver(c.requests.clock.time())
	c.mu.Unlock()
	return c.settle(time.Time{}) // it has begun, and nothing is settled
}

// listAll finds the flow logs and NICs of a container: it walks down the folders
// to the flow logs, and lists in each the hours since the last listing.
func (c *container) listAll(began time.Time) error {
	now := c.requests.clock.time()
	last := c.o.isOver(now)
	sweep := c.swept.IsZero() || time.Since(c.swept) >= sweepInterval || last && !c.whole
	c.watermark.forgetSkipped()
	if sweep {
		c.archive.reset()
	}
	tops, err := c.tops()
	if err != nil {
		return err
	}
	// A folder that cannot be looked into keeps none of the others from being listed.
	missed := c.each(tops, func(folder string) error { return c.descend(folder, sweep) })
	flat := func(folder string) error { return c.pages.flat(folder, c.observe) }
	if sweep && now.Sub(c.watermark.at) > 24*time.Hour { // what is of now first
		if err := c.each(c.folders(liveHours(now)[0], now), flat); err != nil {
			return err
		}
	}
	from := time.Time{}
	if sweep {
		from = c.watermark.at
	}
	if err := errors.Join(missed, c.each(c.folders(from, now), flat)); err != nil {
		return err
	}
	if err := c.settle(c.requests.clock.earliest()); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for root := range c.roots {
		c.roots[root] = now
	}
	c.listed = began
	if sweep {
		c.swept, c.whole = began, last
	}
	return nil
}

// folders are those to list: of every flow log the hours from one on; zero: those
// that may hold something new.
func (c *container) folders(since, now time.Time) (folders []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for root, listed := range c.roots {
		from := since
		if from.IsZero() && !listed.IsZero() {
			from = listed.Add(-stillWritten)
		}
		if from.Before(c.watermark.at) {
			from = c.watermark.at
		}
		for _, folder := range covering(root, from, c.selected.last(now)) {
			if folder, ok := narrow(folder, c.o.Prefix); ok {
				folders = append(folders, folder)
			}
		}
	}
	return folders
}

// tops are the folders that a container, or its prefix, begins with.
func (c *container) tops() (tops []string, err error) {
	err = c.pages.level(c.o.Prefix, c.observe, func(folder string) { tops = append(tops, folder) })
	return tops, err
}

// descend goes down to where the dates begin, or to a flow log that is known. Whole, it
// looks into every folder on the way; else it takes for granted what Azure names alike
// everywhere.
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
	if err := c.pages.level(folder, c.observe, func(name string) { below = append(below, name) }); err != nil {
		return err
	}
	failed := failures{most: c.o.Concurrency}
	for _, name := range below {
		if failed.note(c.descend(name, whole)); failed.tooMany() {
			break
		}
	}
	return failed.err()
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

// settle ends a listing: it moves the watermark as far as nothing before it is
// unread or without a checkpoint.
func (c *container) settle(now time.Time) error {
	to := c.blobs.settledBefore(c.name, c.selected.last(now.Add(-late)).Truncate(time.Hour))
	return c.watermark.settle(c.archive.holds(to, now, c.name, c.requests.alerts))
}

// observe takes one blob of a listing.
func (c *container) observe(item *azcontainer.BlobItem) error {
	p := item.Properties
	if item.Name == nil || *item.Name == "" || p == nil || p.ETag == nil || p.BlobType == nil || *p.BlobType != azcontainer.BlobTypeBlockBlob ||
		p.ResourceType != nil && *p.ResourceType == "directory" { // of a hierarchical namespace
		return nil
	}
	name, version, now := *item.Name, versionOf(*p.ETag), c.requests.clock.time()
	path, modified := parsePath(name), now
	if p.LastModified != nil {
		modified = *p.LastModified
	}
	reached, begun := c.watermark.reached()
	if path.before(reached, modified) || !path.dated() && c.selected.ended(modified) || !c.reads(name) {
		return nil
	}
	before := !begun && (c.o.Start.Now || !path.dated() && modified.Before(c.watermark.since))
	if path.dated() || !before {
		c.known.saw(name, path, modified, now)
	}
	if isArchived(p) && !before {
		c.archive.add(writtenBy(path, modified))
		return nil
	}
	known, err := c.blobs.listed(c, name, version, modified, now, before)
	if err == nil && !known {
		err = c.watermark.skip(name, version, modified, p.ContentLength)
	}
	return err
}

// each does one thing for several folders, as many at a time as requests may be under
// way. After so many failures in a row it leaves the others for the next time: who
// calls has more to do than to wait for a service that fails.
func (c *container) each(folders []string, do func(string) error) error {
	var all sync.WaitGroup
	var mu sync.Mutex
	failed := failures{most: c.o.Concurrency}
	turns := make(chan struct{}, 1+c.o.Concurrency)
	for _, folder := range folders {
		turns <- struct{}{}
		mu.Lock()
		givesUp := failed.tooMany()
		mu.Unlock()
		if givesUp {
			break
		}
		all.Go(func() {
			defer func() { <-turns }()
			err := guarded(fmt.Sprintf("container %q", c.name), c.requests.alerts.log, func() error { return do(folder) })
			mu.Lock()
			defer mu.Unlock()
			failed.note(err)
		})
	}
	all.Wait()
	return failed.err()
}

// failures are those of several folders.
type failures struct {
	all    []error
	inARow int // of the last ones
	most   int // in a row, of which the others are still tried
}

func (f *failures) note(err error) {
	if f.inARow++; err == nil {
		f.inARow = 0
		return
	}
	f.all = append(f.all, err)
}

func (f *failures) tooMany() bool { return f.inARow > f.most }

func (f *failures) err() error { return errors.Join(f.all...) }
