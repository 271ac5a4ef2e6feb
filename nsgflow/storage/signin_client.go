package storage

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"
)

// client holds the service client of one account that is signed in at present.
type client struct {
	o       Options
	account namedAccount
	signIn  *credentials
	auth    Auth
	secret  Secret // of auth; may be empty
	options service.ClientOptions

	renewing sync.Mutex // before mu, which nobody holds while a file is read

	mu       sync.Mutex
	current  *service.Client
	text     string // of the secret that current was made with; for renew alone
	redactor *strings.Replacer
}

// newClient signs in. policies see every request.
func newClient(o Options, account namedAccount, signIn *credentials, policies ...policy.Policy) (*client, error) {
	c := &client{o: o, account: account, signIn: signIn, redactor: strings.NewReplacer()}
	c.auth, c.secret = o.credential()
	c.options.Transport = signIn.transport
	c.options.PerRetryPolicies = append(policies, genuine{})
	// The account waits by itself, for all its requests together.
	c.options.Retry.MaxRetries = -1
	c.options.Telemetry.ApplicationID = "fluent-bit-nsgflow"
	_, err := c.renew()
	return c, err
}

// genuine takes a success for the service's only with what all its answers carry:
// a portal or a proxy may answer 200 with a page of its own. It is a policy of
// the client's requests.
type genuine struct{}

func (genuine) Do(r *policy.Request) (*http.Response, error) {
	response, err := r.Next()
	if err != nil || response.StatusCode/100 != 2 || response.Header.Get("x-ms-request-id") != "" {
		return response, err
	}
	response.Body.Close()
	return nil, fmt.Errorf("HTTP %d without x-ms-request-id: not an answer of the service", response.StatusCode)
}

// newTransport is used by all accounts of a section. It follows no redirect:
// Azure makes none, and the next request would carry the URL of the one before,
// with its token, as Referer.
func newTransport(o Options) policy.Transporter {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = o.Concurrency + 2
	t.ResponseHeaderTimeout = 30 * time.Second
	// Of a blob that is kept compressed, places are those of the bytes it is kept in.
	t.DisableCompression = true
	return &http.Client{Transport: bounded{t}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// bounded cuts off the bodies of answers: the SDK reads most of them whole.
type bounded struct{ *http.Transport }

// maxBody is beyond a listing of 5,000 names of 1,024 characters, and a list of
// 50,000 blocks.
const maxBody = 32 << 20

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.Transport.RoundTrip(r)
	if err == nil {
		response.Body = cutOff{io.LimitReader(response.Body, maxBody), response.Body}
	}
	return response, err
}

type cutOff struct {
	io.Reader
	io.Closer
}

// renew signs in with what the secret says now, and reports whether that is
// something new.
func (c *client) renew() (bool, error) {
	c.renewing.Lock()
	defer c.renewing.Unlock()
	text, err := c.read()
	if err != nil {
		return false, err
	}
	if c.service() != nil && text == c.text {
		return false, nil
	}
	redactor := strings.NewReplacer(secretParts(text)...)
	current, err := c.open(text)
	if err != nil {
		return false, fmt.Errorf("cannot sign in with %s: %s", c.auth, redactor.Replace(err.Error()))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current, c.text, c.redactor = current, text, redactor
	return true, nil
}

// read is the secret of the account or of the identity, as it is now.
func (c *client) read() (string, error) {
	if c.secret == "" {
		return c.o.Identity.read()
	}
	text, err := c.secret.read(c.account.name)
	if err != nil {
		return "", fmt.Errorf("option %s: %w", c.auth, err)
	}
	return text, nil
}

// open makes a client with a secret, or with an identity where there is none.
func (c *client) open(secret string) (*service.Client, error) {
	switch c.auth {
	case AuthConnectionString:
		if name := accountIn(secret); len(c.o.Accounts) > 0 && name != "" && name != c.account.name {
			return nil, fmt.Errorf("it is of account %q, and option account names %q", name, c.account.name)
		}
		return service.NewClientFromConnectionString(secret, &c.options)
	case AuthAccountKey:
		key, err := service.NewSharedKeyCredential(c.account.name, secret)
		if err != nil {
			return nil, errors.New("the key is not base64")
		}
		return service.NewClientWithSharedKeyCredential(c.account.url, key, &c.options)
	case AuthSASToken:
		return service.NewClientWithNoCredential(c.account.url+"?"+strings.TrimPrefix(secret, "?"), &c.options)
	}
	identity, err := c.signIn.identity(c.account.url)
	if err != nil {
		return nil, err
	}
	return service.NewClient(c.account.url, identity, &c.options)
}

// signedIn says as whom, or with what.
func (c *client) signedIn() string {
	if c.secret != "" {
		return "with " + string(c.auth)
	}
	return "as " + c.signIn.name()
}

// accountOf is the account of a service's URL: the first path segment of an
// emulator's, else the first label of the host.
func accountOf(endpoint string) string {
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

// inTheClear reports whether everyone on the way may read what the client sends.
func (c *client) inTheClear() bool {
	u, err := url.Parse(c.url())
	if err != nil || u.Scheme != "http" || u.Hostname() == "localhost" {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return err != nil || !ip.IsLoopback()
}

func (c *client) service() *service.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current
}

// redact takes the secret out of a text.
func (c *client) redact(text string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.redactor.Replace(text)
}

// url is the blob service without what may be secret.
func (c *client) url() string {
	base, _, _ := strings.Cut(c.service().URL(), "?")
	return strings.TrimRight(base, "/")
}

// credentials are what all accounts of a section sign in with.
type credentials struct {
	auth      Auth
	of        Identity
	transport policy.Transporter

	mu     sync.Mutex
	one    *namedIdentity // nil: not asked for yet
	secret string         // that one was made with
}

func newCredentials(o Options) *credentials {
	c := &credentials{auth: o.Auth, of: o.Identity, transport: o.Transport}
	if c.transport == nil {
		c.transport = newTransport(o)
	}
	return c
}

// apart are the same with tokens of their own. The SDK's credentials let one wait for the
// token that another asks for, of another service too: reading is to wait for none.
func (c *credentials) apart() *credentials {
	return &credentials{auth: c.auth, of: c.of, transport: c.transport}
}

// close ends the connections, which are idle once the requests have ended.
func (c *credentials) close() {
	if own, ok := c.transport.(*http.Client); ok {
		own.CloseIdleConnections()
	}
}

// identity gives tokens for the cloud that an endpoint belongs to. It is the
// same for all accounts, so that they share its tokens, until there is another
// secret.
func (c *credentials) identity(endpoint string) (azcore.TokenCredential, error) {
	secret, err := c.of.read()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.one != nil && c.secret == secret {
		return c.one, nil
	}
	one, err := newIdentity(c.auth, c.of, secret, azcore.ClientOptions{
		Cloud: cloudOf(endpoint), Transport: c.transport,
		Retry: policy.RetryOptions{MaxRetries: -1}, // accounts wait by themselves
	})
	if err != nil {
		return nil, err
	}
	c.one, c.secret = one, secret
	return one, nil
}

// name is of the identity, for messages.
func (c *credentials) name() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.one.name
}
