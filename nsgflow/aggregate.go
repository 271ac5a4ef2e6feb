package nsgflow

import (
	"fmt"
	"slices"
	"strings"

	"fluent-bit-nsgflow/nsgflow/internal/slots"
)

// Between hop 2 and hop 3, the flows of a record that have a key in common
// become one event, where the option aggregate says so. Nothing outlives the
// record: there is no timer and no state that a crash could lose, and a record
// that is read again gives the same events.

// Aggregate says which flows of one record become one event.
type Aggregate uint8

const (
	AggregateOff        Aggregate = iota // every flow is an event of its own
	AggregateConnection                  // the flows of one five-tuple: B, C and E of a connection
	AggregateService                     // whatever their source ports
	AggregateHost                        // whatever their ports
)

var aggregateNames = []string{"off", "connection", "service", "host"}

func (a Aggregate) String() string { return aggregateNames[a] }

// Aggregates are the names of the values, by Aggregate.
func Aggregates() []string { return slices.Clone(aggregateNames) }

// ParseAggregate finds a value by its name, in any case.
func ParseAggregate(name string) (Aggregate, error) {
	i := slices.Index(aggregateNames, strings.ToLower(name))
	if i < 0 {
		return 0, fmt.Errorf("aggregate %s: there are %s", appendQuoted(nil, name), strings.Join(aggregateNames, ", "))
	}
	return Aggregate(i), nil
}

// aggregator gathers the flows of the record at hand.
type aggregator struct {
	by     [3]Aggregate // by Decision
	how    [3]uint8     // by Decision: by, and the drops that change sums
	tuples bool         // the events have all their tuples

	record *record
	keys   keyMaker
	blocks [][]aggregate // of blockSize each
	count  int           // of the record's aggregates
	index  slots.Table   // their numbers, by key
	ports  slots.Ports
	flows  []parsedTuple // the first ones of the first keptFlows aggregates, and room for one more
	dirty  int           // how many of them have been used since release
	next   []uint32      // by tuple of the record: the next one of its aggregate; valid iff tuples
}

// aggregate is the flows that become one event.
type aggregate struct {
	key        aggregateKey
	sums       [sumCount]Counter // absent where no tuple has the counter
	start, end int64             // times of the earliest and the latest tuple, in milliseconds

	first, last uint32 // tuples of the record
	tuples      uint32
	stages      [stageCount]uint32
	ports       [2]uint32 // how many different ones: source, destination
	firstPorts  [2]uint16

	by    Aggregate
	state State // that of all tuples; StateUnknown where they differ
}

// The sums of an aggregate.
const (
	sumSourcePackets = iota
	sumSourceBytes
	sumDestinationPackets
	sumDestinationBytes
	sumCount
)

// Stages: what a tuple counts as in an aggregated event.
const (
	stageNone = iota // version 1 has no state; a letter that no document names
	stageBegin
	stageContinue
	stageEnd
	stageDenied // whatever the state: a denied NSG flow is D,B, which is not a beginning
	stageCount
)

const stateCount = Deny + 1

// stages are by decision and state.
var stages = [...][stateCount]uint8{
	DecisionUnknown: {Continue: stageContinue, End: stageEnd},
	Allowed:         {Begin: stageBegin, Continue: stageContinue, End: stageEnd},
	Denied: {StateUnknown: stageDenied, StateAbsent: stageDenied, Begin: stageDenied, Continue: stageDenied,
		End: stageDenied, Deny: stageDenied},
}

const (
	blockSize  = 128
	blockBytes = blockSize * 152 // TestAggregateBounds
	firstKeys  = 1 << 12         // that there is room for at first: most records have fewer
	keptFlows  = 512             // most records have fewer aggregates; of the others, the flow is read again
)

func newAggregator(o Options, tuples bool) aggregator {
	a := aggregator{
		by:     [...]Aggregate{DecisionUnknown: o.Aggregate, Allowed: o.Aggregate, Denied: o.AggregateDenied},
		tuples: tuples,
		keys:   newKeyMaker(),
	}
	if a.by != [3]Aggregate{} {
		a.flows = make([]parsedTuple, 1)
	}
	// A decision is dropped with all of its aggregates. A state is a part of
	// them, but not of those of denied flows, which are dropped as such.
	states := uint8(o.Drop & (DropBegin | DropContinue | DropEnd))
	for decision, by := range a.by {
		a.how[decision] = uint8(by)
		if Decision(decision) != Denied {
			a.how[decision] |= states
		}
	}
	return a
}

// isOn says whether any flows are aggregated.
func (a *aggregator) isOn() bool { return len(a.flows) > 0 }

// room is where the next flow may be read to: if it begins an aggregate, it is
// kept there.
func (a *aggregator) room() *parsedTuple { return &a.flows[min(a.count, len(a.flows)-1)] }

// flow is the first flow of the aggregate with a number.
func (a *aggregator) flow(number int) (f *parsedTuple, kept bool) {
	if number >= len(a.flows)-1 {
		return nil, false
	}
	return &a.flows[number], true
}

// takes says whether a flow is for an aggregate.
func (a *aggregator) takes(f *parsedTuple) bool { return a.by[f.Decision] != AggregateOff }

// beginRecord takes up a record.
func (a *aggregator) beginRecord(r *record) {
	if !a.isOn() {
		return
	}
	a.dirty = max(a.dirty, a.count+1)
	a.record, a.count = r, 0
	a.keys.beginRecord(r)
	a.index.Reset(min(len(r.tuples), firstKeys))
	a.ports.Begin(len(r.tuples))
	if a.tuples {
		a.next = slices.Grow(a.next[:0], len(r.tuples))[:len(r.tuples)]
	}
}

// add adds a flow of the record's group with this number to the aggregate of
// its key. tuple is its place among all tuples of the record.
func (a *aggregator) add(group int, tuple uint32, f *parsedTuple) {
	if a.count/blockSize == len(a.blocks) {
		a.blocks = append(a.blocks, make([]aggregate, blockSize))
	}
	next := a.at(a.count)
	next.by = a.by[f.Decision]
	a.keys.set(&next.key, group, f, next.by)
	hash := a.keys.hash(&next.key)
	i := a.index.Home(hash)
	for ; a.index.All[i] != 0; i = a.index.After(i) {
		number, same := numberIn(a.index.All[i], hash)
		if !same || a.at(number).key != next.key {
			continue
		}
		if !a.join(number, tuple, f) { // it is full: the key begins anew
			a.index.All[i] = numbered(hash, a.count)
			a.open(next, tuple, f)
		}
		return
	}
	a.index.Put(i, numbered(hash, a.count))
	a.open(next, tuple, f)
}

// at is the aggregate with a number. They are numbered in the order of their
// first tuples.
func (a *aggregator) at(number int) *aggregate {
	return &a.blocks[number/blockSize][number%blockSize]
}

// A slot of the table of aggregates has the number of one, counted from one, in its
// lower bits. A record has at most maxTuples tuples, and so aggregates.
const numberBits = 24

const _ = uint(1<<numberBits - 1 - maxTuples) // or the build fails

func numbered(hash uint64, number int) uint64 {
	return hash>>numberBits<<numberBits | uint64(number+1)
}

// numberIn is the number in a slot, and whether its hash is the same as far as
// it is there.
func numberIn(slot, hash uint64) (number int, same bool) {
	return int(slot&(1<<numberBits-1)) - 1, (slot^hash)>>numberBits == 0
}

// open begins an aggregate, which has its key, with its first flow.
func (a *aggregator) open(g *aggregate, tuple uint32, f *parsedTuple) {
	if a.count++; a.count == len(a.flows) && a.count < keptFlows {
		a.flows = slices.Grow(a.flows, len(a.flows))[:2*len(a.flows)]
	}
	g.state = f.State
	g.sums = countersOf(f)
	g.start, g.end = f.Time, f.Time
	g.first, g.last, g.tuples = tuple, tuple, 1
	g.ports, g.firstPorts = [2]uint32{1, 1}, [2]uint16{f.Source.Port, f.Destination.Port}
	g.stages = [stageCount]uint32{}
	g.stages[stages[f.Decision][f.State]] = 1
}

// join adds a flow to the aggregate with this number. It is false where a sum,
// or that of both sides, would be more than an index takes as a long, 2^63-1.
func (a *aggregator) join(number int, tuple uint32, f *parsedTuple) bool {
	g := a.at(number)
	sums := g.sums
	for i, c := range countersOf(f) {
		sums[i] = sums[i].plus(c)
	}
	if !fit(&sums) {
		return false
	}
	g.sums = sums
	g.start, g.end = min(g.start, f.Time), max(g.end, f.Time)
	g.tuples++
	g.stages[stages[f.Decision][f.State]]++
	if g.state != f.State {
		g.state = StateUnknown
	}
	for side, port := range [2]uint16{f.Source.Port, f.Destination.Port} {
		if port != g.firstPorts[side] && a.ports.Add(number, side, port) {
			g.ports[side]++
		}
	}
	if a.tuples {
		a.next[g.last] = tuple
	}
	g.last = tuple
	return true
}

// countersOf are those of a flow, by sum.
func countersOf(f *parsedTuple) [sumCount]Counter {
	return [sumCount]Counter{f.Source.Packets, f.Source.Bytes, f.Destination.Packets, f.Destination.Bytes}
}

// fit says whether the sums, and those of both sides, are at most 2^63-1.
func fit(c *[sumCount]Counter) bool {
	for _, side := range [...][2]Counter{{c[sumSourcePackets], c[sumDestinationPackets]}, {c[sumSourceBytes], c[sumDestinationBytes]}} {
		// A sum of both sides that does not fit is below 0, as is that of two
		// that are absent.
		if min(side[0], side[1]) < CounterAbsent || min(side[0], side[1]) >= 0 && side[0]+side[1] < 0 {
			return false
		}
	}
	return true
}

// plus is the sum of what is known. One tuple has less than 2^60 in a counter:
// a sum that does not fit is below CounterAbsent.
func (c Counter) plus(d Counter) Counter {
	switch {
	case d < 0:
		return c
	case c < 0:
		return d
	}
	return c + d
}

// release lets go of the source record's memory. It returns the bytes that it
// keeps.
func (a *aggregator) release() (kept int) {
	clear(a.flows[:min(max(a.dirty, a.count+1), len(a.flows))])
	a.record, a.count, a.dirty = nil, 0, 0
	a.keys.release()
	return len(a.blocks)*blockBytes + a.index.Bytes() + a.ports.Bytes() + 4*cap(a.next) + a.keys.bytes()
}
