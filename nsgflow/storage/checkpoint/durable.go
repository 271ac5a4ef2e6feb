package checkpoint

import (
	"errors"
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
// In the same boot of the machine the journal counts, else the database.

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
	recent  Set      // not in the database yet
	folders []string // of the chunks that they stand for
	failed  error    // of the last persist

	persisting sync.Mutex    // before all others
	chunks     chunks        // guarded by persisting
	due        chan struct{} // holds one where persist has something to do
	closing    chan struct{}
	ended      sync.WaitGroup
	anew       atomic.Bool // the machine was started anew, and the journal had something
}

// recall takes up what a process that was killed has left in the journal.
func (s *Store) recall() {
	s.journal.path, s.journal.boot = journalOf(s.file), boot()
	s.due, s.closing = make(chan struct{}, 1), make(chan struct{})
	var another bool
	s.recent, s.folders, another = readJournal(s.journal.path)
	s.anew.Store(another)
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
// are brought to disk a little later.
func (s *Store) Put(all Set) error {
	if len(all) == 0 {
		return nil
	}
	s.journalling.Lock()
	defer s.journalling.Unlock()
	s.mu.Lock()
	err := s.failed
	s.mu.Unlock()
	if err == nil && s.journal.file == nil {
		err = s.rewriteJournal()
	}
	if err == nil {
		err = s.journal.add(entry{Checkpoints: all})
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.recent.add(all)
	s.mu.Unlock()
	s.isDue()
	return nil
}

// rewriteJournal leaves in it what is not in the database.
func (s *Store) rewriteJournal() error {
	s.mu.Lock()
	left := entry{Folders: slices.Clone(s.folders), Checkpoints: s.recent.clone()}
	s.mu.Unlock()
	return s.journal.replace(left)
}

// ChunksIn says that checkpoints which come from now on may stand for chunks
// in a folder; empty: in none.
func (s *Store) ChunksIn(folder string) error {
	s.journalling.Lock()
	defer s.journalling.Unlock()
	s.mu.Lock()
	known := folder == "" || slices.Contains(s.folders, folder)
	s.mu.Unlock()
	if known {
		return nil
	}
	if s.journal.file != nil {
		if err := s.journal.add(entry{Folders: []string{folder}}); err != nil {
			return err
		}
	}
	s.mu.Lock()
	s.folders = append(s.folders, folder)
	s.mu.Unlock()
	return nil
}

func (s *Store) persistLoop() {
	for {
		select {
		case <-s.due:
		case <-s.closing:
			return
		}
		began := time.Now()
		err := s.persist()
		pause := max(persistInterval, (persistShare-1)*time.Since(began))
		switch {
		case errors.Is(err, ErrDamaged):
			return
		case err != nil:
			pause = persistRetry
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
// checkpoints.
func (s *Store) persist() error {
	s.persisting.Lock()
	defer s.persisting.Unlock()
	s.mu.Lock()
	all, folders := s.recent.clone(), slices.Clone(s.folders)
	s.mu.Unlock()
	if len(all) == 0 {
		return nil
	}
	err := s.chunks.sync(folders)
	if err == nil {
		err = s.update(func(tx *bbolt.Tx) error { return putAll(tx, all) })
	}
	s.journalling.Lock()
	defer s.journalling.Unlock()
	s.mu.Lock()
	s.failed = err
	if err == nil {
		s.recent.remove(all)
	}
	s.mu.Unlock()
	if err == nil {
		s.rewriteJournal() // where it fails, the old one says more than it must
	}
	return err
}

// endPersist brings the last checkpoints to disk.
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
	return s.persist()
}
