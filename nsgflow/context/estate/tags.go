package estate

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// ServiceTags are the service tags as the API "Service Tags - List" has them for a
// subscription, all pages in one. location says which version, not which regions.
type ServiceTags struct {
	ChangeNumber json.RawMessage   `json:"changeNumber,omitempty"`
	Cloud        string            `json:"cloud,omitempty"`
	Values       []json.RawMessage `json:"values"`
	NextLink     string            `json:"nextLink,omitempty"`
}

// maxPages bounds an answer that names pages without end.
const maxPages = 100

// ReadServiceTags asks for the service tags. Any identity with Reader on the
// subscription may.
func ReadServiceTags(ctx context.Context, client *arm.Client, subscription, location string) (*ServiceTags, error) {
	at := runtime.JoinPaths(client.Endpoint(), "/subscriptions/"+url.PathEscape(subscription)+"/providers/Microsoft.Network/locations/"+url.PathEscape(location)+"/serviceTags") +
		"?api-version=2025-05-01"
	var all ServiceTags
	for range maxPages {
		request, err := runtime.NewRequest(ctx, http.MethodGet, at)
		if err != nil {
			return nil, err
		}
		answer, err := client.Pipeline().Do(request)
		if err != nil {
			return nil, err
		}
		if !runtime.HasStatusCode(answer, http.StatusOK) {
			return nil, runtime.NewResponseError(answer)
		}
		var page ServiceTags
		if err := runtime.UnmarshalAsJSON(answer, &page); err != nil {
			return nil, err
		}
		if all.Values == nil {
			all = page
		} else {
			all.Values = append(all.Values, page.Values...)
		}
		if page.NextLink == "" {
			all.NextLink = ""
			if len(all.Values) == 0 {
				return nil, errors.New("an answer without service tags")
			}
			return &all, nil
		}
		at = page.NextLink
	}
	return nil, errors.New("service tags have too many pages")
}

// WriteFile replaces a file by the service tags.
func (s *ServiceTags) WriteFile(path string) error {
	return replace(path, func(w io.Writer) error { return json.NewEncoder(w).Encode(s) })
}
