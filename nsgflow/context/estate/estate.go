// Package estate asks Azure Resource Graph who has which address, and writes it
// into the file that package context reads as an inventory.
//
// [Read] asks everything or gives nothing: an estate with a part missing would look
// as if that part were gone. It takes some 160 queries for 50,000 NICs, one a
// second. The identity needs Reader on the subscriptions; what it may not read is
// not there, and nothing says so.
package estate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"fluent-bit-nsgflow/nsgflow/internal/paging"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resourcegraph/armresourcegraph"
)

// Options say what is asked.
type Options struct {
	// Subscriptions that are asked about. Empty: all that the identity sees.
	Subscriptions []string
	// Cloud is the name of the cloud, AzureCloud.
	Cloud string
	// Pace is the time between two queries. 0: a second. Azure allows 15 in five
	// seconds, for all that the identity does.
	Pace time.Duration
	// Wait waits, or ends with the context. nil: by the clock.
	Wait func(context.Context, time.Duration) error
}

// Limits of Azure Resource Graph: rows of a page, subscriptions of a query. An
// answer with more than 16 MB is refused: then fewer rows are asked for.
const (
	mostRows              = 1000
	fewestRows            = 50
	subscriptionsPerQuery = 1000
	throttledTimes        = 10               // in a row, after which a pass fails
	longestQuota          = 15 * time.Minute // that is waited for
)

// reader is a pass.
type reader struct {
	Clients
	o     Options
	inv   *Inventory
	rows  int32 // of a page
	asked bool
	came  bool // a page of the query at hand: there is its table
}

// row is a row of an answer. Columns are texts.
type row map[string]any

func (r row) text(column string) string {
	text, _ := r[column].(string)
	return text
}

// Clients ask Azure.
type Clients struct {
	Graph *armresourcegraph.Client
	// Resources asks for the NICs of scale sets in uniform mode where Resource Graph
	// has none of them. nil: they are not there.
	Resources *arm.Client
}

// Read asks for the whole estate. now is the time that the inventory has.
func Read(ctx context.Context, clients Clients, o Options, now time.Time) (*Inventory, error) {
	if o.Pace == 0 {
		o.Pace = time.Second
	}
	if o.Wait == nil {
		o.Wait = wait
	}
	r := &reader{Clients: clients, o: o, rows: mostRows, inv: &Inventory{time: now.UTC(), cloud: o.Cloud}}
	scaleSetNICs := 0
	for _, pass := range []struct {
		query
		add func(*Inventory, []row) error
	}{
		{subscriptionQuery, (*Inventory).addSubscriptions},
		{vnetQuery, (*Inventory).addVNets},
		{subnetQuery, (*Inventory).addSubnets},
		{endpointQuery, (*Inventory).addEndpoints}, // before the NICs, which have their addresses
		{nicQuery, (*Inventory).addNICs},
		{scaleSetNICQuery, (*Inventory).addNICs},
		{vmQuery, (*Inventory).addVMs},
		{scaleSetVMQuery, (*Inventory).addVMs},
		{publicQuery, (*Inventory).addPublics},
		{frontendQuery, (*Inventory).addFrontends},
		{gatewayQuery, (*Inventory).addFrontends},
		{siteQuery, (*Inventory).addSites},
		{clusterQuery, (*Inventory).addClusters},
	} {
		r.came = false
		rows, err := r.all(ctx, pass.query)
		var answer *azcore.ResponseError
		if pass.optional && !r.came && errors.As(err, &answer) && answer.StatusCode == http.StatusBadRequest {
			r.inv.Missing = append(r.inv.Missing, pass.name)
			continue
		}
		if err == nil {
			err = pass.add(r.inv, rows)
		}
		if err != nil {
			return nil, &PassError{pass.name, err}
		}
		if pass.query == scaleSetNICQuery {
			scaleSetNICs = len(rows)
		}
	}
	if scaleSetNICs == 0 && r.Resources != nil {
		if err := r.uniform(ctx); err != nil {
			return nil, &PassError{scaleSetQuery.name, err}
		}
	}
	return r.inv, nil
}

// PassError says which part of an estate could not be read.
type PassError struct {
	Query string // its name, such as VNets
	Err   error
}

func (e *PassError) Error() string { return e.Query + ": " + e.Err.Error() }
func (e *PassError) Unwrap() error { return e.Err }

// all are the rows of a query, for all subscriptions.
func (r *reader) all(ctx context.Context, q query) (all []row, err error) {
	scopes := slices.Collect(slices.Chunk(r.o.Subscriptions, subscriptionsPerQuery))
	if len(scopes) == 0 {
		scopes = [][]string{nil}
	}
	for _, scope := range scopes {
		rows, err := r.pages(ctx, q, scope)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	return all, nil
}

// pages are the rows of a query for some subscriptions.
func (r *reader) pages(ctx context.Context, q query, subscriptions []string) (all []row, err error) {
	request := armresourcegraph.QueryRequest{
		Query:         to.Ptr(q.text),
		Subscriptions: to.SliceOfPtrs(subscriptions...),
		Options:       &armresourcegraph.QueryRequestOptions{ResultFormat: to.Ptr(armresourcegraph.ResultFormatObjectArray)},
	}
	seen := map[string]bool{}
	nothing := 0
	var circle paging.Circle
	for {
		page, err := r.page(ctx, request)
		if err != nil {
			return nil, err
		}
		rows, ok := page.Data.([]any)
		if !ok {
			return nil, fmt.Errorf("data is %T, not a list", page.Data)
		}
		r.came = true
		for _, one := range rows {
			columns, _ := one.(map[string]any)
			key := row(columns).text(q.key)
			switch {
			case key == "" && q.key == expandedKey && row(columns).text("id") != "":
				// mv-expand makes a row of a list that is not there (Kusto, "mv-expand
				// operator"): a firewall of a virtual hub has no ipConfigurations.
				nothing++
				continue
			case key == "":
				return nil, fmt.Errorf("a row without %q", q.key)
			case seen[key]:
				return nil, fmt.Errorf("pages overlap: %s is there twice", key)
			}
			seen[key] = true
			all = append(all, columns)
		}
		next := page.SkipToken
		if next == nil || *next == "" {
			if total, came := page.TotalRecords, len(all)+nothing; total != nil && *total != int64(came) {
				return nil, fmt.Errorf("%d rows came, there are %d", came, *total)
			}
			if page.ResultTruncated != nil && *page.ResultTruncated == armresourcegraph.ResultTruncatedTrue {
				return nil, errors.New("the answer is cut off and has no next page")
			}
			return all, nil
		}
		if err := circle.Check(*next); err != nil {
			return nil, err
		}
		request.Options.SkipToken = next
	}
}

// page asks for a page until it comes: later where too much has been asked, and
// for fewer rows where they are too long.
func (r *reader) page(ctx context.Context, request armresourcegraph.QueryRequest) (page armresourcegraph.ClientResourcesResponse, err error) {
	for throttled := 0; ; {
		if r.asked {
			if err := r.o.Wait(ctx, r.o.Pace); err != nil {
				return page, err
			}
		}
		r.asked = true
		request.Options.Top = to.Ptr(r.rows)
		var raw *http.Response
		page, err = r.Graph.Resources(runtime.WithCaptureResponse(ctx, &raw), request, nil)
		var answer *azcore.ResponseError
		switch {
		case err == nil:
			if raw != nil && raw.Header.Get("x-ms-user-quota-remaining") == "0" {
				err = r.o.Wait(ctx, min(resets(raw.Header), longestQuota))
			}
			return page, err
		case !errors.As(err, &answer):
			return page, err
		case answer.StatusCode == http.StatusTooManyRequests && throttled < throttledTimes && resets(answer.RawResponse.Header) <= longestQuota:
			throttled++
			if err := r.o.Wait(ctx, resets(answer.RawResponse.Header)); err != nil {
				return page, err
			}
		case r.rows > fewestRows && strings.Contains(err.Error(), "ResponsePayloadTooLarge"):
			r.rows = max(r.rows/2, fewestRows)
		default:
			return page, err
		}
	}
}

// resets is how long the quota takes to be there again, hh:mm:ss ("Guidance for
// throttled requests").
func resets(h http.Header) time.Duration {
	at, err := time.Parse(time.TimeOnly, h.Get("x-ms-user-quota-resets-after"))
	if err != nil {
		return 5 * time.Second
	}
	seconds := at.Hour()*3600 + at.Minute()*60 + at.Second()
	return time.Duration(max(seconds, 1)) * time.Second
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
