package storage

import (
	"errors"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"fluent-bit-nsgflow/nsgflow/storage/checkpoint"
)

// sweepInterval is between listings of all hours that are not settled yet: they
// find what was written long after its hour.
const sweepInterval = 6 * time.Hour

// container is a container that is followed: hop 1. It holds a blob per NIC and
// hour, for as long as its owner keeps them. A listing shows 5,000 names a request
// and costs ten times what another request costs. So new hours of known NICs are
// asked for by name, and listings find what has no known name: flow logs and NICs
// that are new.
//
// Its methods are for the goroutine of listLoop, and for those that it starts; ask
// is for that of askLoop.
type container struct {
	name     string
	bucket   string // its name in the store: its URL
	o        *Options
	selected selection // that is read
	requests *requests
	blobs    *blobs   // what is found goes there
	listing  *backoff // of its listings
	reading  *backoff // of its blobs, where the rights to read are missing

	pages     pages
	known     *names
	archive   archive
	watermark watermark
	swept     time.Time // by this machine's clock; zero: not yet
	underWay  int       // blobs that are on their way; guarded by their lock

	asks   atomic.Bool          // for what is known by name
	mu     sync.Mutex           // what follows is gathered by several goroutines
	listed time.Time            // when the last listing began; zero: there was none yet
	whole  bool                 // everything up to the end was listed
	roots  map[string]time.Time // folders that hold dates; listed up to then
}

func newContainer(name string, o *Options, r *requests, found *blobs, kept watermarks) *container {
	bucket := r.client.url() + "/" + name
	return &container{name: name, bucket: bucket, o: o, selected: o.selection(), requests: r, blobs: found,
		listing: newBackoff(), reading: newBackoff(), roots: map[string]time.Time{},
		pages: pages{name, r, o.pageSize()}, known: newNames(o), watermark: watermark{bucket: bucket, kept: kept}}
}

// listLoop lists, and askLoop asks for what is known by name: a listing that fails
// or waits for readers does not hold that up.
func (c *container) listLoop() { c.every(c.o.PollInterval, func() { c.look() }) }
func (c *container) askLoop()  { c.every(min(tick, c.o.PollInterval), c.ask) }

func (c *container) every(interval time.Duration, do func()) {
	for do(); !c.ended() && sleep(c.requests.ctx, interval); do() {
	}
	<-c.requests.ctx.Done()
}

// look lists what is due.
func (c *container) look() (err error) {
	listed := c.lastListed()
	if due := listed.IsZero() || time.Since(listed) >= c.o.ListInterval; !due || c.listing.left() > 0 {
		return nil
	}
	if err = c.recall(); err == nil {
		// With start now, what is there already is known by the first listing only.
		c.asks.Store(c.watermark.begun || !c.o.Start.Now)
		err = c.list()
	}
	c.heard(err)
	c.asks.Store(c.watermark.begun || c.asks.Load())
	return err
}

// ask lines up what is due by name, and then lists what is cheaper to list. Where that
// cannot be listed now, it is asked for by name too.
func (c *container) ask() {
	if !c.asks.Load() {
		return
	}
	now := c.requests.clock.time()
	names, folders, instead := c.known.due(now)
	if !c.askFor(names, now) || len(folders) == 0 {
		return
	}
	if c.listing.left() == 0 {
		err := c.each(folders, func(folder string) error { return c.pages.flat(folder, c.observe) })
		if err == nil {
			return
		}
		c.heard(err) // that it went well says nothing of the other listings
	}
	c.askFor(instead, now)
}

// askFor lines up blobs by their names. It is false at the end of the follower.
func (c *container) askFor(names []string, now time.Time) bool {
	for _, name := range names {
		if !c.reads(name) {
			continue
		}
		ok, err := c.blobs.asked(c, name, now)
		if err != nil {
			return false
		}
		if ok {
			c.known.asked(name)
		}
	}
	return true
}

// claim takes the container, or a part of it, for this follower alone.
func (c *container) claim(store *checkpoint.Store) bool {
	c.watermark.claim = store.Claim(c.bucket, checkpoint.Part{Key: c.selected.key(), Holds: c.selected.holds, From: c.o.Start.from(time.Now())})
	return c.watermark.claim != nil
}

// release gives it back.
func (c *container) release() {
	if c.watermark.claim != nil {
		c.watermark.claim.Release()
	}
}

// reads reports whether a blob is one of this section's. Of two sections that name
// it, it is the first one's.
func (c *container) reads(name string) bool {
	if !c.selected.holds(name) {
		return false
	}
	if c.watermark.claim.Elsewhere(name) {
		c.requests.alerts.raise(fmt.Sprintf("container %q shared", c.name), Warn,
			fmt.Sprintf("container %q: another section reads the blob %q and maybe others, too: it goes to the section that stands first", c.name, name))
		return false
	}
	return true
}

// recall brings back what the store knows of a container. Where to begin depends
// on the service's time, which any answer tells.
func (c *container) recall() error {
	err := c.watermark.recall(c.o.Start, func() (time.Time, error) {
		err := c.pages.touch(c.o.Prefix)
		return c.requests.clock.earliest(), err
	})
	if err == nil && !c.watermark.begun && c.selected.ended(c.watermark.at) {
		c.requests.alerts.raise(fmt.Sprintf("container %q start", c.name), Warn,
			fmt.Sprintf("container %q: option until: no whole hour lies between start and until, nothing is read", c.name))
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
		c.requests.alerts.clear(what)
	case ok && waits[m] != NoReason:
		text := fmt.Sprintf("%s: cannot be listed: %s", what, describe(err))
		c.listing.failed(err, text)
		c.requests.alerts.raise(what, Warn, text)
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

// urlOf is the URL of a blob, without what may be secret.
func (c *container) urlOf(name string) string {
	u := url.URL{Path: "/" + c.name + "/" + name}
	return c.requests.client.url() + u.EscapedPath()
}
