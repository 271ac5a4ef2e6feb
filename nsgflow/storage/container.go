package storage

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"time"
)

// A container holds a blob per NIC and hour, for as long as its owner keeps
// them. A listing shows 5,000 names a request and costs ten times what another
// request costs. So new hours of known NICs are asked for by name, and listings
// find what has no known name: flow logs and NICs that are new.
const (
	// sweepInterval is between listings of all hours that are not settled yet:
	// they find what was written long after its hour.
	sweepInterval = 6 * time.Hour
	// late is how long after its hour a blob may still appear or grow, and be
	// seen. Checkpoints are kept as long.
	late = 48 * time.Hour
	// stillWritten is how long into an hour the one before may be written.
	// Flow logs are up to five minutes late.
	stillWritten = 20 * time.Minute
	// known is how long a NIC without traffic is asked for by name.
	known = 3 * time.Hour
)

// container is a container that is followed.
type container struct {
	a       *account
	name    string
	bucket  string   // of the store
	listing *backoff // of its listings
	reading *backoff // of its blobs, where the rights to read are missing

	recalled bool
	begun    bool      // it was listed once, now or by a follower before
	since    time.Time // valid iff not begun: where to begin
	horizon  time.Time // hours before it are settled: not listed, not kept

	swept time.Time // by this machine's clock; zero: not yet
	open  int       // blobs that are active; guarded by the account's lock

	mu      sync.Mutex            // what follows is gathered by several goroutines
	listed  time.Time             // likewise
	roots   map[string]time.Time  // folders that hold dates; listed up to then
	nics    map[nic]time.Time     // the last hour that has a blob
	undated map[string]time.Time  // blobs without a date, by their last change, if that is recent
	halves  map[string]time.Time  // blobs that end in the middle of a record: when to read them as they are
	skipped map[string]checkpoint // blobs that were there before the beginning
	aside   time.Time             // when the oldest blob was written that is archived; zero: none is
}

// nic is what the names of a NIC's blobs have in common.
type nic struct{ root, tail string }

func newContainer(a *account, name string) *container {
	return &container{a: a, name: name, bucket: a.client.url() + "/" + name, listing: newBackoff(), reading: newBackoff(),
		roots: map[string]time.Time{}, nics: map[nic]time.Time{}, undated: map[string]time.Time{}, halves: map[string]time.Time{}}
}

func (c *container) pollLoop() {
	for c.poll(); c.a.f.sleep(c.a.f.o.PollInterval); c.poll() {
	}
}

// poll finds what is new. A listing that fails does not hold up what is known
// by name.
func (c *container) poll() (err error) {
	listed := c.lastListed()
	if due := listed.IsZero() || time.Since(listed) >= c.a.f.o.ListInterval; due && c.listing.left() == 0 {
		if err = c.recall(); err == nil {
			err = c.list()
		}
		c.heard(err)
	}
	if c.recalled {
		c.ask()
	}
	return err
}

// heard notes how a listing went.
func (c *container) heard(err error) {
	what := fmt.Sprintf("container %q", c.name)
	m, ok := meaningOf(err)
	switch {
	case err == nil:
		c.listing.succeeded()
		c.a.alerts.clear(what)
	case ok && waits[m] != NoReason:
		text := fmt.Sprintf("%s: cannot be listed: %s", what, describe(err))
		c.listing.failed(err, text)
		c.a.alerts.raise(what, Warn, text)
	case errors.Is(err, errInternal):
		c.listing.failed(err, "")
		c.listing.begin(Internal, what+": cannot be listed: "+describe(err))
	}
}

// lastListed is when the last listing began; zero: there was none yet.
func (c *container) lastListed() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.listed
}

// recall brings back what the store knows of a container.
func (c *container) recall() (err error) {
	if c.recalled {
		return nil
	}
	c.horizon, c.begun, err = c.a.f.store.begun(c.bucket)
	if err != nil {
		c.a.f.storeFailed(err)
		return err
	}
	if !c.begun {
		if err := c.touch(); err != nil {
			return err
		}
		now := c.a.clock.earliest()
		switch start := c.a.f.o.Start; {
		case start.Now:
			c.since, c.horizon = now, now.Add(-time.Hour).Truncate(time.Hour)
		case start.Back > 0:
			c.since = now.Add(-start.Back).Truncate(time.Hour)
			c.horizon = c.since
		default:
			c.since = start.At.UTC().Truncate(time.Hour)
			c.horizon = c.since
		}
	}
	c.recalled = true
	return nil
}

// ask lines up the blobs that are known by name.
func (c *container) ask() {
	now := c.a.clock.time()
	var names []string
	c.mu.Lock()
	for n, last := range c.nics {
		if now.Sub(last) > known+time.Hour {
			delete(c.nics, n)
			continue
		}
		for _, hour := range liveHours(now) {
			names = append(names, hourPath(n.root, hour)+n.tail)
		}
	}
	for name, changed := range c.undated {
		if now.Sub(changed) > time.Hour {
			delete(c.undated, name)
		}
		names = append(names, name)
	}
	for name, due := range c.halves {
		if now.After(due) {
			delete(c.halves, name)
			names = append(names, name)
		}
	}
	c.mu.Unlock()
	for _, name := range names {
		if c.a.ask(c, name, now) != nil {
			return
		}
	}
}

// ask lines up one blob, to be read if it has changed.
func (a *account) ask(c *container, name string, now time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	b, err := a.stateOf(c, name, nil)
	if err != nil || b == nil {
		return err
	}
	b.closed = b.path.dated() && now.Sub(b.written()) > closedAfter
	if b.progress == idle {
		b.byName = true
		a.enqueue(b)
	}
	return nil
}

// stateOf is the state of a blob, with the lock held but while the store is
// read: nobody waits for a disk. Where nothing is known of the blob, unknown
// decides whether there is to be one; nil stands for yes.
func (a *account) stateOf(c *container, name string, unknown func() bool) (*blobState, error) {
	id := blobID{c.name, name}
	for {
		if b := a.active[id]; b != nil {
			return b, nil
		}
		forgotten := a.forgotten
		a.mu.Unlock()
		read, ok, err := a.f.store.get(c.bucket, name)
		a.mu.Lock()
		switch {
		case err != nil:
			a.f.storeFailed(err)
			return nil, err
		case a.active[id] != nil || a.forgotten != forgotten:
			continue // the checkpoint may have moved meanwhile
		case !ok && unknown != nil && !unknown():
			return nil, nil
		}
		b := &blobState{blobID: id, a: a, bucket: c.bucket, path: parsePath(name), url: a.urlOf(id), backoff: newBackoff(), read: read, modified: read.Modified}
		a.active[id] = b
		c.open++
		return b, nil
	}
}

// unended notes that a blob ends in the middle of a record, with the lock held.
func (a *account) unended(b *blobState) {
	c := a.containerOf(b)
	c.mu.Lock()
	c.halves[b.name] = b.written().Add(closedAfter)
	c.mu.Unlock()
}

func (a *account) containerOf(b *blobState) *container {
	return a.containers[slices.IndexFunc(a.containers, func(c *container) bool { return c.name == b.container })]
}

func (a *account) urlOf(id blobID) string {
	u := url.URL{Path: "/" + id.container + "/" + id.name}
	return a.client.url() + u.EscapedPath()
}

func liveHours(now time.Time) []time.Time {
	hour := now.Truncate(time.Hour)
	if before := now.Add(-stillWritten).Truncate(time.Hour); before.Before(hour) {
		return []time.Time{before, hour}
	}
	return []time.Time{hour}
}
