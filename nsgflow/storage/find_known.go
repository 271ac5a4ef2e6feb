package storage

import (
	"sync"
	"time"
)

// names are those that a container asks for without a listing.
type names struct {
	mu      sync.Mutex
	nics    map[nic]time.Time    // the last hour that has a blob
	undated map[string]time.Time // blobs without a date, by their last change, if that is recent
	halves  map[string]time.Time // blobs that end in the middle of a record: when to read them as they are
}

// nic is what the names of a NIC's blobs have in common.
type nic struct{ root, tail string }

const (
	// stillWritten is how long into an hour the one before may be written.
	// Flow logs are up to five minutes late.
	stillWritten = 20 * time.Minute
	// askedFor is how long a NIC without traffic is asked for by name.
	askedFor = 3 * time.Hour
)

func newNames() *names {
	return &names{nics: map[nic]time.Time{}, undated: map[string]time.Time{}, halves: map[string]time.Time{}}
}

// saw takes a name from a listing.
func (k *names) saw(name string, path blobPath, modified, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case !path.dated() && now.Sub(modified) < time.Hour:
		k.undated[name] = modified
	case path.dated() && now.Sub(path.hour) <= askedFor+time.Hour:
		n := nic{path.root, path.tail}
		if k.nics[n].Before(path.hour) {
			k.nics[n] = path.hour
		}
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

// due are the names to ask for now.
func (k *names) due(now time.Time) (all []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for n, last := range k.nics {
		if now.Sub(last) > askedFor+time.Hour {
			delete(k.nics, n)
			continue
		}
		for _, hour := range liveHours(now) {
			all = append(all, hourPath(n.root, hour)+n.tail)
		}
	}
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
	return all
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
