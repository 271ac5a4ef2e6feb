package storage

import (
	"cmp"
	"errors"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// Options say which blobs are followed, and how.
type Options struct {
	Accounts []string // empty: the one of Endpoint or ConnectionString; [Discover] alone: those of all flow logs
	Discovery
	Inventory
	Endpoint string // empty: the public cloud's, made of the account; may have an [AccountPlaceholder]
	Auth     Auth   // empty: AuthAuto
	Secrets
	Identity // where no secret of an account is given

	Containers   []string // not empty
	Prefix       string   // of the names of blobs
	Include      []string // globs, see find_selection.go: at least one fits the name; empty: all do
	Exclude      []string // likewise: none does
	Start        Start
	Until        time.Time // the first hour that is not read; zero: there is none
	Shard        Shard
	PollInterval time.Duration // between two looks at the blobs of known NICs; not 0
	ListInterval time.Duration // between two listings; not 0

	StatePath    string // folder of the checkpoints
	BatchBytes   int    // at most handed out beyond the checkpoint that is on its way; for who calls Next
	PendingLimit int    // at most held by the host; for who calls Next
	Concurrency  int    // requests under way, besides one for each account

	// Transport sends the requests. Nil: a client of the section's own.
	Transport policy.Transporter

	byBlocks bool // read by the block list always

	page int32         // names a listing shows at most; 0: 5,000
	open int           // blobs of a container that are open at most; 0: maxOpen
	pace time.Duration // between two queries of the inventory; 0: a second
}

// Discovery says where accounts are looked for. Valid iff Accounts is the word
// discover.
type Discovery struct {
	Subscriptions    []string // empty: all that the identity may read
	DiscoverInterval time.Duration
	ResourceManager  string // URL; empty: the cloud's
}

// Inventory says where the estate and its service tags are written for filters.
type Inventory struct {
	ContextPath     string        // folder; empty: they are not
	ContextInterval time.Duration // between two passes; not 0 with ContextPath
}

// Secrets are what an account may be signed in to with. Each may be empty.
type Secrets struct {
	ConnectionString Secret
	AccountKey       Secret
	SASToken         Secret
}

// Discover stands in Accounts in place of names.
const Discover = "discover"

// AccountPlaceholder stands for the name of the account, in an endpoint and in
// where a secret is to be found.
const AccountPlaceholder = "{account}"

// Start says from where on a container is read that no checkpoint is known of.
// The zero value means: from its beginning.
type Start struct {
	Now  bool          // only what is written from now on
	At   time.Time     // from the hour that holds this time
	Back time.Duration // from the hour that lies so far back
}

// moves reports whether it is a later time at a later start: then it says nothing of
// what is left of a container that was read before.
func (s Start) moves() bool { return s.Now || s.Back > 0 }

// Shard is one of Of parts of an account, counted from 1. The zero value is
// the whole account.
type Shard struct{ I, Of int }

// Check says what is wrong with options, if anything is. Open does so too.
func (o Options) Check() error {
	switch several := len(o.Accounts) > 1 || o.discovers(); {
	case len(o.Accounts) == 0 && (o.Endpoint == "" || strings.Contains(o.Endpoint, AccountPlaceholder)) && o.ConnectionString == "":
		return errors.New("no account")
	case several && o.Endpoint != "" && !strings.Contains(o.Endpoint, AccountPlaceholder):
		return errors.New("the endpoint of several accounts has no " + AccountPlaceholder)
	case len(o.Containers) == 0:
		return errors.New("no containers")
	case o.PollInterval <= 0 || o.ListInterval <= 0 || o.discovers() && o.DiscoverInterval <= 0 || o.ContextPath != "" && o.ContextInterval <= 0:
		return errors.New("an interval is 0")
	case !o.Until.IsZero() && !o.Start.moves() && !o.Start.from(time.Now()).Before(o.Until):
		return errors.New("option until: no whole hour lies between start and until")
	}
	return nil
}

func (o Options) discovers() bool { return len(o.Accounts) == 1 && o.Accounts[0] == Discover }

// secrets are the ways to sign in with a secret, the first first.
func (o Options) secrets() []authSecret {
	return []authSecret{{AuthConnectionString, o.ConnectionString}, {AuthAccountKey, o.AccountKey}, {AuthSASToken, o.SASToken}}
}

type authSecret struct {
	auth   Auth
	secret Secret
}

// credential is the way to sign in, with the secret that it needs, if any.
func (o Options) credential() (Auth, Secret) {
	for _, s := range o.secrets() {
		if s.secret != "" && (o.Auth == AuthAuto || o.Auth == "" || o.Auth == s.auth) {
			return s.auth, s.secret
		}
	}
	return o.Auth, ""
}

// named are the accounts that the options name.
func (o Options) named() (all []namedAccount) {
	if o.discovers() {
		return nil
	}
	for _, name := range o.Accounts {
		all = append(all, namedAccount{name, o.urlOf(name, "")})
	}
	if len(all) == 0 {
		endpoint := o.Endpoint
		if endpoint == "" {
			endpoint = endpointOf(o.ConnectionString)
		}
		all = []namedAccount{{accountOf(endpoint), endpoint}}
	}
	return all
}

// urlOf is the blob service of an account: what endpoint says, else what was
// found, else the public cloud's.
func (o Options) urlOf(account, found string) string {
	switch {
	case o.Endpoint != "":
		return strings.ReplaceAll(o.Endpoint, AccountPlaceholder, account)
	case found != "":
		return strings.TrimRight(found, "/")
	}
	return "https://" + account + ".blob.core.windows.net"
}

func (o Options) pageSize() *int32 {
	if o.page == 0 {
		return nil
	}
	return &o.page
}

func (o Options) mostOpen() int { return cmp.Or(o.open, maxOpen) }
