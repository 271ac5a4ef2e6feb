package input

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"fluent-bit-nsgflow/test/azure"
)

// page is what something on the way answers to half of all requests. It is no
// storage service.
func page(status int, ahead time.Duration) *serviceFault {
	return &serviceFault{instead: func(kind string, w http.ResponseWriter, r *http.Request) bool {
		if !anyHalf(kind, r) {
			return false
		}
		w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		io.WriteString(w, "<html>not now</html>")
		return true
	}}
}

// slowly is a body of which 4 KB come every 20 ms.
type slowly struct{ io.ReadCloser }

func (s slowly) Read(b []byte) (int, error) {
	time.Sleep(20 * time.Millisecond)
	return s.ReadCloser.Read(b[:min(len(b), 4096)])
}

// halved is a body that ends in the middle of it.
type halved struct {
	io.ReadCloser
	left int64
}

func (h *halved) Read(b []byte) (int, error) {
	if h.left <= 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := h.ReadCloser.Read(b[:min(int64(len(b)), h.left)])
	h.left -= int64(n)
	return n, err
}

// resetting breaks connections off.
var resetting = &serviceFault{instead: func(_ string, w http.ResponseWriter, _ *http.Request) bool {
	if rand.IntN(2) == 0 {
		return false
	}
	if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
		c.(*net.TCPConn).SetLinger(0)
		c.Close()
	}
	return true
}}

// deletedNIC has a blob that is listed, and gone when it is read.
const deletedNIC = 999

// faults are what may happen. Each begins, and what it returns ends it.
var faults = []struct {
	name  string
	begin func(*trouble) (end func())
}{
	{"409 PublicAccessNotPermitted on reads", during(denied(409, "PublicAccessNotPermitted", reads))},
	{"404 ResourceNotFound on reads", during(denied(404, "ResourceNotFound", reads))},
	{"404 of a proxy", during(page(404, 0))},
	{"a proxy's page from days ahead", during(page(502, 72*time.Hour))},
	{"one blob answers 500", during(denied(500, "InternalError", inPath("0022480B0001")))},
	{"403 on one container", during(denied(403, "AuthorizationPermissionMismatch", inPath("networksecuritygroupflowevent")))},
	{"a refused sign-in", during(denied(403, "AuthenticationFailed", everything))},
	{"throttling", during(denied(503, "ServerBusy", anyHalf))},
	{"connection resets", during(resetting)},
	{"slow bodies", during(&serviceFault{answer: func(kind string, a *http.Response) { a.Body = slowly{a.Body} }})},
	{"half bodies", during(&serviceFault{answer: func(kind string, a *http.Response) {
		if kind == "download" {
			a.Body = &halved{a.Body, a.ContentLength / 2}
		}
	}})},
	{"the service's clock an hour ahead", during(&serviceFault{answer: func(_ string, a *http.Response) {
		a.Header.Set("Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
	}})},
	{"a blob deleted between listing and read", func(s *trouble) func() {
		name := azure.VNetName(deletedNIC, time.Now())
		azure.NewFlowLog(s.t, s.storage.VNet, name).Grow(azure.VNetRecord())
		gone := inPath(fmt.Sprintf("%012X", 0x0022480B0000+deletedNIC))
		end := during(denied(404, "BlobNotFound", func(kind string, r *http.Request) bool { return reads(kind, r) && gone(kind, r) }))(s)
		return func() {
			s.storage.VNet.NewBlobClient(name).Delete(context.Background(), nil)
			end()
		}
	}},
	{"a dead output", func(s *trouble) func() { s.sink.dead.Store(true); return func() { s.sink.dead.Store(false) } }},
	{"a slow output", func(s *trouble) func() { s.sink.slow.Store(true); return func() { s.sink.slow.Store(false) } }},
	{"SIGKILL", func(s *trouble) func() { s.kill(); s.start(usual); return func() {} }},
	{"SIGTERM", func(s *trouble) func() { s.agent().Stop(); s.start(usual); return func() {} }},
	{"SIGSTOP", func(s *trouble) func() {
		s.agent().Signal(syscall.SIGSTOP)
		return func() { s.agent().Signal(syscall.SIGCONT) }
	}},
	{"a full disk", func(s *trouble) func() {
		if s.disk == "" {
			return func() {}
		}
		ballast := filepath.Join(s.disk, "ballast")
		os.WriteFile(ballast, make([]byte, diskOfTroubleMB<<20), 0o600)
		return func() { os.Remove(ballast) }
	}},
	// More than pending_limit without a route, as long as the tag is another.
	{"a renamed tag while chunks are on disk", func(s *trouble) func() {
		s.sink.dead.Store(true)
		s.grow(800)
		s.await("full storage", 10*time.Second, func() bool { return s.stored() >= pendingOfTrouble })
		s.kill()
		s.start(setting{tag: "other", match: "other", storage: "filesystem", pending: pendingOfTrouble})
		s.sink.dead.Store(false)
		s.progress()
		return func() { s.kill(); s.start(usual) }
	}},
	{"memory storage and one dead output of two", func(s *trouble) func() {
		s.agent().Stop()
		// A limit beyond what the faults before may have left unread: at the limit
		// reading stands, as it should.
		s.start(setting{tag: "flow", match: "*", storage: "memory", dead: true, pending: 64 << 20})
		time.Sleep(8 * time.Second) // what comes at first is no sign
		s.progress()
		return func() { s.agent().Stop(); s.start(usual) }
	}},
}

func during(f *serviceFault) func(*trouble) func() {
	return func(s *trouble) func() {
		s.service.set(f)
		return func() { s.service.set(nil) }
	}
}
