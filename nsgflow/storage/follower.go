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
// Its methods may be called from any goroutine, and do not wait for a disk or the
// network, but for Close.
type Follower struct {
	*committer // hop 4, and what the host says of batches

	o           Options
	log         Log
	agent       *Agent
	checkpoints *checkpoints
	alerts      *alerts
	signIn      *credentials
	lookout     standing    // of the discoverer
	looked      atomic.Bool // accounts were looked for behind the end, and those found are followed; see option until
	ended       atomic.Bool // nothing is read any more, see option until
	inventory   *inventory  // nil: this section writes none

	stop    context.CancelFunc
	ctx     context.Context
	running sync.WaitGroup
	ready   chan struct{} // holds one where Next may have something

	mu       sync.Mutex
	accounts []*account
}

const (
	summaryInterval = time.Minute
	// maxOpen bounds the blobs of a container that are unread or without a
	// checkpoint. Listing it waits beyond that.
	maxOpen = 10_000
)

// Open signs in and begins to follow. Trouble that passes, such as a network
// that is not there yet, does not keep it from starting. Errors that only a
// change of the configuration can fix are returned. notify is called, from any goroutine and
// maybe often, when there may be something for Next, Saved or the log; it must
// not block.
func (a *Agent) Open(o Options, log Log, notify func()) (*Follower, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	f := &Follower{o: o, agent: a, ready: make(chan struct{}, 1)}
	f.log = func(level Level, text string) {
		log(level, text)
		notify()
	}
	f.alerts = newAlerts(f.log)
	f.signIn = newCredentials(o)
	f.ctx, f.stop = context.WithCancel(context.Background())
	a.requests.raise(int64(o.Concurrency))
	store, err := a.openStore(o.StatePath, f.log)
	if err != nil {
		f.stop()
		return nil, err
	}
	f.checkpoints = &checkpoints{store: store, folder: o.StatePath, log: f.log, alerts: f.alerts, stop: func() {
		f.stop()
		signal(f.ready) // Next has something to say
	}}
	f.committer = &committer{checkpoints: f.checkpoints, notify: notify, more: f.ready, commits: make(chan struct{}, 1)}
	if store.StartedAnew() {
		f.log(Info, "the machine was started anew and not stopped before: reading goes on from the checkpoints that were on disk, "+
			"what came after them is repeated")
	}
	if err := f.begin(); err != nil {
		f.stop()
		f.running.Wait()
		return nil, errors.Join(err, f.release())
	}
	f.run("checkpoints", func() { f.flushLoop(f.ctx) })
	f.run("summary", f.summaryLoop)
	if !o.Until.IsZero() {
		f.run("end", f.endLoop)
	}
	if o.discovers() {
		f.run("discovery", newDiscoverer(f).loop)
	}
	if f.inventory != nil {
		f.run("inventory", f.inventory.loop)
	}
	return f, nil
}

// begin takes up what the options name.
func (f *Follower) begin() (err error) {
	if f.inventory, err = newInventory(f); err != nil {
		return err
	}
	for _, one := range f.o.named() {
		if err := f.follow(one); err != nil {
			return err
		}
	}
	return nil
}

// errTaken is of a container that is read all the same.
var errTaken = errors.New("is followed by another section with the same state_path already")

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
		if !c.claim(f.checkpoints.store) {
			for _, taken := range a.containers {
				taken.release()
			}
			return fmt.Errorf("account %q, container %q: %w", a.name, c.name, errTaken)
		}
	}
	f.mu.Lock()
	f.accounts = append(f.accounts, a)
	f.mu.Unlock()
	a.start()
	return nil
}

// all are the accounts: there are only ever more of them.
func (f *Follower) all() []*account {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.accounts
}

// accountOf is the account of a name; nil: it is not followed.
func (f *Follower) accountOf(name string) *account {
	all := f.all()
	if i := slices.IndexFunc(all, func(a *account) bool { return a.name == name }); i >= 0 {
		return all[i]
	}
	return nil
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
						sleep(f.ctx, time.Minute)
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
	if !f.committer.close() {
		return nil
	}
	f.stop()
	f.running.Wait()
	f.flush()
	return f.release()
}

func (f *Follower) release() error {
	f.inventory.close()
	f.signIn.close()
	for _, a := range f.all() {
		a.close()
	}
	return f.agent.closeStore(f.checkpoints.store)
}

// Ready holds an element when Next may have something.
func (f *Follower) Ready() <-chan struct{} { return f.ready }

// Next is what is ready now: whole records of one account, of at most limit
// bytes together, or one that is larger. It does not wait; accounts take turns.
// Every batch must be committed, see Commit.
func (f *Follower) Next(limit int) (Batch, error) {
	if err := f.checkpoints.damaged.Load(); err != nil {
		return Batch{}, *err
	}
	if f.ctx.Err() != nil {
		return Batch{}, ErrClosed
	}
	return f.next(f.all(), limit)
}

// sleep reports false when ctx ends before.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
