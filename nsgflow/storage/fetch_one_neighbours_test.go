package storage

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
)

// Accounts whose requests are refused, or wait, hold no memory that a healthy one needs
// meanwhile.
func TestAsksHoldNoMemory(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"403", "503"} {
		var storages []azure.Storage
		for range 14 {
			storages = append(storages, azure.NewStorage(t))
		}
		names := namesOf(storages)
		o := accountsOptions(t, storages, Secrets{AccountKey: azure.Key})
		o.ListInterval = 5 * time.Second
		o.PollInterval = time.Second
		var bad atomic.Bool
		o.Transport = &wire{harm: func(kind string, r *http.Request) (*http.Response, error) {
			if bad.Load() && !strings.HasPrefix(r.URL.Path, "/"+names[0]+"/") {
				if how == "403" {
					return answer(r, 403, "x-ms-request-id", "1", "x-ms-error-code", "AuthenticationFailed"), nil
				}
				return answer(r, 503, "x-ms-request-id", "1", "x-ms-error-code", "ServerBusy", "Retry-After", "10"), nil
			}
			return nil, nil
		}}
		for _, s := range storages[1:] {
			for nic := range 6 {
				azure.NewFlowLog(t, s.VNet, azure.VNetName(nic, azure.ThisHour)).Grow(azure.VNetRecord(nic))
			}
		}
		l := &logged{}
		f, err := NewAgent().Open(o, l.add, func() {})
		if err != nil {
			t.Fatal(err)
		}
		take(t, f, 13*6)
		bad.Store(true)
		time.Sleep(3 * time.Second) // they ask in vain
		var texts []string
		for n := range 2000 {
			texts = append(texts, azure.VNetRecord(n, n, n+1, n+2, n+3, n+4, n+5, n+6, n+7, n+8))
		}
		for nic := range 8 {
			azure.NewFlowLog(t, storages[0].VNet, azure.VNetName(nic, azure.ThisHour.Add(-3*time.Hour))).Grow(texts...)
		}
		got := 0
		for began := time.Now(); got < 8*2000 && time.Since(began) < 3*time.Minute; {
			b, _ := f.Next(1 << 20)
			got += len(b.Records)
			f.Commit(b.Token)
			time.Sleep(20 * time.Millisecond)
		}
		if got != 8*2000 {
			t.Errorf("%s: %d of 16000 records of the healthy account", how, got)
		}
		f.Close()
	}
}

// A half record that the end of the blob happens to make whole is none.
func TestEndIsNoEndOfARecord(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	o := opts(t, c)
	o.ListInterval = time.Hour
	l := azure.NewFlowLog(t, c, azure.VNetName(2, azure.ThisHour))
	l.Grow(azure.VNetRecord(1))
	f, _ := open(t, o)
	defer f.Close()
	take(t, f, 1)
	l.GrowRaw(`,{"records":[1`)
	time.Sleep(3 * o.PollInterval) // the half is seen
	l.GrowRaw(`,2]}`)
	if got := take(t, f, 1)[0]; string(got.Text) != `{"records":[1,2]}` {
		t.Errorf("%q", got.Text)
	}
}

// What an answer says is not believed against a listing: a cache has an old 304, or the
// blob is deleted.
func TestAskAgainstAListing(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	o := opts(t, c)
	w := &wire{}
	var bad atomic.Bool
	w.harm = func(kind string, r *http.Request) (*http.Response, error) {
		if kind == "ask" && bad.Load() && r.Header.Get("If-None-Match") != "" {
			return answer(r, 304, "x-ms-request-id", "1"), nil
		}
		return nil, nil
	}
	o.Transport = w
	l := azure.NewFlowLog(t, c, azure.NSGName("EDGE-NSG", 1, azure.ThisHour))
	l.Grow(azure.NSGRecord(1))
	f, _ := open(t, o)
	defer f.Close()
	take(t, f, 1)
	await(t, "settled", func() bool { return settled(f) })
	bad.Store(true)
	l.Grow(azure.NSGRecord(2))
	take(t, f, 1)
}

// NICs of a flow log whose hour is listed in place of many requests are asked for by
// name where lists are refused.
func TestNamesWhereListsAreRefused(t *testing.T) {
	t.Parallel()
	const nics = 20
	c := azure.NewContainer(t)
	o := opts(t, c)
	o.PollInterval, o.ListInterval = 500*time.Millisecond, time.Hour
	var bad atomic.Bool
	w := &wire{}
	w.harm = func(kind string, r *http.Request) (*http.Response, error) {
		if kind == "list" && bad.Load() {
			return answer(r, 403, "x-ms-request-id", "1", "x-ms-error-code", "AuthorizationPermissionMismatch"), nil
		}
		return nil, nil
	}
	o.Transport = w
	var logs []*azure.FlowLog
	for i := range nics {
		l := azure.NewFlowLog(t, c, azure.NSGName("EDGE-NSG", i, azure.ThisHour))
		l.Grow(azure.NSGRecord(i))
		logs = append(logs, l)
	}
	f, _ := open(t, o)
	defer f.Close()
	take(t, f, nics)
	bad.Store(true)
	for i, l := range logs {
		l.Grow(azure.NSGRecord(100 + i))
	}
	take(t, f, nics)
}
