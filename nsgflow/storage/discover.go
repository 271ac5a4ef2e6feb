package storage

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"

	"fluent-bit-nsgflow/nsgflow/storage/checkpoint"
)

// discoverTimeout is for one look, all pages of it.
const discoverTimeout = 5 * time.Minute

// discoverer looks for accounts again and again, and keeps what it has found for
// the next start. It is for one goroutine.
type discoverer struct {
	f           *Follower
	credentials *credentials
	graph       *discovery                    // nil: not signed in yet
	known       map[string]checkpoint.Account // found now or before a restart
	taken       map[string]bool               // whether an account was there at the last look
}

func newDiscoverer(f *Follower) *discoverer { return &discoverer{f: f, credentials: f.signIn.apart()} }

func (d *discoverer) loop() {
	f := d.f
	d.recall()
	for {
		began := time.Now()
		found, err := d.look()
		switch {
		case err == nil:
			f.alerts.clear("discovery")
			err := d.takeUp(found)
			if err != nil {
				f.lookout.begin(SignIn, err.Error())
			} else {
				f.lookout.end()
			}
			d.remember(found)
			f.looked.Store(err == nil && f.o.isOver(began))
		case f.ctx.Err() == nil:
			d.graph = nil // there may be another secret
			f.lookout.begin(Lookup, describe(err))
			f.alerts.raiseAnew("discovery", Warn, "discovery: "+describe(err)+", trying again")
		}
		if !sleep(f.ctx, f.o.DiscoverInterval) {
			return
		}
		if f.ended.Load() {
			<-f.ctx.Done()
			return
		}
	}
}

// look finds accounts with the identity that reads them.
func (d *discoverer) look() (all []namedAccount, err error) {
	f := d.f
	home, err := f.o.cloud()
	if err != nil {
		return nil, err
	}
	if d.graph == nil {
		if d.graph, err = d.open(home); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(f.ctx, discoverTimeout)
	defer cancel()
	found, err := d.graph.accounts(ctx)
	for _, one := range found {
		if one.Endpoint == "" {
			one.Endpoint = home.endpoint(one.Name)
		}
		all = append(all, namedAccount{one.Name, f.o.urlOf(one.Name, one.Endpoint)})
	}
	return all, err
}

func (d *discoverer) open(home azureCloud) (*discovery, error) {
	f := d.f
	identity, err := d.credentials.identity(f.o.Endpoint)
	if err != nil {
		return nil, err
	}
	graph, err := newDiscovery(identity, f.o.manager(home), d.credentials.transport, f.o.Subscriptions)
	if err != nil {
		return nil, err
	}
	graph.onUnusable = func(id string) {
		f.log(Warn, fmt.Sprintf("discovery: a flow log writes to %.200q, which names no storage account", id))
	}
	return graph, nil
}

// cloud is where to look for accounts.
func (o Options) cloud() (azureCloud, error) {
	if c := cloudOf(o.Endpoint); c.ActiveDirectoryAuthorityHost != "" {
		return azureCloud{Configuration: c}, nil // endpoint names the accounts
	}
	known, ok := cloudOfAuthority(os.Getenv("AZURE_AUTHORITY_HOST"))
	if !ok && o.ResourceManager == "" {
		return known, errors.New("AZURE_AUTHORITY_HOST is of a cloud that is not known: option resource_manager must name its resource manager")
	}
	return known, nil
}

// manager is a cloud with the resource manager that the options name, if any.
func (o Options) manager(home azureCloud) cloud.Configuration {
	c := home.Configuration
	if url := o.ResourceManager; url != "" {
		c.Services = map[cloud.ServiceName]cloud.ServiceConfiguration{cloud.ResourceManager: {Endpoint: url, Audience: url}}
	}
	return c
}

// notFollowed says why an account is not. An account in two sections is named by
// the error.
func notFollowed(account string, err error) string {
	if errors.Is(err, errTaken) {
		return err.Error()
	}
	return account + ": " + err.Error()
}

// takeUp follows the accounts that are new, and names once those that are gone.
// These are still followed: there may be something unread in them. The error is of
// an account that cannot be signed in to, which is tried again at the next look.
func (d *discoverer) takeUp(found []namedAccount) (failed error) {
	f, there := d.f, map[string]bool{}
	for _, one := range found {
		what := "account " + one.name
		there[one.name] = true
		if d.taken[one.name] {
			continue
		}
		if err := f.follow(one); err != nil {
			f.alerts.raise(what, Error, notFollowed(what, err))
			there[one.name] = false // tried again
			if !errors.Is(err, errTaken) {
				failed = fmt.Errorf("%s is not read: %w", what, err)
			}
			continue
		}
		f.alerts.clear(what)
		f.log(Info, what+": found, its flow logs are followed")
	}
	for _, name := range slices.Sorted(maps.Keys(d.taken)) {
		if d.taken[name] && !there[name] {
			f.log(Warn, "account "+name+": no flow log names it any more, or its flow logs cannot be seen")
		}
	}
	d.taken = there
	return failed
}
