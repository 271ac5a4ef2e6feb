package checkpoint

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
)

// A kill of the process leaves all that was written; a power cut leaves what
// was brought to disk. So a checkpoint is written twice:
//
//	put      at once, into the journal    what the host has, to the batch
//	persist  once a second, into the      what the host has on disk, in chunks that are
//	         database                     closed: they are brought there before
//
// In the same boot of the machine the journal counts, else the database.
//
// A chunk that the host still writes to does not count as on disk, whatever of it
// is there: after a power cut its head may tell of more bytes than the file has,
// and the host then takes up nothing of it.

// persistInterval is between two writes of the database. Where the disk is
// slow it is longer, so that no more than a tenth of the time goes into them.
const (
	persistInterval = time.Second
	persistShare    = 10
	// persistRetry is how long a disk that takes nothing is left alone.
	persistRetry = 500 * time.Millisecond
)

// durable is the part of a store that keeps the two apart.
type durable struct {
	journal     journal
	journalling sync.Mutex // before the store's

	// Guarded by the store's lock.
	recent Set              // not in the database yet
	piles  map[string]*pile // the same, by the folders of their chunks
	failed error            // of the last persist

	persisting sync.Mutex    // before all others
	chunks     chunks        // guarded by persisting
	due        chan struct{} // holds one where persist has something to do
	closing    chan struct{}
	ended      sync.WaitGroup
	anew       atomic.Bool // the machine was started anew, and the journal had something
}

// pile is what is not in the database yet of checkpoints whose chunks are in one
// folder. The folder "" is for those that stand for no chunks.
type pile struct {
	recent Set // guarded by the store's lock

	// Guarded by persisting.
	waiting Set  // what recent was; it is written when its chunks are closed
	since   look // the folder, after waiting was put
}

// recall takes up what a process that was killed has left in the journal. No chunk
// of that one is written to any more.
func (s *Store) recall() {
	s.chunks.opened = time.Now()
	s.journal.path, s.journal.boot = journalOf(s.file), boot()
	s.due, s.closing = make(chan struct{}, 1), make(chan struct{})
	left, folders, another := readJournal(s.journal.path)
	s.anew.Store(another)
	s.recent, s.piles = left, map[string]*pile{}
	for _, folder := range folders {
		s.piles[folder] = &pile{recent: Set{}} // to be brought to disk
	}
	s.piles[""] = &pile{recent: left.clone()}
	if len(s.recent) > 0 {
		s.isDue()
	}
	s.ended.Go(s.persistLoop)
}

func (s *Store) isDue() {
	select {
	case s.due <- struct{}{}:
	default:
	}
}

// StartedAnew reports, once, that the machine was started anew after a process
// that had not been stopped: what is in the journal does not count then.
func (s *Store) StartedAnew() bool { return s.anew.CompareAndSwap(true, false) }

func journalOf(file string) string { return strings.TrimSuffix(file, ".db") + ".journal" }

// Put takes checkpoints, all of them or none: a kill does not lose them. They
// may stand for chunks in a folder; empty: in none. When those are closed they are
// brought to disk, and the checkpoints behind them.
func (s *Store) Put(all Set, folder string) error {
	if len(all) == 0 {
		return nil
	}
	s.journalling.Lock()
	defer s.journalling.Unlock()
	s.mu.Lock()
	err := s.failed
	known := s.piles[folder] != nil
	s.mu.Unlock()
	if err == nil && s.journal.file == nil {
		err = s.rewriteJournal()
	}
	if err == nil {
		more := entry{Checkpoints: all}
		if !known {
			more.Folders = []string{folder}
		}
		err = s.journal.add(more)
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	if !known {
		s.piles[folder] = &pile{recent: Set{}}
	}
	s.piles[folder].recent.add(all)
	s.recent.add(all)
	s.mu.Unlock()
	s.isDue()
	return nil
}

// rewriteJournal leaves in it what is not in the database.
func (s *Store) rewriteJournal() error {
	folders := s.folders()
	s.mu.Lock()
	left := entry{Folders: folders[1:], Checkpoints: s.recent.clone()}
	s.mu.Unlock()
	return s.journal.replace(left)
}

// folders are those of the piles, "" first.
func (s *Store) folders() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.piles))
}

func (s *Store) persistLoop() {
	for {
		select {
		case <-s.due:
		case <-s.closing:
			return
		}
		began := time.Now()
		err := s.persist(false)
		pause := max(persistInterval, (persistShare-1)*time.Since(began))
		switch {
		case errors.Is(err, ErrDamaged):
			return
		case err != nil:
			pause = persistRetry
			s.isDue()
		case s.pending():
			s.isDue()
		}
		select {
		case <-time.After(pause):
		case <-s.closing:
			return
		}
	}
}

// pending reports whether there are checkpoints that are not in the database.
func (s *Store) pending() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.recent) > 0
}

// persist brings to disk what Put was given: the chunks first, then the
// checkpoints. What stands for chunks that are not closed waits, unless nothing is
// written to chunks any more: at the end.
func (s *Store) persist(atTheEnd bool) error {
	s.persisting.Lock()
	defer s.persisting.Unlock()
	due, err := s.closed(atTheEnd)
	if err == nil && len(due) == 0 {
		return nil
	}
	all := Set{}
	for _, some := range due {
		all.add(some.checkpoints)
	}
	if err == nil {
		err = s.syncChunks()
	}
	if err == nil {
		err = s.update(func(tx *bbolt.Tx) error { return putAll(tx, all) })
	}
	s.journalling.Lock()
	defer s.journalling.Unlock()
	s.mu.Lock()
	s.failed = err
	if err == nil {
		s.recent.remove(all)
		for _, some := range due {
			some.of.recent.remove(some.checkpoints)
		}
	}
	s.mu.Unlock()
	if err == nil {
		s.rewriteJournal() // where it fails, the old one says more than it must
	}
	return err
}

// part is what is due of a pile.
type part struct {
	of          *pile
	checkpoints Set
}

// closed are the checkpoints whose chunks are closed. Where piles have the same
// blob, the one without chunks is the older: it is from before a restart, or from
// before it was known where the chunks are.
func (s *Store) closed(atTheEnd bool) (due []part, err error) {
	for _, folder := range s.folders() {
		s.mu.Lock()
		p := s.piles[folder]
		recent := p.recent.clone()
		s.mu.Unlock()
		if len(recent) == 0 {
			continue
		}
		// A look after that has the chunks of all that is in it.
		now, err := s.chunks.look(folder)
		if err != nil {
			return nil, err
		}
		ready := recent
		if !atTheEnd && !now.closedSince(now) {
			if len(p.waiting) > 0 && !now.closedSince(p.since) {
				continue
			}
			ready, p.waiting, p.since = p.waiting, recent.clone(), now
			p.waiting.remove(ready)
		}
		if len(ready) > 0 {
			due = append(due, part{p, ready})
		}
	}
	return due, nil
}

// syncChunks brings the chunks in all folders to disk.
func (s *Store) syncChunks() error {
	for _, folder := range s.folders() {
		if err := s.chunks.sync(folder); err != nil {
			return err
		}
	}
	return nil
}

// endPersist brings the last checkpoints to disk: the host writes to none of their
// chunks any more.
func (s *Store) endPersist() error {
	if s.closing == nil {
		return nil
	}
	close(s.closing)
	s.ended.Wait()
	defer s.journal.close()
	if s.panicked.Load() {
		return nil
	}
	return s.persist(true)
}
