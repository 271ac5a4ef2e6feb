package storage

import (
	"sync"
	"time"

	"fluent-bit-nsgflow/nsgflow/storage/schedule"
)

// names are those that a container asks for without a listing. When to ask for what
// has a date, the package schedule says; the others are asked for every poll interval.
type names struct {
	schedule *schedule.Schedule
	every    time.Duration

	mu      sync.Mutex
	polled  time.Time            // when the others were last asked for
	undated map[string]time.Time // blobs without a date, by their last change, if that is recent
	halves  map[string]time.Time // blobs that end in the middle of a record: when to read them as they are
}

const (
	// stillWritten is how long into an hour the one before may be written.
	// Flow logs are up to five minutes late.
	stillWritten = 20 * time.Minute
	// askedFor is how long a NIC without traffic is asked for by name.
	askedFor = 3 * time.Hour
	// listCost is what a list costs, in requests for a blob: docs/prices.json.
	listCost = 13
	// tick is between two looks at what is due.
	tick = time.Second
)

func newNames(o *Options) *names {
	return &names{every: o.PollInterval, undated: map[string]time.Time{}, halves: map[string]time.Time{},
		schedule: schedule.New(schedule.Rules{Poll: o.PollInterval, StillOpen: stillWritten, Forgotten: askedFor + time.Hour, ListCost: listCost})}
}

// saw takes a name from a listing.
func (k *names) saw(name string, path blobPath, modified, now time.Time) {
	if path.dated() {
		k.schedule.Saw(schedule.NIC{Root: path.root, Tail: path.tail}, path.hour, modified, now)
		return
	}
	if now.Sub(modified) < time.Hour {
		k.mu.Lock()
		k.undated[name] = modified
		k.mu.Unlock()
	}
}

// answered takes the answer about a blob that was asked for: when it was written, if
// it has changed; zero: it has not.
func (k *names) answered(path blobPath, changed, now time.Time) {
	if path.dated() {
		k.schedule.Answered(schedule.Ask{NIC: schedule.NIC{Root: path.root, Tail: path.tail}, Hour: path.hour}, changed, now)
	}
}

// unended notes that a blob ends in the middle of a record, with the lock of the
// blobs held.
func (k *names) unended(b *blob) {
	k.mu.Lock()
	k.halves[b.name] = b.written().Add(closedAfter)
	k.mu.Unlock()
}

// allEnd reports whether no blob is known that ends in the middle of a record.
func (k *names) allEnd() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.halves) == 0
}

func pathsOf(asks []schedule.Ask) (names []string) {
	for _, a := range asks {
		names = append(names, hourPath(a.Root, a.Hour)+a.Tail)
	}
	return names
}

// due are the names to ask for now, the folders to list now, and the names that need
// not be asked for instead, because a listing of these folders shows them.
func (k *names) due(now time.Time) (all, folders, instead []string) {
	asks, lists := k.schedule.Due(now)
	all = pathsOf(asks)
	for _, l := range lists {
		folders = append(folders, hourPath(l.Root, l.Hour))
		instead = append(instead, pathsOf(l.Asks)...)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if since := now.Sub(k.polled); since >= 0 && since < k.every {
		return all, folders, instead
	}
	k.polled = now
	for name, changed := range k.undated {
		if now.Sub(changed) > time.Hour {
			delete(k.undated, name)
		}
		all = append(all, name)
	}
	for name, due := range k.halves {
		if now.After(due) {
			all = append(all, name)
		}
	}
	return all, folders, instead
}

// retry makes everything due.
func (k *names) retry(now time.Time) {
	k.schedule.All(now)
	k.mu.Lock()
	k.polled = time.Time{}
	k.mu.Unlock()
}

// asked notes that somebody reads a blob that was due.
func (k *names) asked(name string) {
	k.mu.Lock()
	delete(k.halves, name)
	k.mu.Unlock()
}

func liveHours(now time.Time) []time.Time {
	hour := now.Truncate(time.Hour)
	if before := now.Add(-stillWritten).Truncate(time.Hour); before.Before(hour) {
		return []time.Time{before, hour}
	}
	return []time.Time{hour}
}

// stillOpen reports whether a blob is still written to, by its name or its last change.
func stillOpen(path blobPath, modified, now time.Time) bool {
	if path.dated() {
		return !path.hour.Before(liveHours(now)[0])
	}
	return now.Sub(modified) < time.Hour
}
