package blob

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"fluent-bit-nsgflow/test/azure"
)

// opts are the options of a test: quick, and from the beginning.
func opts(t testing.TB, c *container.Client) Options {
	t.Helper()
	o, err := Parse(func(key string) string {
		return map[string]string{
			"account": azure.Account, "account_key": azure.Key, "endpoint": azure.Endpoint(t),
			"containers": azure.NameOf(c), "start": "beginning", "state_path": t.TempDir(),
		}[key]
	})
	if err != nil {
		t.Fatal(err)
	}
	o.PollInterval, o.CheckpointLag = 50*time.Millisecond, 0
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
	f, err := Open(context.Background(), o, l.add)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.Close(0)
		if t.Failed() {
			t.Logf("log of the follower:\n%s", l)
		}
	})
	return f, l
}

const patience = 2 * time.Minute

// take hands over and commits until want records have come, and then until
// nothing more comes.
func take(t testing.TB, f *Follower, want int) []Record {
	t.Helper()
	var got []Record
	deadline := time.Now().Add(patience)
	for quiet := 0; len(got) < want || quiet < 3; {
		b, err := f.Next(0)
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

var (
	written  = time.Now().UTC()
	thisHour = written.Truncate(time.Hour)
)

func nsgName(nsg string, nic int, hour time.Time) string {
	return fmt.Sprintf("resourceId=/SUBSCRIPTIONS/2AB00000-0000-4000-8000-00000000BEEF/RESOURCEGROUPS/EDGE/PROVIDERS/MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/%s/%sm=00/macAddress=%012X/PT1H.json",
		nsg, hourPath("", hour), 0x0022480A0000+nic)
}

func vnetName(nic int, hour time.Time) string {
	return fmt.Sprintf("flowLogResourceID=/2AB00000-0000-4000-8000-00000000BEEF_NETWORKWATCHERRG/NETWORKWATCHER_WESTEUROPE_EDGE-FLOWLOG/%sm=00/macAddress=%012X/PT1H.json",
		hourPath("", hour), 0x0022480B0000+nic)
}

// nsgRecord is a record of one tuple, which n makes unique.
func nsgRecord(n int) string {
	return fmt.Sprintf(`{"time":"%s","systemId":"5c0ffee0-1111-4222-8333-444455556666","macAddress":"0022480A0000","category":"NetworkSecurityGroupFlowEvent","resourceId":"/SUBSCRIPTIONS/2AB00000-0000-4000-8000-00000000BEEF/RESOURCEGROUPS/EDGE/PROVIDERS/MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/EDGE-NSG","operationName":"NetworkSecurityGroupFlowEvents","properties":{"Version":2,"flows":[{"rule":"UserRule_\"{[\\","flows":[{"mac":"0022480A0000","flowTuples":["%d,10.1.0.4,192.0.2.7,%d,443,T,O,A,B,,,,"]}]}]}}`,
		written.Format("2006-01-02T15:04:05.0000000Z"), written.Unix(), n)
}

func vnetRecord(n int) string {
	return fmt.Sprintf(`{"time":"%s","flowLogVersion":4,"flowLogGUID":"5c0ffee0-1111-4222-8333-444455556666","macAddress":"0022480B0000","category":"FlowLogFlowEvent","flowLogResourceID":"/SUBSCRIPTIONS/2AB00000-0000-4000-8000-00000000BEEF/RESOURCEGROUPS/NETWORKWATCHERRG/PROVIDERS/MICROSOFT.NETWORK/NETWORKWATCHERS/NETWORKWATCHER_WESTEUROPE/FLOWLOGS/EDGE-FLOWLOG","targetResourceID":"/subscriptions/2ab00000-0000-4000-8000-00000000beef/resourceGroups/edge/providers/Microsoft.Network/virtualNetworks/edge","operationName":"FlowLogFlowEvent","flowRecords":{"flows":[{"aclID":"unspecified","flowGroups":[{"rule":"DefaultRule_AllowVnetOutBound","flowTuples":["%d,10.1.0.4,192.0.2.7,%d,443,6,O,B,NX,0,0,0,0"]}]}]}}`,
		written.Format("2006-01-02T15:04:05.0000000Z"), written.UnixMilli(), n)
}

// fill writes logs of 1 to 3 minutes to many blobs at a time, and gives what
// each should yield.
func fill(t testing.TB, c *container.Client, names []string) map[string][]string {
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
				record := nsgRecord
				if strings.HasPrefix(name, "flowLog") {
					record = vnetRecord
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
