package blob

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"

	"fluent-bit-nsgflow/test/azure"
)

// catalogue is a storage service that holds names and nothing else: every blob
// has the same few bytes.
type catalogue struct {
	mu     sync.Mutex
	names  []string // sorted
	counts map[string]int
}

const catalogueText = `{"records":[{"time":"2026-01-02T03:04:05.0000000Z"}]}`

func (c *catalogue) Do(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	q := r.URL.Query()
	status, body, kind := http.StatusOK, "", "download"
	switch q.Get("comp") {
	case "list":
		kind, body = "list", c.list(q.Get("prefix"), q.Get("delimiter"), q.Get("marker"))
	case "blocklist":
		kind, body = "blocks", fmt.Sprintf(`<BlockList><CommittedBlocks><Block><Name>QQ==</Name><Size>12</Size></Block><Block><Name>Qg==</Name><Size>%d</Size></Block><Block><Name>Wg==</Name><Size>2</Size></Block></CommittedBlocks></BlockList>`, len(catalogueText)-14)
	default:
		var from, to int
		fmt.Sscanf(strings.Join(r.Header["x-ms-range"], ""), "bytes=%d-%d", &from, &to)
		status, body = http.StatusPartialContent, catalogueText[from:to+1]
	}
	c.counts[kind]++
	return &http.Response{StatusCode: status, Request: r, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
		Header: http.Header{"Etag": {`"0x1"`}, "Content-Type": {"application/xml"}, "Date": {time.Now().UTC().Format(http.TimeFormat)}}}, nil
}

func (c *catalogue) list(prefix, delimiter, marker string) string {
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Blobs>`)
	at, _ := slices.BinarySearch(c.names, max(prefix, marker))
	next := ""
	for n := 0; at < len(c.names) && strings.HasPrefix(c.names[at], prefix); n++ {
		name := c.names[at]
		if n == 5000 {
			next = name
			break
		}
		if i := strings.Index(name[len(prefix):], delimiter); delimiter != "" && i >= 0 {
			folder := name[:len(prefix)+i+1]
			fmt.Fprintf(&b, "<BlobPrefix><Name>%s</Name></BlobPrefix>", folder)
			at, _ = slices.BinarySearch(c.names, folder[:len(folder)-1]+"0") // "0" follows "/"
			continue
		}
		fmt.Fprintf(&b, "<Blob><Name>%s</Name><Properties><Etag>0x1</Etag><BlobType>BlockBlob</BlobType><Content-Length>%d</Content-Length></Properties></Blob>", name, len(catalogueText))
		at++
	}
	b.WriteString("</Blobs><NextMarker>")
	xml.EscapeText(&b, []byte(next))
	b.WriteString("</NextMarker></EnumerationResults>")
	return b.String()
}

func (c *catalogue) add(names ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.names = append(c.names, names...)
	slices.Sort(c.names)
}

func (c *catalogue) reset() (before map[string]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before, c.counts = c.counts, map[string]int{}
	return before
}

func catalogueOptions(t *testing.T, c *catalogue, start string) Options {
	t.Helper()
	c.reset()
	o, err := Parse(func(key string) string {
		return map[string]string{"account": "example", "account_key": azure.Key, "containers": "flowlogs",
			"start": start, "state_path": t.TempDir()}[key]
	})
	if err != nil {
		t.Fatal(err)
	}
	o.Transport, o.PollInterval, o.CheckpointLag = c, time.Hour, 0
	return o
}

// A poll costs what is new, whatever the account holds: here 240,000 blobs of
// 100 days, 10 flow logs and 10 NICs each.
func TestPollCostsWhatIsNew(t *testing.T) {
	c := &catalogue{}
	var names []string
	for flowLog := range 10 {
		for nic := range 10 {
			for hour := range 2400 {
				name := azure.VNetName(nic, azure.ThisHour.Add(-time.Duration(hour)*time.Hour))
				names = append(names, strings.Replace(name, "EDGE-FLOWLOG", fmt.Sprintf("LOG-%d", flowLog), 1))
			}
		}
	}
	c.add(names...)
	f, _ := open(t, catalogueOptions(t, c, "2h"))
	got := take(t, f, 300)
	if len(got) != 300 {
		t.Errorf("%d records, want those of 3 hours: 300", len(got))
	}
	counts := c.reset()
	t.Logf("first look: %v", counts)
	// Flat calls that were tried, then the folders: the root, and for each flow
	// log its years, months, days, and the day or two that count.
	if counts["list"] > 3+1+1+10*(1+1+1+1+2) || counts["blocks"] != 300 || counts["download"] != 300 {
		t.Errorf("first look: %v", counts)
	}

	l := &logs{name: "flowlogs"}
	if err := f.look(l); err != nil {
		t.Fatal(err)
	}
	c.reset()
	c.add(strings.Replace(azure.VNetName(77, azure.ThisHour), "EDGE-FLOWLOG", "LOG-3", 1))
	if err := f.look(l); err != nil {
		t.Fatal(err)
	}
	take(t, f, 1)
	counts = c.reset()
	t.Logf("poll with one new blob: %v", counts)
	if counts["list"] > 20 || counts["blocks"] != 1 || counts["download"] != 1 {
		t.Errorf("poll with one new blob: %v", counts)
	}
}

// Many flow logs of few blobs: to list them all is cheaper than folder by
// folder.
func TestPollOfManySmallFolders(t *testing.T) {
	c := &catalogue{}
	var names []string
	for n := range 1000 {
		for hour := range 20 {
			names = append(names, azure.NSGName(fmt.Sprintf("NSG-%04d", n), n, azure.ThisHour.Add(-time.Duration(hour)*time.Hour)))
		}
	}
	c.add(names...)
	f, _ := open(t, catalogueOptions(t, c, "now"))
	await(t, "first look", func() bool { _, ok, _ := f.store.begun("flowlogs"); return ok })
	if counts := c.reset(); counts["list"] != 1+4 || len(counts) != 1 {
		t.Errorf("first look: %v", counts)
	}
	l := &logs{name: "flowlogs"}
	for range 2 {
		if err := f.look(l); err != nil {
			t.Fatal(err)
		}
		if counts := c.reset(); counts["list"] != 4 || len(counts) != 1 {
			t.Errorf("idle poll: %v", counts)
		}
	}
}

// An idle poll over 10,000 known blobs downloads nothing.
func TestIdlePollOf10000(t *testing.T) {
	c := &catalogue{}
	var names []string
	nics := 500
	if !long {
		nics = 260 // more than a page of a listing
	}
	for nic := range nics {
		for hour := range 20 {
			names = append(names, azure.VNetName(nic, azure.ThisHour.Add(-time.Duration(hour)*time.Hour)))
		}
	}
	c.add(names...)
	o := catalogueOptions(t, c, "beginning")
	f, _ := open(t, o)
	if got := take(t, f, len(names)); len(got) != len(names) {
		t.Errorf("%d records, want %d", len(got), len(names))
	}
	await(t, "all settled", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return len(f.active) == 0 })
	for _, what := range []string{"first look of this run", "next look", "look after a restart"} {
		if what == "look after a restart" {
			f.Close(time.Minute)
			c.reset()
			f, _ = open(t, o)
			await(t, what, func() bool { return f.Stats().Requests >= 2 })
		} else {
			c.reset()
			if err := f.look(&logs{name: "flowlogs"}); err != nil {
				t.Fatal(err)
			}
		}
		if counts := c.reset(); counts["list"] != 2 || len(counts) != 1 {
			t.Errorf("%s: %v", what, counts)
		}
	}
}

// The same against the emulator, from a store.
func TestIdlePoll(t *testing.T) {
	blobs := 1000
	if !long {
		blobs = 150
	}
	c := azure.NewContainer(t)
	var all sync.WaitGroup
	turns := make(chan struct{}, 16)
	for i := range blobs {
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			name := azure.VNetName(i/10, azure.ThisHour.Add(-time.Duration(i%10)*time.Hour))
			_, err := c.NewBlockBlobClient(name).Upload(context.Background(), streaming.NopCloser(strings.NewReader(`{"records":[`+azure.VNetRecord(i)+`]}`)), (*blockblob.UploadOptions)(nil))
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	o := opts(t, c)
	wire := &wire{}
	o.Transport, o.Concurrency, o.PollInterval = wire, 16, time.Hour
	f, _ := open(t, o)
	if got := take(t, f, blobs); len(got) != blobs {
		t.Errorf("%d records, want %d", len(got), blobs)
	}
	f.Close(time.Minute)

	o.PollInterval = 100 * time.Millisecond
	f, _ = open(t, o) // from the store
	await(t, "polls", func() bool { return wire.count("list") >= 2 })
	wire.reset()
	await(t, "more polls", func() bool { return wire.count("list") >= 3 })
	if n := wire.count("blocks") + wire.count("download"); n != 0 {
		t.Errorf("%d requests for content", n)
	}
	if b, _ := f.Next(0); len(b.Records) > 0 {
		t.Errorf("%d records again", len(b.Records))
	}
}

func TestOldEntriesAreForgotten(t *testing.T) {
	c := azure.NewContainer(t)
	o := opts(t, c)
	wire := &wire{}
	o.Transport = wire
	old, young := azure.NSGName("EDGE-NSG", 1, azure.ThisHour.Add(-47*time.Hour)), azure.NSGName("EDGE-NSG", 2, azure.ThisHour)
	want := fill(t, c, []string{old, young, "copy/undated.json", "copy/deleted.json"})
	f, _ := open(t, o)
	take(t, f, total(want))
	c.NewBlobClient("copy/deleted.json").Delete(context.Background(), nil)
	known := func(name string) bool { _, ok, _ := f.store.get(azure.NameOf(c), name); return ok }
	await(t, "entries in the store", func() bool { return known(old) && known(young) && known("copy/deleted.json") })
	await(t, "all settled", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return len(f.active) == 0 })
	horizon, _, err := f.store.begun(azure.NameOf(c))
	if err != nil || !horizon.Equal(azure.ThisHour.Add(-late)) && !horizon.Equal(azure.ThisHour.Add(-late+time.Hour)) {
		t.Errorf("horizon %s, %v", horizon, err)
	}
	// A service whose clock is ahead does not make anything old.
	wire.setAhead(3 * time.Hour)
	l := &logs{name: azure.NameOf(c)}
	if err := f.look(l); err != nil || !known(old) {
		t.Errorf("known %t, %v", known(old), err)
	}
	if err := f.settle(l, time.Now().Add(3*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if known(old) || known("copy/deleted.json") {
		t.Error("old entries are kept")
	}
	if !known(young) || !known("copy/undated.json") {
		t.Error("an entry that is needed is gone")
	}
}
