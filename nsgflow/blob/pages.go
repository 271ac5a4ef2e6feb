package blob

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"
)

// listFlat shows all blobs under a prefix to see, or gives up when that is not
// cheap. It reports whether it came to the end.
func (f *Follower) listFlat(l *logs, prefix string, cheaply bool) (bool, error) {
	var marker *string
	for calls := 0; !cheaply || l.cheap(calls, f.clock.time()); calls++ {
		var page container.ListBlobsFlatResponse
		err := f.askList(l, func(ctx context.Context, c *service.Client) (err error) {
			o := &container.ListBlobsFlatOptions{Prefix: &prefix, Marker: marker, MaxResults: f.page()}
			page, err = c.NewContainerClient(l.name).NewListBlobsFlatPager(o).NextPage(ctx)
			return err
		})
		if err != nil {
			return f.absent(l, err)
		}
		for _, item := range page.Segment.BlobItems {
			if err := f.see(l, item); err != nil {
				return false, err
			}
		}
		if marker = page.NextMarker; marker == nil || *marker == "" {
			return true, nil
		}
	}
	return false, nil
}

// listLevel shows the blobs of one folder to see, and the folders in it to
// below.
func (f *Follower) listLevel(l *logs, folder string, below func(name string)) error {
	for marker := (*string)(nil); ; {
		var page container.ListBlobsHierarchyResponse
		err := f.askList(l, func(ctx context.Context, c *service.Client) (err error) {
			o := &container.ListBlobsHierarchyOptions{Prefix: &folder, Marker: marker, MaxResults: f.page()}
			page, err = c.NewContainerClient(l.name).NewListBlobsHierarchyPager("/", o).NextPage(ctx)
			return err
		})
		if err != nil {
			_, err = f.absent(l, err)
			return err
		}
		for _, item := range page.Segment.BlobItems {
			if err := f.see(l, item); err != nil {
				return err
			}
		}
		for _, prefix := range page.Segment.BlobPrefixes {
			if prefix.Name != nil {
				below(*prefix.Name)
			}
		}
		if marker = page.NextMarker; marker == nil || *marker == "" {
			return nil
		}
	}
}

// touch makes a call that brings nothing but the service's time.
func (f *Follower) touch(l *logs) error {
	one := int32(1)
	err := f.askList(l, func(ctx context.Context, c *service.Client) error {
		o := &container.ListBlobsFlatOptions{Prefix: &f.o.Prefix, MaxResults: &one}
		_, err := c.NewContainerClient(l.name).NewListBlobsFlatPager(o).NextPage(ctx)
		return err
	})
	if err != nil {
		_, err = f.absent(l, err)
	}
	return err
}

func (f *Follower) page() *int32 {
	if f.o.page == 0 {
		return nil
	}
	return &f.o.page
}

// askList is ask for a listing call, of which concurrency run at a time.
func (f *Follower) askList(l *logs, request func(context.Context, *service.Client) error) error {
	f.listing <- struct{}{}
	defer func() { <-f.listing }()
	err := f.ask(listTimeout, request)
	if err == nil {
		f.troubles.end(l.missing())
	}
	return err
}

// absent takes a container that is not there for an empty one: Azure makes it
// with the first flow log.
func (f *Follower) absent(l *logs, err error) (bool, error) {
	if !bloberror.HasCode(err, bloberror.ContainerNotFound, bloberror.ContainerBeingDeleted) {
		return false, err
	}
	f.troubles.begin(l.missing(), Info, fmt.Sprintf("container %q does not exist, waiting for it", l.name))
	return true, nil
}

func (l *logs) missing() string { return fmt.Sprintf("container %q missing", l.name) }

// see takes one blob of a listing.
func (f *Follower) see(l *logs, item *container.BlobItem) error {
	p := item.Properties
	if item.Name == nil || p == nil || p.ETag == nil || p.BlobType == nil || *p.BlobType != container.BlobTypeBlockBlob {
		return nil
	}
	at, path, version := place{l.name, *item.Name}, parsePath(*item.Name), versionOf(*p.ETag)
	modified := f.clock.time()
	if p.LastModified != nil {
		modified = *p.LastModified
	}
	switch {
	case !path.dated():
		l.mu.Lock()
		l.undated[at.name] = true
		l.mu.Unlock()
	case path.hour.Before(l.horizon):
		return nil
	default:
		l.root(path.root)
	}
	if !f.o.Shard.holds(path.nic) {
		return nil
	}
	written := modified
	if path.dated() {
		written = path.hour.Add(time.Hour)
	}
	closed := f.clock.time().Sub(written) > closedAfter
	before := !l.begun && (f.o.Start.Now || !path.dated() && modified.Before(l.since))

	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.await(func() bool { return len(f.queue) < maxQueue }) {
		return f.ctx.Err()
	}
	s := f.active[at]
	if s == nil {
		known, ok, err := f.store.get(at.container, at.name)
		if err != nil {
			f.storeFailed(err)
			return err
		}
		if !ok && before {
			l.skip(at, version, p.ContentLength)
			return nil
		}
		s = &source{place: at, path: path, url: f.urlOf(at), read: known}
	}
	if s.read.ETag == version && !(s.read.Half && closed) {
		return nil
	}
	f.active[at] = s
	s.wanted, s.closed = version, closed
	if s.state == idle {
		f.enqueue(s)
	}
	return nil
}

// skip leaves out what stands in a blob before the beginning.
func (l *logs) skip(at place, version string, length *int64) {
	m := mark{ETag: version}
	if length != nil {
		m.Offset = max(0, *length-tailBytes)
	}
	l.mu.Lock()
	l.skipped[at] = m
	l.mu.Unlock()
}

func (f *Follower) urlOf(at place) string {
	u := url.URL{Path: "/" + at.container + "/" + at.name}
	return f.door.url() + u.EscapedPath()
}

// versionOf is an ETag as listings have it, without the quotes of the header.
func versionOf(e azcore.ETag) string { return strings.Trim(string(e), `"`) }
