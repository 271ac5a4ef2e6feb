package token

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// entra is Microsoft Entra ID: instance discovery, the OpenID configuration of
// a tenant, and its tokens for client credentials (RFC 6749, 4.4; RFC 7523).
func (s *Service) entra() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /common/discovery/instance", discoverInstance)
	mux.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", configuration)
	mux.HandleFunc("POST /{tenant}/oauth2/v2.0/token", s.token)
	return mux
}

// discoverInstance knows the public cloud only, as the real one knows no
// private clouds.
func discoverInstance(w http.ResponseWriter, r *http.Request) {
	endpoint, err := url.Parse(r.FormValue("authorization_endpoint"))
	if err != nil || r.FormValue("api-version") != "1.1" || !slices.Contains(publicHosts, endpoint.Host) {
		refuse(w, http.StatusBadRequest, "invalid_instance", 50049, "Unknown or invalid instance.")
		return
	}
	tenant, _, _ := strings.Cut(strings.TrimPrefix(endpoint.Path, "/"), "/")
	answer(w, http.StatusOK, map[string]any{
		"tenant_discovery_endpoint": "https://" + publicHosts[0] + "/" + tenant + "/v2.0/.well-known/openid-configuration",
		"api-version":               "1.1",
		"metadata": []any{map[string]any{
			"preferred_network": publicHosts[0], "preferred_cache": "login.windows.net", "aliases": publicHosts}},
	})
}

func configuration(w http.ResponseWriter, r *http.Request) {
	tenant := r.PathValue("tenant")
	if !slices.Contains(tenants, tenant) {
		refuse(w, http.StatusBadRequest, "invalid_tenant", 90002, "Tenant '"+tenant+"' not found.")
		return
	}
	base := "https://" + r.Host + "/" + tenant
	answer(w, http.StatusOK, map[string]any{
		"token_endpoint": base + "/oauth2/v2.0/token", "authorization_endpoint": base + "/oauth2/v2.0/authorize",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		"jwks_uri":                              base + "/discovery/v2.0/keys",
		"issuer":                                "https://" + publicHosts[0] + "/" + tenant + "/v2.0",
		"cloud_instance_name":                   "microsoftonline.com", "tenant_region_scope": "EU",
	})
}

// token checks what the real service checks, in its order and with its codes.
func (s *Service) token(w http.ResponseWriter, r *http.Request) {
	tenant := r.PathValue("tenant")
	if !slices.Contains(tenants, tenant) {
		refuse(w, http.StatusBadRequest, "invalid_request", 90002, "Tenant '"+tenant+"' not found.")
		return
	}
	if grant := r.PostFormValue("grant_type"); grant != "client_credentials" {
		refuse(w, http.StatusBadRequest, "unsupported_grant_type", 70003, "The app requested an unsupported grant type '"+grant+"'.")
		return
	}
	id := r.PostFormValue("client_id")
	i := s.find(func(i *Identity) bool {
		return i.ClientID == id && i.Tenant == tenant && (i.kind == servicePrincipal || i.kind == workloadIdentity)
	})
	if i == nil {
		refuse(w, http.StatusBadRequest, "unauthorized_client", 700016, "Application with identifier '"+id+"' was not found in the directory.")
		return
	}
	if claims := r.PostFormValue("claims"); claims != "" && !json.Valid([]byte(claims)) {
		i.deny()
		refuse(w, http.StatusBadRequest, "invalid_request", 900236, "The claims parameter is not JSON.")
		return
	}
	resource, ok := scoped(r.PostFormValue("scope"))
	if !ok {
		i.deny()
		refuse(w, http.StatusBadRequest, "invalid_scope", 1002012, "The provided value for scope is not valid.")
		return
	}
	if i.certified != nil && !i.signed(r.PostFormValue("client_assertion")) {
		i.deny()
		refuse(w, http.StatusUnauthorized, "invalid_client", 700027, "The certificate with identifier used to sign the client assertion is not registered on application.")
		return
	}
	if i.kind == servicePrincipal && i.certified == nil && r.PostFormValue("client_secret") != i.Secret {
		i.deny()
		refuse(w, http.StatusUnauthorized, "invalid_client", 7000215, "Invalid client secret provided.")
		return
	}
	if i.kind == workloadIdentity && (r.PostFormValue("client_assertion") != i.Secret ||
		r.PostFormValue("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer") {
		i.deny()
		refuse(w, http.StatusUnauthorized, "invalid_client", 700213, "No matching federated identity record found for presented assertion.")
		return
	}
	lifetime, refusal := i.ask()
	if refusal != 0 {
		refuseFor(w, refusal)
		return
	}
	seconds := int(lifetime / time.Second)
	answer(w, http.StatusOK, map[string]any{"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds,
		"access_token": s.issue(i, resource, lifetime)})
}

// scoped is the resource of a scope of client credentials. MSAL adds those of
// OpenID, which mean nothing there.
func scoped(scope string) (resource string, ok bool) {
	for _, one := range strings.Fields(scope) {
		if name, is := strings.CutSuffix(one, "/.default"); is {
			resource, ok = resources[strings.TrimSuffix(name, "/")]
		} else if !slices.Contains([]string{"openid", "offline_access", "profile"}, one) {
			return "", false
		}
	}
	return resource, ok
}

func refuseFor(w http.ResponseWriter, status int) {
	switch status {
	case http.StatusUnauthorized:
		refuse(w, status, "invalid_client", 7000222, "The provided client secret keys are expired.")
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "1")
		refuse(w, status, "temporarily_unavailable", 90055, "There are too many requests.")
	case http.StatusBadRequest:
		refuse(w, status, "invalid_client", 7000112, "Application is disabled.")
	default:
		refuse(w, status, "temporarily_unavailable", 90033, "A transient error has occurred. Please try again.")
	}
}

func refuse(w http.ResponseWriter, status int, name string, code int, text string) {
	const id = "0a0b0c0d-0000-4000-8000-0e0f00000000"
	now := time.Now().UTC().Format("2006-01-02 15:04:05Z")
	answer(w, status, map[string]any{
		"error": name, "error_codes": []int{code}, "timestamp": now, "trace_id": id, "correlation_id": id,
		"error_description": fmt.Sprintf("AADSTS%d: %s Trace ID: %s Correlation ID: %s Timestamp: %s", code, text, id, id, now),
		"error_uri":         fmt.Sprintf("https://login.microsoftonline.com/error?code=%d", code),
	})
}
