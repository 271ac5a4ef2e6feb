package storage

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	azblob "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"

	"fluent-bit-nsgflow/test/azure"
)

// replaceBody changes the text of an answer.
func replaceBody(t *testing.T, r *http.Response, change func(string) string) {
	t.Helper()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	changed := change(string(text))
	r.Body.Close()
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(changed)), int64(len(changed))
	r.Header.Del("Content-Length")
}

func waitsFor(f *Follower, reason Reason) bool {
	return slices.ContainsFunc(f.Waiting(), func(w Wait) bool { return w.Reason == reason && !w.Since.IsZero() && w.Detail != "" })
}

// Whatever is answered in place of what was asked for, reading waits and says
// so, no checkpoint moves, and nothing is missing afterwards: neither in the
// same process nor in the next one.
func TestNoAnswerMovesACheckpoint(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status int
		code   string
		reason Reason
	}{
		{409, "PublicAccessNotPermitted", Refused}, {404, "ResourceNotFound", Refused}, {400, "InvalidQueryParameterValue", Refused},
		{409, "BlobUsesCustomerSpecifiedEncryption", Refused}, {416, "InvalidRange", Refused},
		{404, "", Network}, {409, "", Network}, {400, "", Network}, {403, "", Network}, {302, "", Network}, {502, "", Network},
		{401, "NoAuthenticationInformation", SignIn}, {403, "AuthenticationFailed", SignIn}, {403, "AccountIsDisabled", SignIn},
		{403, "AuthorizationPermissionMismatch", Forbidden}, {500, "InternalError", Service}, {503, "ServerBusy", Throttled}, {429, "", Throttled},
	} {
		for _, kind := range []string{"ask", "blocks", "download"} {
			for _, restart := range []bool{false, true} {
				if restart && kind != "download" {
					continue
				}
				t.Run(fmt.Sprintf("%d %s of %s, restart %v", tt.status, tt.code, kind, restart), func(t *testing.T) {
					t.Parallel()
					c := azure.NewContainer(t)
					o := opts(t, c)
					o.Concurrency, o.byBlocks = 1, kind != "ask"
					name := azure.VNetName(1, azure.ThisHour)
					l := azure.NewFlowLog(t, c, name)
					l.Grow(azure.VNetRecord(1))
					var refuses atomic.Bool
					o.Transport = &wire{harm: func(k string, r *http.Request) (*http.Response, error) {
						if refuses.Load() && (k == kind || k == "list" && kind == "ask") && strings.HasSuffix(r.URL.Path, name) {
							return answer(r, tt.status, "x-ms-error-code", tt.code), nil
						}
						return nil, nil
					}}
					f, _ := open(t, o)
					take(t, f, 1)
					await(t, "its checkpoint", func() bool { return settled(f) })
					before, _, err := f.checkpoints.store.Get(bucketOf(t, c), name)
					if err != nil {
						t.Fatal(err)
					}
					refuses.Store(true)
					l.Grow(azure.VNetRecord(2))
					if kind != "ask" { // a listing shows that it has grown as well
						await(t, tt.reason.String(), func() bool { return waitsFor(f, tt.reason) })
					} else {
						time.Sleep(200 * time.Millisecond)
					}
					if kind != "ask" {
						if after, _, err := f.checkpoints.store.Get(bucketOf(t, c), name); err != nil || after != before {
							t.Errorf("the checkpoint has moved: %+v, %+v, %v", before, after, err)
						}
						await(t, "it is unread", func() bool { s := f.Stats()[0]; return s.Open == 1 && s.Oldest > 0 })
					}
					if restart {
						if err := f.Close(); err != nil {
							t.Fatal(err)
						}
						refuses.Store(false)
						f, _ = open(t, o)
					}
					refuses.Store(false)
					for _, r := range take(t, f, 1) {
						if string(r.Text) != azure.VNetRecord(2) {
							t.Errorf("%s", r.Text)
						}
					}
					await(t, "nothing is waited for", func() bool { return len(f.Waiting()) == 0 })
				})
			}
		}
	}
}

// A page that a proxy answers with 200 is not taken for a blob, nor its bytes
// for those of another place.
func TestSuccessOfAnother(t *testing.T) {
	t.Parallel()
	for name, other := range map[string]func(r *http.Request) *http.Response{
		"page": func(r *http.Request) *http.Response {
			return answer(r, 200, "ETag", `"page"`, "Content-Type", "text/html")
		},
		"whole blob": func(r *http.Request) *http.Response {
			r = r.Clone(r.Context())
			r.Header.Del("x-ms-range")
			r.Header.Del("If-Match")
			return answer(r, 200, "ETag", `"0x1"`, "x-ms-request-id", "1")
		},
	} {
		for _, kind := range []string{"blocks", "download"} {
			t.Run(name+" for "+kind, func(t *testing.T) {
				t.Parallel()
				c := azure.NewContainer(t)
				o := opts(t, c)
				var lies atomic.Bool
				o.Transport = &wire{harm: func(k string, r *http.Request) (*http.Response, error) {
					if !lies.Load() || k != kind || name == "whole blob" && k == "blocks" {
						return nil, nil
					}
					page := other(r)
					page.Body = io.NopCloser(strings.NewReader(strings.Repeat("<html>sign in, please</html>\n", 200)))
					return page, nil
				}}
				blobName := azure.VNetName(1, azure.ThisHour)
				l := azure.NewFlowLog(t, c, blobName)
				l.Grow(azure.VNetRecord(1))
				f, log := open(t, o)
				want := map[string][]string{blobName: {azure.VNetRecord(1), azure.VNetRecord(2)}}
				got := take(t, f, 1)
				lies.Store(true)
				l.Grow(azure.VNetRecord(2))
				until := time.Now().Add(time.Second)
				for time.Now().Before(until) {
					b, err := f.Next(1 << 20)
					if err != nil {
						t.Fatal(err)
					}
					f.Commit(b.Token)
					got = append(got, b.Records...)
					time.Sleep(10 * time.Millisecond)
				}
				lies.Store(false)
				got = append(got, take(t, f, 2-len(got))...)
				same(t, got, want)
				if log.count("it is read from its beginning") > 0 {
					t.Errorf("log:\n%s", log)
				}
			})
		}
	}
}

// A secret that was mended is read again, whatever the answer to the one before.
func TestMendedAfterAnyRefusal(t *testing.T) {
	t.Parallel()
	for _, answered := range []string{"409 PublicAccessNotPermitted", "404 ResourceNotFound", "400 InvalidAuthenticationInfo", "403 AuthenticationFailed", "403 AuthorizationFailure"} {
		t.Run(answered, func(t *testing.T) {
			t.Parallel()
			c := azure.NewContainer(t)
			token := func(hours time.Duration) string {
				u, err := azure.Client(t).NewContainerClient(azure.NameOf(c)).GetSASURL(sas.ContainerPermissions{Read: true, List: true}, time.Now().Add(hours*time.Hour), nil)
				if err != nil {
					t.Fatal(err)
				}
				return u[strings.IndexByte(u, '?')+1:]
			}
			old, mended := token(1), token(2)
			file := filepath.Join(t.TempDir(), "token")
			write := func(text string) {
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			write(old)
			o := opts(t, c)
			o.AccountKey, o.SASToken = "", Secret("file:"+file)
			want := fill(t, c, []string{azure.VNetName(1, azure.ThisHour)})
			var status int
			var code string
			fmt.Sscan(answered, &status, &code)
			ends, _ := url.ParseQuery(old)
			o.Transport = &wire{harm: func(kind string, r *http.Request) (*http.Response, error) {
				if kind == "blocks" && r.URL.Query().Get("se") == ends.Get("se") {
					return answer(r, status, "x-ms-error-code", code), nil
				}
				return nil, nil
			}}
			f, log := open(t, o)
			await(t, "a refusal", func() bool { return log.count("HTTP "+answered) > 0 })
			write(mended)
			same(t, take(t, f, total(want)), want)
			await(t, "nothing is waited for", func() bool { return len(f.Waiting()) == 0 })
			if log.count("signed in again") != 1 {
				t.Errorf("log:\n%s", log)
			}
		})
	}
}

// A blob that answers 500 for ever does not hold up the others of its account,
// nor does a container without rights the other.
func TestOneForEverDoesNotDelayTheOthers(t *testing.T) {
	t.Parallel()
	s := azure.NewStorage(t)
	bad := azure.VNetName(0, azure.ThisHour)
	for name, refuse := range map[string]func(kind string, r *http.Request) (*http.Response, error){
		"blob": func(kind string, r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, bad) {
				return answer(r, 500, "x-ms-error-code", "InternalError"), nil
			}
			return nil, nil
		},
		"container": func(kind string, r *http.Request) (*http.Response, error) {
			if strings.Contains(r.URL.Path, "networksecuritygroup") {
				return answer(r, 403, "x-ms-error-code", "AuthorizationPermissionMismatch"), nil
			}
			return nil, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := accountsOptions(t, []azure.Storage{s}, Secrets{AccountKey: azure.Key})
			o.PollInterval, o.ListInterval = 50*time.Millisecond, 50*time.Millisecond
			o.Transport = &wire{harm: refuse}
			azure.NewFlowLog(t, s.VNet, bad).Grow(azure.VNetRecord(0))
			azure.NewFlowLog(t, s.NSG, azure.NSGName("EDGE-NSG", 0, azure.ThisHour)).Grow(azure.NSGRecord(0))
			good := azure.NewFlowLog(t, s.VNet, azure.VNetName(1, azure.ThisHour))
			f, _ := open(t, o)
			await(t, "something waits", func() bool { return len(f.Waiting()) == 1 })
			take(t, f, 1)
			var slowest time.Duration
			for n := range 20 {
				text := azure.VNetRecord(100 + n)
				began := time.Now()
				good.Grow(text)
				await(t, "the record", func() bool {
					b, err := f.Next(1 << 20)
					f.Commit(b.Token)
					return err != nil || slices.ContainsFunc(b.Records, func(r Record) bool { return string(r.Text) == text })
				})
				slowest = max(slowest, time.Since(began))
			}
			if slowest > 5*time.Second {
				t.Errorf("the slowest of the others came after %s", slowest)
			}
			if f.all()[0].requests.backoff.left() > 0 {
				t.Error("the account waits")
			}
			if len(f.Waiting()) != 1 {
				t.Errorf("%+v", f.Waiting())
			}
		})
	}
}

// Blobs of one container that cannot be read, as many as may be open, do not
// keep the account's other container from being listed.
func TestOpenBlobsOfAnotherContainer(t *testing.T) {
	s := azure.NewStorage(t)
	o := accountsOptions(t, []azure.Storage{s}, Secrets{AccountKey: azure.Key})
	o.PollInterval, o.ListInterval, o.open = 50*time.Millisecond, 50*time.Millisecond, 3
	o.Transport = &wire{harm: func(kind string, r *http.Request) (*http.Response, error) {
		if kind != "list" && strings.Contains(r.URL.Path, "networksecuritygroup") {
			return answer(r, 403, "x-ms-error-code", "AuthorizationPermissionMismatch"), nil
		}
		return nil, nil
	}}
	for nic := range 5 {
		azure.NewFlowLog(t, s.NSG, azure.NSGName("EDGE-NSG", nic, azure.ThisHour)).Grow(azure.NSGRecord(nic))
	}
	f, _ := open(t, o)
	await(t, "the rights are missing", func() bool { return waitsFor(f, Forbidden) })
	time.Sleep(200 * time.Millisecond)
	want := fill(t, s.VNet, []string{azure.VNetName(1, azure.ThisHour), azure.VNetName(2, azure.ThisHour)})
	same(t, take(t, f, total(want)), want)
}

// A blob that changes whenever it is read is said, and the others go on.
func TestBlobThatAlwaysChanges(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	o := opts(t, c)
	var restless atomic.Bool
	restless.Store(true)
	name := azure.VNetName(1, azure.ThisHour)
	o.Transport = &wire{harm: func(kind string, r *http.Request) (*http.Response, error) {
		if kind == "download" && restless.Load() && strings.HasSuffix(r.URL.Path, name) {
			return answer(r, 412, "x-ms-error-code", "ConditionNotMet"), nil
		}
		return nil, nil
	}}
	want := fill(t, c, []string{name, azure.VNetName(2, azure.ThisHour)})
	f, log := open(t, o)
	got := take(t, f, total(want)-len(want[name]))
	await(t, "it is said", func() bool { return waitsFor(f, Refused) && log.count("changes again and again") == 1 })
	restless.Store(false)
	same(t, append(got, take(t, f, len(want[name]))...), want)
	await(t, "nothing is waited for", func() bool { return len(f.Waiting()) == 0 })
}

// Listings that are not answered do not hold up for long what is known by name,
// however many folders there are.
func TestListingsThatHang(t *testing.T) {
	c := azure.NewContainer(t)
	o := opts(t, c)
	var hangs atomic.Bool
	var asked atomic.Int64
	o.Transport = &wire{harm: func(kind string, r *http.Request) (*http.Response, error) {
		if hangs.Load() && kind == "list" && r.URL.Query().Get("delimiter") == "" {
			asked.Add(1)
			time.Sleep(500 * time.Millisecond)
			return nil, timeout{}
		}
		return nil, nil
	}}
	const flowLogs = 40
	logs := make([]*azure.FlowLog, flowLogs)
	for n := range logs {
		logs[n] = azure.NewFlowLog(t, c, azure.NSGName(fmt.Sprintf("EDGE-%d", n), n, azure.ThisHour))
		logs[n].Grow(azure.NSGRecord(n))
	}
	f, _ := open(t, o)
	take(t, f, flowLogs)
	hangs.Store(true)
	await(t, "a listing hangs", func() bool { return asked.Load() > 0 })
	logs[0].Grow(azure.NSGRecord(100))
	before := asked.Load()
	take(t, f, 1)
	if n := asked.Load() - before; n > flowLogs/2 {
		t.Errorf("%d listings were tried before a known blob was asked for", n)
	}
}

// What a listing shows and is not there any more, or not yet, is asked for once
// for each listing.
func TestListingThatIsNotTrue(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"deleted", "older than the block list"} {
		t.Run(name, func(t *testing.T) {
			c := azure.NewContainer(t)
			o := opts(t, c)
			o.ListInterval = 500 * time.Millisecond
			blobName := azure.VNetName(1, azure.ThisHour)
			l := azure.NewFlowLog(t, c, blobName)
			l.Grow(azure.VNetRecord(1))
			w := &wire{}
			var old atomic.Bool
			var etag atomic.Value
			w.hurt = func(kind string, r *http.Response) {
				if old.Load() && kind == "list" {
					replaceBody(t, r, func(text string) string { return strings.ReplaceAll(text, etag.Load().(string), "0x0LD") })
				}
			}
			var once sync.Once
			w.harm = func(kind string, r *http.Request) (*http.Response, error) {
				if old.Load() && kind == "ask" {
					once.Do(func() { time.Sleep(2 * o.ListInterval) }) // a listing comes meanwhile
				}
				if old.Load() && name == "deleted" && kind != "list" && strings.HasSuffix(r.URL.Path, blobName) {
					return answer(r, 404, "x-ms-error-code", "BlobNotFound"), nil
				}
				return nil, nil
			}
			o.Transport = w
			p, err := c.NewBlobClient(blobName).GetProperties(context.Background(), &azblob.GetPropertiesOptions{})
			if err != nil {
				t.Fatal(err)
			}
			etag.Store(versionOf(*p.ETag))
			f, _ := open(t, o)
			take(t, f, 1)
			await(t, "settled", func() bool { return settled(f) })
			old.Store(true)
			w.reset()
			began := time.Now()
			time.Sleep(3 * time.Second)
			// Asks by name come with each poll, the rest with each listing.
			polls, listings := int(time.Since(began)/o.PollInterval)+2, int(time.Since(began)/o.ListInterval)+2
			if heads := w.count("ask"); heads > 2*polls {
				t.Errorf("%d asks in %d polls", heads, polls)
			}
			if n := w.count("blocks"); n > 2*listings {
				t.Errorf("%d block lists in %d listings", n, listings)
			}
			old.Store(false)
			l.Grow(azure.VNetRecord(2))
			if got := take(t, f, 1); len(got) != 1 {
				t.Errorf("%d records", len(got))
			}
		})
	}
}

// A way there that spoils the answer about blobs that do not exist makes them be asked
// for again and again, but not for ever: an hour that is over is left to the listings.
func TestNamesThatNeverExist(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	o := opts(t, c)
	w := &wire{hurt: func(kind string, r *http.Response) {
		if kind == "ask" && r.StatusCode == http.StatusNotFound {
			r.Header.Del("x-ms-error-code")
		}
	}}
	o.Transport = w
	want := fill(t, c, []string{azure.NSGName("EDGE-NSG", 1, azure.ThisHour)})
	f, _ := open(t, o)
	same(t, take(t, f, total(want)), want)
	next := azure.NSGName("EDGE-NSG", 1, azure.ThisHour.Add(2*time.Hour))
	isThere := func() bool {
		all := f.all()[0].blobs
		all.mu.Lock()
		defer all.mu.Unlock()
		return all.byID[blobID{azure.NameOf(c), next}] != nil
	}
	w.setAhead(2 * time.Hour)
	await(t, "an hour that nothing was written in", func() bool { return isThere() && len(f.Waiting()) > 0 })
	w.setAhead(4 * time.Hour)
	await(t, "its end", func() bool { return !isThere() })
}
