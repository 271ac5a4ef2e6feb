package storage

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
)

// A listing that says nothing of blobs is none, whatever its status.
func TestListingWithoutBlobs(t *testing.T) {
	for _, body := range []string{"", "<EnumerationResults/>", `<?xml version="1.0"?><html/>`} {
		t.Run(body, func(t *testing.T) {
			c := azure.NewContainer(t)
			o := opts(t, c)
			var lies atomic.Bool
			var told atomic.Int64
			o.Transport = &wire{harm: func(kind string, r *http.Request) (*http.Response, error) {
				if !lies.Load() || kind != "list" || r.URL.Query().Get("delimiter") != "" || r.URL.Query().Get("maxresults") == "1" {
					return nil, nil
				}
				told.Add(1)
				lie := answer(r, 200, "x-ms-request-id", "1", "Content-Type", "application/xml")
				lie.Body = io.NopCloser(strings.NewReader(body))
				return lie, nil
			}}
			name := azure.VNetName(1, azure.ThisHour)
			azure.NewFlowLog(t, c, name).Grow(azure.VNetRecord(1))
			lies.Store(true)
			f, _ := open(t, o)
			await(t, "some listings", func() bool { return told.Load() > 1 })
			await(t, "it is said", func() bool { return waitsFor(f, Network) })
			lies.Store(false)
			same(t, take(t, f, 1), map[string][]string{name: {azure.VNetRecord(1)}})
		})
	}
}

// A block list that does not tell how long the blob is moves no checkpoint.
func TestBlockListWithoutLength(t *testing.T) {
	for _, body := range []string{"", "<BlockList><CommittedBlocks><Block><Name>QQ==</Name></Block></CommittedBlocks></BlockList>"} {
		t.Run(body, func(t *testing.T) {
			c := azure.NewContainer(t)
			o := opts(t, c)
			var lies atomic.Bool
			var told atomic.Int64
			w := &wire{}
			w.hurt = func(kind string, r *http.Response) {
				if lies.Load() && kind == "blocks" {
					told.Add(1)
					r.Body = io.NopCloser(strings.NewReader(body))
					r.Header.Del("x-ms-blob-content-length")
					r.ContentLength = int64(len(body))
				}
			}
			o.Transport = w
			name := azure.VNetName(1, azure.ThisHour)
			azure.NewFlowLog(t, c, name).Grow(azure.VNetRecord(1))
			lies.Store(true)
			f, _ := open(t, o)
			await(t, "a block list", func() bool { return told.Load() > 0 })
			time.Sleep(500 * time.Millisecond)
			if at, ok, err := f.store.get(bucketOf(t, c), name); ok || err != nil {
				t.Errorf("there is a checkpoint: %+v, %v", at, err)
			}
			lies.Store(false)
			same(t, take(t, f, 1), map[string][]string{name: {azure.VNetRecord(1)}})
		})
	}
}
