package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// Auth is a way to sign in.
type Auth string

const (
	AuthAuto             Auth = "auto"
	AuthConnectionString Auth = "connection_string"
	AuthAccountKey       Auth = "account_key"
	AuthSASToken         Auth = "sas_token"
	AuthManagedIdentity  Auth = "managed_identity"
	AuthWorkloadIdentity Auth = "workload_identity"
	AuthServicePrincipal Auth = "service_principal"
)

// Auths are all ways to sign in.
func Auths() []Auth {
	return []Auth{AuthAuto, AuthConnectionString, AuthAccountKey, AuthSASToken, AuthManagedIdentity, AuthWorkloadIdentity, AuthServicePrincipal}
}

// Identity is as whom a section signs in. What is empty comes from the environment,
// as all tools for Azure take it from there; but the secret of the environment belongs
// to the identity of the environment: where one of these is given, none is taken.
type Identity struct {
	TenantID, ClientID string
	ClientSecret       Secret // of a service principal
	ClientCertificate  string // likewise: path of a PEM or PKCS #12 file with certificate and key
}

// principal reports whether it is a service principal, whatever the environment holds.
func (i Identity) principal() bool { return i.ClientSecret != "" || i.ClientCertificate != "" }

func (i Identity) tenant() string { return cmp.Or(i.TenantID, os.Getenv("AZURE_TENANT_ID")) }
func (i Identity) client() string { return cmp.Or(i.ClientID, os.Getenv("AZURE_CLIENT_ID")) }

// read is the secret or the certificate as it is now; empty: none is given.
func (i Identity) read() (text string, err error) {
	if path := i.ClientCertificate; path != "" {
		content, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("option client_certificate: %w", err)
		}
		return string(content), nil
	}
	if text, err = i.ClientSecret.read(""); err != nil {
		return "", fmt.Errorf("option client_secret: %w", err)
	}
	return text, nil
}

// identityKind is a way to get tokens.
type identityKind struct {
	name func(Identity) string // for messages
	open func(i Identity, secret string, c azcore.ClientOptions) (azcore.TokenCredential, error)
}

var identities = map[Auth]identityKind{
	AuthManagedIdentity: {
		func(i Identity) string {
			if id := i.client(); id != "" {
				return "managed identity " + id
			}
			return "the system-assigned managed identity"
		},
		func(i Identity, _ string, c azcore.ClientOptions) (azcore.TokenCredential, error) {
			o := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: c}
			if id := i.client(); id != "" {
				o.ID = azidentity.ClientID(id)
			}
			return azidentity.NewManagedIdentityCredential(o)
		}},
	AuthWorkloadIdentity: {
		func(i Identity) string { return "workload identity " + i.inTenant() },
		func(i Identity, _ string, c azcore.ClientOptions) (azcore.TokenCredential, error) {
			return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
				ClientOptions: c, ClientID: i.ClientID, TenantID: i.TenantID, DisableInstanceDiscovery: privateCloud()})
		}},
	AuthServicePrincipal: {
		func(i Identity) string { return "service principal " + i.inTenant() },
		openPrincipal},
}

func (i Identity) inTenant() string {
	return fmt.Sprintf("%s of tenant %s", cmp.Or(i.client(), "without client_id"), cmp.Or(i.tenant(), "without tenant_id"))
}

// openPrincipal signs in with what a section gives; without that, with what the
// environment does.
func openPrincipal(i Identity, secret string, c azcore.ClientOptions) (azcore.TokenCredential, error) {
	switch {
	case i == Identity{}:
		return azidentity.NewEnvironmentCredential(&azidentity.EnvironmentCredentialOptions{ClientOptions: c, DisableInstanceDiscovery: privateCloud()})
	case !i.principal():
		return nil, errors.New("client_secret or client_certificate is missing")
	case i.tenant() == "" || i.client() == "":
		return nil, errors.New("tenant_id or client_id is missing")
	case i.ClientSecret != "":
		return azidentity.NewClientSecretCredential(i.tenant(), i.client(), secret,
			&azidentity.ClientSecretCredentialOptions{ClientOptions: c, DisableInstanceDiscovery: privateCloud()})
	}
	certificates, key, err := azidentity.ParseCertificates([]byte(secret), []byte(os.Getenv("AZURE_CLIENT_CERTIFICATE_PASSWORD")))
	if err != nil {
		return nil, fmt.Errorf("client_certificate %q: %w", i.ClientCertificate, err)
	}
	return azidentity.NewClientCertificateCredential(i.tenant(), i.client(), certificates, key,
		&azidentity.ClientCertificateCredentialOptions{ClientOptions: c, DisableInstanceDiscovery: privateCloud()})
}

// privateCloud tells whether tokens come from a sign-in service that the public
// cloud may not know: asking there whether it exists would fail.
func privateCloud() bool { return os.Getenv("AZURE_AUTHORITY_HOST") != "" }

// newIdentity is the identity of a way to sign in. For auto it is the chain of
// those that the environment offers, or the service principal that is given.
// Developers' tools are left out: an agent has no business starting the CLI.
func newIdentity(auth Auth, i Identity, secret string, c azcore.ClientOptions) (*namedIdentity, error) {
	if (auth == AuthAuto || auth == "") && i.principal() {
		auth = AuthServicePrincipal
	}
	if kind, ok := identities[auth]; ok {
		one, err := kind.open(i, secret, c)
		return &namedIdentity{one, kind.name(i)}, err
	}
	var chain []azcore.TokenCredential
	var names []string
	for _, auth := range []Auth{AuthServicePrincipal, AuthWorkloadIdentity, AuthManagedIdentity} {
		if one, err := identities[auth].open(i, secret, c); err == nil {
			chain, names = append(chain, one), append(names, identities[auth].name(i))
		}
	}
	one, err := azidentity.NewChainedTokenCredential(chain, nil)
	return &namedIdentity{one, strings.Join(names, ", else ")}, err
}

// namedIdentity says in its errors who gets no token.
type namedIdentity struct {
	azcore.TokenCredential
	name string
}

func (n *namedIdentity) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, err := n.TokenCredential.GetToken(ctx, o)
	if err != nil {
		err = &signInError{n.name, err}
	}
	return token, err
}

// signInError is of an identity that gets no token.
type signInError struct {
	name string
	err  error
}

func (s *signInError) Error() string { return s.name + ": " + s.err.Error() }
func (s *signInError) Unwrap() error { return s.err }

// cloudOf tells where to ask for tokens. Zero: the public cloud, or what
// AZURE_AUTHORITY_HOST says.
func cloudOf(endpoint string) cloud.Configuration {
	for suffix, c := range map[string]cloud.Configuration{
		".chinacloudapi.cn": cloud.AzureChina, ".usgovcloudapi.net": cloud.AzureGovernment} {
		if u, err := url.Parse(endpoint); err == nil && strings.HasSuffix(u.Hostname(), suffix) {
			return c
		}
	}
	return cloud.Configuration{}
}
