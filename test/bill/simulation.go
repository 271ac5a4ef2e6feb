package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"fluent-bit-nsgflow/nsgflow/storage/schedule"
)

// What the requests of the input are, simulated with its own schedule over flow logs
// that grow as Azure's do: NICs keep a second, give or take; minutes are missed; some
// are written minutes late.

// kind is a kind of NICs.
type kind struct {
	name    string
	traffic float64       // share of the minutes with traffic
	spell   time.Duration // how long traffic or its absence lasts
}

var (
	busy   = kind{"busy", 0.995, time.Minute}
	fitful = kind{"fitful", 0.4, 3 * time.Minute}
	rare   = kind{"rare", 0.02, 20 * time.Minute}
	silent = kind{"silent", 0, time.Hour}
)

const (
	jitter     = 1.5   // seconds, standard deviation
	straying   = 0.01  // share of minutes that are written up to a minute late
	late       = 0.002 // and up to five minutes late
	listEvery  = 5 * time.Minute
	stillOpen  = 20 * time.Minute
	pollEvery  = 30 * time.Second
	forgotten  = 4 * time.Hour
	listCost   = 13             // find_known.go
	beginsWith = 20 * time.Hour // into a day: full hours and days come
)

// growth is a block that is written.
type growth struct {
	at   time.Time
	nic  int
	hour time.Time
}

// outcome is what a time costs, and how late records were read.
type outcome struct {
	reads, lists, blocks int
	late                 []time.Duration
}

// flowLog simulates one with these NICs for a time.
func flowLog(nics []kind, lasting time.Duration, seed uint64) (out outcome) {
	random := rand.New(rand.NewPCG(seed, 1))
	began := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC).Add(beginsWith)
	end := began.Add(lasting)
	s := schedule.New(schedule.Rules{Poll: pollEvery, StillOpen: stillOpen, Forgotten: forgotten, ListCost: listCost})
	seconds := make([]float64, len(nics))
	active := make([]bool, len(nics))
	ids := map[schedule.NIC]int{}
	all := make([]schedule.NIC, len(nics))
	for i := range nics {
		seconds[i], active[i] = random.Float64()*60, random.Float64() < nics[i].traffic
		all[i] = schedule.NIC{Root: "root/", Tail: fmt.Sprint(i)}
		ids[all[i]] = i
	}
	var coming []growth                                    // of the minute that is made
	unread := make([]map[time.Time][]time.Time, len(nics)) // by hour
	newest := make([]map[time.Time]time.Time, len(nics))   // when a blob was written last
	for i := range nics {
		unread[i], newest[i] = map[time.Time][]time.Time{}, map[time.Time]time.Time{}
	}
	minute := began
	makeMinute := func() {
		for i, k := range nics {
			if p := float64(time.Minute) / float64(k.spell); random.Float64() < p {
				active[i] = random.Float64() < k.traffic
			}
			if !active[i] {
				continue
			}
			delay := 60 + seconds[i] + random.NormFloat64()*jitter
			switch dice := random.Float64(); {
			case dice < late:
				delay += random.Float64() * 300
			case dice < late+straying:
				delay += random.Float64() * 60
			}
			coming = append(coming, growth{minute.Add(time.Duration(delay * float64(time.Second))), i, minute.Truncate(time.Hour)})
		}
		slices.SortStableFunc(coming, func(a, b growth) int { return a.at.Compare(b.at) })
		minute = minute.Add(time.Minute)
	}
	read := func(i int, hour, now time.Time) time.Time {
		for _, at := range unread[i][hour] {
			out.late = append(out.late, now.Sub(at))
			out.blocks++
		}
		delete(unread[i], hour)
		return newest[i][hour].Truncate(time.Second)
	}
	list := func(now time.Time, hours ...time.Time) {
		for i := range nics {
			for _, hour := range hours {
				if len(unread[i][hour]) > 0 {
					out.reads++
					s.Saw(all[i], hour, read(i, hour, now), now)
				}
			}
		}
	}
	listing := began.Add(listEvery)
	for now := began; now.Before(end); {
		for !minute.After(now.Add(time.Minute)) {
			makeMinute()
		}
		for len(coming) > 0 && !coming[0].at.After(now) {
			g := coming[0]
			coming = coming[1:]
			unread[g.nic][g.hour] = append(unread[g.nic][g.hour], g.at)
			newest[g.nic][g.hour] = g.at
		}
		if !listing.After(now) {
			hour := now.Truncate(time.Hour)
			hours := []time.Time{hour}
			out.lists++
			if before := now.Add(-listEvery - stillOpen).Truncate(time.Hour); before.Before(hour) {
				hours = append(hours, before)
				if hour.Hour() == 0 {
					out.lists++
				}
			}
			list(now, hours...)
			listing = listing.Add(listEvery)
		}
		asks, lists := s.Due(now)
		for _, f := range lists {
			out.lists++
			list(now, f.Hour)
		}
		for _, a := range asks {
			out.reads++
			i := ids[a.NIC]
			grown := time.Time{}
			if len(unread[i][a.Hour]) > 0 {
				grown = read(i, a.Hour, now)
			}
			s.Answered(a, grown, now)
		}
		now = now.Add(time.Second) // the loop of the input
	}
	slices.SortFunc(out.late, cmp.Compare)
	return out
}
