package blob

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"
)

// Auth is a way to sign in.
type Auth string

const (
	authAuto             Auth = "auto"
	authConnectionString Auth = "connection_string"
	authAccountKey       Auth = "account_key"
	authSASToken         Auth = "sas_token"
	authManagedIdentity  Auth = "managed_identity"
	authWorkloadIdentity Auth = "workload_identity"
	authServicePrincipal Auth = "service_principal"
)

var auths = []Auth{authAuto, authConnectionString, authAccountKey, authSASToken,
	authManagedIdentity, authWorkloadIdentity, authServicePrincipal}

func authNames() string {
	names := make([]string, len(auths))
	for i, a := range auths {
		names[i] = string(a)
	}
	return strings.Join(names, ", ")
}

// signIns make a client of a service URL and the text of the secret that the
// way needs, if any.
var signIns = map[Auth]func(o Options, url, secret string, c *service.ClientOptions) (*service.Client, error){
	authAuto: nothing,
	authConnectionString: func(o Options, url, secret string, c *service.ClientOptions) (*service.Client, error) {
		return service.NewClientFromConnectionString(secret, c)
	},
	authAccountKey: func(o Options, url, secret string, c *service.ClientOptions) (*service.Client, error) {
		key, err := service.NewSharedKeyCredential(accountOf(o, url), secret)
		if err != nil {
			return nil, errors.New("the key is not base64")
		}
		return service.NewClientWithSharedKeyCredential(url, key, c)
	},
	authSASToken: func(o Options, url, secret string, c *service.ClientOptions) (*service.Client, error) {
		return service.NewClientWithNoCredential(url+"?"+strings.TrimPrefix(secret, "?"), c)
	},
	authManagedIdentity:  identity(managedIdentity),
	authWorkloadIdentity: identity(workloadIdentity),
	authServicePrincipal: identity(servicePrincipal),
}

func nothing(Options, string, string, *service.ClientOptions) (*service.Client, error) {
	return nil, errors.New("no way to sign in")
}

func managedIdentity(c azcore.ClientOptions) (azcore.TokenCredential, error) {
	o := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: c}
	if id := os.Getenv("AZURE_CLIENT_ID"); id != "" {
		o.ID = azidentity.ClientID(id)
	}
	return azidentity.NewManagedIdentityCredential(o)
}

func workloadIdentity(c azcore.ClientOptions) (azcore.TokenCredential, error) {
	return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{ClientOptions: c})
}

func servicePrincipal(c azcore.ClientOptions) (azcore.TokenCredential, error) {
	return azidentity.NewEnvironmentCredential(&azidentity.EnvironmentCredentialOptions{ClientOptions: c})
}

// anyIdentity is the chain of those that the environment offers. Developers'
// tools are left out: an agent has no business starting the CLI.
func anyIdentity(c azcore.ClientOptions) (azcore.TokenCredential, error) {
	var chain []azcore.TokenCredential
	for _, one := range []func(azcore.ClientOptions) (azcore.TokenCredential, error){
		servicePrincipal, workloadIdentity, managedIdentity} {
		if credential, err := one(c); err == nil {
			chain = append(chain, credential)
		}
	}
	return azidentity.NewChainedTokenCredential(chain, nil)
}

func identity(of func(azcore.ClientOptions) (azcore.TokenCredential, error)) func(Options, string, string, *service.ClientOptions) (*service.Client, error) {
	return func(o Options, url, _ string, c *service.ClientOptions) (*service.Client, error) {
		credential, err := of(azcore.ClientOptions{Cloud: cloudOf(url), Transport: c.Transport})
		if err != nil {
			return nil, err
		}
		return service.NewClient(url, credential, c)
	}
}

// cloudOf tells where to ask for tokens. Zero: the public cloud, or
// what AZURE_AUTHORITY_HOST says.
func cloudOf(endpoint string) cloud.Configuration {
	for suffix, c := range map[string]cloud.Configuration{
		".chinacloudapi.cn": cloud.AzureChina, ".usgovcloudapi.net": cloud.AzureGovernment} {
		if u, err := url.Parse(endpoint); err == nil && strings.HasSuffix(u.Hostname(), suffix) {
			return c
		}
	}
	return cloud.Configuration{}
}

// accountOf is the account that a shared key belongs to: the one named, else
// the first path segment of an emulator's URL, else the first label of the
// host.
func accountOf(o Options, endpoint string) string {
	if o.Account != "" {
		return o.Account
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return ""
	}
	if path := strings.Trim(u.Path, "/"); path != "" {
		return path
	}
	label, _, _ := strings.Cut(u.Hostname(), ".")
	return label
}

// door holds the client that is signed in at present.
type door struct {
	o       Options
	auth    Auth
	options service.ClientOptions

	mu     sync.Mutex
	client *service.Client
	text   string // of the secret that client was made with
	veil   *strings.Replacer
}

func openDoor(o Options, watch policy.Policy) (*door, error) {
	d := &door{o: o, auth: o.Auth, veil: strings.NewReplacer()}
	d.options.Transport = o.Transport
	if d.options.Transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost = o.Concurrency + 2
		t.ResponseHeaderTimeout = 30 * time.Second
		d.options.Transport = &http.Client{Transport: t}
	}
	d.options.PerRetryPolicies = []policy.Policy{watch}
	// The follower waits by itself, for all its requests together.
	d.options.Retry.MaxRetries = -1
	d.options.Telemetry.ApplicationID = "fluent-bit-nsgflow"
	_, err := d.renew()
	return d, err
}

// renew signs in with what the secret says now, and reports whether that is
// something new.
func (d *door) renew() (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	auth, secret := d.way()
	text, err := secret.read()
	if err != nil {
		return false, fmt.Errorf("option %s: %w", auth, err)
	}
	if d.client != nil && text == d.text {
		return false, nil
	}
	url := d.o.Endpoint
	if url == "" {
		url = "https://" + d.o.Account + ".blob.core.windows.net"
	}
	open := signIns[auth]
	if auth == authAuto {
		open = identity(anyIdentity)
	}
	veil := strings.NewReplacer(secretParts(text)...)
	client, err := open(d.o, url, text, &d.options)
	if err != nil {
		return false, fmt.Errorf("cannot sign in with %s: %s", auth, veil.Replace(err.Error()))
	}
	d.client, d.text, d.veil = client, text, veil
	return true, nil
}

// way is the way to sign in, with the secret that it needs.
func (d *door) way() (Auth, Secret) {
	given := []struct {
		auth   Auth
		secret Secret
	}{{authConnectionString, d.o.ConnectionString}, {authAccountKey, d.o.AccountKey}, {authSASToken, d.o.SASToken}}
	for _, g := range given {
		if g.secret != "" && (d.auth == authAuto || d.auth == g.auth) {
			return g.auth, g.secret
		}
	}
	return d.auth, ""
}

func (d *door) service() *service.Client {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.client
}

// hide takes the secret out of a text.
func (d *door) hide(text string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.veil.Replace(text)
}

// url is the blob service without what may be secret.
func (d *door) url() string {
	base, _, _ := strings.Cut(d.service().URL(), "?")
	return strings.TrimRight(base, "/")
}
