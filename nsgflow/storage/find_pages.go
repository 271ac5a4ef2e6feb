package storage

import (
	"context"
	"errors"

	azcontainer "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"

	"fluent-bit-nsgflow/nsgflow/internal/paging"
)

// page is one answer to a listing.
type page struct {
	blobs   []*azcontainer.BlobItem
	folders []*azcontainer.BlobPrefix
	next    *string // marker of the page behind it; nil or empty: this is the last
}

// errNoBlobs is of an answer without the element Blobs, which every listing has.
// The SDK takes an empty body for one, too.
var errNoBlobs = errors.New("answer that is no listing")

// pages asks for the listings of a container.
type pages struct {
	container string
	requests  *requests
	size      *int32 // names a page shows at most; nil: as many as the service gives
}

// each shows the blobs of all pages to observe, and the folders to below.
func (l *pages) each(get func(context.Context, *azcontainer.Client, *string) (page, error),
	observe func(*azcontainer.BlobItem) error, below func(name string)) error {
	var circle paging.Circle
	for marker := (*string)(nil); ; {
		var p page
		err := l.do(func(ctx context.Context, client *azcontainer.Client) (err error) {
			p, err = get(ctx, client, marker)
			if err != nil || p.next == nil {
				return err
			}
			return circle.Check(*p.next)
		})
		if err != nil {
			return err
		}
		for _, item := range p.blobs {
			if err := observe(item); err != nil {
				return err
			}
		}
		for _, folder := range p.folders {
			if folder.Name != nil {
				below(*folder.Name)
			}
		}
		if marker = p.next; marker == nil || *marker == "" {
			return nil
		}
	}
}

// flat shows all blobs whose names begin with prefix to observe.
func (l *pages) flat(prefix string, observe func(*azcontainer.BlobItem) error) error {
	return l.each(func(ctx context.Context, client *azcontainer.Client, marker *string) (page, error) {
		o := &azcontainer.ListBlobsFlatOptions{Prefix: &prefix, Marker: marker, MaxResults: l.size}
		r, err := client.NewListBlobsFlatPager(o).NextPage(ctx)
		if err != nil {
			return page{}, err
		}
		if r.Segment == nil {
			return page{}, errNoBlobs
		}
		return page{blobs: r.Segment.BlobItems, next: r.NextMarker}, nil
	}, observe, nil)
}

// level shows the blobs of one folder to observe, and the folders in it to below.
func (l *pages) level(folder string, observe func(*azcontainer.BlobItem) error, below func(name string)) error {
	return l.each(func(ctx context.Context, client *azcontainer.Client, marker *string) (page, error) {
		o := &azcontainer.ListBlobsHierarchyOptions{Prefix: &folder, Marker: marker, MaxResults: l.size}
		r, err := client.NewListBlobsHierarchyPager("/", o).NextPage(ctx)
		if err != nil {
			return page{}, err
		}
		if r.Segment == nil {
			return page{}, errNoBlobs
		}
		return page{blobs: r.Segment.BlobItems, folders: r.Segment.BlobPrefixes, next: r.NextMarker}, nil
	}, observe, below)
}

// touch makes a request that brings nothing but the service's time.
func (l *pages) touch(prefix string) error {
	one := int32(1)
	err := l.do(func(ctx context.Context, client *azcontainer.Client) error {
		_, err := client.NewListBlobsFlatPager(&azcontainer.ListBlobsFlatOptions{Prefix: &prefix, MaxResults: &one}).NextPage(ctx)
		return err
	})
	if means(err, gone) {
		return nil
	}
	return err
}

func (l *pages) do(request func(context.Context, *azcontainer.Client) error) error {
	return l.requests.do(l.container, listTimeout, func(ctx context.Context, s *service.Client) error {
		return request(ctx, s.NewContainerClient(l.container))
	})
}
