package storage

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// knownAccount is an account that discovery has found, now or before a restart.
type knownAccount struct {
	URL string `json:"url"`
	// Gone is when a look first did not find it any more; zero: it is found.
	Gone time.Time `json:"gone,omitzero"`
}

// goneFor is how long an account that is not found any more is followed where
// its end is not reached, as when it was deleted.
const goneFor = 30 * 24 * time.Hour

// discoveredKey is the bucket of the accounts that were discovered: JSON by
// subscriptions. It holds no checkpoints.
var discoveredKey = []byte("discovered")

func (o Options) discoverySection() string {
	return "of " + strings.Join(slices.Sorted(slices.Values(o.Subscriptions)), ",")
}

func (s *store) discovered(section string) (all map[string]knownAccount, err error) {
	all = map[string]knownAccount{}
	return all, s.view(func(tx *bbolt.Tx) error {
		if b := tx.Bucket(discoveredKey); b != nil {
			if text := b.Get([]byte(section)); text != nil {
				return decode(json.Unmarshal(text, &all))
			}
		}
		return nil
	})
}

func (s *store) putDiscovered(section string, all map[string]knownAccount) error {
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return s.update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(discoveredKey)
		if err != nil {
			return err
		}
		return b.Put([]byte(section), text)
	})
}

// remembered follows the accounts that were discovered before a restart: one
// may have something unread that no flow log names any more, and a resource
// graph that cannot be reached must not keep the others waiting.
func (f *Follower) remembered() map[string]knownAccount {
	known, err := f.store.discovered(f.o.discoverySection())
	if err != nil {
		f.storeFailed(err)
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
func (f *Follower) remember(found []namedAccount, known map[string]knownAccount) {
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
			known[one.name] = knownAccount{URL: one.url}
		}
	}
	maps.DeleteFunc(known, func(name string, one knownAccount) bool {
		return !one.Gone.IsZero() && (now.Sub(one.Gone) > goneFor || f.readTo(name, one.Gone))
	})
	if maps.Equal(before, known) {
		return
	}
	if err := f.store.putDiscovered(f.o.discoverySection(), known); err != nil {
		f.storeFailed(err)
	}
}

// readTo reports whether everything up to some time is read of an account.
func (f *Follower) readTo(name string, end time.Time) bool {
	a := f.accountOf(name)
	return a == nil || !slices.ContainsFunc(a.containers, func(c *container) bool {
		horizon, ok, err := f.store.begun(c.bucket)
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
