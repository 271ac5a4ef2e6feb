package storage

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	azblob "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"

	"fluent-bit-nsgflow/nsgflow/storage/checkpoint"
	"fluent-bit-nsgflow/test/azure"
)

// A connection string that is left in the environment for another account is
// refused: its records would carry the configured name.
func TestConnectionStringOfAnotherAccount(t *testing.T) {
	t.Parallel()
	for connection, want := range map[string]string{
		"DefaultEndpointsProtocol=https;AccountName=other;AccountKey=" + azure.Key:                                       `it is of account "other", and option account names "mine"`,
		"BlobEndpoint=https://other.blob.core.windows.net;SharedAccessSignature=sv=2022-11-02&sig=c2VjcmV0c2Vj":          `it is of account "other", and option account names "mine"`,
		"BlobEndpoint=https://mine-secondary.blob.core.windows.net;SharedAccessSignature=sv=2022-11-02&sig=c2VjcmV0c2Vj": "",
		"BlobEndpoint=https://logs.example.com;SharedAccessSignature=sv=2022-11-02&sig=c2VjcmV0c2Vj":                     "",
		"AccountName=mine;AccountKey=" + azure.Key + ";BlobEndpoint=http://127.0.0.1:10000/mine;":                        "",
	} {
		o := options(t, "mine")
		o.ConnectionString = Secret(connection)
		o.Transport = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) { return nil, context.Canceled })}
		f, err := NewAgent().Open(o, func(Level, string) {}, func() {})
		if f != nil {
			f.Close()
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.50s…: %v, want %q", connection, err, want)
		}
	}
}

// An archived blob is read once it is rehydrated, though neither its ETag nor
// its time changes then, and is waited for beyond the hours of a sweep.
func TestRehydratedBlob(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	o := opts(t, c)
	name := azure.VNetName(1, azure.ThisHour.Add(-10*24*time.Hour))
	want := fill(t, c, []string{name, azure.VNetName(2, azure.ThisHour)})
	b := c.NewBlobClient(name)
	set := func(tier azblob.AccessTier) {
		if _, err := b.SetTier(context.Background(), tier, nil); err != nil {
			t.Fatal(err)
		}
	}
	set(azblob.AccessTierArchive)
	f, log := open(t, o)
	take(t, f, len(want[azure.VNetName(2, azure.ThisHour)]))
	await(t, "a line", func() bool { return log.count("are archived") == 1 })
	if len(f.Waiting()) > 0 {
		t.Errorf("%+v", f.Waiting())
	}
	f.Close()
	set(azblob.AccessTierHot)
	f, _ = open(t, o)
	same(t, take(t, f, len(want[name])), map[string][]string{name: want[name]})
}

// A page of a proxy does not move the clock.
func TestClockOfAProxy(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	o := opts(t, c)
	w := &wire{harm: func(kind string, r *http.Request) (*http.Response, error) {
		page := answer(r, 502)
		page.Header.Set("Date", time.Now().Add(100*time.Hour).UTC().Format(http.TimeFormat))
		return page, nil
	}}
	o.Transport = w
	f, log := open(t, o)
	await(t, "the page", func() bool { return log.count("HTTP 502") > 0 })
	if off := f.all()[0].requests.clock.off(); off.Abs() > time.Minute {
		t.Errorf("the clock is off by %s", off)
	}
}

// The time of a record that lies in the future does not hide how far behind
// reading is.
func TestLagOfARecordOfTheFuture(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	f, _ := open(t, opts(t, c))
	l := azure.NewFlowLog(t, c, azure.VNetName(1, azure.ThisHour))
	for _, text := range []string{`{"time":"2026-01-02T03:04:05Z"}`, `{"time":"2099-01-01T00:00:00Z"}`} {
		l.Grow(text)
		take(t, f, 1)
	}
	if s := f.Stats()[0]; s.Lag == 0 {
		t.Errorf("lag %s, newest %s", s.Lag, s.Newest)
	}
}

// What a redirect names is not asked, least of all with the token as Referer.
func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	elsewhere := serve(t, func(w http.ResponseWriter, r *http.Request) { asked.Add(1) })
	here := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere, http.StatusFound) })
	o := options(t, "mine")
	o.Endpoint, o.SASToken = here+"/mine", "sv=2022-11-02&sig=c2VjcmV0c2Vj"
	f, log := open(t, o)
	await(t, "a fault", func() bool { return log.count("HTTP 302") > 0 && waitsFor(f, Network) })
	if asked.Load() > 0 {
		t.Error("it was followed")
	}
}

// An endpoint without TLS is warned of, but for one on this machine.
func TestEndpointInTheClear(t *testing.T) {
	t.Parallel()
	for endpoint, warned := range map[string]int{"http://127.0.0.1:1/mine": 0, "http://localhost:1/mine": 0, "https://mine.blob.example.com": 0, "http://10.0.0.1:1/mine": 1, "http://azurite:10000/mine": 1} {
		o := options(t, "mine")
		o.Endpoint, o.SASToken = endpoint, "sv=2022-11-02&sig=c2VjcmV0c2Vj"
		o.Transport = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) { return nil, context.Canceled })}
		_, log := open(t, o)
		if log.count("take https") != warned {
			t.Errorf("%s: log:\n%s", endpoint, log)
		}
	}
}

// Others cannot decide what is read, nor where this process writes.
func TestRightsOfTheState(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	o := opts(t, c)
	f, _ := open(t, o)
	f.Close()
	file := filepath.Join(o.StatePath, "nsgflow.db")
	for path, mode := range map[string]os.FileMode{o.StatePath: 0o777, file: 0o666} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	f, log := open(t, o)
	f.Close()
	for path, want := range map[string]os.FileMode{o.StatePath: 0o775, file: 0o600} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want || log.count(`the rights of "`+path+`"`) != 1 {
			t.Errorf("%s: %v, %v, log:\n%s", path, info.Mode(), err, log)
		}
	}
	real := o.StatePath
	o.StatePath = filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(real, o.StatePath); err != nil {
		t.Fatal(err)
	}
	if _, err := NewAgent().Open(o, log.add, func() {}); err == nil || !strings.Contains(err.Error(), "is a symlink") {
		t.Errorf("a folder: %v", err)
	}
	o.StatePath = t.TempDir()
	if err := os.Symlink(file, filepath.Join(o.StatePath, "nsgflow.db")); err != nil {
		t.Fatal(err)
	}
	if _, err := NewAgent().Open(o, log.add, func() {}); err == nil || !strings.Contains(err.Error(), "is a symlink") {
		t.Errorf("a file: %v", err)
	}
	for _, name := range []string{"nsgflow.journal", "nsgflow.journal.new"} {
		o.StatePath = t.TempDir()
		if err := os.Symlink(file, filepath.Join(o.StatePath, name)); err != nil {
			t.Fatal(err)
		}
		if f, err := NewAgent().Open(o, log.add, func() {}); err == nil || !strings.Contains(err.Error(), "is a symlink") {
			t.Errorf("%s: %v", name, err)
			f.Close()
		}
	}
}

// Whoever asks for figures or a batch does not wait for a disk.
func TestNobodyWaitsForTheDisk(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	f, _ := open(t, opts(t, c))
	await(t, "a listing", func() bool { return !onlyContainer(f).lastListed().IsZero() })
	all, answers := f.all()[0].blobs, make(chan struct{})
	answer := sync.OnceFunc(func() { close(answers) })
	defer answer()
	time.AfterFunc(20*time.Second, answer)
	all.mu.Lock()
	all.store = silentDisk{all.store, answers}
	all.mu.Unlock()
	azure.NewFlowLog(t, c, azure.VNetName(1, azure.ThisHour)).Grow(azure.VNetRecord(1))
	time.Sleep(500 * time.Millisecond) // the listing has come to the checkpoint
	began := time.Now()
	f.Stats()
	f.Waiting()
	f.Saved()
	if _, err := f.Next(1 << 20); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("they waited %s", took)
	}
	answer()
	take(t, f, 1)
}

// silentDisk does not answer before its channel is closed.
type silentDisk struct {
	store
	answers chan struct{}
}

func (d silentDisk) get(bucket, name string) (checkpoint.Checkpoint, bool, error) {
	<-d.answers
	return d.store.get(bucket, name)
}

// A secret's file that does not answer, such as of a network file system, holds
// up nobody who asks for figures.
func TestNobodyWaitsForTheSecret(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	o := opts(t, c)
	u, err := azure.Client(t).NewContainerClient(azure.NameOf(c)).GetSASURL(sas.ContainerPermissions{Read: true, List: true}, time.Now().Add(time.Hour), nil)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "token")
	token := u[strings.IndexByte(u, '?')+1:]
	if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	o.AccountKey, o.SASToken = "", Secret("file:"+file)
	var refuses atomic.Bool
	o.Transport = &wire{harm: func(kind string, r *http.Request) (*http.Response, error) {
		if refuses.Load() {
			return answer(r, 403, "x-ms-error-code", "AuthenticationFailed"), nil
		}
		return nil, nil
	}}
	f, _ := open(t, o)
	await(t, "a listing", func() bool { return !onlyContainer(f).lastListed().IsZero() })
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(file, 0o600); err != nil { // reading it waits for a writer
		t.Fatal(err)
	}
	refuses.Store(true)
	time.Sleep(3 * time.Second) // somebody reads it
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.Stats()
		f.Waiting()
		f.Next(1 << 20)
		f.all()[0].log(Info, "a line")
	}()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Error("they wait")
	}
	w, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(file)
	fmt.Fprint(w, token)
	w.Close()
	<-done
}

// Records that do not end count in the limit of memory: one of them at a time
// is longer than a piece.
func TestMemoryOfOpenRecords(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	o := opts(t, c)
	const blobs, megabytes = 6, 6
	for nic := range blobs {
		l := azure.NewFlowLog(t, c, azure.VNetName(nic, azure.ThisHour))
		l.GrowRaw(`{"time":"`)
		for range megabytes {
			l.GrowRaw(strings.Repeat("x", 1<<20))
		}
		l.GrowRaw(`"}`)
	}
	var mu sync.Mutex
	long := map[string]bool{} // blobs of which more than three pieces are read, not all
	most := 0
	o.Transport = &wire{hurt: func(kind string, r *http.Response) {
		var from, to int
		if fmt.Sscanf(strings.Join(r.Request.Header["x-ms-range"], ""), "bytes=%d-%d", &from, &to); kind != "download" {
			return
		}
		time.Sleep(10 * time.Millisecond)
		mu.Lock()
		defer mu.Unlock()
		if delete(long, r.Request.URL.Path); from > 3*pieceBytes && to < megabytes<<20 {
			long[r.Request.URL.Path] = true
		}
		most = max(most, len(long))
	}}
	agent := NewAgent()
	agent.memory = newLimiter(pieceBytes, 4<<20)
	f, err := agent.Open(o, func(Level, string) {}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got := 0
	await(t, "all records", func() bool {
		b, err := f.Next(32 << 20)
		if err != nil {
			t.Fatal(err)
		}
		f.Commit(b.Token)
		got += len(b.Records)
		return got == blobs
	})
	f.Close()
	if most != 1 {
		t.Errorf("%d long records were read at a time", most)
	}
	agent.memory.free(t)
}

// Many readers that each have a part of a long record do not wait for each other
// for ever.
func TestManyOpenRecords(t *testing.T) {
	c := azure.NewContainer(t)
	o := opts(t, c)
	o.Concurrency = 16
	const blobs = 12
	for nic := range blobs {
		l := azure.NewFlowLog(t, c, azure.VNetName(nic, azure.ThisHour))
		l.GrowRaw(`{"time":"`)
		l.GrowRaw(strings.Repeat("x", 1<<20))
		l.GrowRaw(strings.Repeat("x", 1<<20))
		l.GrowRaw(`"}`)
	}
	agent := NewAgent()
	agent.memory = newLimiter(pieceBytes, 4<<20)
	f, err := agent.Open(o, func(Level, string) {}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := take(t, f, blobs); len(got) != blobs {
		t.Errorf("%d records", len(got))
	}
}

// What is read and waits for the host is not forgotten by the figures.
func TestUnreadUntilTheCheckpoint(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	f, _ := open(t, opts(t, c))
	azure.NewFlowLog(t, c, azure.VNetName(1, azure.ThisHour)).Grow(azure.VNetRecord(1))
	b := Batch{}
	await(t, "a batch", func() bool {
		var err error
		b, err = f.Next(1 << 20)
		return err != nil || len(b.Records) > 0
	})
	await(t, "it grows old", func() bool { s := f.Stats()[0]; return s.Open == 1 && s.Oldest > time.Second })
	f.Commit(b.Token)
	await(t, "none is left", func() bool { f.Next(1 << 20); s := f.Stats()[0]; return s.Open == 0 && s.Oldest == 0 })
}

// While nobody can look, what is unread is at least as old as that.
func TestUnreadWhileSignInIsRefused(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	o := opts(t, c)
	o.Transport = &wire{harm: func(kind string, r *http.Request) (*http.Response, error) {
		return answer(r, 403, "x-ms-error-code", "AuthenticationFailed"), nil
	}}
	f, _ := open(t, o)
	await(t, "it grows old", func() bool { return f.Stats()[0].Oldest > 2*time.Second })
	if w := f.Waiting(); len(w) != 1 || w[0].Reason != SignIn || w[0].Account != azure.Account {
		t.Errorf("%+v", w)
	}
}

func serve(t *testing.T, answer http.HandlerFunc) (url string) {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return s.URL
}
