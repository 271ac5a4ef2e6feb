package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"

	"fluent-bit-nsgflow/test/azure"
)

func answer(r *http.Request, status int, header ...string) *http.Response {
	h := http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Status: fmt.Sprint(status), Header: h, Request: r, Body: io.NopCloser(strings.NewReader(""))}
}

// lost is a body that breaks off with an error.
type lost struct {
	io.Reader
	io.Closer
	with error
}

func (l lost) Read(b []byte) (int, error) {
	n, err := l.Reader.Read(b)
	if err == io.EOF {
		err = l.with
	}
	return n, err
}

type timeout struct{}

func (timeout) Error() string   { return "timed out" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

// Trouble that passes costs no record and repeats none, and is said once.
func TestTroubleThatPasses(t *testing.T) {
	t.Parallel()
	var downloads atomic.Int64
	for _, tt := range []struct {
		name string
		harm func(n int64, kind string, r *http.Request) (*http.Response, error)
		hurt func(n int64, r *http.Response) // of downloads
		said string
	}{
		{name: "throttled", said: "HTTP 503 ServerBusy", harm: func(n int64, kind string, r *http.Request) (*http.Response, error) {
			if n%3 == 0 {
				return answer(r, 503, "x-ms-error-code", "ServerBusy", "Retry-After", "1"), nil
			}
			return nil, nil
		}},
		{name: "too many requests", said: "HTTP 429", harm: func(n int64, kind string, r *http.Request) (*http.Response, error) {
			if n == 2 || n == 3 {
				return answer(r, 429), nil
			}
			return nil, nil
		}},
		{name: "timeout", said: "no answer in time", harm: func(n int64, kind string, r *http.Request) (*http.Response, error) {
			if n == 3 || n == 5 {
				return nil, timeout{}
			}
			return nil, nil
		}},
		{name: "refused", said: "HTTP 403 AuthenticationFailed", harm: func(n int64, kind string, r *http.Request) (*http.Response, error) {
			if n < 3 {
				return answer(r, 403, "x-ms-error-code", "AuthenticationFailed"), nil
			}
			return nil, nil
		}},
		{name: "half-read bodies", hurt: func(n int64, r *http.Response) {
			if n%2 == 1 {
				r.Body = lost{io.LimitReader(r.Body, 1000), r.Body, io.ErrUnexpectedEOF}
			}
		}},
		{name: "connection reset", hurt: func(n int64, r *http.Response) {
			if n%2 == 1 {
				r.Body = lost{io.LimitReader(r.Body, 1000), r.Body, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}}
			}
		}},
		{name: "changed while it is read", harm: func(n int64, kind string, r *http.Request) (*http.Response, error) {
			// Not every second request, of which an attempt may have an even number.
			if kind == "download" && downloads.Add(1)%2 == 0 {
				return answer(r, 412, "x-ms-error-code", "ConditionNotMet"), nil
			}
			return nil, nil
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := azure.NewContainer(t)
			o := opts(t, c)
			want := fill(t, c, []string{azure.NSGName("EDGE-NSG", 1, azure.ThisHour), azure.VNetName(2, azure.ThisHour), azure.VNetName(3, azure.ThisHour)})
			var n atomic.Int64
			wire := &wire{}
			if tt.harm != nil {
				wire.harm = func(kind string, r *http.Request) (*http.Response, error) { return tt.harm(n.Add(1), kind, r) }
			} else {
				wire.hurt = func(kind string, r *http.Response) {
					// Of one blob: where two in a row fail, it is not theirs.
					if kind == "download" && strings.Contains(r.Request.URL.Path, "EDGE-NSG") {
						tt.hurt(n.Add(1), r)
					}
				}
			}
			o.Transport, o.PollInterval, o.Concurrency = wire, 100*time.Millisecond, 2
			f, log := open(t, o)
			same(t, take(t, f, total(want)), want)
			if tt.said != "" && log.count(tt.said) != 1 {
				t.Errorf("log:\n%s", log)
			}
			if tt.said == "" && strings.Contains(log.String(), "1 ") {
				t.Errorf("log:\n%s", log)
			}
		})
	}
}

// The service says how long to wait.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for _, status := range []int{429, 503} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			c := azure.NewContainer(t)
			o := opts(t, c)
			var first, next time.Time
			wire := &wire{harm: func(kind string, r *http.Request) (*http.Response, error) {
				if first.IsZero() {
					first = time.Now()
					return answer(r, status, "Retry-After", "4"), nil
				}
				if next.IsZero() {
					next = time.Now()
				}
				return nil, nil
			}}
			o.Transport, o.Concurrency = wire, 1
			f, _ := open(t, o)
			azure.NewFlowLog(t, c, azure.NSGName("EDGE-NSG", 1, azure.ThisHour)).Grow(azure.NSGRecord(1))
			take(t, f, 1)
			if waited := next.Sub(first); waited < 4*time.Second || waited > 10*time.Second {
				t.Errorf("waited %s", waited)
			}
			if s := f.Stats()[0]; s.Throttled != 1 || s.Retries != 1 {
				t.Errorf("%d throttled, %d retries", s.Throttled, s.Retries)
			}
		})
	}
}

// A container that is not there yet is waited for.
func TestMissingContainer(t *testing.T) {
	t.Parallel()
	s := azure.Client(t)
	c := s.NewContainerClient(fmt.Sprintf("later-%d", os.Getpid()))
	o := opts(t, c)
	o.Start = Start{Now: true}
	f, log := open(t, o)
	await(t, "a look", func() bool { return log.count("does not exist") == 1 })
	if _, err := c.Create(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Delete(context.Background(), nil) })
	want := fill(t, c, []string{azure.NSGName("EDGE-NSG", 1, azure.ThisHour)})
	same(t, take(t, f, total(want)), want)
	await(t, "the end of it in the log", func() bool { return log.count("exists now after") == 1 })
	if log.count("does not exist") != 1 {
		t.Errorf("log:\n%s", log)
	}
}

// A token from a file is read again when it was refused, and neither is ever
// seen.
func TestTokenExpires(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	token := func(ends time.Time) string {
		u, err := azure.Client(t).NewContainerClient(azure.NameOf(c)).GetSASURL(sas.ContainerPermissions{Read: true, List: true}, ends, nil)
		if err != nil {
			t.Fatal(err)
		}
		return u[strings.IndexByte(u, '?')+1:]
	}
	expired, valid := token(time.Now().Add(-time.Hour)), token(time.Now().Add(time.Hour))
	file := filepath.Join(t.TempDir(), "token")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(expired)
	o := opts(t, c)
	o.AccountKey, o.SASToken = "", Secret("file:"+file)
	want := fill(t, c, []string{azure.NSGName("EDGE-NSG", 1, azure.ThisHour)})
	f, log := open(t, o)
	await(t, "a refusal", func() bool { return log.count("cannot be listed: HTTP 403") == 1 })
	write(valid)
	got := take(t, f, total(want))
	same(t, got, want)
	if log.count("signed in again") != 1 {
		t.Errorf("log:\n%s", log)
	}
	for _, secret := range []string{expired, valid} {
		_, sig, _ := strings.Cut(secret, "sig=")
		if strings.Contains(log.String(), sig) {
			t.Errorf("a token is in the log:\n%s", log)
		}
		for _, r := range got {
			if strings.Contains(r.Path, "sig=") || bytes.Contains(r.Text, []byte(sig)) {
				t.Errorf("a token is in the record of %s", r.Path)
			}
		}
	}
	if hidden := f.all()[0].requests.client.redact("GET https://x/?" + valid); strings.Contains(hidden, "sig=") {
		t.Errorf("not hidden: %s", hidden)
	}
}

// A new token is used within five seconds, however long the pause is that the
// refusals of the old one have led to.
func TestTokenRenewedInALongPause(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	file := filepath.Join(t.TempDir(), "token")
	write := func(ends time.Time) {
		u, err := azure.Client(t).NewContainerClient(azure.NameOf(c)).GetSASURL(sas.ContainerPermissions{Read: true, List: true}, ends, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(u[strings.IndexByte(u, '?')+1:]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(time.Now().Add(-time.Hour))
	o := opts(t, c)
	o.AccountKey, o.SASToken = "", Secret("file:"+file)
	want := fill(t, c, []string{azure.NSGName("EDGE-NSG", 1, azure.ThisHour)})
	f, log := open(t, o)
	await(t, "a refusal", func() bool { return log.count("HTTP 403") == 1 })
	b := f.all()[0].requests.backoff
	b.mu.Lock()
	b.pause, b.until = maxPause, time.Now().Add(time.Hour)
	b.mu.Unlock()
	time.Sleep(time.Second)
	write(time.Now().Add(time.Hour))
	began := time.Now()
	same(t, take(t, f, total(want)), want)
	if took := time.Since(began) - 3*50*time.Millisecond; took > 5*time.Second { // take looks for more at the end
		t.Errorf("used after %s", took)
	}
}

// Errors of the transport carry the URL, and the URL the token.
func TestNoSecretInTheLog(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	o := opts(t, c)
	const sig = "c2VjcmV0c2VjcmV0c2VjcmV0"
	o.AccountKey, o.SASToken = "", Secret("sv=2022-11-02&sp=rl&sig="+sig)
	o.Transport = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		return nil, errors.New("no route for " + r.URL.String())
	})}
	_, log := open(t, o)
	await(t, "a line", func() bool { return log.count("no route") > 0 })
	if log.count(sig) > 0 || log.count("no route") == 0 {
		t.Errorf("log:\n%s", log)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestClockSkew(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	o := opts(t, c)
	// The service is in the hour of the second blob, which is asked for by name.
	wire := &wire{ahead: time.Hour}
	o.Transport = wire
	f, log := open(t, o)
	want := fill(t, c, []string{azure.NSGName("EDGE-NSG", 1, azure.ThisHour), azure.NSGName("EDGE-NSG", 1, azure.ThisHour.Add(time.Hour))})
	same(t, take(t, f, total(want)), want)
	wire.setAhead(0)
	await(t, "the end of it in the log", func() bool { return log.count("clock: recovered") == 1 })
	if log.count("clock: this machine") != 1 {
		t.Errorf("log:\n%s", log)
	}
}

// Rights that are missing are waited for, and no blob is left out for them.
func TestRightsComeLater(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	o := opts(t, c)
	want := fill(t, c, []string{azure.NSGName("EDGE-NSG", 1, azure.ThisHour)})
	refused := map[string]*atomic.Int64{"list": {}, "blocks": {}, "download": {}}
	o.Transport = &wire{harm: func(kind string, r *http.Request) (*http.Response, error) {
		if n := refused[kind]; n != nil && n.Add(1) <= 2 {
			return answer(r, 403, "x-ms-error-code", "AuthorizationPermissionMismatch"), nil
		}
		return nil, nil
	}}
	f, log := open(t, o)
	same(t, take(t, f, total(want)), want)
	if log.count("cannot be listed: HTTP 403 AuthorizationPermissionMismatch") != 1 || log.count("cannot be read: HTTP 403") != 1 {
		t.Errorf("log:\n%s", log)
	}
}

// A blob that goes away or cannot be read does not hold up the others.
func TestBlobThatCannotBeRead(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	o := opts(t, c)
	gone, archived, good := azure.NSGName("EDGE-NSG", 1, azure.ThisHour), azure.NSGName("EDGE-NSG", 2, azure.ThisHour), azure.NSGName("EDGE-NSG", 3, azure.ThisHour)
	want := fill(t, c, []string{gone, archived, good})
	o.Transport = &wire{harm: func(kind string, r *http.Request) (*http.Response, error) {
		switch {
		case kind != "list" && strings.Contains(r.URL.Path, "0A0001"):
			return answer(r, 404, "x-ms-error-code", "BlobNotFound"), nil
		case kind != "list" && strings.Contains(r.URL.Path, "0A0002"):
			return answer(r, 409, "x-ms-error-code", "BlobArchived"), nil
		}
		return nil, nil
	}}
	f, log := open(t, o)
	same(t, take(t, f, len(want[good])), map[string][]string{good: want[good]})
	await(t, "both in the log", func() bool { return log.count("deleted before") == 1 && log.count("are archived") == 1 })
	time.Sleep(5 * o.PollInterval)
	if log.count("deleted before") != 1 || log.count("are archived") != 1 || log.count("cannot be read") > 0 {
		t.Errorf("log:\n%s", log)
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	var l Lines
	for i := range maxLines + 3 {
		l.Add(Info, fmt.Sprint(i))
	}
	var said []string
	l.Drain(func(level Level, text string) { said = append(said, text) })
	if len(said) != maxLines+1 || said[0] != "0" || said[maxLines] != "3 more log lines were left out" {
		t.Errorf("%d lines, %q", len(said), said[len(said)-1])
	}
	l.Drain(func(Level, string) { t.Error("said twice") })
}
