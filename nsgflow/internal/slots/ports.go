package slots

import "math/rand/v2"

// Ports has ports that differ from the first one of their aggregate: most
// aggregates of a quiet network have none.
type Ports struct {
	Table
	room    int
	ready   bool // the slots are of the record at hand
	factors [2]uint64
}

// Begin takes up a record of so many tuples.
func (p *Ports) Begin(tuples int) {
	p.room, p.ready = min(tuples, 1<<10), false
}

// Add adds a port, source or destination by side, and says whether it is new.
func (p *Ports) Add(aggregate, side int, port uint16) bool {
	if !p.ready {
		p.prepare()
	}
	// The steps can be undone, one by one: different ports have different
	// values, none of them 0.
	value := (uint64(aggregate+1)<<17 | uint64(side)<<16 | uint64(port)) * p.factors[0]
	value = (value ^ value>>32) * p.factors[1]
	i := p.Home(value)
	for ; p.All[i] != 0; i = p.After(i) {
		if p.All[i] == value {
			return false
		}
	}
	p.Put(i, value)
	return true
}

func (p *Ports) prepare() {
	if p.factors[0] == 0 { // odd, and not known to whoever writes the logs
		p.factors = [2]uint64{rand.Uint64() | 1, rand.Uint64() | 1}
	}
	p.Reset(p.room)
	p.ready = true
}
