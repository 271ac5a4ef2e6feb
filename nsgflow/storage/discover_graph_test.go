package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/google/go-cmp/cmp"

	"fluent-bit-nsgflow/test/azure"
)

const (
	subscriptionA = "2ab00000-0000-4000-8000-00000000beef"
	subscriptionB = "3cd00000-0000-4000-8000-00000000beef"
)

// graphToken signs in for what it is asked for.
type graphToken struct{}

func (graphToken) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: strings.Join(o.Scopes, " "), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// discoveryAt asks a server that stands for the resource manager of a cloud.
func discoveryAt(t *testing.T, h http.Handler, subscriptions ...string) *discovery {
	t.Helper()
	server := httptest.NewTLSServer(h)
	t.Cleanup(server.Close)
	here := cloud.Configuration{
		ActiveDirectoryAuthorityHost: "https://login.example.com/",
		Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
			cloud.ResourceManager: {Endpoint: server.URL, Audience: "https://management.example.com"}},
	}
	d, err := newDiscovery(graphToken{}, here, server.Client(), subscriptions)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// answers are those of Azure, one after the other, as they stand in the
// reference of the REST API ("Resources - Resources", 2024-04-01) and come.
type answers struct {
	t    *testing.T
	list []string // header fields, an empty line, and a body; or a body
	asks []string
}

func (a *answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.asks = append(a.asks, string(body))
	if got := r.Header.Get("Authorization"); got != "Bearer https://management.example.com/.default" {
		a.t.Errorf("token %q", got)
	}
	if got := r.Method + " " + r.URL.String(); got != "POST /providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01" {
		a.t.Errorf("asked %s", got)
	}
	if len(a.asks) > len(a.list) {
		a.t.Errorf("asked once more: %s", body)
		return
	}
	status := http.StatusOK
	head, text, ok := strings.Cut(a.list[len(a.asks)-1], "\n\n")
	if !ok {
		head, text = "", head
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	for line := range strings.Lines(head) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if name == "status" {
			fmt.Sscan(value, &status)
		} else {
			w.Header().Set(name, value)
		}
	}
	w.WriteHeader(status)
	io.WriteString(w, text)
}

const onePage = `{"totalRecords":1,"count":1,"data":[{"id":"/subscriptions/2ab00000-0000-4000-8000-00000000beef/resourcegroups/edge/providers/microsoft.storage/storageaccounts/edgelogs","endpoint":"https://edgelogs.blob.core.windows.net/"}],"facets":[],"resultTruncated":"false"}`

func TestDiscovery(t *testing.T) {
	edge := foundAccount{Name: "edgelogs", Endpoint: "https://edgelogs.blob.core.windows.net"}
	for _, tt := range []struct {
		name    string
		answers []string
		want    []foundAccount
		err     string
		unusual []string
	}{
		{name: "one", answers: []string{onePage}, want: []foundAccount{edge}},
		{name: "none", answers: []string{`{"totalRecords":0,"count":0,"data":[],"facets":[],"resultTruncated":"false"}`}},
		{name: "pages", answers: []string{
			`{"totalRecords":4,"count":2,"data":[{"id":"/subscriptions/a/resourcegroups/rg/providers/microsoft.storage/storageaccounts/zulu","endpoint":""},{"id":"/subscriptions/b/resourcegroups/rg/providers/microsoft.storage/storageaccounts/alpha","endpoint":"https://alpha.z01.blob.storage.azure.net/"}],"facets":[],"resultTruncated":"false","$skipToken":"ew0KICAiJGlkIjogIjEiLA0KICAiTWF4Um93cyI6IDINCn0="}`,
			`{"totalRecords":4,"count":1,"data":[{"id":"/subscriptions/c/resourcegroups/rg/providers/microsoft.storage/storageaccounts/mike","endpoint":null}],"facets":[],"resultTruncated":"false","$skipToken":"ew0KICAiJGlkIjogIjEiLA0KICAiTWF4Um93cyI6IDMNCn0="}`,
			`{"totalRecords":4,"count":1,"data":[{"id":"/subscriptions/d/resourcegroups/rg/providers/microsoft.storage/storageaccounts/november","endpoint":"https://november.blob.core.usgovcloudapi.net/"}],"facets":[],"resultTruncated":"false"}`,
		}, want: []foundAccount{{"alpha", "https://alpha.z01.blob.storage.azure.net"}, {"mike", ""},
			{"november", "https://november.blob.core.usgovcloudapi.net"}, {"zulu", ""}}},
		{name: "twice, in either case, moved, and once without endpoint", answers: []string{
			`{"totalRecords":4,"count":4,"data":[{"id":"/subscriptions/A/resourceGroups/RG/providers/Microsoft.Storage/storageAccounts/edgelogs","endpoint":"https://edgelogs.blob.core.windows.net/"},{"id":"/subscriptions/a/resourcegroups/rg/providers/microsoft.storage/storageaccounts/edgelogs","endpoint":"https://edgelogs.blob.core.windows.net/"},{"id":"/subscriptions/a/resourcegroups/old/providers/microsoft.storage/storageaccounts/edgelogs","endpoint":""},{"id":"/subscriptions/b/resourcegroups/rg/providers/microsoft.storage/storageaccounts/edgelogs"}],"facets":[],"resultTruncated":"false"}`},
			want: []foundAccount{edge}},
		{name: "unusable", answers: []string{
			`{"totalRecords":5,"count":5,"data":[{"id":"/subscriptions/a/resourcegroups/rg/providers/microsoft.classicstorage/storageaccounts/old","endpoint":""},{"id":"/subscriptions/a/resourcegroups/rg/providers/microsoft.classicstorage/storageaccounts/old","endpoint":""},{"id":"nonsense"},{"endpoint":"https://x.blob.core.windows.net/"},{"id":"/subscriptions/a/resourcegroups/rg/providers/microsoft.storage/storageaccounts/edgelogs","endpoint":"https://edgelogs.blob.core.windows.net/"}],"facets":[],"resultTruncated":"false"}`},
			want: []foundAccount{edge}, unusual: []string{"/subscriptions/a/resourcegroups/rg/providers/microsoft.classicstorage/storageaccounts/old", "nonsense", ""}},
		{name: "cut off", answers: []string{strings.Replace(onePage, `"false"`, `"true"`, 1)},
			err: "azure resource graph: the answer is cut off and has no next page, name fewer subscriptions"},
		{name: "a page that is its own next", answers: []string{strings.Replace(onePage, `"facets"`, `"$skipToken":"x","facets"`, 1), strings.Replace(onePage, `"facets"`, `"$skipToken":"x","facets"`, 1)},
			err: "azure resource graph: its pages name each other in a circle"},
		{name: "a table", answers: []string{`{"totalRecords":1,"count":1,"data":{"columns":[{"name":"id","type":"string"}],"rows":[["x"]]},"facets":[],"resultTruncated":"false"}`},
			err: "azure resource graph: data is map[string]interface {}, not a list"},
		{name: "throttled", want: []foundAccount{edge}, answers: []string{
			"status: 429\nRetry-After: 1\nx-ms-user-quota-remaining: 0\nx-ms-user-quota-resets-after: 00:00:01\n\n" +
				`{"error":{"code":"RateLimiting","message":"Please provide below info when asking for support: timestamp = 2024-05-06T07:08:09Z, correlationId = 5f2b0000-0000-4000-8000-000000000000.","details":[{"code":"RateLimiting","message":"Client application has been throttled and should not attempt to repeat the request until an amount of time has elapsed."}]}}`,
			onePage}},
		{name: "throttled, without Retry-After", want: []foundAccount{edge}, answers: []string{
			"status: 429\nx-ms-user-quota-remaining: 0\nx-ms-user-quota-resets-after: 00:00:02\n\n" + `{"error":{"code":"RateLimiting"}}`, onePage}},
		{name: "throttled for long", err: "azure resource graph: HTTP 429 RateLimiting", answers: []string{
			"status: 429\nRetry-After: 300\nx-ms-user-quota-remaining: 0\n\n" + `{"error":{"code":"RateLimiting","message":"…"}}`}},
		{name: "no rights", err: "azure resource graph: HTTP 403 AccessDenied", answers: []string{
			"status: 403\n\n" + `{"error":{"code":"AccessDenied","message":"Please provide below info when asking for support: …"}}`}},
		{name: "no subscription", err: "azure resource graph: HTTP 400 BadRequest NoValidSubscriptionsInQueryRequest", answers: []string{
			"status: 400\n\n" + `{"error":{"code":"BadRequest","message":"Please provide below info when asking for support: timestamp = 2024-05-06T07:08:09Z, correlationId = 5f2b0000-0000-4000-8000-000000000000.","details":[{"code":"NoValidSubscriptionsInQueryRequest","message":"There must be at least one subscription that is eligible to contain resources. Given: '2ab00000-0000-4000-8000-00000000beef'."}]}}`}},
		{name: "something else", err: "azure resource graph: HTTP 404", answers: []string{"status: 404\n\n<html>"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := &answers{t: t, list: tt.answers}
			d := discoveryAt(t, a, subscriptionA)
			var unusual []string
			d.onUnusable = func(id string) { unusual = append(unusual, id) }
			got, err := d.accounts(t.Context())
			if (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.unusual, unusual); diff != "" {
				t.Error(diff)
			}
			if len(a.asks) != len(a.list) {
				t.Errorf("asked %d times, not %d", len(a.asks), len(a.list))
			}
		})
	}
}

// What is unusable is named once, however often it is found.
func TestUnusableOnce(t *testing.T) {
	t.Parallel()
	const odd = `{"totalRecords":1,"count":1,"data":[{"id":"nonsense"}],"facets":[],"resultTruncated":"false"}`
	d := discoveryAt(t, &answers{t: t, list: []string{odd, odd}})
	named := 0
	d.onUnusable = func(string) { named++ }
	for range 2 {
		if _, err := d.accounts(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if named != 1 {
		t.Errorf("named %d times", named)
	}
}

// The request is the one of the reference, and the same on each page but for
// the token.
func TestDiscoveryRequest(t *testing.T) {
	t.Parallel()
	a := &answers{t: t, list: []string{strings.Replace(onePage, `"facets"`, `"$skipToken":"next","facets"`, 1), onePage}}
	if _, err := discoveryAt(t, a, subscriptionA, subscriptionB).accounts(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, ask := range a.asks {
		want := map[string]any{"query": accountsQuery, "subscriptions": []any{subscriptionA, subscriptionB},
			"options": map[string]any{"resultFormat": "objectArray", "$top": 1000.0}}
		if i == 1 {
			want["options"].(map[string]any)["$skipToken"] = "next"
		}
		got := map[string]any{}
		if err := json.Unmarshal([]byte(ask), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

// An estate of many pages and more subscriptions than a query takes.
func TestDiscoverEstate(t *testing.T) {
	t.Parallel()
	graph := &azure.ResourceGraph{}
	var rows []azure.FlowLogAccount
	var subscriptions []string
	for n := range 2500 {
		subscription := fmt.Sprintf("2ab00000-0000-4000-8000-%012d", n)
		subscriptions = append(subscriptions, subscription)
		id := azure.StorageID(subscriptionA, fmt.Sprintf("logs%05d", n/2)) // each in two subscriptions
		rows = append(rows, azure.FlowLogAccount{Subscription: subscription, StorageID: id})
	}
	graph.Set(300, rows...)
	graph.Fail(http.StatusServiceUnavailable, "ServiceUnavailable", "", "Retry-After", "1")
	for _, only := range [][]string{nil, subscriptions, subscriptions[:7]} {
		got, err := discoveryAt(t, graph, only...).accounts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := 1250
		if len(only) == 7 {
			want = 4
		}
		if len(got) != want || got[0].Name != "logs00000" || got[want-1].Name != fmt.Sprintf("logs%05d", want-1) {
			t.Errorf("%d accounts of %d", len(got), want)
		}
	}
}

// The answer stays in reach of who waits by it, and the secret out of the text.
func TestDiscoveryError(t *testing.T) {
	t.Parallel()
	graph := &azure.ResourceGraph{Authorized: func(*http.Request) bool { return false }}
	_, err := discoveryAt(t, graph).accounts(t.Context())
	var response *azcore.ResponseError
	if !errors.As(err, &response) || response.StatusCode != http.StatusUnauthorized {
		t.Errorf("%v", err)
	}
	if text := err.Error(); text != "azure resource graph: HTTP 401 InvalidAuthenticationToken" {
		t.Error(text)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := discoveryAt(t, graph).accounts(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// A refused sign-in says why, without what was sent.
func TestDiscoverySignIn(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	server := httptest.NewTLSServer(mux)
	defer server.Close()
	const tenant = "7e4a0000-0000-4000-8000-00000000c0de"
	mux.HandleFunc("/"+tenant+"/v2.0/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"token_endpoint":"%[1]s/token","authorization_endpoint":"%[1]s/authorize","issuer":"%[1]s"}`, server.URL)
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided. Ensure the secret is right. Trace ID: x"}`)
	})
	here := cloud.Configuration{ActiveDirectoryAuthorityHost: server.URL, Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
		cloud.ResourceManager: {Endpoint: server.URL, Audience: "https://management.example.com"}}}
	credential, err := azidentity.NewClientSecretCredential(tenant, "client", "s3cr3t-of-the-test", &azidentity.ClientSecretCredentialOptions{
		ClientOptions: azcore.ClientOptions{Cloud: here, Transport: server.Client()}, DisableInstanceDiscovery: true})
	if err != nil {
		t.Fatal(err)
	}
	d, err := newDiscovery(credential, here, server.Client(), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.accounts(t.Context())
	if err == nil || err.Error() != "azure resource graph: sign-in: HTTP 401 invalid_client AADSTS7000215: Invalid client secret provided" {
		t.Error(err)
	}
}

func TestCloudOfAuthority(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"":                                   "https://logs.blob.core.windows.net",
		"https://login.microsoftonline.com/": "https://logs.blob.core.windows.net",
		"https://login.microsoftonline.us":   "https://logs.blob.core.usgovcloudapi.net",
		"https://login.partner.microsoftonline.cn/": "https://logs.blob.core.chinacloudapi.cn",
		"https://login.chinacloudapi.cn/":           "https://logs.blob.core.chinacloudapi.cn",
		"https://adfs.local.azurestack.external/":   "",
		"login.microsoftonline.com":                 "",
	} {
		c, ok := cloudOfAuthority(host)
		if ok != (want != "") || ok && c.endpoint("logs") != want {
			t.Errorf("%s: %v, %s", host, ok, c.endpoint("logs"))
		}
		if ok && c.Services[cloud.ResourceManager].Endpoint == "" {
			t.Errorf("%s: no resource manager", host)
		}
	}
}
