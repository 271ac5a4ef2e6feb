package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resourcegraph/armresourcegraph"

	"fluent-bit-nsgflow/nsgflow/internal/paging"
	"fluent-bit-nsgflow/nsgflow/storage/internal/oneline"
)

// accountsQuery is the storage account of each flow log, once, with its blob
// endpoint where the identity may read the account too. The columns are text
// and the order is that of a unique column: without the one an answer has no
// $skipToken, without the other its pages overlap (Azure Resource Graph,
// "Guidance for pagination").
const accountsQuery = `resources
| where type =~ 'microsoft.network/networkwatchers/flowlogs'
| project id = tolower(tostring(properties.storageId))
| where isnotempty(id)
| distinct id
| join kind=leftouter (
    resources
    | where type =~ 'microsoft.storage/storageaccounts'
    | project id = tolower(id), endpoint = tostring(properties.primaryEndpoints.blob)
  ) on id
| project id, endpoint
| order by id asc`

// Limits of Azure Resource Graph: rows of a page, subscriptions of a query.
const (
	rowsPerPage           = 1000
	subscriptionsPerQuery = 1000
)

// discovery finds the storage accounts of all flow logs that an identity may
// read. It is for one goroutine.
type discovery struct {
	client        *armresourcegraph.Client
	subscriptions []string // empty: all that the identity sees

	// onUnusable is told once of each storage ID that names no account. May be nil.
	onUnusable func(storageID string)
	unusable   map[string]bool
}

// foundAccount is a storage account that holds flow logs.
type foundAccount struct {
	Name     string
	Endpoint string // of its blobs; empty: not readable, the cloud's default applies
}

// newDiscovery takes the zero cloud for the public one, and a nil transport
// for the SDK's own.
func newDiscovery(credential azcore.TokenCredential, cloud cloud.Configuration, transport policy.Transporter, subscriptions []string) (*discovery, error) {
	client, err := armresourcegraph.NewClient(credential, managerOptions(cloud, transport))
	if err != nil {
		return nil, err
	}
	return &discovery{client: client, subscriptions: subscriptions, unusable: map[string]bool{}}, nil
}

// managerOptions are those of every client of a resource manager.
func managerOptions(cloud cloud.Configuration, transport policy.Transporter) *arm.ClientOptions {
	return &arm.ClientOptions{
		ClientOptions: policy.ClientOptions{
			Cloud:            cloud,
			Transport:        transport,
			Telemetry:        policy.TelemetryOptions{ApplicationID: "fluent-bit-nsgflow"},
			PerRetryPolicies: []policy.Policy{quota{}},
		},
		// Reading needs no provider to be registered, which would be a write.
		DisableRPRegistration: true,
	}
}

// accounts are in the order of their names. After an error there are none: a
// part of them would look as if the others were gone.
func (d *discovery) accounts(ctx context.Context) ([]foundAccount, error) {
	found := map[string]foundAccount{}
	scopes := slices.Collect(slices.Chunk(d.subscriptions, subscriptionsPerQuery))
	if len(scopes) == 0 {
		scopes = [][]string{nil}
	}
	for _, scope := range scopes {
		if err := d.query(ctx, scope, found); err != nil {
			return nil, err
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b foundAccount) int { return cmp.Compare(a.Name, b.Name) }), nil
}

var errCutOff = errors.New("the answer is cut off and has no next page, name fewer subscriptions")

// query adds the accounts of some subscriptions, page by page.
func (d *discovery) query(ctx context.Context, subscriptions []string, found map[string]foundAccount) error {
	request := armresourcegraph.QueryRequest{
		Query:         to.Ptr(accountsQuery),
		Subscriptions: to.SliceOfPtrs(subscriptions...),
		Options: &armresourcegraph.QueryRequestOptions{
			ResultFormat: to.Ptr(armresourcegraph.ResultFormatObjectArray),
			Top:          to.Ptr[int32](rowsPerPage),
		},
	}
	var circle paging.Circle
	for {
		page, err := d.client.Resources(ctx, request, nil)
		if err != nil {
			return shortError(err)
		}
		rows, ok := page.Data.([]any)
		if !ok {
			return fmt.Errorf("azure resource graph: data is %T, not a list", page.Data)
		}
		for _, row := range rows {
			d.add(row, found)
		}
		next := page.SkipToken
		if next == nil || *next == "" {
			if page.ResultTruncated != nil && *page.ResultTruncated == armresourcegraph.ResultTruncatedTrue {
				return fmt.Errorf("azure resource graph: %w", errCutOff)
			}
			return nil
		}
		if err := circle.Check(*next); err != nil {
			return fmt.Errorf("azure resource graph: %w", err)
		}
		request.Options.SkipToken = next
	}
}

// storageID is the ID of a storage account, in lower case. Classic accounts
// have another provider and hold no flow logs.
var storageID = regexp.MustCompile(`^/subscriptions/[^/]+/resourcegroups/[^/]+/providers/microsoft\.storage/storageaccounts/([a-z0-9]{3,24})$`)

// add takes a row up. Names are unique in a cloud: the ID of an account that
// was moved is the same account.
func (d *discovery) add(row any, found map[string]foundAccount) {
	columns, _ := row.(map[string]any)
	id, _ := columns["id"].(string)
	endpoint, _ := columns["endpoint"].(string)
	match := storageID.FindStringSubmatch(strings.ToLower(id))
	if match == nil {
		if !d.unusable[id] && d.onUnusable != nil {
			d.onUnusable(id)
		}
		d.unusable[id] = true
		return
	}
	account := foundAccount{Name: match[1], Endpoint: strings.TrimRight(endpoint, "/")}
	if account.Endpoint == "" {
		account.Endpoint = found[account.Name].Endpoint
	}
	found[account.Name] = account
}

// quota makes the retries wait as long as Azure Resource Graph says in its own
// header, hh:mm:ss, where the usual one is missing ("Guidance for throttled
// requests").
type quota struct{}

func (quota) Do(r *policy.Request) (*http.Response, error) {
	response, err := r.Next()
	if err != nil || response.StatusCode != http.StatusTooManyRequests || response.Header.Get("Retry-After") != "" {
		return response, err
	}
	if at, err := time.Parse(time.TimeOnly, response.Header.Get("x-ms-user-quota-resets-after")); err == nil {
		seconds := at.Hour()*3600 + at.Minute()*60 + at.Second()
		response.Header.Set("Retry-After", strconv.Itoa(max(seconds, 1)))
	}
	return response, nil
}

// discoveryError is an error of the SDK in one line.
type discoveryError struct {
	text string
	err  error
}

func (e discoveryError) Error() string { return "azure resource graph: " + e.text }
func (e discoveryError) Unwrap() error { return e.err }

func shortError(err error) error { return discoveryError{shortText(err), err} }

// shortText is why a resource manager gave no answer, in one line.
func shortText(err error) string {
	var signIn *azidentity.AuthenticationFailedError
	var answer *azcore.ResponseError
	var inURL *url.Error
	switch {
	case errors.As(err, &signIn) && signIn.RawResponse != nil:
		return describe(err)
	case errors.As(err, &answer) && answer.RawResponse != nil:
		return reason(answer.RawResponse)
	case errors.As(err, &inURL):
		return oneline.Of(inURL.Err.Error())
	}
	return oneline.Of(err.Error())
}
