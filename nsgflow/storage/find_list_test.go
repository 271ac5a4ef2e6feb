package storage

import (
	"bytes"
	"cmp"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"

	"fluent-bit-nsgflow/test/azure"
)

// catalogue is a storage service that holds names and nothing else: every blob
// has the same few bytes.
type catalogue struct {
	mu      sync.Mutex
	names   []string      // sorted
	text    string        // of every blob; empty: catalogueText
	folders bool          // are listed as empty blobs, as in a hierarchical namespace
	ahead   time.Duration // of its clock
	counts  map[string]int
}

const catalogueText = `{"records":[{"time":"2026-01-02T03:04:05.0000000Z"}]}`

func (c *catalogue) Do(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	q := r.URL.Query()
	status, body, kind, text, code := http.StatusOK, "", "download", cmp.Or(c.text, catalogueText), ""
	switch q.Get("comp") {
	case "":
		if hasHeader(r, "If-Match") {
			break
		}
		kind = "ask"
		name := strings.TrimPrefix(r.URL.Path, "/flowlogs/")
		if _, there := slices.BinarySearch(c.names, name); !there {
			status, code = http.StatusNotFound, "BlobNotFound"
		} else if hasHeader(r, "If-None-Match") {
			status = http.StatusNotModified
		}
	case "list":
		kind, body = "list", c.list(q.Get("prefix"), q.Get("delimiter"), q.Get("marker"))
	case "blocklist":
		kind, body = "blocks", fmt.Sprintf(`<BlockList><CommittedBlocks><Block><Name>QQ==</Name><Size>12</Size></Block><Block><Name>Qg==</Name><Size>%d</Size></Block><Block><Name>Wg==</Name><Size>2</Size></Block></CommittedBlocks></BlockList>`, len(text)-14)
	}
	span := ""
	if kind == "download" || kind == "ask" && status == http.StatusOK {
		var from, to int
		fmt.Sscanf(strings.Join(r.Header["x-ms-range"], ""), "bytes=%d-%d", &from, &to)
		to = min(to, len(text)-1)
		status, body, span = http.StatusPartialContent, text[from:to+1], fmt.Sprintf("bytes %d-%d/%d", from, to, len(text))
	}
	c.counts[kind]++
	return &http.Response{StatusCode: status, Request: r, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
		Header: http.Header{"Etag": {`"0x1"`}, "Content-Type": {"application/xml"}, "X-Ms-Request-Id": {"1"}, "X-Ms-Error-Code": {code}, "Content-Range": {span}, "Date": {time.Now().Add(c.ahead).UTC().Format(http.TimeFormat)}}}, nil
}

func (c *catalogue) list(prefix, delimiter, marker string) string {
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Blobs>`)
	at, _ := slices.BinarySearch(c.names, max(prefix, marker))
	next, before := "", ""
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
		for i := range name {
			if c.folders && name[i] == '/' && i >= len(prefix) && !strings.HasPrefix(before, name[:i+1]) {
				fmt.Fprintf(&b, "<Blob><Name>%s</Name><Properties><ResourceType>directory</ResourceType><Etag>0x1</Etag><BlobType>BlockBlob</BlobType><Content-Length>0</Content-Length></Properties></Blob>", name[:i])
			}
		}
		before = name
		fmt.Fprintf(&b, "<Blob><Name>%s</Name><Properties><Etag>0x1</Etag><BlobType>BlockBlob</BlobType><Content-Length>%d</Content-Length></Properties></Blob>", name, len(cmp.Or(c.text, catalogueText)))
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

func catalogueOptions(t *testing.T, c *catalogue, start Start) Options {
	t.Helper()
	c.reset()
	o := options(t, "example")
	o.AccountKey, o.Containers, o.Start = azure.Key, []string{"flowlogs"}, start
	o.Transport, o.PollInterval, o.ListInterval = c, time.Hour, time.Hour
	return o
}

// pollAgain makes the follower of one container look once more; listing says
// whether it is time for that.
func pollAgain(t *testing.T, f *Follower, listing bool) {
	t.Helper()
	c := onlyContainer(f)
	if listing {
		c.mu.Lock()
		c.listed = time.Time{}
		c.mu.Unlock()
	}
	if err := c.poll(); err != nil {
		t.Fatal(err)
	}
	await(t, "all read", func() bool { return settled(f) })
}

// daysSince counts the days in UTC from a time until now, both included.
func daysSince(from time.Time) int {
	const day = 24 * time.Hour
	return 1 + int(time.Now().UTC().Truncate(day).Sub(from.UTC().Truncate(day))/day)
}

// A poll costs what is new, whatever the account holds: here 240,000 blobs of
// 100 days, 10 flow logs and 10 NICs each.
func TestPollCostsWhatIsNew(t *testing.T) {
	t.Parallel()
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
	f, _ := open(t, catalogueOptions(t, c, hoursBack(2)))
	if got := take(t, f, 300); len(got) != 300 {
		t.Errorf("%d records, want those of 3 hours: 300", len(got))
	}
	await(t, "all settled", func() bool { return settled(f) })
	counts := c.reset()
	t.Logf("first look: %v", counts)
	// One for the clock, the way down to the flow logs, and of each its folder
	// and its days.
	if counts["list"] > 1+3+10*(1+daysSince(azure.ThisHour.Add(-2*time.Hour))) || counts["blocks"] != 300 || counts["download"] != 300 {
		t.Errorf("first look: %v", counts)
	}

	pollAgain(t, f, false)
	idle := c.reset()
	t.Logf("idle poll: %v", idle)
	if hours := len(liveHours(time.Now())); idle["ask"] > 100*hours+100 || len(idle) != 1 {
		t.Errorf("idle poll: %v", idle)
	}

	for range 2 {
		before := onlyContainer(f).lastListed()
		pollAgain(t, f, true)
		listing := c.reset()
		t.Logf("listing: %v", listing)
		// Of each flow log one, or two where yesterday may still be written, and
		// the way down to them, which for VNet is three.
		if listing["list"] > 10*daysSince(before.Add(-stillWritten))+3 {
			t.Errorf("listing: %v", listing)
		}
	}

	c.add(strings.Replace(azure.VNetName(77, azure.ThisHour), "EDGE-FLOWLOG", "LOG-3", 1))
	onlyContainer(f).mu.Lock()
	onlyContainer(f).listed = time.Time{}
	onlyContainer(f).mu.Unlock()
	if err := onlyContainer(f).poll(); err != nil {
		t.Fatal(err)
	}
	take(t, f, 1)
	if counts = c.reset(); counts["blocks"] != 1 || counts["download"] != 1 {
		t.Errorf("poll with one new NIC: %v", counts)
	}
	onlyContainer(f).known.retry(time.Now())
	if names, _, _ := onlyContainer(f).known.due(time.Now()); !strings.Contains(strings.Join(names, " "), "0022480B004D") {
		t.Error("the new NIC is not known by name")
	}
}

// The next hour of a known NIC needs no listing.
func TestNextHourByName(t *testing.T) {
	t.Parallel()
	c := &catalogue{names: []string{azure.VNetName(1, time.Now().UTC().Add(-time.Hour))}}
	f, _ := open(t, catalogueOptions(t, c, hoursBack(2)))
	take(t, f, 1)
	c.reset()
	c.add(azure.VNetName(1, time.Now().UTC()))
	if err := onlyContainer(f).poll(); err != nil {
		t.Fatal(err)
	}
	take(t, f, 1)
	if counts := c.reset(); counts["list"] != 0 {
		t.Errorf("%v", counts)
	}
}

// A million blobs take no memory: only those that are open do.
func TestMillionBlobs(t *testing.T) {
	blobs := 1_000_000
	if !long {
		blobs = 40_000
	}
	c := &catalogue{}
	for i := range blobs {
		c.names = append(c.names, azure.VNetName(i%50, azure.ThisHour.Add(-time.Duration(i/50)*time.Hour)))
	}
	slices.Sort(c.names)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	o := catalogueOptions(t, c, Start{})
	o.Shard = Shard{I: 1, Of: 1000} // all are listed, few are read
	f, _ := open(t, o)
	await(t, "first look", func() bool { return !onlyContainer(f).lastListed().IsZero() })
	after := heap()
	t.Logf("%d blobs: %d KB of heap", blobs, (int64(after)-int64(before))>>10)
	if int64(after)-int64(before) > 8<<20 {
		t.Errorf("%d bytes of heap for blobs that are not read", after-before)
	}
}

// With everything unread and a host that takes nothing, a listing waits: what
// is held of blobs is bounded by their number, not by that of all there are.
func TestMillionUnreadBlobs(t *testing.T) {
	blobs, most := 1_000_000, maxOpen
	if !long {
		blobs, most = 20_000, 1000
	}
	c := &catalogue{}
	for i := range blobs {
		c.names = append(c.names, azure.VNetName(i%50, azure.ThisHour.Add(-time.Duration(i/50)*time.Hour)))
	}
	slices.Sort(c.names)
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before := m.HeapAlloc
	o := catalogueOptions(t, c, Start{})
	o.open = most
	f, _ := open(t, o)
	a := f.all()[0]
	held := func() (active, unread int) {
		a.blobs.mu.Lock()
		defer a.blobs.mu.Unlock()
		return len(a.blobs.byID), a.blobs.queue.len()
	}
	await(t, "all that may be open is open, and read", func() bool {
		active, unread := held()
		return active >= most && unread == 0
	})
	time.Sleep(200 * time.Millisecond)
	runtime.GC()
	runtime.ReadMemStats(&m)
	active, _ := held()
	t.Logf("%d blobs, %d open: %d KB of heap", blobs, active, (int64(m.HeapAlloc)-int64(before))>>10)
	if active > most+100 || int64(m.HeapAlloc)-int64(before) > int64(10<<20+3000*most) {
		t.Errorf("%d blobs are open, %d bytes of heap", active, m.HeapAlloc-before)
	}
	if got := take(t, f, 3*most); len(got) < 3*most {
		t.Errorf("%d records", len(got))
	}
}

// A hierarchical namespace lists its directories like empty blobs: nobody asks
// for them.
func TestDirectoriesAreNoBlobs(t *testing.T) {
	t.Parallel()
	c := &catalogue{folders: true}
	for nic := range 3 {
		c.names = append(c.names, azure.VNetName(nic, azure.ThisHour), azure.VNetName(nic, azure.ThisHour.Add(-time.Hour)))
	}
	slices.Sort(c.names)
	if text := c.list("flowLogResourceID=/", "", ""); strings.Count(text, "directory") < 6 {
		t.Fatalf("no directories in %s", text)
	}
	f, log := open(t, catalogueOptions(t, c, Start{}))
	if got := take(t, f, 6); len(got) != 6 {
		t.Errorf("%d records", len(got))
	}
	if counts := c.reset(); counts["blocks"] != 6 || counts["download"] != 6 || strings.Contains(log.String(), "0 ") || strings.Contains(log.String(), "1 ") {
		t.Errorf("%v, log:\n%s", counts, log)
	}
	pollAgain(t, f, true)
	if counts := c.reset(); counts["blocks"] != 0 || counts["ask"] > 6 {
		t.Errorf("second look: %v", counts)
	}
}

// A NIC that is new is found within list_interval, and no listing is made
// before.
func TestNewNICWithinListInterval(t *testing.T) {
	t.Parallel()
	const interval = 2 * time.Second
	c := azure.NewContainer(t)
	o := opts(t, c)
	wire := &wire{}
	o.Transport, o.ListInterval = wire, interval
	want := fill(t, c, []string{azure.VNetName(0, azure.ThisHour)})
	f, _ := open(t, o)
	same(t, take(t, f, total(want)), want)
	for nic := 1; nic < 3; nic++ {
		want := fill(t, c, []string{azure.VNetName(nic, azure.ThisHour)})
		began, before := time.Now(), wire.count("list")
		same(t, take(t, f, total(want)), want)
		took, lists := time.Since(began), wire.count("list")-before
		if took > interval+2*time.Second {
			t.Errorf("found after %s", took)
		}
		// The way down to the flow log, and its days, each interval.
		if most := (1 + int(took/interval)) * (3 + daysSince(began.Add(-interval-stillWritten))); lists > most {
			t.Errorf("%d lists in %s", lists, took)
		}
	}
}

// A folder that cannot be looked into keeps none of the others from being listed, and
// is listed when it can.
func TestFolderThatCannotBeListed(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	o := opts(t, c)
	var refuses atomic.Bool
	refuses.Store(true)
	o.Transport = &wire{harm: func(kind string, r *http.Request) (*http.Response, error) {
		if kind == "list" && refuses.Load() && strings.Contains(r.URL.Query().Get("prefix"), "/A-NSG/") {
			return answer(r, 403, "x-ms-error-code", "AuthorizationPermissionMismatch"), nil
		}
		return nil, nil
	}}
	bad := fill(t, c, []string{azure.NSGName("A-NSG", 1, azure.ThisHour)})
	good := fill(t, c, []string{azure.NSGName("B-NSG", 2, azure.ThisHour), azure.NSGName("C-NSG", 3, azure.ThisHour)})
	f, log := open(t, o)
	same(t, take(t, f, total(good)), good)
	await(t, "it is said", func() bool { return waitsFor(f, Forbidden) && log.count("cannot be listed") == 1 })
	another := fill(t, c, []string{azure.NSGName("C-NSG", 4, azure.ThisHour)})
	same(t, take(t, f, total(another)), another)
	refuses.Store(false)
	same(t, take(t, f, total(bad)), bad)
	await(t, "nothing is waited for", func() bool { return len(f.Waiting()) == 0 })
}

// A blob that is written after its hour is found: by name where its NIC is
// known, by the next listing 19 minutes after it, and by the sweep hours later.
func TestLateBlobs(t *testing.T) {
	t.Parallel()
	next := azure.ThisHour.Add(time.Hour)
	c := &catalogue{names: []string{azure.VNetName(1, azure.ThisHour.Add(-time.Hour))}}
	f, _ := open(t, catalogueOptions(t, c, hoursBack(2)))
	take(t, f, 1)
	at := func(now time.Time, late string, listing, sweep bool) {
		t.Helper()
		c.mu.Lock()
		c.ahead = time.Until(now)
		c.mu.Unlock()
		pollAgain(t, f, true) // the clock is known, and everything listed
		c.add(late)
		c.reset()
		one := onlyContainer(f)
		one.mu.Lock()
		if listing {
			one.listed = time.Time{}
		}
		if sweep {
			one.swept = time.Time{}
		}
		one.mu.Unlock()
		if err := one.poll(); err != nil {
			t.Fatal(err)
		}
		got := take(t, f, 1)
		if len(got) != 1 || got[0].Blob != late {
			t.Errorf("%d records, want that of %s", len(got), late)
		}
		if counts := c.reset(); !listing && counts["list"] > 0 {
			t.Errorf("%v", counts)
		}
	}
	at(next.Add(19*time.Minute), azure.VNetName(1, azure.ThisHour), false, false)
	at(next.Add(19*time.Minute+30*time.Second), azure.VNetName(2, azure.ThisHour), true, false)
	at(next.Add(5*time.Hour), azure.VNetName(3, azure.ThisHour), true, true)
}

// The same against the emulator, from a store.
func TestIdlePoll(t *testing.T) {
	t.Parallel()
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
	f.Close()

	o.PollInterval, o.ListInterval = 100*time.Millisecond, 100*time.Millisecond
	f, _ = open(t, o) // from the store
	await(t, "polls", func() bool { return wire.count("list") >= 2 })
	wire.reset()
	await(t, "more polls", func() bool { return wire.count("list") >= 3 })
	if n := wire.count("blocks") + wire.count("download"); n != 0 {
		t.Errorf("%d requests for content", n)
	}
	if b, _ := f.Next(1 << 20); len(b.Records) > 0 {
		t.Errorf("%d records again", len(b.Records))
	}
}

func TestOldEntriesAreForgotten(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	o := opts(t, c)
	old, young := azure.NSGName("EDGE-NSG", 1, azure.ThisHour.Add(-47*time.Hour)), azure.NSGName("EDGE-NSG", 2, azure.ThisHour)
	want := fill(t, c, []string{old, young, "copy/undated.json"})
	f, _ := open(t, o)
	take(t, f, total(want))
	known := func(name string) bool { _, ok, _ := f.checkpoints.store.Get(bucketOf(t, c), name); return ok }
	await(t, "entries in the store", func() bool { return known(old) && known(young) && known("copy/undated.json") })
	await(t, "all settled", func() bool { return settled(f) })
	watermark, _, err := f.checkpoints.store.Begun(bucketOf(t, c))
	if err != nil || !watermark.Equal(azure.ThisHour.Add(-late)) && !watermark.Equal(azure.ThisHour.Add(-late+time.Hour)) {
		t.Errorf("watermark %s, %v", watermark, err)
	}
	f.Close()
	f, _ = open(t, o)
	l := onlyContainer(f)
	await(t, "a look after the restart", func() bool { return !l.lastListed().IsZero() })
	f.stop() // no more looks of its own
	f.running.Wait()
	clear(f.all()[0].blobs.byID) // what was being asked for
	// A service whose clock is ahead does not make anything old.
	if err := l.settle(time.Now()); err != nil || !known(old) {
		t.Errorf("known %t, %v", known(old), err)
	}
	if err := l.settle(time.Now().Add(3 * time.Hour)); err != nil {
		t.Fatal(err)
	}
	if known(old) {
		t.Error("an old entry is kept")
	}
	if !known(young) || !known("copy/undated.json") {
		t.Error("an entry that is needed is gone")
	}
	if err := l.settle(time.Now().Add(60 * time.Hour)); err != nil || known("copy/undated.json") {
		t.Errorf("a blob without a date, written 60 hours ago: known %t, %v", known("copy/undated.json"), err)
	}
}
