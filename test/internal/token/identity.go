package token

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

type kind int

const (
	servicePrincipal kind = iota
	workloadIdentity
	appService
	virtualMachine
)

// Identity is who gets tokens, which are counted.
type Identity struct {
	ClientID string
	Tenant   string
	Secret   string // client secret, federated token, or identity header
	// Environment signs a process in, with all that it needs to reach and to
	// trust the services of this test.
	Environment []string

	kind      kind
	certified *rsa.PublicKey // in place of Secret; may be nil

	mu       sync.Mutex
	lifetime time.Duration
	refusal  int
	issued   int
	refused  int
}

// ServicePrincipal signs in with a client secret.
func (s *Service) ServicePrincipal() *Identity {
	i := s.identity(servicePrincipal, "cli8Q~entsecret.of-the-test_0123456789abcd")
	i.Environment = append(i.Environment, "AZURE_TENANT_ID="+Tenant, "AZURE_CLIENT_ID="+i.ClientID, "AZURE_CLIENT_SECRET="+i.Secret)
	return i
}

// Principal is a service principal whose Environment does not name it: a section of
// a configuration does.
func (s *Service) Principal(tenant string) *Identity {
	i := s.identity(servicePrincipal, "cli8Q~entsecret.of-"+tenant)
	i.Tenant = tenant
	return i
}

// CertifiedPrincipal signs in with a certificate, in a PEM file with its key.
func (s *Service) CertifiedPrincipal(tenant string) (i *Identity, file string) {
	i = s.Principal(tenant)
	i.Secret = ""
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	check(s.t, err)
	template := s.CA.template("nsgflow")
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	check(s.t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	check(s.t, err)
	file = filepath.Join(s.dir, i.ClientID+".pem")
	text := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	check(s.t, os.WriteFile(file, text, 0o600))
	i.certified = &key.PublicKey
	return i, file
}

// WorkloadIdentity signs in with the token of a Kubernetes service account, by
// the environment that the webhook of Azure Workload Identity sets.
func (s *Service) WorkloadIdentity() *Identity {
	now := time.Now()
	i := s.identity(workloadIdentity, jwt(map[string]any{
		"iss": "https://oidc.example.com/cluster/", "aud": []string{"api://AzureADTokenExchange"},
		"sub": "system:serviceaccount:logging:fluent-bit",
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}))
	file := filepath.Join(s.dir, i.ClientID+".token")
	check(s.t, os.WriteFile(file, []byte(i.Secret), 0o600))
	i.Environment = append(i.Environment, "AZURE_TENANT_ID="+Tenant, "AZURE_CLIENT_ID="+i.ClientID,
		"AZURE_FEDERATED_TOKEN_FILE="+file, "AZURE_AUTHORITY_HOST=https://login.microsoftonline.com/")
	return i
}

// AppService is the managed identity of an app.
func (s *Service) AppService() *Identity {
	i := s.identity(appService, "853b9a84-5bfa-4b22-a3f3-0b9a43d9ad8a")
	i.Environment = append(i.Environment, "IDENTITY_HEADER="+i.Secret,
		"IDENTITY_ENDPOINT=http://"+Serve(s.t, "127.0.0.1:0", nil, i.appService(s))+"/msi/token")
	return i
}

// VirtualMachine is the managed identity of a machine. Where there are several,
// AZURE_CLIENT_ID says which; without, it is the first.
func (s *Service) VirtualMachine() *Identity {
	i := s.identity(virtualMachine, "")
	if !s.imds {
		i.Environment = append(i.Environment, "HTTP_PROXY="+s.Proxy)
	}
	return i
}

func (s *Service) identity(k kind, secret string) *Identity {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := &Identity{
		Tenant:      Tenant,
		ClientID:    fmt.Sprintf("c11e0000-0000-4000-8000-%012d", len(s.identities)),
		Environment: []string{"SSL_CERT_FILE=" + s.CA.File, "HTTPS_PROXY=" + s.Proxy, "NO_PROXY="},
		Secret:      secret, kind: k, lifetime: time.Hour,
	}
	s.identities = append(s.identities, i)
	return i
}

// SetLifetime is for the tokens from now on, in whole seconds. It is an hour
// before. Clients renew a token of less than five minutes at its end, or 30
// seconds after they got it, whichever comes first.
func (i *Identity) SetLifetime(d time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.lifetime = d
}

// Refuse answers what asks for a token with a status (400, 401, 429, 500)
// until it is 0. The SDK repeats the latter two by itself, for IMDS for
// minutes.
func (i *Identity) Refuse(status int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.refusal = status
}

// Issued is how many tokens there were, Refused how often there was none.
func (i *Identity) Issued() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.issued
}

func (i *Identity) Refused() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.refused
}

// ask is the lifetime of a token, or the status of its refusal.
func (i *Identity) ask() (lifetime time.Duration, refusal int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.refusal != 0 {
		i.refused++
	} else {
		i.issued++
	}
	return i.lifetime, i.refusal
}

// deny counts a request that is wrong.
func (i *Identity) deny() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.refused++
}
