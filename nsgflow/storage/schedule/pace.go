package schedule

import (
	"math"
	"math/bits"
	"time"
)

// pace is the second of the minute at which a blob grows, learned from the times of
// its changes. The zero value knows nothing.
type pace struct {
	second  float64    // of the minute
	late    [8]float64 // how many seconds after it, the last times
	known   int        // of late
	strayed bool       // the last change came at another second
	minutes uint8      // a bit for each of the last minutes: it has grown
}

const (
	// stray is how far from its second a change is one of another second, or by chance.
	stray = 10.0
	// slack is what the times of Azure's answers leave open: these are whole seconds,
	// and so is the difference between two clocks.
	slack = 2.0
	// Of a NIC that is regular, learned changes are known at least; it has grown in at
	// least six of the last eight minutes (most), and misses two in a row at most now.
	learned, most, missed = 4, 6, 2
)

// add takes a change, and the one before it; that may be zero.
func (p *pace) add(before, at time.Time) {
	minutes := 8
	if !before.IsZero() {
		minutes = int(min(8, math.Round(at.Sub(before).Minutes())))
	}
	p.minutes = p.minutes<<minutes | 1
	second := secondOf(at)
	off := wrapped(second - p.second)
	switch {
	case p.known == 0 || math.Abs(off) > stray && p.strayed:
		*p = pace{second: second, known: 1, minutes: p.minutes}
	case math.Abs(off) > stray:
		p.strayed = true
	default:
		p.strayed = false
		p.late[p.known%len(p.late)] = off
		p.known++
		p.second = math.Mod(p.second+off/4+60, 60)
	}
}

// regular reports whether it makes sense to ask when it is due.
func (p *pace) regular(last, now time.Time) bool {
	silent := int(now.Sub(last).Minutes()) - 1
	return p.known >= learned && silent <= missed && bits.OnesCount8(p.minutes) >= min(most, p.known)
}

// next is when to ask after the last change: when nearly all changes have come.
func (p *pace) next(last, now time.Time) time.Time {
	latest := 0.0
	for _, late := range p.late[:min(p.known, len(p.late))] {
		latest = max(latest, late)
	}
	due := last.Truncate(time.Minute).Add(seconds(p.second))
	for due.Before(last.Add(30*time.Second)) || !due.Add(seconds(latest+slack)).After(now) {
		due = due.Add(time.Minute)
	}
	return due.Add(seconds(latest + slack))
}

func secondOf(t time.Time) float64 { return float64(t.Second()) + float64(t.Nanosecond())/1e9 }

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// wrapped is the same difference of seconds of a minute, between -30 and 30.
func wrapped(d float64) float64 { return math.Mod(d+90, 60) - 30 }
