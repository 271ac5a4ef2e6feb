package storage

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestReason(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status     int
		body, want string
	}{
		{401, `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '11112222-bbbb-3333-cccc-4444dddd5555'. Trace ID: 0000aaaa-11bb-cccc-dd22-eeeeee333333 Correlation ID: aaaa0000-bb11-2222-33cc-444444dddddd Timestamp: 2024-05-06 07:08:09Z","error_codes":[7000215]}`,
			"HTTP 401 invalid_client AADSTS7000215: Invalid client secret provided"},
		{400, `{"error":"invalid_request","error_description":"Identity not found"}`, "HTTP 400 invalid_request Identity not found"},
		{400, `{"statusCode":400,"message":"No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId."}`,
			"HTTP 400 No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId."},
		{403, `{"error":{"code":"AccessDenied","message":"Please provide below info when asking for support: …"}}`, "HTTP 403 AccessDenied"},
		{429, `{"error":{"code":"RateLimiting","message":"…","details":[{"code":"RateLimiting","message":"…"}]}}`, "HTTP 429 RateLimiting"},
		{400, `{"error":{"code":"BadRequest","message":"…","details":[{"code":"InvalidQuery","message":"…"},{"code":"ParserFailure","message":"…"}]}}`,
			"HTTP 400 BadRequest InvalidQuery ParserFailure"},
		{502, "<html>\n<h1>Bad gateway</h1>", "HTTP 502"},
		{500, "", "HTTP 500"},
		{400, `{"error":"` + strings.Repeat("long ", 100) + `"}`, "HTTP 400 " + strings.Repeat("long ", 78) + "…"},
	} {
		answer := &http.Response{StatusCode: tt.status, Body: io.NopCloser(strings.NewReader(tt.body))}
		for range 2 { // the body can be read again
			if got := reason(answer); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		}
	}
}
