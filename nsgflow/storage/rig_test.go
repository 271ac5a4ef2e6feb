package storage

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	azcontainer "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/soak"
)

// long tests what takes minutes: fifty kills, thousands of blobs.
var long = soak.Long("storage")

// options are those of a configuration that names only accounts and state_path,
// but begin at the beginning.
func options(t testing.TB, accounts ...string) Options {
	return Options{
		Accounts: accounts, Discovery: Discovery{DiscoverInterval: 10 * time.Minute}, Auth: AuthAuto,
		Containers:   []string{"insights-logs-networksecuritygroupflowevent", "insights-logs-flowlogflowevent"},
		PollInterval: 30 * time.Second, ListInterval: 5 * time.Minute, StatePath: t.TempDir(), BatchBytes: 1 << 20, PendingLimit: 64 << 20, Concurrency: 4,
	}
}

// opts are the options of a test: quick, and from the beginning.
func opts(t testing.TB, c *azcontainer.Client) Options {
	t.Helper()
	o := options(t, azure.Account)
	o.AccountKey, o.Endpoint, o.Containers = azure.Key, azure.Endpoint(t), []string{azure.NameOf(c)}
	o.PollInterval, o.ListInterval = 50*time.Millisecond, 50*time.Millisecond
	return o
}

// logged gathers log lines.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) add(level Level, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(&l.text, "%d %s\n", level, text)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logged) count(part string) int { return strings.Count(l.String(), part) }

func open(t testing.TB, o Options) (*Follower, *logged) {
	t.Helper()
	l := &logged{}
	f, err := NewAgent().Open(o, l.add, func() {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.Close()
		if t.Failed() {
			t.Logf("log of the follower:\n%s", l)
		}
	})
	return f, l
}

const patience = time.Minute

// bucketOf is where the store keeps the checkpoints of a container.
func bucketOf(t testing.TB, c *azcontainer.Client) string {
	return azure.Endpoint(t) + "/" + azure.NameOf(c)
}

// onlyContainer is that of a follower of one container.
func onlyContainer(f *Follower) *container { return f.all()[0].containers[0] }

// poll is one round of both loops of a container.
func (c *container) poll() error {
	err := c.look()
	c.known.retry(c.requests.clock.time())
	c.ask()
	return err
}

// settled reports whether nothing is unread or without a checkpoint.
func settled(f *Follower) bool {
	for _, a := range f.all() {
		a.blobs.mu.Lock()
		n := len(a.blobs.byID)
		a.blobs.mu.Unlock()
		if n > 0 {
			return false
		}
	}
	return true
}

// take hands out and commits until want records have come, and then until
// nothing more comes.
func take(t testing.TB, f *Follower, want int) []Record {
	t.Helper()
	var got []Record
	deadline := time.Now().Add(patience)
	for quiet := 0; len(got) < want || quiet < 3; {
		b, err := f.Next(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range b.Records {
			r.Text = bytes.Clone(r.Text)
			got = append(got, r)
		}
		f.Commit(b.Token)
		if len(b.Records) > 0 {
			quiet = 0
			continue
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d records after %s", len(got), want, patience)
		}
		time.Sleep(50 * time.Millisecond)
		if len(got) >= want {
			quiet++
		}
	}
	return got
}

func await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// same compares texts as they came, blob by blob.
func same(t testing.TB, got []Record, want map[string][]string) {
	t.Helper()
	by := map[string][]string{}
	for _, r := range got {
		by[r.Blob] = append(by[r.Blob], string(r.Text))
	}
	for name, texts := range want {
		if g, w := strings.Join(by[name], "\n"), strings.Join(texts, "\n"); g != w {
			t.Errorf("%s:\n got %d records %.600q\nwant %d records %.600q", name, len(by[name]), g, len(texts), w)
		}
		delete(by, name)
	}
	for name, texts := range by {
		t.Errorf("%s: %d records that nobody wrote", name, len(texts))
	}
}

// fill writes logs of 1 to 3 minutes to many blobs at a time, and gives what
// each should yield.
func fill(t testing.TB, c *azcontainer.Client, names []string) map[string][]string {
	t.Helper()
	want := map[string][]string{}
	var mu sync.Mutex
	var all sync.WaitGroup
	turns := make(chan struct{}, 16)
	for i, name := range names {
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			l := azure.NewFlowLog(t, c, name)
			var texts []string
			for minute := range 1 + i%3 {
				record := azure.NSGRecord
				if strings.HasPrefix(name, "flowLog") {
					record = azure.VNetRecord
				}
				block := []string{record(i*10 + minute), record(i*10 + minute + 5)}
				l.Grow(block...)
				texts = append(texts, block...)
			}
			mu.Lock()
			want[name] = texts
			mu.Unlock()
		})
	}
	all.Wait()
	return want
}

func total(want map[string][]string) (n int) {
	for _, texts := range want {
		n += len(texts)
	}
	return n
}
