package storage

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"fluent-bit-nsgflow/test/azure"
)

// What comes between makes another reason: that is said too, each once.
func TestInventoryFailsForAnotherReason(t *testing.T) {
	e := azure.NewEstate(t)
	e.Set(azure.RefuseAll(http.StatusNotFound, "ProxyNotReady"))
	o, _ := inventoryOptions(t, e)
	_, log := open(t, o)
	await(t, "the first reason", func() bool { return log.count("inventory: subscriptions: HTTP 404 ProxyNotReady") == 1 })
	e.Set(azure.RefuseAll(http.StatusForbidden, "AuthorizationFailed"))
	await(t, "the second reason", func() bool { return log.count("AuthorizationFailed") == 1 })
	before := e.Asked("microsoft.resources/subscriptions'")
	await(t, "more passes", func() bool { return e.Asked("microsoft.resources/subscriptions'") > before+5 })
	if log.count("ProxyNotReady") != 1 || log.count("AuthorizationFailed") != 1 {
		t.Errorf("log:\n%s", log)
	}
}

// An answer that no filter would read, or that sends the token to another host, replaces
// no good file. It is asked for again.
func TestServiceTagsThatAreNone(t *testing.T) {
	const good = `{"values":[{"name":"GOOD","properties":{"addressPrefixes":["1.2.3.0/24"]}}]}`
	for body, why := range map[string]string{
		`{"values":[{"name":"X","properties":{"addressPrefixes":[]}}]}`: "what came is not usable: ",
		`{"values":[{}]}`: "what came is not usable: ",
		`{"values":[5]}`:  "what came is not usable: ",
		`{"values":null}`: "an answer without service tags",
		`{"nextLink":"https://example.com/next","values":[{"name":"X","properties":{"addressPrefixes":["1.2.3.0/24"]}}]}`: `an answer names a page of "example.com", which is not asked`,
	} {
		e := azure.NewEstate(t)
		e.Set(func(what string, w http.ResponseWriter, _ *http.Request) bool {
			if what == "serviceTags" {
				io.WriteString(w, body)
			}
			return what == "serviceTags"
		})
		o, _ := inventoryOptions(t, e)
		file := filepath.Join(o.ContextPath, serviceTagsFile)
		ago := time.Now().Add(-2 * serviceTagsAge)
		for _, err := range []error{os.MkdirAll(o.ContextPath, 0o755), os.WriteFile(file, []byte(good), 0o644), os.Chtimes(file, ago, ago)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		f, log := open(t, o)
		await(t, "it is asked again", func() bool { return e.Asked("serviceTags") > 2 })
		f.Close()
		if now, err := os.ReadFile(file); err != nil || string(now) != good || log.count("service tags: "+why) != 1 {
			t.Errorf("%s: the file is %s, %v; log:\n%s", body, now, err, log)
		}
	}
}

// signIns answer requests for tokens in place of Entra ID.
type signIns struct {
	*cloudOfTest
	answer func(r *http.Request, form string) (*http.Response, error)
}

func (s *signIns) Do(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, "/token") {
		return s.cloudOfTest.Do(r)
	}
	form, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	return s.answer(r, string(form))
}

func tokenAnswer(r *http.Request, status int, body string) (*http.Response, error) {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Request: r, Body: io.NopCloser(strings.NewReader(body))}, nil
}

// A secret that is replaced is used by the inventory, too.
func TestInventoryTakesAnotherSecret(t *testing.T) {
	e := azure.NewEstate(t)
	o, c := inventoryOptions(t, e)
	file := filepath.Join(t.TempDir(), "secret")
	write := func(secret string) {
		if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first")
	o.Identity = Identity{TenantID: os.Getenv("AZURE_TENANT_ID"), ClientID: "client", ClientSecret: Secret("file:" + file)}
	var valid atomic.Value
	valid.Store("first")
	o.Transport = &signIns{c, func(r *http.Request, form string) (*http.Response, error) {
		if !strings.Contains(form, "client_secret="+valid.Load().(string)) {
			return tokenAnswer(r, 401, `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided."}`)
		}
		return tokenAnswer(r, 200, `{"token_type":"Bearer","expires_in":1,"access_token":"t"}`)
	}}
	_, log := open(t, o)
	await(t, "a file", func() bool { return exists(filepath.Join(o.ContextPath, inventoryFile)) })
	valid.Store("second")
	await(t, "the old secret is refused", func() bool { return log.count("AADSTS7000215") == 1 })
	write("second")
	await(t, "the end of it", func() bool { return log.count("inventory: recovered") == 1 })
}

// Where a token for the resource manager does not come, one for the storage does.
func TestInventoryHoldsNoTokenUp(t *testing.T) {
	e := azure.NewEstate(t)
	o, c := inventoryOptions(t, e)
	hangs := make(chan struct{}, 100)
	o.Transport = &signIns{c, func(r *http.Request, form string) (*http.Response, error) {
		if strings.Contains(form, "management") {
			hangs <- struct{}{}
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
		return tokenAnswer(r, 200, `{"token_type":"Bearer","expires_in":3600,"access_token":"t"}`)
	}}
	f, _ := open(t, o)
	<-hangs
	one, err := f.signIn.identity("")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := one.GetToken(context.Background(), policy.TokenRequestOptions{Scopes: []string{"https://storage.azure.com/.default"}})
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Error("no token for the storage within 20 s")
	}
}

// An object that no filter would read is left out of the file, and that is said.
func TestInventoryLeavesOutOddObjects(t *testing.T) {
	e := azure.NewEstate(t)
	e.Set(func(what string, w http.ResponseWriter, _ *http.Request) bool {
		if what != "resources | where type =~ 'microsoft.network/networkinterfaces'" {
			return false
		}
		fmt.Fprint(w, `{"totalRecords":1,"count":1,"data":[{"key":"/n|c","id":"/n","mac":"00-0D","ip":"10.20.0.4","subnet":""}],"facets":[],"resultTruncated":"false"}`)
		return true
	})
	o, _ := inventoryOptions(t, e)
	_, log := open(t, o)
	await(t, "a file", func() bool { return exists(filepath.Join(o.ContextPath, inventoryFile)) })
	await(t, "a line", func() bool {
		return log.count(`inventory: 1 objects are left out, which no filter would read, the first: /n: mac "000D": not twelve hex digits`) == 1
	})
}

// What takes turns, and what differs in numbers only, is said once each.
func TestAlertsThatVary(t *testing.T) {
	var said []string
	a := newAlerts(func(_ Level, text string) { said = append(said, text) })
	now := time.Now()
	a.now = func() time.Time { now = now.Add(time.Minute); return now }
	for i := range 20 {
		a.raiseAnew("x", Warn, fmt.Sprintf("read tcp 10.0.0.4:%d: connection reset", 40_000+i))
		a.raiseAnew("x", Warn, "no answer in time")
	}
	for status := range 2 {
		a.raiseAnew("x", Warn, fmt.Sprintf("HTTP %d", 403+status))
	}
	if len(said) != 4 {
		t.Errorf("%q", said)
	}
	for i := range 20 {
		a.raiseAnew("x", Warn, "reason "+strings.Repeat("i", i))
	}
	a.clear("x")
	if len(said) != mostReasons+1 {
		t.Errorf("%q", said)
	}
	a.raiseAnew("x", Warn, "no answer in time")
	if len(said) != mostReasons+2 {
		t.Errorf("%q", said)
	}
}
