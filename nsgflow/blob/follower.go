// Package blob follows Azure flow logs in Azure Storage: it finds blobs that
// are new or have grown, reads what was added, cuts it into records and keeps
// track of what has been handed over. It only ever reads and lists.
package blob

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"
)

// ErrClosed is what Next says once the follower was closed.
var ErrClosed = errors.New("the follower is closed")

// Follower reads the flow logs of one account. Its methods may be called from
// any goroutine.
type Follower struct {
	o        Options
	log      Log
	clock    *clock
	pace     *pace
	troubles *troubles
	door     *door
	store    *store
	listing  chan struct{} // a place for each listing call under way

	stop    context.CancelFunc
	ctx     context.Context
	running sync.WaitGroup

	mu     sync.Mutex
	moved  *sync.Cond // something below has changed
	paused time.Time  // since when; zero: not paused
	closed bool
	active map[place]*source
	queue  []*source // to be read, first come, first served
	ready  []part    // read, and not handed over
	held   int       // bytes in ready
	handed []handed  // handed over, and not yet in the store
	token  Token
	stats  Stats
	told   Stats // as of the last summary
}

const (
	flushEvery   = 500 * time.Millisecond
	summaryEvery = time.Minute
	// maxQueue bounds the blobs that are known to be unread. Listing waits
	// for reading beyond it.
	maxQueue = 10_000
	// listTimeout and readTimeout are for one request.
	listTimeout = time.Minute
	readTimeout = 2 * time.Minute
	// maxTries is how often a request is sent before its turn comes last.
	maxTries = 5
	// Settled is how long before a pause a batch was taken that the host has
	// put into a chunk: it looks for batches four times a second.
	Settled = time.Second
)

// Open signs in and begins to follow. Trouble that passes, such as a network
// that is not there yet, does not keep it from starting; what only a change
// of the configuration can mend does.
func Open(ctx context.Context, o Options, log Log) (*Follower, error) {
	f := &Follower{o: o, active: map[place]*source{}, listing: make(chan struct{}, o.Concurrency)}
	f.log = func(level Level, text string) {
		if f.door != nil {
			text = f.door.hide(text)
		}
		log(level, text)
	}
	f.moved = sync.NewCond(&f.mu)
	f.clock = &clock{now: time.Now}
	f.pace = &pace{now: time.Now}
	f.troubles = &troubles{log: f.log, now: time.Now, kept: map[string]*trouble{}}
	var err error
	if f.door, err = openDoor(o, f.clock); err != nil {
		return nil, err
	}
	if f.store, err = openStore(o.StatePath, f.door.url()); err != nil {
		return nil, err
	}
	f.ctx, f.stop = context.WithCancel(ctx)
	context.AfterFunc(f.ctx, f.wake)
	f.run("listing", f.listLoop)
	f.run("flushing", f.flushLoop)
	for range o.Concurrency {
		f.run("reading", f.readLoop)
	}
	return f, nil
}

// run starts a goroutine that lives as long as the follower: a panic would
// take the whole agent along.
func (f *Follower) run(what string, loop func()) {
	f.running.Go(func() {
		for f.ctx.Err() == nil {
			func() {
				defer func() {
					if p := recover(); p != nil {
						f.log(Error, fmt.Sprintf("%s: internal error: %v: %q", what, p, debug.Stack()))
						f.sleep(time.Second)
					}
				}()
				loop()
			}()
		}
	})
}

// Pause stops reading and handing over until Resume. A host that is paused
// leaves what it has taken last where it is, and loses it with a crash: the
// checkpoints of batches that are not of age by now wait for Resume as well.
func (f *Follower) Pause() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.paused.IsZero() {
		f.paused = time.Now()
	}
}

// Resume goes on after Pause. The time between them counts towards nobody's
// checkpoint_lag.
func (f *Follower) Resume() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.paused.IsZero() {
		return
	}
	for i := range f.handed {
		if h := &f.handed[i]; !h.committed.IsZero() && h.committed.Add(f.o.CheckpointLag).After(f.paused) {
			h.committed = h.committed.Add(time.Since(f.paused))
		}
	}
	f.paused = time.Time{}
	f.moved.Broadcast()
}

// Close ends the following. It waits as long as given for the batches that
// were committed to come of age. After Pause it does not: the batches are safe
// that the host took a second before, and the host drops the others. What is
// not safe is handed over again by the next follower, as is what was never
// committed.
func (f *Follower) Close(wait time.Duration) error {
	f.mu.Lock()
	already := f.closed
	f.closed = true
	f.mu.Unlock()
	if already {
		return nil
	}
	f.stop()
	f.running.Wait()
	for deadline := time.Now().Add(wait); f.flush(); {
		at, ok := f.nextOfAge()
		if !ok || at.After(deadline) {
			break
		}
		time.Sleep(time.Until(at))
	}
	return f.store.close()
}

// wake makes everyone look again.
func (f *Follower) wake() {
	f.mu.Lock()
	f.moved.Broadcast()
	f.mu.Unlock()
}

// await waits until ready says so, with f.mu held. It reports false when the
// follower ends.
func (f *Follower) await(ready func() bool) bool {
	for f.ctx.Err() == nil && !ready() {
		f.moved.Wait()
	}
	return f.ctx.Err() == nil
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

// ask sends a request, after all pauses that are due, and some more times
// where the service is in trouble. What it could not mend, it has said, unless
// it concerns a single blob or container.
func (f *Follower) ask(timeout time.Duration, request func(context.Context, *service.Client) error) (err error) {
	for range maxTries {
		if err := f.pace.hold(f.ctx); err != nil {
			return err
		}
		err = f.askOnce(timeout, request)
		if f.ctx.Err() != nil {
			return f.ctx.Err()
		}
		ailment := diagnose(err)
		if err == nil || ailment == ofBlob {
			f.pace.well()
			f.troubles.end("storage")
			return err
		}
		f.pace.ill(err)
		if ailment != ofRights {
			f.troubles.begin("storage", Warn, fmt.Sprintf("storage: %s, trying again", explain(err)))
		}
		if ailment != ofService && !f.signInAnew() && ailment == ofRights {
			return err
		}
	}
	return err
}

func (f *Follower) askOnce(timeout time.Duration, request func(context.Context, *service.Client) error) error {
	ctx, cancel := context.WithTimeout(f.ctx, timeout)
	defer cancel()
	err := request(ctx, f.door.service())
	f.checkClock()
	f.mu.Lock()
	f.stats.Requests++
	f.mu.Unlock()
	return err
}

// signInAnew reports whether there was something new to sign in with.
func (f *Follower) signInAnew() bool {
	renewed, err := f.door.renew()
	if err != nil {
		f.troubles.begin("sign-in", Error, err.Error())
		return false
	}
	f.troubles.end("sign-in")
	if renewed {
		f.log(Info, "signed in anew")
	}
	return renewed
}

func (f *Follower) checkClock() {
	switch off := f.clock.off(); {
	case off.Abs() > maxSkew/3:
		f.troubles.begin("clock", Warn, fmt.Sprintf("clock: this machine and the storage service are %s apart, beyond %s it refuses to answer",
			off.Abs().Round(time.Second), maxSkew))
	case off.Abs() < maxSkew/6:
		f.troubles.end("clock")
	}
}
