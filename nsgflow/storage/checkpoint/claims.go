package checkpoint

import (
	"slices"
	"sync"
	"time"
)

// Several followers may read parts of one container. They share its checkpoints,
// by the names of the blobs, and its watermark: the lowest that any of them needs.

// Part is what a follower reads of a container. It does not change.
type Part struct {
	Key   string            // the same for the same part; empty: all of it
	Holds func(string) bool // names of blobs; called from any goroutine
	From  time.Time         // where it begins in a container that nothing is known of
}

// Claim is a part that is followed.
type Claim struct {
	s         *Store
	container string
	part      Part
	needs     time.Time // hours from here on; valid iff settled
	settled   bool
}

// followed is a container that has claims.
type followed struct {
	claims []*Claim // the first goes before where two hold a name
	known  bool     // what follows is
	begun  bool     // before the first claim
	at     time.Time

	settling sync.Mutex
}

// Claim reserves a part of a container for one follower. It is nil where another
// has the same part, or one of them wants all of the container.
func (s *Store) Claim(container string, p Part) *Claim {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.claimed[container]
	if f == nil {
		f = &followed{}
		s.claimed[container] = f
	}
	if slices.ContainsFunc(f.claims, func(c *Claim) bool { return c.part.Key == p.Key || c.part.Key == "" || p.Key == "" }) {
		return nil
	}
	c := &Claim{s: s, container: container, part: p}
	f.claims = append(f.claims, c)
	return c
}

// Release gives the part back.
func (c *Claim) Release() {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	f := c.s.claimed[c.container]
	if f.claims = slices.DeleteFunc(f.claims, func(other *Claim) bool { return other == c }); len(f.claims) == 0 {
		delete(c.s.claimed, c.container)
	}
}

// Elsewhere reports whether the part of an earlier claim has a name.
func (c *Claim) Elsewhere(name string) bool {
	c.s.mu.Lock()
	claims := c.s.claimed[c.container].claims
	before := slices.Clone(claims[:slices.Index(claims, c)])
	c.s.mu.Unlock()
	return slices.ContainsFunc(before, func(other *Claim) bool { return other.part.Holds(name) })
}

// Begun is that of the container, as it was before anybody claimed a part of it:
// where one begins does not depend on how far another has come.
func (c *Claim) Begun() (watermark time.Time, ok bool, err error) {
	watermark, ok, err = c.s.Begun(c.container)
	if err != nil {
		return watermark, ok, err
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	f := c.s.claimed[c.container]
	if !f.known {
		f.known, f.begun, f.at = true, ok, watermark
	}
	return f.at, f.begun, nil
}

// Settle moves the watermark as far as all parts allow, when this one needs hours
// from a time on only. keep tells what is to be kept for a watermark.
func (c *Claim) Settle(needs time.Time, keep func(watermark time.Time, name string, at Checkpoint) bool) error {
	c.s.mu.Lock()
	settling := &c.s.claimed[c.container].settling
	c.s.mu.Unlock()
	settling.Lock() // what one has worked out is written before another one works it out
	defer settling.Unlock()
	c.s.mu.Lock()
	c.needs, c.settled = needs, true
	watermark := needs
	f := c.s.claimed[c.container]
	for _, other := range f.claims {
		at := other.part.From
		switch {
		case other.settled:
			at = other.needs
		case f.begun:
			at = f.at
		}
		if at.Before(watermark) {
			watermark = at
		}
	}
	c.s.mu.Unlock()
	return c.s.Settle(c.container, watermark, func(name string, at Checkpoint) bool { return keep(watermark, name, at) })
}

// Ended says that the part needs nothing any more.
func (c *Claim) Ended() {
	c.s.mu.Lock()
	c.needs, c.settled = time.Unix(1<<40, 0), true
	c.s.mu.Unlock()
}
