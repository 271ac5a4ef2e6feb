package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// account is a storage account that is followed: it joins the hops, see the
// documentation of the package.
type account struct {
	f          *Follower
	name       string
	alerts     *alerts
	figures    *figures
	requests   *requests
	blobs      *blobs
	containers []*container // hop 1
	reader     *reader      // hops 2 and 3
	ready      *ready       // before hop 4

	saying sync.Mutex // before blobs.mu: what rests, and what is said of it, change together
}

// namedAccount is an account and the URL of its blob service.
type namedAccount struct{ name, url string }

func newAccount(f *Follower, named namedAccount) (*account, error) {
	a := &account{f: f, name: named.name, figures: newFigures(named.name)}
	a.alerts = newAlerts(a.log)
	clock := &clock{now: time.Now}
	client, err := newClient(f.o, named, f.signIn, clock, counter{a.figures})
	if err != nil {
		return nil, err
	}
	a.requests = &requests{ctx: f.ctx, client: client, clock: clock, backoff: newBackoff(), alerts: a.alerts, figures: a.figures,
		slots: f.agent.requests, refused: a.signInAgain}
	if client.inTheClear() {
		a.log(Warn, fmt.Sprintf("endpoint %q: the records and a SAS token can be read on the way, take https", client.url()))
	}
	memory := newMemory(f.ctx, f.agent, 1+f.o.Concurrency)
	a.blobs = newBlobs(f.ctx, f.o.mostOpen(), f.checkpoints)
	a.ready = &ready{blobs: a.blobs, memory: memory, signal: f.ready}
	a.reader = &reader{account: a.name, requests: a.requests, blobs: a.blobs, memory: memory, ready: a.ready, log: a.log, byBlocks: f.o.byBlocks}
	for _, name := range f.o.Containers {
		a.containers = append(a.containers, newContainer(name, &f.o, a.requests, a.blobs, f.checkpoints))
	}
	return a, nil
}

func (a *account) start() {
	context.AfterFunc(a.f.ctx, a.blobs.wake)
	for _, c := range a.containers {
		a.f.run("account "+a.name+", container "+c.name+", listings", c.listLoop)
		a.f.run("account "+a.name+", container "+c.name, c.askLoop)
	}
	a.f.run("account "+a.name+", sign-in", a.signInLoop)
	for range 1 + a.f.o.Concurrency {
		a.f.run("account "+a.name+", reading", a.readLoop)
	}
}

func (a *account) log(level Level, text string) {
	if a.requests != nil {
		text = a.requests.client.redact(text)
	}
	a.f.log(level, "account "+a.name+": "+text)
}

func (a *account) readLoop() {
	for b, t := a.blobs.next(); b != nil; b, t = a.blobs.next() {
		err := a.reader.read(b, t)
		how, pause, why := notRead, firstPause, ""
		guarded(b.quoted(), a.log, func() error {
			how, pause, why = a.outcome(b, err)
			return nil
		})
		a.saying.Lock()
		switch allWell := a.blobs.finished(b, how, pause); {
		case allWell:
			a.alerts.clear("reading")
		case why != "":
			a.alerts.raise("reading", Warn, why+", trying again")
		}
		a.saying.Unlock()
	}
}

// outcome is what becomes of a blob after an attempt to read it, and why it
// rests, if that is to be said. Its checkpoint has moved by what was read,
// whatever the error.
func (a *account) outcome(b *blob, err error) (how outcome, pause time.Duration, why string) {
	m, answered := meaningOf(err)
	rest := func(because *backoff, text string) { how, pause, why = notRead, because.left(), text }
	switch {
	case err == nil:
		how = readWhole
		b.backoff.succeeded()
		b.in.reading.succeeded()
	case errors.Is(err, errGivesWay):
		how = gaveWay
		b.backoff.succeeded()
		b.in.reading.succeeded()
	case answered && m == gone:
		how = notThere
		a.alerts.note(b.quoted()+" gone", Info, b.quoted()+": deleted before all of it was read")
	case answered && m == archived:
		how = inArchive
	case answered && m == changed:
		text := ""
		if b.backoff.failed(err, ""); b.backoff.lasts() {
			text = b.quoted() + ": changes again and again before it is read"
			b.backoff.begin(Refused, text)
		}
		rest(b.backoff, text)
	case answered && m == forbidden:
		text := fmt.Sprintf("container %q: %s: cannot be read: %s", b.container, b.quoted(), describe(err))
		b.in.reading.failed(err, text)
		rest(b.in.reading, text)
	case a.f.ctx.Err() == nil:
		text := fmt.Sprintf("%s: cannot be read: %s", b.quoted(), describe(err))
		b.backoff.failed(err, text)
		if errors.Is(err, errInternal) {
			b.backoff.begin(Internal, text)
		}
		rest(b.backoff, text)
	default:
		how = notLooked
	}
	return how, pause, why
}

// signInLoop looks for a mended secret while something waits that it may mend.
func (a *account) signInLoop() {
	for sleep(a.f.ctx, lookAgain) {
		if slices.ContainsFunc(a.standings(), func(s *standing) bool {
			w, ok := s.waits()
			return ok && (w.Reason == SignIn || w.Reason == Forbidden || w.Reason == Refused)
		}) {
			a.signInAgain()
		}
	}
}

// lookAgain is between two looks for a mended secret.
const lookAgain = 2 * time.Second

// signInAgain ends all pauses where there is something new to sign in with.
func (a *account) signInAgain() {
	renewed, err := a.requests.client.renew()
	if err != nil {
		a.alerts.raise("sign-in", Error, err.Error())
		return
	}
	a.alerts.clear("sign-in")
	if !renewed {
		return
	}
	a.log(Info, "signed in again")
	a.requests.backoff.retry()
	for _, c := range a.containers {
		c.listing.retry()
		c.reading.retry()
		c.known.retry(a.requests.clock.time())
	}
	a.blobs.rested()
}

// close gives back what the account holds of the process.
func (a *account) close() {
	for _, c := range a.containers {
		c.release()
	}
	a.reader.memory.close()
}
