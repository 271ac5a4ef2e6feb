package storage

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
)

// A service that refuses everything for a while is asked less and less, by all
// goroutines together, and nothing is lost over it.
func TestStorm(t *testing.T) {
	t.Parallel()
	const length = 5 * time.Second
	c := azure.NewContainer(t)
	o := opts(t, c)
	o.Concurrency = 16
	var names []string
	for nic := range 30 {
		names = append(names, azure.VNetName(nic, azure.ThisHour))
	}
	want := fill(t, c, names)
	var storm atomic.Bool
	var refused atomic.Int64
	o.Transport = &wire{harm: func(kind string, r *http.Request) (*http.Response, error) {
		if !storm.Load() {
			return nil, nil
		}
		refused.Add(1)
		return answer(r, 503, "x-ms-error-code", "ServerBusy"), nil
	}}
	f, log := open(t, o)
	got := take(t, f, total(want))
	same(t, got, want)
	storm.Store(true)
	began := time.Now()
	for i, name := range names {
		if i%3 == 0 {
			text := azure.VNetRecord(1000 + i)
			l := azure.NewFlowLog(t, c, strings.Replace(name, "EDGE-FLOWLOG", "STORM-FLOWLOG", 1))
			l.Grow(text)
			want[strings.Replace(name, "EDGE-FLOWLOG", "STORM-FLOWLOG", 1)] = []string{text}
		}
	}
	time.Sleep(length - time.Since(began))
	n := refused.Load()
	storm.Store(false)
	got = append(got, take(t, f, total(want)-len(got))...)
	same(t, got, want)
	t.Logf("%d requests in a storm of %s", n, length)
	// Those under way when it begins, and few again behind each pause.
	if n == 0 || n > 17*6 {
		t.Errorf("%d requests in a storm of %s", n, length)
	}
	if s := f.Stats()[0]; int64(s.Throttled) != refused.Load() {
		t.Errorf("%d throttled, want %d", s.Throttled, refused.Load())
	}
	await(t, "the end of it in the log", func() bool { return log.count("storage: recovered") == 1 })
	if log.count("HTTP 503 ServerBusy") != 1 {
		t.Errorf("log:\n%s", log)
	}
}

// A body that comes slowly holds its own slot: the other blobs of the account
// are read meanwhile, and its own bytes as they come.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	o := opts(t, c)
	name := func(nic int) string { return azure.VNetName(nic, azure.ThisHour) }
	var slowly atomic.Bool
	slowly.Store(true)
	o.Transport = &wire{hurt: func(kind string, r *http.Response) {
		if kind == "download" && strings.Contains(r.Request.URL.Path, "0022480B0000") {
			r.Body = slow{r.Body, &slowly}
		}
	}}
	var large []string
	for n := range 200 {
		large = append(large, azure.VNetRecord(n))
	}
	azure.NewFlowLog(t, c, name(0)).Grow(large...)
	f, log := open(t, o)
	await(t, "the slow body has begun", func() bool { return f.Stats()[0].Requests[RequestKind{"get", "206"}] == 1 })
	for n := range 3 {
		began := time.Now()
		var fresh []string
		for nic := 1; nic < 5; nic++ {
			fresh = append(fresh, name(10*n+nic))
		}
		others := fill(t, c, fresh)
		same(t, take(t, f, total(others)), others)
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("the others came after %s", took)
		}
	}
	held := &f.all()[0].requests.held
	limit := f.agent.requests
	await(t, "one slot is held", func() bool { limit.mu.Lock(); defer limit.mu.Unlock(); return held.held == 1 })
	slowly.Store(false)
	same(t, take(t, f, len(large)), map[string][]string{name(0): large})
	if log.count("1 ") > 0 {
		t.Errorf("log:\n%s", log)
	}
}

// What the service refuses for one blob concerns that blob, is said once, and
// ends when the blob can be read.
func TestOneBlobIsRefused(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"ask", "blocks", "download"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			c := azure.NewContainer(t)
			o := opts(t, c)
			o.ListInterval, o.byBlocks = 300*time.Millisecond, kind != "ask"
			bad, good := azure.VNetName(1, azure.ThisHour), azure.VNetName(2, azure.ThisHour)
			want := fill(t, c, []string{bad, good})
			var refuses atomic.Bool
			var asked atomic.Int64
			o.Transport = &wire{harm: func(k string, r *http.Request) (*http.Response, error) {
				if refuses.Load() && k == kind && strings.HasSuffix(r.URL.Path, bad) {
					asked.Add(1)
					return answer(r, 400, "x-ms-error-code", "InvalidInput"), nil
				}
				return nil, nil
			}}
			f, log := open(t, o)
			same(t, take(t, f, total(want)), want)
			refuses.Store(true)
			// Both grow, one of them is refused, for many polls.
			b, g := azure.NewFlowLog(t, c, bad), azure.NewFlowLog(t, c, good)
			text := azure.VNetRecord(100)
			b.Grow(text)
			g.Grow(text)
			began := time.Now()
			count := 0
			for time.Since(began) < 1500*time.Millisecond || count == 0 && time.Since(began) < 20*time.Second {
				for _, r := range take(t, f, 0) {
					if count++; r.Blob != good && kind != "ask" {
						t.Errorf("a record of %s", r.Blob)
					}
				}
			}
			if count == 0 {
				t.Error("the other blob was not read")
			}
			line := fmt.Sprintf("1 account %s: blob %q: cannot be read: HTTP 400 InvalidInput, trying again", azure.Account, onlyContainer(f).urlOf(bad))
			if asked.Load() == 0 || log.count("HTTP 400") != 1 || log.count(line) != 1 {
				t.Errorf("asked %d times, log:\n%s", asked.Load(), log)
			}
			if took := time.Since(began); asked.Load() > 3+int64(took/time.Second) {
				t.Errorf("asked %d times in %s", asked.Load(), took)
			}
			refuses.Store(false)
			text = azure.VNetRecord(101)
			b.Grow(text)
			var last Record
			await(t, "the blob is read when it has changed", func() bool {
				for _, r := range take(t, f, 0) {
					if r.Blob == bad {
						last = r
					}
				}
				return string(last.Text) == text
			})
			await(t, "the end of it in the log", func() bool { return log.count("reading: recovered after ") == 1 })
		})
	}
}

// A blob that is deleted, before or after it was read, holds nothing up, and
// one that takes its place is read from its beginning.
func TestDeletedAndMadeAgain(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	o := opts(t, c)
	name := azure.VNetName(1, azure.ThisHour)
	f, log := open(t, o)
	for n := range 3 {
		texts := []string{azure.VNetRecord(10 * n), azure.VNetRecord(10*n + 1)}
		l := azure.NewFlowLog(t, c, name)
		l.Grow(texts...)
		got := take(t, f, 2)
		same(t, got, map[string][]string{name: texts})
		if _, err := c.NewBlobClient(name).Delete(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * o.PollInterval)
		if again := take(t, f, 0); len(again) > 0 {
			t.Errorf("%d records of a blob that is gone", len(again))
		}
	}
	text := log.String()
	if strings.Contains(text, "0 ") || log.count("was replaced by another") == 0 {
		t.Errorf("log:\n%s", text)
	}
}
