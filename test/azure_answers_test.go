package test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
)

// way is what stands between an agent and the emulator: it may answer in place
// of the service.
type way struct {
	url string

	mu      sync.Mutex
	harm    func(w http.ResponseWriter, r *http.Request) (answered bool)
	counts  map[string]int // of requests, by kind
	answers int            // in place of the service
}

func newWay(t *testing.T) *way {
	t.Helper()
	to, err := url.Parse(strings.TrimSuffix(azure.Endpoint(t), "/"+azure.Account))
	if err != nil {
		t.Fatal(err)
	}
	through := httputil.NewSingleHostReverseProxy(to)
	direct := through.Director
	through.Director = func(r *http.Request) { direct(r); r.Host = to.Host }
	y := &way{counts: map[string]int{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		y.mu.Lock()
		harm := y.harm
		y.counts[kindOf(r)]++
		y.mu.Unlock()
		if harm != nil && harm(w, r) {
			y.mu.Lock()
			y.answers++
			y.mu.Unlock()
			return
		}
		through.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	y.url = server.URL
	return y
}

func kindOf(r *http.Request) string {
	switch comp := r.URL.Query().Get("comp"); {
	case r.Method == http.MethodHead:
		return "properties"
	case comp != "":
		return comp
	}
	return "get"
}

func (y *way) set(harm func(w http.ResponseWriter, r *http.Request) bool) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.harm, y.answers, y.counts = harm, 0, map[string]int{}
}

func (y *way) answered() int { y.mu.Lock(); defer y.mu.Unlock(); return y.answers }

func (y *way) count(kind string) int { y.mu.Lock(); defer y.mu.Unlock(); return y.counts[kind] }

// options follow an account on this way.
func (y *way) options(s azure.Storage) []string {
	return []string{"account " + s.Account, "account_key " + azure.Key, "endpoint " + y.url + "/{account}"}
}

func refuse(w http.ResponseWriter, status int, code string) bool {
	if code != "" {
		w.Header().Set("x-ms-error-code", code)
		w.Header().Set("x-ms-request-id", "5f2b0000-0000-4000-8000-000000000000")
	}
	w.WriteHeader(status)
	return true
}

// seenAll reports whether all of a writer's tuples have come, beside others.
func seenAll(root string, w *writer) bool {
	s := readSeen(w.t, root)
	for tuple := range w.tuples {
		if s.times[tuple] == 0 {
			return false
		}
	}
	return true
}

// Answers that say nothing of a blob lose nothing of it, not even over a kill
// in the middle of them.
func TestAzureAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	inEveryRelease(t, func(t *testing.T, r release) {
		for _, answer := range []struct {
			status int
			code   string
		}{{409, "PublicAccessNotPermitted"}, {404, "ResourceNotFound"}, {404, ""}, {400, "InvalidUri"}} {
			t.Run(fmt.Sprint(answer.status, " ", answer.code), func(t *testing.T) {
				t.Parallel()
				storage, y := azure.NewStorage(t), newWay(t)
				root := stageInput(t, r)
				write(t, root, "etc/follow.conf", following(root, y.options(storage)...))
				w := newWriter(t, storage)
				w.minute()
				a := r.start(t, root, nil, "-c", "etc/follow.conf")
				a.until("the first minute", w.allSeen(root))
				refused := func(rw http.ResponseWriter, r *http.Request) bool {
					return kindOf(r) != "list" && refuse(rw, answer.status, answer.code)
				}
				y.set(refused)
				w.minute()
				a.until("some answers", func() bool { return y.answered() > 5 })
				a.cmd.Process.Kill()
				<-a.ended
				y.set(refused)
				a = r.start(t, root, nil, "-c", "etc/follow.conf")
				a.until("some answers", func() bool { return y.answered() > 5 })
				y.set(nil)
				a.until("the second minute", w.allSeen(root))
				a.stop()
				readSeen(t, root).check(t, w)
			})
		}
	})
}

// A listing with an empty body ends nothing: what is known is read, and the rest
// once listings are listings again.
func TestAzureListingWithoutBlobs(t *testing.T) {
	t.Parallel()
	inEveryRelease(t, func(t *testing.T, r release) {
		storage, y := azure.NewStorage(t), newWay(t)
		root := stageInput(t, r)
		write(t, root, "etc/follow.conf", following(root, y.options(storage)...))
		w := newWriter(t, storage)
		w.minute()
		a := r.start(t, root, nil, "-c", "etc/follow.conf")
		a.until("the first minute", w.allSeen(root))
		y.set(func(rw http.ResponseWriter, r *http.Request) bool {
			if kindOf(r) != "list" || r.URL.Query().Get("delimiter") != "" {
				return false
			}
			rw.Header().Set("x-ms-request-id", "5f2b0000-0000-4000-8000-000000000000")
			return true
		})
		a.until("some answers", func() bool { return y.answered() > 2 })
		w.minute()
		a.until("the second minute", w.allSeen(root))
		y.set(nil)
		w.logs = append(w.logs, azure.NewFlowLog(t, storage.NSG, azure.NSGName("EDGE-NSG", 9, azure.ThisHour)),
			azure.NewFlowLog(t, storage.VNet, azure.VNetName(9, azure.ThisHour)))
		w.minute()
		a.until("the third minute, of new NICs too", w.allSeen(root))
		a.stop()
		readSeen(t, root).check(t, w)
	})
}

// A blob that answers 500 for ever, and a container without rights, keep the
// rest of the account from nothing.
func TestAzureOneThingForEver(t *testing.T) {
	t.Parallel()
	inEveryRelease(t, func(t *testing.T, r release) {
		for name, harm := range map[string]func(w http.ResponseWriter, r *http.Request) bool{
			"blob": func(w http.ResponseWriter, r *http.Request) bool {
				return strings.Contains(r.URL.Path, "0022480B0009") && refuse(w, 500, "InternalError")
			},
			"container": func(w http.ResponseWriter, r *http.Request) bool {
				return strings.Contains(r.URL.Path, "networksecuritygroup") && refuse(w, 403, "AuthorizationPermissionMismatch")
			},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				storage, y := azure.NewStorage(t), newWay(t)
				root := stageInput(t, r)
				write(t, root, "etc/follow.conf", following(root, y.options(storage)...))
				azure.NewFlowLog(t, storage.VNet, azure.VNetName(9, azure.ThisHour)).Grow(azure.VNetRecord(60000))
				good := &writer{t: t, tuples: map[string]bool{}}
				log := azure.NewFlowLog(t, storage.VNet, azure.VNetName(1, azure.ThisHour))
				y.set(harm)
				a := r.start(t, root, nil, "-c", "etc/follow.conf")
				a.until("some answers", func() bool { return y.answered() > 2 })
				var slowest time.Duration
				for n := range 10 {
					log.Grow(azure.VNetRecord(n))
					good.tuples[azure.VNetTuple(n)] = true
					began := time.Now()
					a.until("the record", func() bool { return seenAll(root, good) })
					slowest = max(slowest, time.Since(began))
				}
				a.stop()
				if slowest > 6*time.Second {
					t.Errorf("the slowest of the others came after %s", slowest)
				}
			})
		}
	})
}

// A blob that is gone when it is asked for, though a listing has shown it
// meanwhile, is not asked for again and again.
func TestAzureDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	inEveryRelease(t, func(t *testing.T, r release) {
		storage, y := azure.NewStorage(t), newWay(t)
		root := stageInput(t, r)
		write(t, root, "etc/follow.conf", following(root, y.options(storage)...))
		w := newWriter(t, storage)
		w.minute()
		a := r.start(t, root, nil, "-c", "etc/follow.conf")
		a.until("the first minute", w.allSeen(root))
		var asked atomic.Int64
		y.set(func(rw http.ResponseWriter, r *http.Request) bool {
			if kindOf(r) == "list" {
				return false
			}
			if asked.Add(1) <= writtenNICs {
				time.Sleep(2500 * time.Millisecond) // a listing shows the growth meanwhile
			}
			return refuse(rw, 404, "BlobNotFound")
		})
		a.until("the blobs are asked for", func() bool { return asked.Load() >= writtenNICs })
		w.minute()
		time.Sleep(7 * time.Second)
		// Each blob by name once a poll (two hours), and twice for each listing.
		if n := y.count("properties") + y.count("blocklist"); n > 10*len(w.logs)*4 {
			t.Errorf("%d requests for %d blobs in ten seconds", n, len(w.logs))
		}
		y.set(nil)
		a.until("the second minute", w.allSeen(root))
		a.stop()
		readSeen(t, root).check(t, w)
	})
}
