package estate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	address "fluent-bit-nsgflow/nsgflow/context"
	"fluent-bit-nsgflow/nsgflow/internal/paging"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// ServiceTags are the service tags as the API "Service Tags - List" has them for a
// subscription, all pages in one. location says which version, not which regions.
type ServiceTags struct {
	ChangeNumber json.RawMessage   `json:"changeNumber,omitempty"`
	Cloud        string            `json:"cloud,omitempty"`
	Values       []json.RawMessage `json:"values"`
	NextLink     string            `json:"nextLink,omitempty"` // of a page only
}

// maxTags bounds an answer that names pages without end.
const maxTags = 100_000

// ReadServiceTags asks for the service tags. Any identity with Reader on the
// subscription may.
func ReadServiceTags(ctx context.Context, client *arm.Client, subscription, location string) (*ServiceTags, error) {
	at := runtime.JoinPaths(client.Endpoint(), "/subscriptions/"+url.PathEscape(subscription)+"/providers/Microsoft.Network/locations/"+url.PathEscape(location)+"/serviceTags") +
		"?api-version=2025-05-01"
	var all ServiceTags
	var circle paging.Circle
	for at != "" {
		var page ServiceTags
		if err := get(ctx, client, at, &page); err != nil {
			return nil, err
		}
		if all.Values = append(all.Values, page.Values...); len(all.Values) > maxTags {
			return nil, errors.New("service tags without end")
		}
		all.ChangeNumber, all.Cloud = page.ChangeNumber, page.Cloud
		at = page.NextLink
		if err := circle.Check(at); err != nil {
			return nil, err
		}
	}
	if len(all.Values) == 0 {
		return nil, errors.New("an answer without service tags")
	}
	return &all, nil
}

// get reads an answer of Azure's resource manager.
func get(ctx context.Context, client *arm.Client, at string, into any) error {
	request, err := runtime.NewRequest(ctx, http.MethodGet, at)
	if err != nil {
		return err
	}
	// The token is for the resource manager, and for no other host that an answer names.
	if home, err := url.Parse(client.Endpoint()); err != nil || hostOf(home) != hostOf(request.Raw().URL) {
		return fmt.Errorf("an answer names a page of %q, which is not asked", request.Raw().URL.Host)
	}
	answer, err := client.Pipeline().Do(request)
	if err != nil {
		return err
	}
	if !runtime.HasStatusCode(answer, http.StatusOK) {
		return runtime.NewResponseError(answer)
	}
	return runtime.UnmarshalAsJSON(answer, into)
}

// hostOf is a host with its port, in one form.
func hostOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return strings.ToLower(u.Hostname()) + ":" + port
}

// WriteFile replaces a file by the service tags. What no reader would take replaces
// nothing.
func (s *ServiceTags) WriteFile(path string) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if _, err := address.Check("service-tags", data, time.Now()); err != nil {
		return fmt.Errorf("what came is not usable: %w", err)
	}
	return replace(path, func(w io.Writer) error {
		_, err := w.Write(append(data, '\n'))
		return err
	})
}
