package nsgflow

// Counts says what a Normalizer has seen since it was made.
type Counts struct {
	Flows   [2][3]uint64 // that became events or parts of events, by Family and Decision
	Errors  uint64       // tuples and texts that do not parse
	Unknown uint64       // columns with a letter or number that no document names
	Foreign uint64       // records that are no flow logs
	Empty   uint64       // records of flow logs, and heads and tails of blobs, without a tuple
	Events  uint64       // that flows became: fewer than flows where they are aggregated
	Dropped [5]uint64    // flows that are left out, by DropNames: in no other count

	// LineByLine: a pretty-printed flow log came line by line, each as a record
	// of its own, so that its tuples are foreign records.
	LineByLine bool

	// LastError is the newest error's text. It quotes its input, escaped.
	LastError string
}

// Counts returns what has been seen so far.
func (n *Normalizer) Counts() Counts { return n.counts }

// AllDropped is the number of flows that are left out.
func (c *Counts) AllDropped() (n uint64) {
	for _, dropped := range c.Dropped {
		n += dropped
	}
	return n
}

// AllFlows is the number of flows that became events or parts of events.
func (c *Counts) AllFlows() (n uint64) {
	for _, family := range c.Flows {
		for _, decision := range family {
			n += decision
		}
	}
	return n
}

func (c *Counts) addFlow(f *Flow) {
	c.Flows[f.Family][f.Decision]++
	c.Unknown += uint64(f.Unknown)
}

func (c *Counts) addError(reason string) {
	c.Errors++
	c.LastError = reason
}

// Add adds what another Normalizer has seen later.
func (c *Counts) Add(more Counts) {
	for family, decisions := range more.Flows {
		for decision, n := range decisions {
			c.Flows[family][decision] += n
		}
	}
	c.Errors += more.Errors
	c.Unknown += more.Unknown
	c.Foreign += more.Foreign
	c.Empty += more.Empty
	c.LineByLine = c.LineByLine || more.LineByLine
	c.Events += more.Events
	for reason, n := range more.Dropped {
		c.Dropped[reason] += n
	}
	if more.LastError != "" {
		c.LastError = more.LastError
	}
}
