package tables

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fluent-bit-nsgflow/nsgflow/storage"
	"fluent-bit-nsgflow/plugin/config"
)

// InputOptions is every option of the input, in the order of the docs.
var InputOptions = []config.Option[storage.Options]{
	{Key: "account", Env: "AZURE_STORAGE_ACCOUNT", Values: "names of storage accounts (3 to 24 lower-case letters and digits), separated by commas; discover",
		Text: "Storage accounts that hold the flow logs. `discover` finds those of all flow logs that the identity may read.",
		Set:  setAccounts},
	{Key: "subscriptions", Values: "ids, separated by commas",
		Text: "With `account discover`: only flow logs of these subscriptions. With `context_path`: only what is in these.",
		Set: func(o *storage.Options, v string) bool {
			o.Subscriptions = list(v)
			return !slices.Contains(o.Subscriptions, "")
		}},
	{Key: "discover_interval", Values: "duration from 1m to 24h", Default: "10m",
		Text: "With `account discover`: time between two looks for accounts.",
		Set: func(o *storage.Options, v string) bool {
			return setDuration(&o.DiscoverInterval, v, time.Minute, 24*time.Hour)
		}},
	{Key: "resource_manager", Values: "URL",
		Text: "With `account discover` and `context_path`: Azure Resource Manager where it is not that of the public cloud, China or US Government.",
		Set:  func(o *storage.Options, v string) bool { return setURL(&o.ResourceManager, v) }},
	{Key: "endpoint", Values: "URL of a blob service, without query",
		Text: "Blob service of the accounts where it is not the public cloud's, such as https://{account}.blob.core.usgovcloudapi.net. {account} stands for the account's name.",
		Set:  func(o *storage.Options, v string) bool { return setURL(&o.Endpoint, v) }},
	{Key: "connection_string", Env: "AZURE_STORAGE_CONNECTION_STRING", Values: "connection string, env:NAME, file:PATH",
		Text:   "Account, endpoint and secret in one. In env: and file: {account} stands for the account's name, in all three secrets.",
		Secret: true, Set: func(o *storage.Options, v string) bool { return setSecret(&o.ConnectionString, v) }},
	{Key: "account_key", Env: "AZURE_STORAGE_KEY", Values: "key, env:NAME, file:PATH",
		Text:   "Shared key of the account.",
		Secret: true, Set: func(o *storage.Options, v string) bool { return setSecret(&o.AccountKey, v) }},
	{Key: "sas_token", Env: "AZURE_STORAGE_SAS_TOKEN", Values: "token, env:NAME, file:PATH",
		Text:   "Shared access signature with the rights to read and list. A file is read again when the token is refused.",
		Secret: true, Set: func(o *storage.Options, v string) bool { return setSecret(&o.SASToken, v) }},
	{Key: "auth", Values: joined(storage.Auths()), Default: "auto",
		Text: "How to sign in. `auto` takes the first that is given of connection_string, account_key and sas_token, else a service principal, a workload identity or a managed identity, whichever answers.",
		Set: func(o *storage.Options, v string) bool {
			o.Auth = storage.Auth(strings.ToLower(v))
			return slices.Contains(storage.Auths(), o.Auth)
		}},
	{Key: "tenant_id", Values: "id or domain of a tenant",
		Text: "Of the service principal or workload identity. Not configured: the environment's `AZURE_TENANT_ID`.",
		Set:  func(o *storage.Options, v string) bool { o.TenantID = v; return isTenant(v) }},
	{Key: "client_id", Values: "id of an application or of a user-assigned identity",
		Text: "Of the service principal, workload identity or managed identity. Not configured: the environment's `AZURE_CLIENT_ID`.",
		Set:  func(o *storage.Options, v string) bool { o.ClientID = v; return isTenant(v) }},
	{Key: "client_secret", Values: "secret, env:NAME, file:PATH",
		Text:   "Of the service principal of this section. Where none of these four is configured: the environment's `AZURE_CLIENT_SECRET`.",
		Secret: true, Set: func(o *storage.Options, v string) bool {
			return setSecret(&o.ClientSecret, v) && !o.ClientSecret.HasPlaceholder()
		}},
	{Key: "client_certificate", Values: "path of a PEM or PKCS #12 file",
		Text: "Certificate and key in place of client_secret; a password comes from the environment's `AZURE_CLIENT_CERTIFICATE_PASSWORD`. Where none of these four is configured: the environment's `AZURE_CLIENT_CERTIFICATE_PATH`.",
		Set:  func(o *storage.Options, v string) bool { o.ClientCertificate = v; return true }},
	{Key: "containers", Values: "names, separated by commas", Default: "insights-logs-networksecuritygroupflowevent,insights-logs-flowlogflowevent",
		Text: "Containers that are followed.",
		Set:  setContainers},
	{Key: "prefix", Values: "beginning of blob names",
		Text: "Only blobs whose name begins so are followed.",
		Set:  func(o *storage.Options, v string) bool { o.Prefix = v; return true }},
	{Key: "include", Values: "globs of blob names, separated by commas",
		Text: "Only blobs whose name fits one of them are followed: `*` is any text, slashes too, `?` one character; case does not matter.",
		Set:  func(o *storage.Options, v string) bool { return setGlobs(&o.Include, v) }},
	{Key: "exclude", Values: "globs of blob names, separated by commas",
		Text: "Blobs whose name fits one of them are not followed.",
		Set:  func(o *storage.Options, v string) bool { return setGlobs(&o.Exclude, v) }},
	{Key: "start", Values: "now, beginning, an RFC 3339 time, a duration back (30m, 24h, 7d)", Default: "1h",
		Text: "Where to begin in a container that is read for the first time, to the hour. Has no effect where there is a checkpoint.",
		Set:  setStart},
	{Key: "until", Values: "an RFC 3339 time",
		Text: "Hours that begin then or later are not read. When all before them is read, the section reads no more, and the agent goes on.",
		Set:  setUntil},
	{Key: "poll_interval", Values: "duration from 1s to 1h", Default: "30s",
		Text: "Time between two looks at the blobs of known NICs, but for those that keep a second of the minute: they are asked for when they are due.",
		Set: func(o *storage.Options, v string) bool {
			return setDuration(&o.PollInterval, v, time.Second, time.Hour)
		}},
	{Key: "list_interval", Values: "duration from 1s to 24h", Default: "5m",
		Text: "Time between two listings, which find new flow logs and NICs.",
		Set: func(o *storage.Options, v string) bool {
			return setDuration(&o.ListInterval, v, time.Second, 24*time.Hour)
		}},
	{Key: "state_path", Values: "folder", Default: "/var/lib/fluent-bit/nsgflow",
		Text: "Folder of the checkpoints. Each agent needs one of its own, on a disk that outlives it; sections of one agent share it.",
		Set:  func(o *storage.Options, v string) bool { o.StatePath = v; return true }},
	{Key: "batch_bytes", Values: "size from 16K to 32M", Default: "1M",
		Text: "Most that Fluent Bit gets before the checkpoint behind it is written: what reading may repeat after a kill.",
		Set:  func(o *storage.Options, v string) bool { return setSize(&o.BatchBytes, v, 16<<10, 32<<20) }},
	{Key: "pending_limit", Values: "size from 8M to 2047M", Default: "64M",
		Text: "Most that Fluent Bit holds of this section, as events: beyond it, reading waits for the outputs.",
		Set:  func(o *storage.Options, v string) bool { return setSize(&o.PendingLimit, v, 8<<20, 2047<<20) }},
	{Key: "concurrency", Values: "number from 1 to 64", Default: "4",
		Text: "Requests under way at the same time, besides the one that every account always has.",
		Set:  func(o *storage.Options, v string) bool { return setNumber(&o.Concurrency, v, 1, 64) }},
	{Key: "shard", Values: "i/n with 1 <= i <= n <= 1000", Default: "1/1",
		Text: "This agent's share of the NICs where n agents read one account.",
		Set:  setShard},
	{Key: "context_path", Values: "folder, absolute",
		Text: "Folder that gets `inventory.jsonl`, who has which address, and `service-tags.json`, for the filter ([context.md](context.md#who-writes-it)). Without it, neither is asked for. Of several agents with `shard` that of 1/n writes.",
		Set: func(o *storage.Options, v string) bool {
			o.ContextPath = filepath.Clean(v)
			return filepath.IsAbs(v)
		}},
	{Key: "context_interval", Values: "duration from 1m to 24h", Default: "15m",
		Text: "With `context_path`: time between two inventories. Service tags are asked for once a day.",
		Set: func(o *storage.Options, v string) bool {
			return setDuration(&o.ContextInterval, v, time.Minute, 24*time.Hour)
		}},
}

// ParseInputOptions reads the configuration of one input instance. get returns
// the text that was configured for a key, or nothing.
func ParseInputOptions(get func(key string) string) (o storage.Options, err error) {
	err = config.Parse(InputOptions, &o, func(p config.Option[storage.Options]) (string, bool) {
		v := strings.TrimSpace(get(p.Key))
		if v == "" && p.Env != "" {
			v = os.Getenv(p.Env)
		}
		if v == "" {
			v = p.Default
		}
		return v, v != ""
	})
	if err == nil {
		err = checkTogether(o)
	}
	return o, err
}

// checkTogether finds what no option can see alone.
func checkTogether(o storage.Options) error {
	discovers := slices.Contains(o.Accounts, storage.Discover)
	switch several := len(o.Accounts) > 1 || discovers; {
	case len(o.Accounts) == 0 && o.Endpoint == "" && o.ConnectionString == "":
		return errors.New("option account: missing, name the storage account, or give endpoint or connection_string; " +
			"if it is given, the plugin is loaded twice: a section then has an instance without options")
	case len(o.Accounts) == 0 && strings.Contains(o.Endpoint, storage.AccountPlaceholder):
		return errors.New("option account: missing, endpoint needs its name")
	case several && o.Endpoint != "" && !strings.Contains(o.Endpoint, storage.AccountPlaceholder):
		return errors.New("option endpoint: has no {account}, which several accounts need")
	case discovers && (o.ConnectionString != "" || o.AccountKey != "" && !o.AccountKey.HasPlaceholder()):
		return errors.New("option account: discover needs an identity, or secrets with {account} in env: or file:")
	}
	if err := checkIdentity(o); err != nil {
		return err
	}
	for auth, secret := range map[storage.Auth]storage.Secret{
		storage.AuthConnectionString: o.ConnectionString, storage.AuthAccountKey: o.AccountKey, storage.AuthSASToken: o.SASToken} {
		if o.Auth == auth && secret == "" {
			return fmt.Errorf("option %s: missing, auth %q needs it", auth, auth)
		}
	}
	return nil
}

// checkIdentity finds an identity that cannot be signed in with.
func checkIdentity(o storage.Options) error {
	i, principal := o.Identity, o.ClientSecret != "" || o.ClientCertificate != ""
	switch {
	case i == storage.Identity{}:
		return nil
	case i.ClientSecret != "" && i.ClientCertificate != "":
		return errors.New("option client_certificate: stands beside client_secret, give one of them")
	case principal && o.Auth != storage.AuthAuto && o.Auth != storage.AuthServicePrincipal:
		return fmt.Errorf("option auth: %q does not take client_secret or client_certificate", o.Auth)
	case !principal && o.Auth == storage.AuthServicePrincipal:
		return errors.New("option client_secret: missing, a service principal of this section needs it or client_certificate")
	case principal && i.ClientID == "" && os.Getenv("AZURE_CLIENT_ID") == "":
		return errors.New("option client_id: missing, client_secret and client_certificate need it")
	case principal && i.TenantID == "" && os.Getenv("AZURE_TENANT_ID") == "":
		return errors.New("option tenant_id: missing, client_secret and client_certificate need it")
	}
	return nil
}
