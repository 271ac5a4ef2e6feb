package storage

import (
	"path/filepath"
	"sync"

	"fluent-bit-nsgflow/nsgflow/storage/checkpoint"
)

// Agent is what the followers of one process share: the limits of requests and
// memory, and the checkpoint files, each of which only one process may open.
// The zero value is not useful.
type Agent struct {
	requests *limiter      // under way
	memory   *limiter      // bytes of blobs that are fetched or wait for the host
	long     chan struct{} // has an element while a large record is read, see openRecord

	mu      sync.Mutex
	stores  map[string]*sharedStore // by file; those in use
	context map[string]bool         // folders that a section writes the inventory to
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
	return &Agent{requests: newLimiter(1, 0), memory: newLimiter(pieceBytes, memoryBytes), long: make(chan struct{}, 1), stores: map[string]*sharedStore{}, context: map[string]bool{}}
}

// sharedStore is a checkpoint file that is open.
type sharedStore struct {
	*checkpoint.Store
	users int // followers
}

// openStore opens the checkpoint file of a folder, or joins those who have it
// open.
func (a *Agent) openStore(dir string, log Log) (*checkpoint.Store, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	file, err := filepath.Abs(filepath.Join(dir, stateFile))
	if err != nil {
		return nil, err
	}
	shared := a.stores[file]
	if shared == nil {
		opened, err := checkpoint.Open(file, func(text string) { log(Warn, text) })
		if err != nil {
			return nil, err
		}
		shared = &sharedStore{Store: opened}
		a.stores[file] = shared
	}
	shared.users++
	return shared.Store, nil
}

// closeStore is to be called once for each openStore.
func (a *Agent) closeStore(s *checkpoint.Store) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	shared := a.stores[s.File()]
	if shared.users--; shared.users > 0 {
		return nil
	}
	delete(a.stores, s.File())
	return s.Close()
}
