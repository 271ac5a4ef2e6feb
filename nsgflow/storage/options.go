package storage

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"fluent-bit-nsgflow/plugin/config"
)

// Options say which blobs are followed, and how. Parse makes them from text;
// the zero value is not useful.
type Options struct {
	Accounts []string // empty: the one of Endpoint or ConnectionString
	Discovery
	Endpoint string // empty: the public cloud's, made of the account
	Auth     Auth
	Secrets

	Containers   []string
	Prefix       string
	Start        Start
	Shard        Shard
	PollInterval time.Duration
	ListInterval time.Duration

	StatePath    string
	BatchBytes   int
	PendingLimit int
	Concurrency  int

	// Warnings are about options that have no effect any more.
	Warnings []string

	// Transport sends the requests. Nil: a client of the section's own.
	Transport policy.Transporter

	page int32 // names a listing shows at most; 0: 5,000
	open int   // blobs of a container that are open at most; 0: maxOpen
}

// Discovery says where accounts are looked for. Valid iff Accounts is the word
// discover.
type Discovery struct {
	Subscriptions    []string // empty: all that the identity may read
	DiscoverInterval time.Duration
	ResourceManager  string // URL; empty: the cloud's
}

// Secrets are what an account may be signed in to with. Each may be empty.
type Secrets struct {
	ConnectionString Secret
	AccountKey       Secret
	SASToken         Secret
}

// discover in place of names of accounts.
const discover = "discover"

// Start says from where on a container is read that no checkpoint is known of.
// The zero value means: from its beginning.
type Start struct {
	Now  bool          // only what is written from now on
	At   time.Time     // from the hour that holds this time
	Back time.Duration // from the hour that lies so far back
}

// Shard is one of Of parts of an account, counted from 1. The zero value is
// the whole account.
type Shard struct{ I, Of int }

// Table is every option, in the order of the docs.
var Table = []config.Option[Options]{
	{Key: "account", Env: "AZURE_STORAGE_ACCOUNT", Values: "names of storage accounts (3 to 24 lower-case letters and digits), separated by commas; discover",
		Text: "Storage accounts that hold the flow logs. `discover` finds those of all flow logs that the identity may read.",
		Set:  setAccounts},
	{Key: "subscriptions", Values: "ids, separated by commas",
		Text: "With `account discover`: only flow logs of these subscriptions.",
		Set: func(o *Options, v string) bool {
			o.Subscriptions = split(v)
			return !slices.Contains(o.Subscriptions, "")
		}},
	{Key: "discover_interval", Values: "duration from 1m to 24h", Default: "10m",
		Text: "With `account discover`: time between two looks for accounts.",
		Set:  func(o *Options, v string) bool { return setDuration(&o.DiscoverInterval, v, time.Minute, 24*time.Hour) }},
	{Key: "resource_manager", Values: "URL",
		Text: "With `account discover`: Azure Resource Manager where it is not that of the public cloud, China or US Government.",
		Set:  func(o *Options, v string) bool { return setURL(&o.ResourceManager, v) }},
	{Key: "endpoint", Values: "URL of a blob service, without query",
		Text: "Blob service of the accounts where it is not the public cloud's, such as https://{account}.blob.core.usgovcloudapi.net. {account} stands for the account's name.",
		Set:  func(o *Options, v string) bool { return setURL(&o.Endpoint, v) }},
	{Key: "connection_string", Env: "AZURE_STORAGE_CONNECTION_STRING", Values: "connection string, env:NAME, file:PATH",
		Text:   "Account, endpoint and secret in one. In env: and file: {account} stands for the account's name, in all three secrets.",
		Secret: true, Set: func(o *Options, v string) bool { return o.ConnectionString.set(v) }},
	{Key: "account_key", Env: "AZURE_STORAGE_KEY", Values: "key, env:NAME, file:PATH",
		Text:   "Shared key of the account.",
		Secret: true, Set: func(o *Options, v string) bool { return o.AccountKey.set(v) }},
	{Key: "sas_token", Env: "AZURE_STORAGE_SAS_TOKEN", Values: "token, env:NAME, file:PATH",
		Text:   "Shared access signature with the rights to read and list. A file is read again when the token is refused.",
		Secret: true, Set: func(o *Options, v string) bool { return o.SASToken.set(v) }},
	{Key: "auth", Values: authNames(), Default: "auto",
		Text: "How to sign in. `auto` takes the first that is given of connection_string, account_key and sas_token, else a service principal, a workload identity or a managed identity, whichever answers.",
		Set: func(o *Options, v string) bool {
			o.Auth = Auth(strings.ToLower(v))
			return slices.Contains(auths, o.Auth)
		}},
	{Key: "containers", Values: "names, separated by commas", Default: "insights-logs-networksecuritygroupflowevent,insights-logs-flowlogflowevent",
		Text: "Containers that are followed.",
		Set:  setContainers},
	{Key: "prefix", Values: "beginning of blob names",
		Text: "Only blobs whose name begins so are followed.",
		Set:  func(o *Options, v string) bool { o.Prefix = v; return true }},
	{Key: "start", Values: "now, beginning, an RFC 3339 time, a duration back (30m, 24h, 7d)", Default: "1h",
		Text: "Where to begin in a container that is read for the first time, to the hour. Has no effect where there is a checkpoint.",
		Set:  setStart},
	{Key: "poll_interval", Values: "duration from 1s to 1h", Default: "30s",
		Text: "Time between two looks at the blobs of known NICs.",
		Set:  func(o *Options, v string) bool { return setDuration(&o.PollInterval, v, time.Second, time.Hour) }},
	{Key: "list_interval", Values: "duration from 1s to 24h", Default: "5m",
		Text: "Time between two listings, which find new flow logs and NICs.",
		Set:  func(o *Options, v string) bool { return setDuration(&o.ListInterval, v, time.Second, 24*time.Hour) }},
	{Key: "state_path", Values: "folder", Default: "/var/lib/fluent-bit/nsgflow",
		Text: "Folder of the checkpoints. Each agent needs one of its own, on a disk that outlives it; sections of one agent share it.",
		Set:  func(o *Options, v string) bool { o.StatePath = v; return true }},
	{Key: "batch_bytes", Values: "size from 64K to 32M", Default: "1M",
		Text: "Most that Fluent Bit gets before the checkpoint behind it is written: what reading may repeat after a kill.",
		Set:  func(o *Options, v string) bool { return setSize(&o.BatchBytes, v, 64<<10, 32<<20) }},
	{Key: "pending_limit", Values: "size from 8M to 2047M", Default: "64M",
		Text: "Most that Fluent Bit holds of this section, as events: beyond it, reading waits for the outputs.",
		Set:  func(o *Options, v string) bool { return setSize(&o.PendingLimit, v, 8<<20, 2047<<20) }},
	{Key: "concurrency", Values: "number from 1 to 64", Default: "4",
		Text: "Requests under way at the same time, besides the one that every account always has.",
		Set:  func(o *Options, v string) bool { return setNumber(&o.Concurrency, v, 1, 64) }},
	{Key: "checkpoint_lag", Values: "anything",
		Text: "Has no effect: checkpoints do not lag any more.",
		Set: func(o *Options, v string) bool {
			o.Warnings = append(o.Warnings, "option checkpoint_lag: has no effect any more, leave it out")
			return true
		}},
	{Key: "shard", Values: "i/n with 1 <= i <= n <= 1000", Default: "1/1",
		Text: "This agent's share of the NICs where n agents read one account.",
		Set:  setShard},
}

// Parse reads the options. get returns the text that was configured for a
// key, or nothing.
func Parse(get func(key string) string) (Options, error) {
	var o Options
	err := config.Parse(Table, &o, func(p config.Option[Options]) (string, bool) {
		v := strings.TrimSpace(get(p.Key))
		if v == "" && p.Env != "" {
			v = os.Getenv(p.Env)
		}
		if v == "" {
			v = p.Default
		}
		return v, v != ""
	})
	if err != nil {
		return o, err
	}
	return o, o.check()
}

// check finds what no option can see alone.
func (o Options) check() error {
	switch several := len(o.Accounts) > 1 || o.discovers(); {
	case len(o.Accounts) == 0 && o.Endpoint == "" && o.ConnectionString == "":
		return errors.New("option account: missing, name the storage account, or give endpoint or connection_string; " +
			"if it is given, the plugin is loaded twice: a section then has an instance without options")
	case len(o.Accounts) == 0 && strings.Contains(o.Endpoint, accountPlaceholder):
		return errors.New("option account: missing, endpoint needs its name")
	case several && o.Endpoint != "" && !strings.Contains(o.Endpoint, accountPlaceholder):
		return errors.New("option endpoint: has no {account}, which several accounts need")
	case o.discovers() && (o.ConnectionString != "" || o.AccountKey != "" && !o.AccountKey.hasPlaceholder()):
		return errors.New("option account: discover needs an identity, or secrets with {account} in env: or file:")
	}
	for _, need := range o.secrets() {
		if o.Auth == need.auth && need.secret == "" {
			return fmt.Errorf("option %s: missing, auth %q needs it", need.auth, o.Auth)
		}
	}
	return nil
}

func (o Options) discovers() bool { return len(o.Accounts) == 1 && o.Accounts[0] == discover }

// secrets are the ways to sign in with a secret, the first first.
func (o Options) secrets() []authSecret {
	return []authSecret{{authConnectionString, o.ConnectionString}, {authAccountKey, o.AccountKey}, {authSASToken, o.SASToken}}
}

type authSecret struct {
	auth   Auth
	secret Secret
}

// credential is the way to sign in, with the secret that it needs, if any.
func (o Options) credential() (Auth, Secret) {
	for _, s := range o.secrets() {
		if s.secret != "" && (o.Auth == authAuto || o.Auth == s.auth) {
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
		return strings.ReplaceAll(o.Endpoint, accountPlaceholder, account)
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
