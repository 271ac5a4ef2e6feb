package storage

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"fluent-bit-nsgflow/nsgflow/storage/checkpoint"
)

// goneFor is how long an account that is not found any more is followed where
// its end is not reached, as when it was deleted.
const goneFor = 30 * 24 * time.Hour

// discoverySection is one for sections that find the same accounts: each identity sees
// its own.
func (o Options) discoverySection() string {
	subscriptions := strings.Join(slices.Sorted(slices.Values(o.Subscriptions)), ",")
	return fmt.Sprintf("of %s as %s %s %s by %s %s", subscriptions, o.Auth, o.ClientID, o.TenantID, o.ResourceManager, o.Endpoint)
}

// recall follows the accounts that were found before a restart: one may have
// something unread that no flow log names any more, and a resource graph that
// cannot be reached must not keep the others waiting.
func (d *discoverer) recall() {
	f := d.f
	var err error
	d.known, err = f.checkpoints.store.Accounts(f.o.discoverySection())
	f.checkpoints.read(err)
	d.taken = map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(d.known)) {
		what, one := "account "+name, d.known[name]
		if err := f.follow(namedAccount{name, f.o.urlOf(name, one.URL)}); err != nil {
			f.alerts.raise(what, Error, notFollowed(what, err))
			delete(d.known, name) // found again, or not
			continue
		}
		f.log(Info, what+": known from before, its flow logs are followed")
		d.taken[name] = one.Gone.IsZero()
	}
}

// remember keeps what a look has found for the next start, and forgets those
// that are gone and read to their end.
func (d *discoverer) remember(found []namedAccount) {
	f, before, now := d.f, maps.Clone(d.known), time.Now().UTC()
	for name, one := range d.known {
		if one.Gone.IsZero() {
			one.Gone = now
		}
		d.known[name] = one
	}
	for _, one := range found {
		if f.accountOf(one.name) != nil {
			d.known[one.name] = checkpoint.Account{URL: one.url}
		}
	}
	maps.DeleteFunc(d.known, func(name string, one checkpoint.Account) bool {
		return !one.Gone.IsZero() && (now.Sub(one.Gone) > goneFor || d.readTo(name, one.Gone))
	})
	if !maps.Equal(before, d.known) {
		f.checkpoints.wrote(f.checkpoints.store.PutAccounts(f.o.discoverySection(), d.known))
	}
}

// readTo reports whether everything up to some time is read of an account.
func (d *discoverer) readTo(name string, end time.Time) bool {
	a := d.f.accountOf(name)
	return a == nil || !slices.ContainsFunc(a.containers, func(c *container) bool {
		watermark, ok, err := d.f.checkpoints.store.Begun(c.bucket)
		return err != nil || !ok || watermark.Before(end)
	})
}
