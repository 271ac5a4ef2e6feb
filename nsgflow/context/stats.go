package context

import "time"

// SourceStats are the state of one source of a Context.
type SourceStats struct {
	Source      string // service_tags, inventory, networks, geo, asn, threats
	Entries     int
	Time        time.Time // of the oldest data in use; zero: there is none
	Loads       uint64    // files read, by all Contexts that have them
	FailedLoads uint64
	Refused     bool // a newest file is bad, or gone
}

// Stats are those of the sources that the Context has, in the order of the
// options, as they were at the last look.
func (c *Context) Stats() []SourceStats { return *c.stats.Load() }

// report makes the stats anew.
func (c *Context) report() {
	var all []SourceStats
	for _, s := range c.sources {
		name := kinds[s.kind].source
		if len(all) == 0 || all[len(all)-1].Source != name {
			all = append(all, SourceStats{Source: name})
		}
		n := &all[len(all)-1]
		if s.kind != exceptionKind { // which is a file of the threat lists, and none of them
			n.Entries += s.built.entries
			if at := s.built.time; !at.IsZero() && (n.Time.IsZero() || at.Before(n.Time)) {
				n.Time = at
			}
		}
		n.Refused = n.Refused || s.broken
		for _, f := range s.files {
			n.Loads += f.ok
			n.FailedLoads += f.bad
			n.Refused = n.Refused || f.isBad
		}
	}
	c.stats.Store(&all)
}
