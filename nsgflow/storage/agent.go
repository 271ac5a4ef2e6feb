package storage

import (
	"path/filepath"
	"sync"
)

// Agent is what the followers of one process share: the limits of requests and
// memory, and the checkpoint files, each of which only one process may open.
// The zero value is not useful.
type Agent struct {
	requests *limiter      // under way
	memory   *limiter      // bytes of blobs that are fetched or wait for the host
	long     chan struct{} // has an element while a large record is read, see openRecord

	mu     sync.Mutex
	stores map[string]*store // by file; those in use
}

const (
	// pieceBytes is what one request fetches at most, and what every account
	// may always hold.
	pieceBytes = 1 << 20
	// memoryBytes is what all accounts together may hold beyond that.
	memoryBytes = 48 << 20
)

// NewAgent makes the shared part; a process needs one.
func NewAgent() *Agent {
	return &Agent{requests: newLimiter(1, 0), memory: newLimiter(pieceBytes, memoryBytes), long: make(chan struct{}, 1), stores: map[string]*store{}}
}

// openStore opens the checkpoint file of a folder, or joins those who have it
// open.
func (a *Agent) openStore(dir string, log Log) (*store, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	file, err := filepath.Abs(filepath.Join(dir, "nsgflow.db"))
	if err != nil {
		return nil, err
	}
	if s := a.stores[file]; s != nil {
		s.users++
		return s, nil
	}
	if err := secureState(filepath.Dir(file), file, log); err != nil {
		return nil, err
	}
	s, err := openStore(file)
	if err != nil {
		return nil, err
	}
	s.users = 1
	a.stores[file] = s
	return s, nil
}

// closeStore is to be called once for each openStore.
func (a *Agent) closeStore(s *store) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s.users--; s.users > 0 {
		return nil
	}
	delete(a.stores, s.file)
	return s.close()
}
