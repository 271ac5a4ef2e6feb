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
//	persist  once a second, into the      what the host has on disk: the chunks
//	         database                     are brought there before
//
// In the same boot of the machine the journal counts, else the database, and of that
// what is at risk only where the chunks are whole (risk.go).

// persistInterval is between two writes of the database. Where the disk is
// slow it is longer, so that no more than a tenth of the time goes into them.
const (
	persistInterval = time.Second
	persistShare    = 10
	// persistRetry is how long a disk that takes nothing is left alone.
	persistRetry = 500 * time.Millisecond
)

// durable is the part of a store that keeps the two apart. Locks, in this order:
// persisting, journalling, Store.mu.
type durable struct {
	journal     journal
	journalling sync.Mutex

	// Guarded by the store's lock.
	recent  map[string]Set // not in the database yet, by the folders of their chunks; "": in none
	failed  error          // of the last persist
	refused bool           // a Put, since the last persist

	persisting sync.Mutex
	chunks     chunks        // guarded by persisting
	risks      []risk        // guarded by persisting: as in the database
	due        chan struct{} // holds one where persist has something to do
	closing    chan struct{}
	ended      sync.WaitGroup
	anew       atomic.Bool // the journal does not count, or checkpoints went back
}

// recall takes up what a process that was killed has left in the journal. No chunk
// of that one is written to any more.
func (s *Store) recall(wentBack bool) {
	s.chunks.opened = time.Now()
	s.journal.path, s.journal.boot = journalOf(s.file), boot()
	s.due, s.closing = make(chan struct{}, 1), make(chan struct{})
	left, folders, ofAnotherBoot := readJournal(s.journal.path)
	s.anew.Store(ofAnotherBoot || wentBack)
	s.recent = map[string]Set{"": left}
	for _, r := range s.risks {
		folders = append(folders, r.Folder)
	}
	for _, folder := range folders {
		s.recent[folder] = Set{} // to be brought to disk
	}
	if len(left) > 0 || len(s.risks) > 0 {
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
// that had not been stopped, or that this is not known: what is in the journal does
// not count then.
func (s *Store) StartedAnew() bool { return s.anew.CompareAndSwap(true, false) }

func journalOf(file string) string { return strings.TrimSuffix(file, ".db") + ".journal" }

// Put takes checkpoints, all of them or none: a kill does not lose them. They
// may stand for chunks in a folder; empty: in none. Those are brought to disk a
// little later, and the checkpoints behind them.
func (s *Store) Put(all Set, folder string) error {
	if len(all) == 0 {
		return nil
	}
	s.journalling.Lock()
	defer s.journalling.Unlock()
	s.mu.Lock()
	err := s.failed
	known := s.recent[folder] != nil
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
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.refused = true
		return err
	}
	if !known {
		s.recent[folder] = Set{}
	}
	s.recent[folder].add(all)
	s.isDue()
	return nil
}

// rewriteJournal leaves in it what is not in the database.
func (s *Store) rewriteJournal() error {
	folders, recent := s.snapshot()
	left := entry{Folders: folders[1:], Checkpoints: Set{}} // without ""
	for _, folder := range folders {
		left.Checkpoints.add(recent[folder])
	}
	return s.journal.replace(left)
}

// snapshot is what is not in the database, by folders. They are in order, "" first: of
// a blob that several have, the later counts. What is in no folder is from before a
// restart, or from before it was known where the chunks are.
func (s *Store) snapshot() (folders []string, recent map[string]Set) {
	s.mu.Lock()
	defer s.mu.Unlock()
	recent = map[string]Set{}
	for folder, all := range s.recent {
		recent[folder] = all.clone()
	}
	return slices.Sorted(maps.Keys(recent)), recent
}

func (s *Store) persistLoop() {
	for {
		select {
		case <-s.due:
		case <-s.closing:
			return
		}
		began := time.Now()
		s.persisting.Lock()
		err := s.persistLocked(false)
		again := err != nil || len(s.risks) > 0 // till their chunks are closed
		s.persisting.Unlock()
		pause := max(persistInterval, (persistShare-1)*time.Since(began))
		if errors.Is(err, ErrDamaged) {
			return
		}
		if err != nil {
			pause = persistRetry
		}
		if again {
			s.isDue()
		}
		select {
		case <-time.After(pause):
		case <-s.closing:
			return
		}
	}
}

// persist brings to disk what Put was given: the chunks first, then the
// checkpoints. Those that stand for open chunks are written with what stood before. At
// the end no chunk is open: the host writes to none any more.
func (s *Store) persist(atTheEnd bool) error {
	s.persisting.Lock()
	defer s.persisting.Unlock()
	return s.persistLocked(atTheEnd)
}

func (s *Store) persistLocked(atTheEnd bool) error {
	s.mu.Lock()
	if s.refused {
		s.chunks.disturbed()
	}
	s.refused = false
	s.mu.Unlock()
	folders, recent := s.snapshot()
	all := Set{}
	for _, folder := range folders {
		all.add(recent[folder])
	}
	// The chunks are looked at after the snapshot: each checkpoint in it finds its chunk.
	var risks []risk
	var riskOf map[string]int
	err := s.chunks.lookAll(folders)
	less := len(s.risks) > 0
	if err == nil && !atTheEnd {
		risks, riskOf, less, err = s.nextRisks(folders, recent)
	}
	idle := err == nil && len(all) == 0 && !less
	if err == nil && !idle {
		err = s.chunks.sync(folders)
	}
	if err == nil && !idle {
		err = s.update(func(tx *bbolt.Tx) error {
			for folder, n := range riskOf {
				if err := risks[n].noteBefore(tx, recent[folder], s.chunks.looks); err != nil {
					return err
				}
			}
			return errors.Join(putAll(tx, all), putRisks(tx, s.journal.boot, risks))
		})
	}
	s.journalling.Lock()
	defer s.journalling.Unlock()
	s.mu.Lock()
	s.failed = err
	if err != nil {
		s.chunks.disturbed()
	} else {
		for folder, some := range recent {
			s.recent[folder].remove(some)
		}
	}
	s.mu.Unlock()
	if err != nil || idle {
		return err
	}
	s.risks = risks
	s.rewriteJournal() // where it fails, the old one says more than it must
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
