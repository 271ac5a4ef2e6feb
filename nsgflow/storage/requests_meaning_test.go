package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// What is said of an error is its reason, in one line: neither the URL, which
// may hold a secret, nor the answer behind it, and cut nowhere within a word.
func TestDescribe(t *testing.T) {
	t.Parallel()
	response := func(status int, code, body string) error {
		r := answer(&http.Request{Method: "GET", URL: &url.URL{Scheme: "https", Host: "x", RawQuery: "sig=secret"}}, status, "x-ms-error-code", code, "x-ms-request-id", "5f2b")
		r.Body = io.NopCloser(strings.NewReader(body))
		return runtime.NewResponseError(r)
	}
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"answer", response(503, "ServerBusy", strings.Repeat("<Message>The server is busy.</Message>", 100)), "HTTP 503 ServerBusy (request 5f2b)"},
		{"URL", &url.Error{Op: "Get", URL: "https://x/?sig=secret", Err: errors.New("connection refused")}, "connection refused"},
		{"timeout", &url.Error{Op: "Get", URL: "https://x/?sig=secret", Err: context.DeadlineExceeded}, "no answer in time"},
		{"wrapped timeout", fmt.Errorf("reading: %w", context.DeadlineExceeded), "no answer in time"},
		{"file", &os.PathError{Op: "open", Path: "/secrets/one", Err: os.ErrPermission}, "open /secrets/one: permission denied"},
		{"lines", errors.New("one\n\ttwo\r\n three"), "one two three"},
		{"long", errors.New("reason: " + strings.Repeat("0123456 ", 100)), "reason: " + strings.TrimSpace(strings.Repeat("0123456 ", 49)) + " …"},
		{"long without blanks", errors.New(strings.Repeat("x", 500)), strings.Repeat("x", 400) + " …"},
		{"long, not ASCII", errors.New("x" + strings.Repeat("ä", 300)), "x" + strings.Repeat("ä", 199) + " …"},
	} {
		if got := describe(tt.err); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// A token that is not issued because its service fails is no secret that is wrong.
func TestTokenServiceFails(t *testing.T) {
	for status, want := range map[int]Reason{400: SignIn, 401: SignIn, 429: Service, 500: Service, 503: Service} {
		err := fmt.Errorf("reading: %w", &azidentity.AuthenticationFailedError{RawResponse: answer(&http.Request{Method: "POST"}, status)})
		if got := waits[newFault(err).meaning]; got != want {
			t.Errorf("%d: %s, want %s", status, got, want)
		}
	}
}
