package storage

import (
	"context"
	"errors"
	"fmt"

	azcontainer "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"
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

// eachPage shows the blobs of all pages to observe, and the folders to below.
func (c *container) eachPage(get func(context.Context, *azcontainer.Client, *string) (page, error), below func(name string)) error {
	for marker := (*string)(nil); ; {
		var p page
		err := c.doList(func(ctx context.Context, s *service.Client) (err error) {
			p, err = get(ctx, s.NewContainerClient(c.name), marker)
			if err == nil && marker != nil && p.next != nil && *p.next == *marker {
				err = errors.New("a page of the listing names itself as the next")
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, item := range p.blobs {
			if err := c.observe(item); err != nil {
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

// listFlat shows all blobs whose names begin with prefix to observe.
func (c *container) listFlat(prefix string) error {
	return c.eachPage(func(ctx context.Context, client *azcontainer.Client, marker *string) (page, error) {
		o := &azcontainer.ListBlobsFlatOptions{Prefix: &prefix, Marker: marker, MaxResults: c.o.pageSize()}
		r, err := client.NewListBlobsFlatPager(o).NextPage(ctx)
		if err != nil {
			return page{}, err
		}
		if r.Segment == nil {
			return page{}, errNoBlobs
		}
		return page{blobs: r.Segment.BlobItems, next: r.NextMarker}, nil
	}, nil)
}

// listLevel shows the blobs of one folder to observe, and the folders in it to
// below.
func (c *container) listLevel(folder string, below func(name string)) error {
	return c.eachPage(func(ctx context.Context, client *azcontainer.Client, marker *string) (page, error) {
		o := &azcontainer.ListBlobsHierarchyOptions{Prefix: &folder, Marker: marker, MaxResults: c.o.pageSize()}
		r, err := client.NewListBlobsHierarchyPager("/", o).NextPage(ctx)
		if err != nil {
			return page{}, err
		}
		if r.Segment == nil {
			return page{}, errNoBlobs
		}
		return page{blobs: r.Segment.BlobItems, folders: r.Segment.BlobPrefixes, next: r.NextMarker}, nil
	}, below)
}

// touch makes a request that brings nothing but the service's time.
func (c *container) touch() error {
	one := int32(1)
	err := c.doList(func(ctx context.Context, s *service.Client) error {
		o := &azcontainer.ListBlobsFlatOptions{Prefix: &c.o.Prefix, MaxResults: &one}
		_, err := s.NewContainerClient(c.name).NewListBlobsFlatPager(o).NextPage(ctx)
		return err
	})
	if means(err, gone) {
		return nil
	}
	return err
}

func (c *container) doList(request func(context.Context, *service.Client) error) error {
	return c.requests.do(c.name, listTimeout, request)
}

func (c *container) missing() string { return fmt.Sprintf("container %q missing", c.name) }
