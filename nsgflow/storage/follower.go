// Package storage follows Azure flow logs in Azure Storage: it finds blobs that
// are new or have grown, reads what was added, splits it into records and keeps
// checkpoints of what the host has. It only ever reads and lists.
//
// The way of a record:
//
//	container.go  which blobs are there      list every five minutes, ask for known NICs by name
//	blob.go       what was added to a blob   blocks → bytes
//	split.go      bytes → records
//	batch.go      records → batches, account by account in turns
//	store.go      batches that the host has → checkpoints, twice: for a kill, and for a power cut
package storage

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// ErrClosed is what Next returns once the follower was closed.
var ErrClosed = errors.New("the follower is closed")

// Follower reads the flow logs of the accounts of one configuration section.
// Its methods may be called from any goroutine.
type Follower struct {
	o      Options
	log    Log
	notify func()
	agent  *Agent
	store  *store
	alerts *alerts
	signIn *credentials

	stop    context.CancelFunc
	ctx     context.Context
	running sync.WaitGroup
	ready   chan struct{}         // holds one where Next may have something
	commits chan struct{}         // holds one where flush may have something
	damaged atomic.Pointer[error] // why the follower has stopped by itself; nil: it has not
	saving  standing              // of the checkpoints
	lookout standing              // of discovery

	mu       sync.Mutex // before those of accounts
	closed   bool
	accounts []*account
	turn     int // of the account that Next begins with
	batches
}

const (
	summaryInterval = time.Minute
	// maxOpen bounds the blobs of a container that are unread or without a
	// checkpoint. Listing it waits beyond that.
	maxOpen = 10_000
	// listTimeout and readTimeout are for one request.
	listTimeout = time.Minute
	readTimeout = 2 * time.Minute
	// maxTries is how often a request is sent before its turn comes last.
	maxTries = 5
	// saveRetry is how long a follower waits for a disk that takes nothing.
	saveRetry = 500 * time.Millisecond
)

// Open signs in and begins to follow. Trouble that passes, such as a network
// that is not there yet, does not keep it from starting. Errors that only a
// change of the configuration can fix are returned. notify is called, from any goroutine and
// maybe often, when there may be something for Next, Saved or the log; it must
// not block.
func (a *Agent) Open(o Options, log Log, notify func()) (*Follower, error) {
	f := &Follower{o: o, notify: notify, agent: a, ready: make(chan struct{}, 1), commits: make(chan struct{}, 1)}
	f.log = func(level Level, text string) {
		log(level, text)
		notify()
	}
	f.alerts = newAlerts(f.log)
	f.signIn = newCredentials(o)
	f.ctx, f.stop = context.WithCancel(context.Background())
	a.requests.raise(int64(o.Concurrency))
	var err error
	if f.store, err = a.openStore(o.StatePath, f.log); err != nil {
		f.stop()
		return nil, err
	}
	if f.store.anew.CompareAndSwap(true, false) {
		f.log(Info, "the machine was started anew and not stopped before: reading goes on from the checkpoints that were on disk, "+
			"what came after them is repeated")
	}
	for _, one := range o.named() {
		if err := f.follow(one); err != nil {
			f.stop()
			f.running.Wait()
			return nil, errors.Join(err, f.release())
		}
	}
	f.run("checkpoints", f.flushLoop)
	f.run("summary", f.summaryLoop)
	if o.discovers() {
		f.run("discovery", f.discoverLoop)
	}
	return f, nil
}

// follow takes up an account. Where it is followed already, nothing happens.
func (f *Follower) follow(named namedAccount) error {
	if f.accountOf(named.name) != nil {
		return nil
	}
	a, err := newAccount(f, named)
	if err != nil {
		return err
	}
	for _, c := range a.containers {
		if !f.store.claim(c.bucket) {
			for _, taken := range a.containers[:slices.Index(a.containers, c)] {
				f.store.unclaim(taken.bucket)
			}
			return fmt.Errorf("account %q, container %q: is followed by another section with the same state_path already", a.name, c.name)
		}
	}
	f.mu.Lock()
	f.accounts = append(f.accounts, a)
	f.mu.Unlock()
	a.start()
	return nil
}

func (f *Follower) all() []*account {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.accounts)
}

// run starts a goroutine that lives as long as the follower: a panic would
// take the whole agent along.
func (f *Follower) run(what string, loop func()) {
	f.running.Go(func() {
		for f.ctx.Err() == nil {
			func() {
				defer func() {
					if p := recover(); p != nil {
						f.log(Error, fmt.Sprintf("%s: internal error: %v: %.2000q", what, p, debug.Stack()))
						f.sleep(time.Minute)
					}
				}()
				loop()
			}()
		}
	})
}

// Close ends the following and writes the checkpoints of the batches that were
// committed. The next follower hands out all others again.
func (f *Follower) Close() error {
	f.mu.Lock()
	already := f.closed
	f.closed = true
	f.mu.Unlock()
	if already {
		return nil
	}
	f.stop()
	f.running.Wait()
	f.flush()
	return f.release()
}

func (f *Follower) release() error {
	f.signIn.close()
	for _, a := range f.all() {
		for _, c := range a.containers {
			f.store.unclaim(c.bucket)
		}
		f.agent.memory.change(&a.memory, -a.memory.held)
	}
	return f.agent.closeStore(f.store)
}

// sleep reports false when the follower ends.
func (f *Follower) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-f.ctx.Done():
		return false
	}
}

// storeFailed says what is wrong with the checkpoints, whatever is locked. Where
// the file is damaged, the follower ends: what it read could never be put behind.
func (f *Follower) storeFailed(err error) {
	if !errors.Is(err, errDamaged) {
		f.saving.begin(Disk, describe(err))
		f.alerts.raise("checkpoints", Error, fmt.Sprintf("checkpoints: cannot be written to %q: %s; reading waits for it",
			f.o.StatePath, describe(err)))
		return
	}
	err = fmt.Errorf("checkpoints: %q %w; NOTHING IS READ any more", f.store.file, err)
	if f.damaged.CompareAndSwap(nil, &err) {
		f.saving.begin(Damaged, err.Error())
		f.log(Error, err.Error())
		f.stop()
		signal(f.ready) // Next has something to say
	}
}
