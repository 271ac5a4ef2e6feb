package token

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// Tenant is the one that all identities are of, but for those of another one that
// is asked for.
const (
	Tenant        = "7e4a0000-0000-4000-8000-00000000c0de"
	AnotherTenant = "7e4a0000-0000-4000-8000-0000000c0de2"
)

var tenants = []string{Tenant, AnotherTenant}

// The names of Entra ID in the public cloud.
var publicHosts = []string{"login.microsoftonline.com", "login.microsoft.com", "login.windows.net", "sts.windows.net"}

// Service issues tokens to its identities until the test ends.
type Service struct {
	CA        *CA
	Authority string // its own URL, for AZURE_AUTHORITY_HOST
	Proxy     string // URL of the proxy

	t    testing.TB
	dir  string
	imds bool // it listens where IMDS does

	mu         sync.Mutex
	routes     map[string]string // to host:port, by host name or by its end (".example.com")
	identities []*Identity
	tokens     map[string]issued
}

// issued is what was written into a token.
type issued struct {
	resource string
	expires  time.Time
}

// New starts a service without identities. The first in a network namespace
// (InNamespace) has the address of IMDS.
func New(t testing.TB) *Service {
	t.Helper()
	s := &Service{CA: NewCA(t), t: t, dir: t.TempDir(), routes: map[string]string{}, tokens: map[string]issued{}}
	authority := Serve(t, "127.0.0.1:0", s.CA.Server(append(publicHosts, "127.0.0.1")...), s.entra())
	s.Authority = "https://" + authority
	for _, host := range publicHosts {
		s.Route(host, authority)
	}
	s.Proxy = "http://" + Serve(t, "127.0.0.1:0", nil, http.HandlerFunc(s.proxy))
	if l, err := net.Listen("tcp", imdsAddress+":80"); err == nil {
		l.Close()
		Serve(t, imdsAddress+":80", nil, http.HandlerFunc(s.instanceMetadata))
		s.imds = true
	}
	return s
}

// Serve answers requests until the test ends; without TLS where that is nil.
func Serve(t testing.TB, address string, config *tls.Config, h http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", address)
	check(t, err)
	address = l.Addr().String()
	if config != nil {
		l = tls.NewListener(l, config)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return address
}

// Valid tells whether a request has a token of this service for a resource,
// such as https://management.azure.com, that has not expired.
func (s *Service) Valid(r *http.Request, resource string) bool {
	text, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	defer s.mu.Unlock()
	token, ok := s.tokens[text]
	return ok && token.resource == resource && time.Now().Before(token.expires)
}

// resources are what tokens are for, by the names that clients give them.
var resources = map[string]string{
	"https://storage.azure.com":           "https://storage.azure.com",
	"https://management.azure.com":        "https://management.azure.com",
	"https://management.core.windows.net": "https://management.azure.com",
	"https://monitor.azure.com":           "https://monitor.azure.com",
}

// issue makes a token as Entra ID does: valid since five minutes ago, and a
// moment longer than the client is told.
func (s *Service) issue(i *Identity, resource string, lifetime time.Duration) string {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	expires := now.Add(lifetime + time.Second)
	text := jwt(map[string]any{
		"aud": resource, "iss": "https://sts.windows.net/" + i.Tenant + "/", "tid": i.Tenant, "ver": "1.0",
		"iat": now.Add(-5 * time.Minute).Unix(), "nbf": now.Add(-5 * time.Minute).Unix(), "exp": expires.Unix(),
		"appid": i.ClientID, "oid": i.ClientID, "sub": i.ClientID, "idtyp": "app",
		"uti": fmt.Sprintf("%022d", len(s.tokens)),
	})
	s.tokens[text] = issued{resource, expires}
	return text
}

// find gives the first identity that is it.
func (s *Service) find(is func(*Identity) bool) *Identity {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range s.identities {
		if is(i) {
			return i
		}
	}
	return nil
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}
