package nsgflow

import (
	"fmt"
	"slices"
	"strings"
)

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

// Drops is a set of flows that are left out, and counted.
type Drops uint8

const (
	DropAllowed Drops = 1 << iota
	DropDenied
	DropBegin    // beginnings of allowed flows, but for those that count something
	DropContinue // the reports in between, with their counters
	DropEnd      // ends, with their counters
)

var dropNames = []string{"allowed", "denied", "begin", "continue", "end"}

// DropNames are the names of the members, in the order of their bits.
func DropNames() []string { return slices.Clone(dropNames) }

// ParseDrops reads names, separated by commas, in any case.
func ParseDrops(names string) (d Drops, err error) {
	for _, name := range strings.Split(names, ",") {
		i := slices.Index(dropNames, strings.ToLower(strings.TrimSpace(name)))
		if i < 0 {
			return 0, fmt.Errorf("drop %s: there are %s", appendQuoted(nil, name), strings.Join(dropNames, ", "))
		}
		d |= 1 << i
	}
	return d, nil
}

// stage is what a tuple counts as in an aggregated event.
type stage uint8

const (
	stageNone stage = iota // version 1 has no state; a letter that no document names
	stageBegin
	stageContinue
	stageEnd
	stageDenied // whatever the state: a denied NSG flow is D,B, which is not a beginning
	stageCount
)

const stateCount = Deny + 1

var stages = [...][stateCount]stage{
	DecisionUnknown: {Continue: stageContinue, End: stageEnd},
	Allowed:         {Begin: stageBegin, Continue: stageContinue, End: stageEnd},
	Denied: {StateUnknown: stageDenied, StateAbsent: stageDenied, Begin: stageDenied, Continue: stageDenied,
		End: stageDenied, Deny: stageDenied},
}

// dropReasons say why a flow is left out, by its decision and state: the first
// name that is meant by it, counted from one; 0: it stays.
type dropReasons [3][stateCount]uint8

const reasonBegin = 3 // DropBegin's place in dropNames

// of says why a flow is left out. No byte goes with a beginning: the few that
// count something stay, unless they are left out as allowed.
func (r *dropReasons) of(f *Flow) (reason uint8) {
	reason = r[f.Decision][f.State]
	if reason == reasonBegin && max(f.Source.Packets, f.Source.Bytes, f.Destination.Packets, f.Destination.Bytes) > 0 {
		return 0
	}
	return reason
}

func (d Drops) reasons() (r dropReasons) {
	decisions := [...]Drops{Allowed: DropAllowed, Denied: DropDenied}
	byStage := [stageCount]Drops{stageBegin: DropBegin, stageContinue: DropContinue, stageEnd: DropEnd}
	for decision := range r {
		for state := range r[decision] {
			means := decisions[decision] | byStage[stages[decision][state]]
			for i := range dropNames {
				if means&d&(1<<i) != 0 {
					r[decision][state] = uint8(i + 1)
					break
				}
			}
		}
	}
	return r
}

// checkVolume says what is wrong with the options of this file and with
// ExcludeFields.
func (o Options) checkVolume() error {
	if int(max(o.Aggregate, o.AggregateDenied)) >= len(aggregateNames) {
		return fmt.Errorf("aggregate %d, of denied flows %d: there are %d", o.Aggregate, o.AggregateDenied, len(aggregateNames))
	}
	if o.Drop >= 1<<len(dropNames) {
		return fmt.Errorf("drop %d: there are %s", o.Drop, strings.Join(dropNames, ", "))
	}
	for _, name := range o.ExcludeFields {
		if !slices.ContainsFunc(schemas[o.Schema].fields, func(f field) bool { return f.isIn(name) }) {
			return fmt.Errorf("field %s: schema %s has none of this name", appendQuoted(nil, name), o.Schema)
		}
	}
	return nil
}

// isIn says whether name is the field's, or that of an object around it. The
// "[]" of arrays may be left out.
func (f *field) isIn(name string) bool {
	own, name := strings.ReplaceAll(f.name, "[]", ""), strings.ReplaceAll(name, "[]", "")
	return own == name || name != "" && strings.HasPrefix(own, name+".")
}
