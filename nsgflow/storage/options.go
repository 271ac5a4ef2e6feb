package storage

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// Options say which blobs are followed, and how. Parse makes them from text;
// the zero value is not useful.
type Options struct {
	Accounts         []string // empty: the one of Endpoint or ConnectionString
	Subscriptions    []string // empty: all that the identity may read
	DiscoverInterval time.Duration
	ResourceManager  string // URL; empty: the cloud's
	Endpoint         string // empty: the public cloud's, made of the account
	ConnectionString Secret
	AccountKey       Secret
	SASToken         Secret
	Auth             Auth
	Containers       []string
	Prefix           string
	Start            Start
	PollInterval     time.Duration
	ListInterval     time.Duration
	StatePath        string
	BatchBytes       int
	PendingLimit     int
	Concurrency      int
	Shard            Shard

	// Warnings are about options that have no effect any more.
	Warnings []string

	// Transport sends the requests. Nil: a client of the section's own.
	Transport policy.Transporter

	page int32 // names a listing shows at most; 0: 5,000
	open int   // blobs of an account that are open at most; 0: maxOpen
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

// Option is one key of the configuration.
type Option struct {
	Key     string
	Env     string // read where the key is not configured; may be empty
	Values  string // what it takes, for messages and the README
	Default string // empty: none
	Text    string

	set func(*Options, string) bool // false: not allowed
}

// Table is every option, in the order of the README.
var Table = []Option{
	{"account", "AZURE_STORAGE_ACCOUNT", "names of storage accounts (3 to 24 lower-case letters and digits), separated by commas; discover", "",
		"Storage accounts that hold the flow logs. `discover` finds those of all flow logs that the identity may read.",
		setAccounts},
	{"subscriptions", "", "ids, separated by commas", "",
		"With `account discover`: only flow logs of these subscriptions.",
		func(o *Options, v string) bool {
			o.Subscriptions = split(v)
			return !slices.Contains(o.Subscriptions, "")
		}},
	{"discover_interval", "", "duration from 1m to 24h", "10m",
		"With `account discover`: time between two looks for accounts.",
		func(o *Options, v string) bool { return setDuration(&o.DiscoverInterval, v, time.Minute, 24*time.Hour) }},
	{"resource_manager", "", "URL", "",
		"With `account discover`: Azure Resource Manager where it is not that of the public cloud, China or US Government.",
		func(o *Options, v string) bool { return setURL(&o.ResourceManager, v) }},
	{"endpoint", "", "URL of a blob service, without query", "",
		"Blob service of the accounts where it is not the public cloud's, such as https://{account}.blob.core.usgovcloudapi.net. {account} stands for the account's name.",
		func(o *Options, v string) bool { return setURL(&o.Endpoint, v) }},
	{"connection_string", "AZURE_STORAGE_CONNECTION_STRING", "connection string, env:NAME, file:PATH", "",
		"Account, endpoint and secret in one. In env: and file: {account} stands for the account's name, in all three secrets.",
		func(o *Options, v string) bool { return o.ConnectionString.set(v) }},
	{"account_key", "AZURE_STORAGE_KEY", "key, env:NAME, file:PATH", "",
		"Shared key of the account.",
		func(o *Options, v string) bool { return o.AccountKey.set(v) }},
	{"sas_token", "AZURE_STORAGE_SAS_TOKEN", "token, env:NAME, file:PATH", "",
		"Shared access signature with the rights to read and list. A file is read again when the token is refused.",
		func(o *Options, v string) bool { return o.SASToken.set(v) }},
	{"auth", "", authNames(), "auto",
		"How to sign in. `auto` takes the first that is given of connection_string, account_key and sas_token, else a service principal, a workload identity or a managed identity, whichever answers.",
		func(o *Options, v string) bool {
			o.Auth = Auth(strings.ToLower(v))
			return slices.Contains(auths, o.Auth)
		}},
	{"containers", "", "names, separated by commas", "insights-logs-networksecuritygroupflowevent,insights-logs-flowlogflowevent",
		"Containers that are followed.",
		setContainers},
	{"prefix", "", "beginning of blob names", "",
		"Only blobs whose name begins so are followed.",
		func(o *Options, v string) bool { o.Prefix = v; return true }},
	{"start", "", "now, beginning, an RFC 3339 time, a duration back (30m, 24h, 7d)", "1h",
		"Where to begin in a container that is read for the first time, to the hour. Has no effect where there is a checkpoint.",
		setStart},
	{"poll_interval", "", "duration from 1s to 1h", "30s",
		"Time between two looks at the blobs of known NICs.",
		func(o *Options, v string) bool { return setDuration(&o.PollInterval, v, time.Second, time.Hour) }},
	{"list_interval", "", "duration from 1s to 24h", "5m",
		"Time between two listings, which find new flow logs and NICs.",
		func(o *Options, v string) bool { return setDuration(&o.ListInterval, v, time.Second, 24*time.Hour) }},
	{"state_path", "", "folder", "/var/lib/fluent-bit/nsgflow",
		"Folder of the checkpoints. Each agent needs one of its own, on a disk that outlives it; sections of one agent share it.",
		func(o *Options, v string) bool { o.StatePath = v; return true }},
	{"batch_bytes", "", "size from 64K to 32M", "1M",
		"Most that Fluent Bit gets before the checkpoint behind it is on disk: what a crash may repeat.",
		func(o *Options, v string) bool { return setSize(&o.BatchBytes, v, 64<<10, 32<<20) }},
	{"pending_limit", "", "size from 8M to 2047M", "256M",
		"Most that Fluent Bit holds of this section, as events: beyond it, reading waits for the outputs.",
		func(o *Options, v string) bool { return setSize(&o.PendingLimit, v, 8<<20, 2047<<20) }},
	{"concurrency", "", "number from 1 to 64", "4",
		"Requests under way at the same time, besides the one that every account always has.",
		func(o *Options, v string) bool { return setNumber(&o.Concurrency, v, 1, 64) }},
	{"checkpoint_lag", "", "anything", "",
		"Has no effect: checkpoints do not lag any more.",
		func(o *Options, v string) bool {
			o.Warnings = append(o.Warnings, "option checkpoint_lag: has no effect any more, leave it out")
			return true
		}},
	{"shard", "", "i/n with 1 <= i <= n <= 1000", "1/1",
		"This agent's share of the NICs where n agents read one account.",
		setShard},
}

// Parse reads the options. get returns the text that was configured for a
// key, or nothing.
func Parse(get func(key string) string) (Options, error) {
	var o Options
	for _, p := range Table {
		v := strings.TrimSpace(get(p.Key))
		if v == "" && p.Env != "" && os.Getenv(p.Env) != "" {
			v = os.Getenv(p.Env)
		}
		if v == "" {
			v = p.Default
		}
		if v != "" && !p.set(&o, v) {
			return o, fmt.Errorf("option %s: %s is not allowed, it takes: %s", p.Key, p.quote(v), p.Values)
		}
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

// quote makes a value fit for a message; a secret it leaves out.
func (p Option) quote(v string) string {
	if strings.Contains(p.Values, "env:") {
		return "the value"
	}
	return strconv.Quote(v[:min(len(v), 128)])
}

func isAccount(v string) bool {
	return len(v) >= 3 && len(v) <= 24 && strings.Trim(v, lowerAndDigits) == ""
}

func isContainer(v string) bool {
	if v = strings.TrimPrefix(v, "$"); len(v) < 3 || len(v) > 63 || strings.HasPrefix(v, "-") || strings.HasSuffix(v, "-") {
		return false
	}
	return strings.Trim(v, lowerAndDigits+"-") == "" && !strings.Contains(v, "--")
}

const lowerAndDigits = "abcdefghijklmnopqrstuvwxyz0123456789"

func setURL(to *string, v string) bool {
	u, err := url.Parse(strings.ReplaceAll(v, accountPlaceholder, "account"))
	*to = strings.TrimRight(v, "/")
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.RawQuery == "" && u.User == nil
}

func setAccounts(o *Options, v string) bool {
	o.Accounts = split(v)
	for _, name := range o.Accounts {
		if !isAccount(name) || name == discover && len(o.Accounts) > 1 {
			return false
		}
	}
	return true
}

// split is a list without blanks and repetitions.
func split(v string) (names []string) {
	for name := range strings.SplitSeq(v, ",") {
		if name = strings.TrimSpace(name); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func setContainers(o *Options, v string) bool {
	o.Containers = split(v)
	for _, name := range o.Containers {
		if !isContainer(name) {
			return false
		}
	}
	return true
}

func setStart(o *Options, v string) bool {
	o.Start = Start{}
	switch strings.ToLower(v) {
	case "now":
		o.Start.Now = true
		return true
	case "beginning":
		return true
	}
	if at, err := time.Parse(time.RFC3339, v); err == nil {
		o.Start.At = at
		return true
	}
	return setDuration(&o.Start.Back, v, time.Second, 10*365*24*time.Hour)
}

func setShard(o *Options, v string) bool {
	i, of, ok := strings.Cut(v, "/")
	return ok && setNumber(&o.Shard.Of, of, 1, 1000) && setNumber(&o.Shard.I, i, 1, o.Shard.Of)
}

// setDuration takes Go's form, days, and bare seconds as Fluent Bit does.
func setDuration(to *time.Duration, v string, low, high time.Duration) bool {
	if days, ok := strings.CutSuffix(v, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		*to = time.Duration(n) * 24 * time.Hour
		return err == nil && low <= *to && *to <= high
	}
	if n, err := strconv.ParseUint(v, 10, 32); err == nil {
		*to = time.Duration(n) * time.Second
		return low <= *to && *to <= high
	}
	d, err := time.ParseDuration(v)
	*to = d
	return err == nil && low <= d && d <= high
}

// setSize takes bytes, or a number with K or M behind it as Fluent Bit does.
func setSize(to *int, v string, low, high int) bool {
	v = strings.TrimSuffix(strings.ToUpper(v), "B")
	unit := 1
	for suffix, bytes := range map[string]int{"K": 1 << 10, "M": 1 << 20} {
		if cut, ok := strings.CutSuffix(v, suffix); ok {
			v, unit = cut, bytes
			break
		}
	}
	if !setNumber(to, v, 1, high) || *to > high/unit {
		return false
	}
	*to *= unit
	return low <= *to
}

func setNumber(to *int, v string, low, high int) bool {
	n, err := strconv.Atoi(v)
	*to = n
	return err == nil && low <= n && n <= high
}

// Markdown is the table of the README.
func Markdown() string {
	var b strings.Builder
	b.WriteString("| key | values | default | meaning |\n|---|---|---|---|\n")
	for _, p := range Table {
		byDefault, text := "–", p.Text
		if p.Default != "" {
			byDefault = "`" + strings.ReplaceAll(p.Default, ",", "`, `") + "`"
		}
		if p.Env != "" {
			text += " Not configured: the environment's `" + p.Env + "`."
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", p.Key, p.Values, byDefault, text)
	}
	return b.String()
}
