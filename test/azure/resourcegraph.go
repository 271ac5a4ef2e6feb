package azure

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"fluent-bit-nsgflow/test/internal/token"
)

// ResourceGraph answers as Azure Resource Graph does, version 2024-04-01, the
// one query that finds the storage accounts of flow logs: its rows are given,
// not computed.
type ResourceGraph struct {
	// Authorized tells whether a request has a token. Nil: any will do.
	Authorized func(*http.Request) bool

	mu       sync.Mutex
	rows     []FlowLogAccount
	page     int
	failures []failure
	queries  int
}

// FlowLogAccount is a row: the storage account of a flow log.
type FlowLogAccount struct {
	Subscription string // of the flow log
	StorageID    string
	Endpoint     string // of the blobs; empty: the account is not readable
}

// StorageID is the resource ID of a storage account, in the case that Azure
// writes it.
func StorageID(subscription, name string) string {
	return "/subscriptions/" + subscription + "/resourceGroups/Edge-RG/providers/Microsoft.Storage/storageAccounts/" + name
}

type failure struct {
	status int
	header []string
	code   string
	detail string
}

// StartResourceGraph answers at https://management.azure.com, behind the proxy
// of a token service and to its tokens only, until the test ends.
func StartResourceGraph(t testing.TB, tokens *token.Service) *ResourceGraph {
	t.Helper()
	g := &ResourceGraph{Authorized: func(r *http.Request) bool { return tokens.Valid(r, "https://management.azure.com") }}
	tokens.Route("management.azure.com", token.Serve(t, "127.0.0.1:0", tokens.CA.Server("management.azure.com"), g))
	return g
}

// Set gives the rows from now on, with so many on a page (0: 1,000).
func (g *ResourceGraph) Set(page int, rows ...FlowLogAccount) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.page, g.rows = page, rows
}

// Fail answers the next request with an error; header is names and values.
func (g *ResourceGraph) Fail(status int, code, detail string, header ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.failures = append(g.failures, failure{status, header, code, detail})
}

// Queries is how many requests there were.
func (g *ResourceGraph) Queries() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.queries
}

type graphRequest struct {
	Query         string
	Subscriptions []string
	Options       struct {
		ResultFormat string
		SkipToken    string `json:"$skipToken"`
		Top          int    `json:"$top"`
	}
}

func (g *ResourceGraph) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.queries++
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("x-ms-request-id", "5f2b0000-0000-4000-8000-000000000000")
	h.Set("x-ms-user-quota-remaining", "14")
	h.Set("x-ms-user-quota-resets-after", "00:00:05")
	var q graphRequest
	switch err := json.NewDecoder(r.Body).Decode(&q); {
	case g.Authorized != nil && !g.Authorized(r):
		h.Set("WWW-Authenticate", `Bearer authorization_uri="https://login.microsoftonline.com/common", error="invalid_token"`)
		graphError(w, failure{status: http.StatusUnauthorized, code: "InvalidAuthenticationToken"})
	case r.Method != http.MethodPost || r.URL.Path != "/providers/Microsoft.ResourceGraph/resources" || r.FormValue("api-version") != "2024-04-01":
		graphError(w, failure{status: http.StatusNotFound, code: "InvalidResourceType"})
	case err != nil || !strings.Contains(q.Query, "microsoft.network/networkwatchers/flowlogs") || q.Options.ResultFormat != "objectArray":
		graphError(w, failure{status: http.StatusBadRequest, code: "BadRequest", detail: "InvalidQuery"})
	case len(g.failures) > 0:
		f := g.failures[0]
		g.failures = g.failures[1:]
		graphError(w, f)
	default:
		json.NewEncoder(w).Encode(g.answer(q))
	}
}

// answer is a page. The token of the next one is opaque to clients.
func (g *ResourceGraph) answer(q graphRequest) map[string]any {
	var all []map[string]any
	for _, row := range g.rows {
		if len(q.Subscriptions) == 0 || slices.Contains(q.Subscriptions, row.Subscription) {
			all = append(all, map[string]any{"id": strings.ToLower(row.StorageID), "endpoint": row.Endpoint})
		}
	}
	page := 1000
	if q.Options.Top > 0 {
		page = q.Options.Top
	}
	if g.page > 0 {
		page = min(page, g.page)
	}
	at := 0
	if text, err := base64.StdEncoding.DecodeString(q.Options.SkipToken); err == nil {
		at, _ = strconv.Atoi(string(text))
	}
	at = min(at, len(all))
	end := min(at+page, len(all))
	body := map[string]any{"totalRecords": len(all), "count": end - at, "data": append([]map[string]any{}, all[at:end]...),
		"facets": []any{}, "resultTruncated": "false"}
	if end < len(all) {
		body["$skipToken"] = base64.StdEncoding.EncodeToString(fmt.Append(nil, end))
	}
	return body
}

func graphError(w http.ResponseWriter, f failure) {
	for i := 0; i+1 < len(f.header); i += 2 {
		w.Header().Set(f.header[i], f.header[i+1])
	}
	inner := map[string]any{"code": f.code, "message": "Please provide below info when asking for support: timestamp = 2024-05-06T07:08:09Z, correlationId = 5f2b0000-0000-4000-8000-000000000000."}
	if f.detail != "" {
		inner["details"] = []any{map[string]any{"code": f.detail, "message": "Details."}}
	}
	w.WriteHeader(f.status)
	json.NewEncoder(w).Encode(map[string]any{"error": inner})
}
