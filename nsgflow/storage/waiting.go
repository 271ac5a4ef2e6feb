package storage

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// Reason is what reading waits for.
type Reason uint8

const (
	NoReason  Reason = iota
	SignIn           // the service or Entra ID refuses the sign-in
	Forbidden        // the rights for a container are missing
	Throttled        // the service asks for fewer requests
	Service          // the service answers that it failed
	Network          // no answer, or one that is not the service's
	Refused          // the service refuses to hand out a blob or a listing as it stands
	Internal         // an error of this program
	Disk             // checkpoints cannot be written
	Damaged          // checkpoints are damaged: nothing is read any more
	Lookup           // accounts cannot be looked for; those known are read
)

var reasons = [...]string{"", "sign_in", "forbidden", "throttled", "service", "network", "refused", "internal", "disk", "damaged", "discovery"}

// String is a word for labels of metrics.
func (r Reason) String() string { return reasons[r] }

// Reasons is every reason but NoReason.
func Reasons() (all []Reason) {
	for r := range reasons[1:] {
		all = append(all, Reason(r+1))
	}
	return all
}

// Wait says that something is not read at present, and why.
type Wait struct {
	Reason  Reason
	Account string // empty: all of the section
	Since   time.Time
	Detail  string // one line, without secrets: what waits, and the answer that it got
}

// standing keeps why something is not read, from the first failure until it is
// read again. The zero value: it is read.
type standing struct {
	guard sync.Mutex
	wait  Wait
}

// begin notes a failure. A second one keeps since when it stands, and has the
// newest reason and detail.
func (s *standing) begin(reason Reason, detail string) {
	s.guard.Lock()
	defer s.guard.Unlock()
	if s.wait.Since.IsZero() {
		s.wait.Since = time.Now()
	}
	s.wait.Reason, s.wait.Detail = reason, detail
}

func (s *standing) end() {
	s.guard.Lock()
	s.wait = Wait{}
	s.guard.Unlock()
}

// waits is what it waits for, if anything.
func (s *standing) waits() (w Wait, ok bool) {
	s.guard.Lock()
	defer s.guard.Unlock()
	return s.wait, s.wait.Reason != NoReason
}

// Waiting is what reading waits for as of now: one for each account and reason,
// since the first. It never waits for a disk or a request.
func (f *Follower) Waiting() (all []Wait) {
	for _, s := range []*standing{&f.checkpoints.saving, &f.checkpoints.loading, &f.lookout} {
		if w, ok := s.waits(); ok {
			all = append(all, w)
		}
	}
	for _, a := range f.all() {
		all = append(all, a.waiting()...)
	}
	return all
}

// waiting has the widest first: what holds up the account says more than what
// holds up one blob of it.
func (a *account) waiting() (all []Wait) {
	for _, s := range a.standings() {
		w, ok := s.waits()
		if !ok {
			continue
		}
		if i := slices.IndexFunc(all, func(other Wait) bool { return other.Reason == w.Reason }); i >= 0 {
			if w.Since.Before(all[i].Since) {
				all[i].Since = w.Since
			}
			continue
		}
		w.Account, w.Detail = a.name, a.requests.client.redact(w.Detail)
		all = append(all, w)
	}
	slices.SortFunc(all, func(v, w Wait) int { return cmp.Compare(v.Reason, w.Reason) })
	return all
}

// standings are everything of an account that may wait, the widest first.
func (a *account) standings() []*standing { return append(a.wide(), a.blobs.standings()...) }

// wide are the standings of more than a blob.
func (a *account) wide() (all []*standing) {
	all = append(all, &a.requests.backoff.standing)
	for _, c := range a.containers {
		all = append(all, &c.listing.standing, &c.reading.standing)
	}
	return all
}
