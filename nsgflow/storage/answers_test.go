package storage

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	azblob "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"

	"fluent-bit-nsgflow/nsgflow/internal/paging"
	"fluent-bit-nsgflow/test/azure"
)

// A listing that says nothing of blobs is none, whatever its status.
func TestListingWithoutBlobs(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "<EnumerationResults/>", `<?xml version="1.0"?><html/>`} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
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
	t.Parallel()
	for _, body := range []string{"", "<BlockList><CommittedBlocks><Block><Name>QQ==</Name></Block></CommittedBlocks></BlockList>"} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
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
			if at, ok, err := f.checkpoints.store.Get(bucketOf(t, c), name); ok || err != nil {
				t.Errorf("there is a checkpoint: %+v, %v", at, err)
			}
			lies.Store(false)
			same(t, take(t, f, 1), map[string][]string{name: {azure.VNetRecord(1)}})
		})
	}
}

// An answer without end does not fill the memory.
func TestEndlessAnswer(t *testing.T) {
	for _, status := range []int{200, 500} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("x-ms-request-id", "1")
				w.Header().Set("x-ms-error-code", "InternalError")
				w.WriteHeader(status)
				b := []byte(strings.Repeat(" ", 1<<20))
				for n := 0; n < 1024 && ctx.Err() == nil; n++ {
					if _, err := w.Write(b); err != nil {
						return
					}
				}
				<-r.Context().Done()
			}))
			defer service.Close()
			defer cancel()
			o := options(t, azure.Account)
			o.AccountKey, o.Endpoint = azure.Key, service.URL+"/"+azure.Account
			o.PollInterval, o.ListInterval = 50*time.Millisecond, 50*time.Millisecond
			f, err := NewAgent().Open(o, func(Level, string) {}, func() {})
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			most := uint64(0)
			await(t, "it is said", func() bool {
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
				return waitsFor(f, map[int]Reason{200: Network, 500: Service}[status])
			})
			if most > 20*maxBody { // of some requests at a time, in buffers that double
				t.Errorf("%d MB of heap", most>>20)
			}
		})
	}
}

// Of a blob that somebody keeps compressed, all bytes come as they are.
func TestCompressedBlob(t *testing.T) {
	c := azure.NewContainer(t)
	o := opts(t, c)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	for n := range 500 {
		fmt.Fprintln(z, azure.VNetRecord(n))
	}
	z.Close()
	_, err := c.NewBlockBlobClient(azure.VNetName(1, azure.ThisHour.Add(-5*time.Hour))).UploadBuffer(t.Context(), packed.Bytes(),
		&blockblob.UploadBufferOptions{HTTPHeaders: &azblob.HTTPHeaders{BlobContentEncoding: to.Ptr("gzip")}})
	if err != nil {
		t.Fatal(err)
	}
	f, _ := open(t, o)
	got := take(t, f, 1)
	if last := got[len(got)-1]; got[0].Offset != 0 || last.Offset+int64(len(last.Text)) != int64(packed.Len()) {
		t.Errorf("%d to %d of %d bytes", got[0].Offset, last.Offset+int64(len(last.Text)), packed.Len())
	}
}

// Pages of a listing that name each other as the next are not asked for without
// end.
func TestListingThatDoesNotEnd(t *testing.T) {
	c := azure.NewContainer(t)
	o := opts(t, c)
	w := &wire{}
	w.hurt = func(kind string, r *http.Response) {
		if kind == "list" && r.Request.URL.Query().Get("delimiter") == "" {
			next := map[string]string{"": "one", "one": "two", "two": "one"}[r.Request.URL.Query().Get("marker")]
			replaceBody(t, r, func(text string) string {
				return strings.Replace(text, "<NextMarker/>", "<NextMarker>"+next+"</NextMarker>", 1)
			})
		}
	}
	o.Transport = w
	azure.NewFlowLog(t, c, azure.VNetName(1, azure.ThisHour)).Grow(azure.VNetRecord(1))
	f, log := open(t, o)
	take(t, f, 1)
	await(t, "it is said", func() bool { return waitsFor(f, Network) })
	await(t, "it is in the log", func() bool { return log.count(paging.ErrCircle.Error()) == 1 })
}

// A blob without a name in a listing is none: no checkpoint could be kept of it,
// and those of all others would wait.
func TestListingWithoutName(t *testing.T) {
	c := azure.NewContainer(t)
	o := opts(t, c)
	o.Start = Start{Now: true}
	w := &wire{}
	w.hurt = func(kind string, r *http.Response) {
		if kind == "list" {
			replaceBody(t, r, func(text string) string { return strings.Replace(text, "<Name>nameless</Name>", "<Name></Name>", 1) })
		}
	}
	o.Transport = w
	azure.NewFlowLog(t, c, "nameless").Grow(azure.VNetRecord(1))
	f, _ := open(t, o)
	await(t, "first look", func() bool { _, ok, _ := f.checkpoints.store.Begun(bucketOf(t, c)); return ok })
	want := fill(t, c, []string{azure.VNetName(1, azure.ThisHour)})
	same(t, take(t, f, total(want)), want)
	await(t, "its checkpoint", func() bool { return settled(f) })
}

// A panic while folders are listed ends nothing, and is said as long as it lasts.
func TestPanicWhileListing(t *testing.T) {
	c := azure.NewContainer(t)
	o := opts(t, c)
	var panics atomic.Bool
	panics.Store(true)
	o.Transport = &wire{harm: func(kind string, r *http.Request) (*http.Response, error) {
		if panics.Load() && kind == "list" && r.URL.Query().Get("delimiter") == "" && r.URL.Query().Get("maxresults") != "1" {
			panic("of a test")
		}
		return nil, nil
	}}
	want := fill(t, c, []string{azure.VNetName(1, azure.ThisHour)})
	f, log := open(t, o)
	await(t, "it is said", func() bool { return waitsFor(f, Internal) && log.count("internal error: of a test") > 0 })
	panics.Store(false)
	same(t, take(t, f, total(want)), want)
	await(t, "nothing is waited for", func() bool { return len(f.Waiting()) == 0 })
}
