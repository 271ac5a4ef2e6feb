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
)

// discoverTimeout is for one look, all pages of it.
const discoverTimeout = 5 * time.Minute

// discoverLoop looks for accounts again and again.
func (f *Follower) discoverLoop() {
	var d *discovery
	known := f.remembered()
	taken := map[string]bool{} // whether an account was there at the last look
	for name, one := range known {
		taken[name] = one.Gone.IsZero()
	}
	for {
		found, err := f.discover(&d)
		switch {
		case err == nil:
			f.alerts.clear("discovery")
			if err := f.takeUp(found, taken); err != nil {
				f.lookout.begin(SignIn, err.Error())
			} else {
				f.lookout.end()
			}
			f.remember(found, known)
		case f.ctx.Err() == nil:
			f.lookout.begin(Lookup, describe(err))
			f.alerts.raise("discovery", Warn, "discovery: "+describe(err)+", trying again")
		}
		if !f.sleep(f.o.DiscoverInterval) {
			return
		}
	}
}

// discover finds accounts with the identity that reads them. d is kept from
// one look to the next.
func (f *Follower) discover(d **discovery) (all []namedAccount, err error) {
	home, err := f.o.cloud()
	if err != nil {
		return nil, err
	}
	if *d == nil {
		identity, err := f.signIn.identity(f.o.Endpoint)
		if err != nil {
			return nil, err
		}
		manager := home.Configuration
		if url := f.o.ResourceManager; url != "" {
			manager.Services = map[cloud.ServiceName]cloud.ServiceConfiguration{cloud.ResourceManager: {Endpoint: url, Audience: url}}
		}
		if *d, err = newDiscovery(identity, manager, f.signIn.transport, f.o.Subscriptions); err != nil {
			return nil, err
		}
		(*d).onUnusable = func(id string) {
			f.log(Warn, fmt.Sprintf("discovery: a flow log writes to %.200q, which names no storage account", id))
		}
	}
	ctx, cancel := context.WithTimeout(f.ctx, discoverTimeout)
	defer cancel()
	found, err := (*d).accounts(ctx)
	for _, one := range found {
		if one.Endpoint == "" {
			one.Endpoint = home.endpoint(one.Name)
		}
		all = append(all, namedAccount{one.Name, f.o.urlOf(one.Name, one.Endpoint)})
	}
	return all, err
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

// takeUp follows the accounts that are new, and names once those that are gone.
// These are still followed: there may be something unread in them. The error is of
// an account that cannot be followed, which is tried again at the next look.
func (f *Follower) takeUp(found []namedAccount, taken map[string]bool) (failed error) {
	there := map[string]bool{}
	for _, one := range found {
		what := "account " + one.name
		there[one.name] = true
		if taken[one.name] {
			continue
		}
		if err := f.follow(one); err != nil {
			f.alerts.raise(what, Error, what+": "+err.Error())
			there[one.name] = false // tried again
			failed = fmt.Errorf("%s is not read: %w", what, err)
			continue
		}
		f.alerts.clear(what)
		f.log(Info, what+": found, its flow logs are followed")
	}
	for _, name := range slices.Sorted(maps.Keys(taken)) {
		if taken[name] && !there[name] {
			f.log(Warn, "account "+name+": no flow log names it any more, or its flow logs cannot be seen")
		}
	}
	clear(taken)
	maps.Copy(taken, there)
	return failed
}
