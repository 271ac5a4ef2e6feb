package nsgflow

import (
	"fmt"
	"slices"
	"strings"
)

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

const reasonBegin = 3 // DropBegin's place in dropNames

// reasonToDrop says why a flow is left out. No byte goes with a beginning: the few that
// count something stay, unless they are left out as allowed.
func (n *Normalizer) reasonToDrop(f *Flow) (reason uint8) {
	reason = n.drops[f.Decision][f.State]
	if reason == reasonBegin && max(f.Source.Packets, f.Source.Bytes, f.Destination.Packets, f.Destination.Bytes) > 0 {
		return 0
	}
	return reason
}

// reasons say why a flow is left out, by its decision and state: the first name that
// is meant by it, counted from one; 0: it stays.
func (d Drops) reasons() (r [3][stateCount]uint8) {
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
