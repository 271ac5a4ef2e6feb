// Package schedule says when to ask for which blobs of flow logs. It knows hours,
// seconds and prices, and sends no request.
//
//	schedule.go  what is known of a NIC, and when it is asked for next
//	pace.go      the second at which its blob grows
//
// Azure writes a record of each NIC with traffic once a minute, at a second that the
// NIC keeps:
//
//   - A NIC that is regular is asked for when it is due, some seconds after its second,
//     and again a poll interval later where it has nothing then.
//   - Others are asked for every poll interval, all at the same time: where there are so
//     many in a flow log that one list is cheaper than a request for each, they are listed.
//   - The longer a NIC is silent, the less often it is asked for, until it is forgotten;
//     the regular listings show as well that it is there again.
//
// Around the full hour a NIC goes on to another blob. The old one is asked for first.
package schedule

import (
	"container/heap"
	"sync"
	"time"
)

// NIC is what the names of a NIC's blobs have in common.
type NIC struct{ Root, Tail string }

// Ask is a blob to ask for: of a NIC and an hour.
type Ask struct {
	NIC
	Hour time.Time
}

// Folder is a list to ask for: the hour of a flow log.
type Folder struct {
	Root string
	Hour time.Time
}

// List is a folder to list in place of Asks.
type List struct {
	Folder
	Asks []Ask
}

// Rules are what the schedule goes by.
type Rules struct {
	Poll      time.Duration // between two looks at NICs that are not regular
	StillOpen time.Duration // how long into an hour the one before may be written
	Forgotten time.Duration // how long after its newest hour began a NIC is forgotten
	ListCost  int           // of one list, in requests for a blob
}

// Schedule is of one container. Its methods may be called from any goroutine.
type Schedule struct {
	rules Rules

	mu   sync.Mutex
	nics map[NIC]*state
	due  byTime
	last time.Time // of Due
}

// state is what is known of a NIC.
type state struct {
	nic    NIC
	hour   time.Time // of its newest blob
	grown  time.Time // when it was written last; zero: not known
	pace   pace
	missed bool // it had nothing when it was due
	newer  bool // the old blob has nothing: next is the turn of that of this hour
	next   time.Time
	at     int // in Schedule.due; -1: not in it
}

const (
	// shortest is the poll interval below which the second does not matter.
	shortest = 10 * time.Second
	// jump is how far the time goes on between two calls of Due where no clock was set,
	// and back how far it goes back: the service's time is told in whole seconds.
	jump = 10 * time.Minute
	back = time.Minute
	// silentAfter is how long a NIC has no change before it is silent. A silent NIC is
	// asked for after the poll interval and 1/silentShare of the time that it has been
	// silent.
	silentAfter = 10 * time.Minute
	silentShare = 4
)

// New knows no NICs.
func New(r Rules) *Schedule { return &Schedule{rules: r, nics: map[NIC]*state{}} }

// Saw takes a blob from a listing, with the time of its last change.
func (s *Schedule) Saw(n NIC, hour, modified, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.nics[n]
	if st == nil {
		if now.Sub(hour) > s.rules.Forgotten {
			return
		}
		st = &state{nic: n, at: -1}
		s.nics[n] = st
	}
	if s.grew(st, hour, modified) || st.next.IsZero() {
		s.plan(st, now)
	}
}

// Answered takes the answer to an Ask: when the blob was written, if it has grown;
// zero: it has not, or is not there.
func (s *Schedule) Answered(a Ask, grown, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.nics[a.NIC]
	switch {
	case st == nil:
	case !grown.IsZero():
		if s.grew(st, a.Hour, grown) {
			s.plan(st, now)
		}
	case a.Hour.Before(st.hour) || !s.regular(st, now): // asked for besides; it is planned
	case a.Hour.Before(now.Truncate(time.Hour)):
		st.newer = true
		s.put(st, now)
	default:
		st.missed = true
		s.plan(st, now)
	}
}

// regular reports whether it makes sense to ask when a NIC is due.
func (s *Schedule) regular(st *state, now time.Time) bool {
	return s.rules.Poll >= shortest && st.pace.regular(st.grown, now)
}

// grew reports whether that is news.
func (s *Schedule) grew(st *state, hour, modified time.Time) bool {
	if hour.Before(st.hour) || hour.Equal(st.hour) && !modified.After(st.grown) {
		return false
	}
	st.hour = hour
	if modified.After(st.grown) {
		st.pace.add(st.grown, modified)
		st.grown = modified
	}
	st.missed = false
	return true
}

// plan says when a NIC is asked for next.
func (s *Schedule) plan(st *state, now time.Time) {
	st.newer = false
	silent := now.Sub(st.grown)
	switch {
	case s.regular(st, now):
		at := st.pace.next(st.grown, now)
		if most := now.Add(2 * time.Minute); at.After(most) { // the change is of a time to come: a clock was wrong
			at = most
		}
		if again := now.Add(s.rules.Poll); st.missed && again.Before(at) {
			at = again
		}
		s.put(st, at)
	default:
		longer := max(0, silent-silentAfter) / silentShare
		s.put(st, s.round(now.Add(s.rules.Poll+longer)))
	}
}

// round is a time at which all are asked for that are not regular.
func (s *Schedule) round(at time.Time) time.Time { return at.Truncate(s.rules.Poll) }

// Due are the blobs and the lists to ask for now. Each Ask is to be Answered; those
// that are not, and what is in the lists, come again after a poll interval.
//
// Where a clock was set, of this machine or of the service, what was planned says
// nothing: everything is due, and nothing is forgotten for its age. The answers tell
// the right time.
func (s *Schedule) Due(now time.Time) (asks []Ask, lists []List) {
	s.mu.Lock()
	defer s.mu.Unlock()
	set := !s.last.IsZero() && (s.last.Sub(now) > back || now.Sub(s.last) > jump)
	if s.last = now; set {
		for _, st := range s.nics {
			s.put(st, now)
		}
	}
	var folders []Folder
	unsure := map[Folder][]Ask{} // by folder
	for len(s.due) > 0 && !s.due[0].next.After(now) {
		st := s.due[0]
		if !set && now.Sub(st.hour) > s.rules.Forgotten {
			s.put(st, time.Time{})
			delete(s.nics, st.nic)
			continue
		}
		sure := s.regular(st, now)
		for _, hour := range s.hours(st, now, sure) {
			ask := Ask{st.nic, hour}
			if sure {
				asks = append(asks, ask)
			} else {
				f := Folder{st.nic.Root, hour}
				if unsure[f] == nil {
					folders = append(folders, f)
				}
				unsure[f] = append(unsure[f], ask)
			}
		}
		if sure {
			s.put(st, now.Add(s.rules.Poll))
		} else {
			s.plan(st, now)
		}
	}
	for _, f := range folders {
		if len(unsure[f]) > s.rules.ListCost {
			lists = append(lists, List{f, unsure[f]})
		} else {
			asks = append(asks, unsure[f]...)
		}
	}
	return asks, lists
}

// hours are those of the blobs to ask for.
func (s *Schedule) hours(st *state, now time.Time, sure bool) (all []time.Time) {
	hour, before := now.Truncate(time.Hour), now.Add(-s.rules.StillOpen).Truncate(time.Hour)
	old := before.Before(hour) && !st.hour.After(before)
	switch {
	case old && sure && !st.newer:
		return []time.Time{before}
	case old && !sure:
		all = append(all, before)
	}
	st.newer = false // without an answer the old one has its turn again
	return append(all, hour)
}

// All makes everything due, as when it can be read again.
func (s *Schedule) All(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.nics {
		s.put(st, now)
	}
}

// put sets when a NIC is asked for; zero: not at all.
func (s *Schedule) put(st *state, at time.Time) {
	st.next = at
	switch {
	case at.IsZero() && st.at >= 0:
		heap.Remove(&s.due, st.at)
	case at.IsZero():
	case st.at >= 0:
		heap.Fix(&s.due, st.at)
	default:
		heap.Push(&s.due, st)
	}
}

// byTime is a heap.
type byTime []*state

func (h byTime) Len() int           { return len(h) }
func (h byTime) Less(i, j int) bool { return h[i].next.Before(h[j].next) }
func (h byTime) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}
func (h *byTime) Push(x any) {
	x.(*state).at = len(*h)
	*h = append(*h, x.(*state))
}
func (h *byTime) Pop() any {
	last := (*h)[len(*h)-1]
	last.at = -1
	*h = (*h)[:len(*h)-1]
	return last
}
