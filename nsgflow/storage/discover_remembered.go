package storage

import (
	"fluent-bit-nsgflow/nsgflow/storage/checkpoint"
	"maps"
	"slices"
	"strings"
	"time"
)

// goneFor is how long an account that is not found any more is followed where
// its end is not reached, as when it was deleted.
const goneFor = 30 * 24 * time.Hour

func (o Options) discoverySection() string {
	return "of " + strings.Join(slices.Sorted(slices.Values(o.Subscriptions)), ",")
}

// remembered follows the accounts that were discovered before a restart: one
// may have something unread that no flow log names any more, and a resource
// graph that cannot be reached must not keep the others waiting.
func (f *Follower) remembered() map[string]checkpoint.Account {
	known, err := f.checkpoints.store.Accounts(f.o.discoverySection())
	if err != nil {
		f.checkpoints.said(err)
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		what := "account " + name
		if err := f.follow(namedAccount{name, f.o.urlOf(name, known[name].URL)}); err != nil {
			f.alerts.raise(what, Error, err.Error())
			delete(known, name) // found again, or not
			continue
		}
		f.log(Info, what+": known from before, its flow logs are followed")
	}
	return known
}

// remember keeps what a look has found for the next start, and forgets those
// that are gone and read to their end.
func (f *Follower) remember(found []namedAccount, known map[string]checkpoint.Account) {
	before := maps.Clone(known)
	now := time.Now().UTC()
	for name, one := range known {
		if one.Gone.IsZero() {
			one.Gone = now
		}
		known[name] = one
	}
	for _, one := range found {
		if f.accountOf(one.name) != nil {
			known[one.name] = checkpoint.Account{URL: one.url}
		}
	}
	maps.DeleteFunc(known, func(name string, one checkpoint.Account) bool {
		return !one.Gone.IsZero() && (now.Sub(one.Gone) > goneFor || f.readTo(name, one.Gone))
	})
	if maps.Equal(before, known) {
		return
	}
	if err := f.checkpoints.store.PutAccounts(f.o.discoverySection(), known); err != nil {
		f.checkpoints.said(err)
	}
}

// readTo reports whether everything up to some time is read of an account.
func (f *Follower) readTo(name string, end time.Time) bool {
	a := f.accountOf(name)
	return a == nil || !slices.ContainsFunc(a.containers, func(c *container) bool {
		horizon, ok, err := f.checkpoints.store.Begun(c.bucket)
		return err != nil || !ok || horizon.Before(end)
	})
}

func (f *Follower) accountOf(name string) *account {
	all := f.all()
	if i := slices.IndexFunc(all, func(a *account) bool { return a.name == name }); i >= 0 {
		return all[i]
	}
	return nil
}
