package blob

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// Options say which blobs are followed, and how. Parse makes them from text;
// the zero value is not useful.
type Options struct {
	Account          string
	Endpoint         string // empty: the public cloud's, made of Account
	ConnectionString Secret
	AccountKey       Secret
	SASToken         Secret
	Auth             Auth
	Containers       []string
	Prefix           string
	Start            Start
	PollInterval     time.Duration
	StatePath        string
	BatchBytes       int
	Concurrency      int
	CheckpointLag    time.Duration
	Shard            Shard

	// Transport sends the requests. Nil: a client of the follower's own.
	Transport policy.Transporter

	page int32 // names a listing call shows at most; 0: 5,000
}

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
	{"account", "AZURE_STORAGE_ACCOUNT", "name of a storage account (3 to 24 lower-case letters and digits)", "",
		"Storage account that holds the flow logs.",
		func(o *Options, v string) bool { o.Account = v; return isAccount(v) }},
	{"endpoint", "", "URL of a blob service, without query", "",
		"Blob service of the account where it is not the public cloud's, such as https://name.blob.core.usgovcloudapi.net.",
		setEndpoint},
	{"connection_string", "AZURE_STORAGE_CONNECTION_STRING", "connection string, env:NAME, file:PATH", "",
		"Account, endpoint and secret in one.",
		func(o *Options, v string) bool { return o.ConnectionString.set(v) }},
	{"account_key", "AZURE_STORAGE_KEY", "key, env:NAME, file:PATH", "",
		"Shared key of the account.",
		func(o *Options, v string) bool { return o.AccountKey.set(v) }},
	{"sas_token", "AZURE_STORAGE_SAS_TOKEN", "token, env:NAME, file:PATH", "",
		"Shared access signature with the rights to read and list. A file is read again when the token is refused.",
		func(o *Options, v string) bool { return o.SASToken.set(v) }},
	{"auth", "", authNames(), "auto",
		"How to sign in. `auto` takes the first that is given of connection_string, account_key and sas_token, else a service principal, a workload identity or a managed identity, whichever answers.",
		func(o *Options, v string) bool { o.Auth = Auth(strings.ToLower(v)); return signIns[o.Auth] != nil }},
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
		"Time between two looks at a container.",
		func(o *Options, v string) bool {
			return setDuration(&o.PollInterval, v, time.Second, time.Hour)
		}},
	{"state_path", "", "folder", "/var/lib/fluent-bit/nsgflow",
		"Folder of the checkpoints. Each agent needs one of its own, on a disk that outlives it.",
		func(o *Options, v string) bool { o.StatePath = v; return true }},
	{"batch_bytes", "", "size from 64K to 32M", "4M",
		"Most that is handed to Fluent Bit at a time, which is once a second.",
		func(o *Options, v string) bool { return setSize(&o.BatchBytes, v, 64<<10, 32<<20) }},
	{"concurrency", "", "number from 1 to 64", "4",
		"Blobs that are read at the same time.",
		func(o *Options, v string) bool { return setNumber(&o.Concurrency, v, 1, 64) }},
	{"checkpoint_lag", "", "duration from 0s to 5m", "5s",
		"Time between handing records to Fluent Bit and the checkpoint behind them: what it needs to bring them to disk.",
		func(o *Options, v string) bool { return setDuration(&o.CheckpointLag, v, 0, 5*time.Minute) }},
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
	if o.Account == "" && o.Endpoint == "" && o.ConnectionString == "" {
		return errors.New("option account: missing, name the storage account, or give endpoint or connection_string")
	}
	for _, need := range []struct {
		auth   Auth
		secret Secret
	}{{authConnectionString, o.ConnectionString}, {authAccountKey, o.AccountKey}, {authSASToken, o.SASToken}} {
		if o.Auth == need.auth && need.secret == "" {
			return fmt.Errorf("option %s: missing, auth %q needs it", need.auth, o.Auth)
		}
	}
	return nil
}

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

func setEndpoint(o *Options, v string) bool {
	u, err := url.Parse(v)
	o.Endpoint = strings.TrimRight(v, "/")
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.RawQuery == "" && u.User == nil
}

func setContainers(o *Options, v string) bool {
	seen := map[string]bool{}
	o.Containers = nil
	for name := range strings.SplitSeq(v, ",") {
		name = strings.TrimSpace(name)
		if !isContainer(name) {
			return false
		}
		if !seen[name] {
			o.Containers = append(o.Containers, name)
		}
		seen[name] = true
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
