package main

import (
	"fmt"
	"time"

	"fluent-bit-nsgflow/nsgflow/storage"
	"fluent-bit-nsgflow/plugin/tables"
)

// wait is something that the input waits for. The zero value: nothing.
type wait struct {
	reason string // of tables.Waits
	whose  string // account; empty: of the section
	since  time.Time
	detail string
}

const (
	// waitsAfter is how long something may stand before it is said.
	waitsAfter = 15 * time.Second
	// sayAgain is between two lines about the same.
	sayAgain = 10 * time.Minute
)

// is notes what is waited for now; it has been since the first reason.
func (w *wait) is(reason string) {
	if w.reason == "" {
		w.since = time.Now()
	}
	w.reason = reason
}

// waits are those that were said: while they last, and when they are over.
type waits map[[2]string]*said

type said struct {
	wait
	at time.Time
}

// update says what there is to say of what waits now, and gives what has
// waited for a while.
func (all waits) update(now time.Time, present []wait, log storage.Log) (lasting []wait) {
	lasts := map[[2]string]bool{}
	for _, w := range present {
		key := [2]string{w.reason, w.whose}
		if now.Sub(w.since) < waitsAfter || lasts[key] {
			continue
		}
		lasts[key] = true
		lasting = append(lasting, w)
		one := all[key]
		if one != nil && now.Sub(one.at) < sayAgain {
			continue
		}
		all[key] = &said{w, now}
		row := tables.WaitOf(w.reason)
		text := fmt.Sprintf("waiting for %s, %s: %s", now.Sub(w.since).Round(time.Second), w.reason, row.Says)
		if w.whose != "" {
			text += fmt.Sprintf("; account %q", w.whose)
		}
		if w.detail != "" {
			text += "; " + w.detail
		}
		log(storage.Warn, text+"; what to do: "+row.Do)
	}
	for key, one := range all {
		if !lasts[key] {
			delete(all, key)
			text := "waiting, " + one.reason
			if one.whose != "" {
				text += fmt.Sprintf(", account %q", one.whose)
			}
			log(storage.Info, fmt.Sprintf("%s: over after %s", text, now.Sub(one.since).Round(time.Second)))
		}
	}
	return lasting
}

// present is what the input waits for now.
func (f *feed) present() (all []wait) {
	f.mu.Lock()
	h := &f.handover
	blocked := f.blocked
	switch blocked.reason {
	case tables.WaitLimit, tables.WaitDraining:
		blocked.detail = fmt.Sprintf("it holds %d bytes", h.pending(h.held))
	}
	if h.stuck && blocked.reason == "" {
		all = append(all, wait{tables.WaitOutput, "", h.fell, fmt.Sprintf("it holds %d bytes", h.held)})
	}
	fault := f.fault
	f.mu.Unlock()
	for _, w := range f.follower.Waiting() {
		all = append(all, wait{w.Reason.String(), w.Account, w.Since, w.Detail})
	}
	// What keeps checkpoints from being written has its own reason there.
	if blocked.reason != "" && (blocked.reason != tables.WaitCheckpoint || len(all) == 0) {
		all = append(all, blocked)
	}
	if fault.reason != "" {
		all = append(all, fault)
	}
	return all
}

// figures are those of the metrics.
func (f *feed) figures() tables.InputFigures {
	f.mu.Lock()
	figures := tables.InputFigures{Refused: f.refused}
	for _, w := range f.lasting {
		figures.Waiting = append(figures.Waiting, w.reason)
	}
	f.mu.Unlock()
	figures.Accounts = f.follower.Stats()
	return figures
}
