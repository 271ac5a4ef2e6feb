package token

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// imdsAddress is link-local, and the same on each virtual machine.
const imdsAddress = "169.254.169.254"

// appService is the endpoint of an app's identity, version 2019-08-01 ("How to
// use managed identities for App Service").
func (i *Identity) appService(s *Service) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Identity-Header") != i.Secret {
			i.deny()
			answer(w, http.StatusUnauthorized, map[string]any{"statusCode": 401, "message": "Unauthorized"})
			return
		}
		s.managed(w, r, i, "2019-08-01", func(status int, text string) {
			answer(w, status, map[string]any{"statusCode": status, "message": text})
		})
	})
}

// instanceMetadata is the part of IMDS that issues tokens ("How to use managed
// identities on an Azure VM to acquire an access token").
func (s *Service) instanceMetadata(w http.ResponseWriter, r *http.Request) {
	fail := func(status int, text string) {
		answer(w, status, map[string]any{"error": "invalid_request", "error_description": text})
	}
	id := r.URL.Query().Get("client_id")
	i := s.find(func(i *Identity) bool { return i.kind == virtualMachine && (id == "" || id == i.ClientID) })
	switch {
	case r.URL.Path != "/metadata/identity/oauth2/token":
		fail(http.StatusNotFound, "Not found")
	case r.Header.Get("Metadata") != "true" || r.Header.Get("X-Forwarded-For") != "":
		fail(http.StatusBadRequest, "Required metadata header not specified")
	case i == nil:
		fail(http.StatusBadRequest, "Identity not found")
	default:
		s.managed(w, r, i, "2018-02-01", fail)
	}
}

// managed answers for both. All values are texts, and a client ID is given
// where the identity is the user's own.
func (s *Service) managed(w http.ResponseWriter, r *http.Request, i *Identity, version string, fail func(status int, text string)) {
	query := r.URL.Query()
	resource, known := resources[strings.TrimSuffix(query.Get("resource"), "/")]
	id := query.Get("client_id")
	if r.Method != http.MethodGet || query.Get("api-version") != version || !known || id != "" && id != i.ClientID {
		i.deny()
		fail(http.StatusBadRequest, "Identity not found")
		return
	}
	lifetime, refusal := i.ask()
	if refusal != 0 {
		fail(refusal, "Refused")
		return
	}
	seconds := int(lifetime / time.Second)
	body := map[string]any{"token_type": "Bearer", "resource": query.Get("resource"), "client_id": i.ClientID,
		"expires_on": fmt.Sprint(time.Now().Unix() + int64(seconds)), "access_token": s.issue(i, resource, lifetime)}
	if i.kind == virtualMachine {
		body["expires_in"], body["ext_expires_in"] = fmt.Sprint(seconds), fmt.Sprint(seconds)
		body["not_before"] = fmt.Sprint(time.Now().Add(-5 * time.Minute).Unix())
	}
	answer(w, http.StatusOK, body)
}
