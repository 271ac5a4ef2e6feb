package input

import (
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"fluent-bit-nsgflow/test/azure"
)

// service is the storage service behind a proxy that may answer for it.
type service struct {
	url string

	mu       sync.Mutex
	fault    *serviceFault
	counts   map[string]int // requests by kind, since the fault
	answered int            // in place of the service, since the fault
	requests int            // since the beginning
}

// serviceFault does something to a request, or to its answer.
type serviceFault struct {
	// instead answers for the service, or reports false.
	instead func(kind string, w http.ResponseWriter, r *http.Request) bool
	// answer changes an answer of the service.
	answer func(kind string, a *http.Response)
}

func newService(t *testing.T) *service {
	t.Helper()
	to, err := url.Parse(strings.TrimSuffix(azure.Endpoint(t), "/"+azure.Account))
	if err != nil {
		t.Fatal(err)
	}
	s := &service{counts: map[string]int{}}
	through := &httputil.ReverseProxy{
		Rewrite:       func(p *httputil.ProxyRequest) { p.SetURL(to) },
		FlushInterval: -1,
		ErrorLog:      noLog,
		ModifyResponse: func(a *http.Response) error {
			if f := s.current(); f != nil && f.answer != nil {
				f.answer(requestKind(a.Request), a)
			}
			return nil
		},
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind := requestKind(r)
		s.mu.Lock()
		s.requests++
		s.counts[kind]++
		s.mu.Unlock()
		if f := s.current(); f == nil || f.instead == nil || !f.instead(kind, w, r) {
			through.ServeHTTP(w, r)
			return
		}
		s.mu.Lock()
		s.answered++
		s.mu.Unlock()
	}))
	server.Config.ErrorLog = noLog
	server.Start()
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

var noLog = log.New(io.Discard, "", 0)

func (s *service) current() *serviceFault { s.mu.Lock(); defer s.mu.Unlock(); return s.fault }

// set begins a fault, or none, and counts anew.
func (s *service) set(f *serviceFault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault, s.answered, s.counts = f, 0, map[string]int{}
}

// answers reports whether more than so many requests were answered in place of
// the service, since the fault.
func (s *service) answers(n int) func() bool {
	return func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.answered > n }
}

func (s *service) count(kind string) int { s.mu.Lock(); defer s.mu.Unlock(); return s.counts[kind] }

func (s *service) total() int { s.mu.Lock(); defer s.mu.Unlock(); return s.requests }

// options follow accounts behind the proxy.
func (s *service) options(accounts ...azure.Storage) []string {
	var names []string
	for _, a := range accounts {
		names = append(names, a.Account)
	}
	return []string{"account " + strings.Join(names, ","), "account_key " + azure.Key, "endpoint " + s.url + "/{account}"}
}

func requestKind(r *http.Request) string {
	switch q := r.URL.Query(); {
	case q.Get("comp") == "list":
		return "list"
	case q.Get("comp") == "blocklist":
		return "blocks"
	case r.Header.Get("If-Match") == "":
		return "ask"
	}
	return "download"
}

// refuse answers as the service does; without a code it is somebody else.
func refuse(w http.ResponseWriter, status int, code string) {
	if code != "" {
		w.Header().Set("x-ms-error-code", code)
		w.Header().Set("x-ms-request-id", "5c0ffee0-0000-4000-8000-000000000000")
	}
	w.WriteHeader(status)
}

// denied answers so where it concerns the request.
func denied(status int, code string, concerns func(kind string, r *http.Request) bool) *serviceFault {
	return &serviceFault{instead: func(kind string, w http.ResponseWriter, r *http.Request) bool {
		if !concerns(kind, r) {
			return false
		}
		refuse(w, status, code)
		return true
	}}
}

func everything(string, *http.Request) bool   { return true }
func reads(kind string, _ *http.Request) bool { return kind == "blocks" || kind == "download" }
func anyHalf(string, *http.Request) bool      { return rand.IntN(2) == 0 }
func inPath(part string) func(string, *http.Request) bool {
	return func(_ string, r *http.Request) bool { return strings.Contains(r.URL.Path+r.URL.RawQuery, part) }
}
