package storage

import (
	"net/url"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
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

// identities get tokens. What they need beyond ClientOptions they take from the
// environment, as all tools for Azure do.
var identities = map[Auth]func(azcore.ClientOptions) (azcore.TokenCredential, error){
	AuthManagedIdentity: func(c azcore.ClientOptions) (azcore.TokenCredential, error) {
		o := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: c}
		if id := os.Getenv("AZURE_CLIENT_ID"); id != "" {
			o.ID = azidentity.ClientID(id)
		}
		return azidentity.NewManagedIdentityCredential(o)
	},
	AuthWorkloadIdentity: func(c azcore.ClientOptions) (azcore.TokenCredential, error) {
		return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{ClientOptions: c, DisableInstanceDiscovery: privateCloud()})
	},
	AuthServicePrincipal: func(c azcore.ClientOptions) (azcore.TokenCredential, error) {
		return azidentity.NewEnvironmentCredential(&azidentity.EnvironmentCredentialOptions{ClientOptions: c, DisableInstanceDiscovery: privateCloud()})
	},
}

// privateCloud tells whether tokens come from a sign-in service that the public
// cloud may not know: asking there whether it exists would fail.
func privateCloud() bool { return os.Getenv("AZURE_AUTHORITY_HOST") != "" }

// newIdentity is the identity of a way to sign in. For auto it is the chain of
// those that the environment offers. Developers' tools are left out: an agent
// has no business starting the CLI.
func newIdentity(auth Auth, c azcore.ClientOptions) (azcore.TokenCredential, error) {
	if one := identities[auth]; one != nil {
		return one(c)
	}
	var chain []azcore.TokenCredential
	for _, auth := range []Auth{AuthServicePrincipal, AuthWorkloadIdentity, AuthManagedIdentity} {
		if one, err := identities[auth](c); err == nil {
			chain = append(chain, one)
		}
	}
	return azidentity.NewChainedTokenCredential(chain, nil)
}

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
