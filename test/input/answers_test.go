package input

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/follow"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// followed is an agent that follows an account behind a proxy, and has brought
// the first minute.
type followed struct {
	*fluentbit.Agent
	root    string
	storage azure.Storage
	service *service
	w       *follow.Writer
}

func startFollowed(t *testing.T, r fluentbit.Release) followed {
	t.Helper()
	f := followed{root: follow.Stage(t), storage: azure.NewStorage(t), service: newService(t)}
	textfile.Write(t, f.root, "etc/follow.conf", follow.Pipeline(f.root, f.service.options(f.storage)...))
	f.w = follow.NewWriter(t, f.storage)
	f.w.Minute()
	f.Agent = r.Start(t, f.root, nil, "-c", "etc/follow.conf")
	f.Until("the first minute", f.w.AllSeen(f.root))
	return f
}

// Answers that say nothing of a blob lose nothing of it, not even over a kill
// in the middle of them.
func TestAzureAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		for _, answer := range []struct {
			status int
			code   string
		}{{409, "PublicAccessNotPermitted"}, {404, "ResourceNotFound"}, {404, ""}, {400, "InvalidUri"}} {
			t.Run(fmt.Sprint(answer.status, " ", answer.code), func(t *testing.T) {
				t.Parallel()
				f := startFollowed(t, r)
				a, w, root := f.Agent, f.w, f.root
				refused := denied(answer.status, answer.code, func(kind string, _ *http.Request) bool { return kind != "list" })
				f.service.set(refused)
				w.Minute()
				a.Until("some answers", f.service.answers(5))
				a.Kill()
				f.service.set(refused)
				a = r.Start(t, root, nil, "-c", "etc/follow.conf")
				a.Until("some answers", f.service.answers(5))
				f.service.set(nil)
				a.Until("the second minute", w.AllSeen(root))
				a.Stop()
				follow.Read(t, root).Check(t, w)
			})
		}
	})
}

// A listing with an empty body ends nothing: what is known is read, and the rest
// once listings are listings again.
func TestAzureListingWithoutBlobs(t *testing.T) {
	t.Parallel()
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		f := startFollowed(t, r)
		a, w, root := f.Agent, f.w, f.root
		f.service.set(&serviceFault{instead: func(kind string, rw http.ResponseWriter, r *http.Request) bool {
			if kind != "list" || r.URL.Query().Get("delimiter") != "" {
				return false
			}
			rw.Header().Set("x-ms-request-id", "5c0ffee0-0000-4000-8000-000000000000")
			return true
		}})
		a.Until("some answers", f.service.answers(2))
		w.Minute()
		a.Until("the second minute", w.AllSeen(root))
		f.service.set(nil)
		w.Logs = append(w.Logs, azure.NewFlowLog(t, f.storage.NSG, azure.NSGName("EDGE-NSG", 9, azure.ThisHour)),
			azure.NewFlowLog(t, f.storage.VNet, azure.VNetName(9, azure.ThisHour)))
		w.Minute()
		a.Until("the third minute, of new NICs too", w.AllSeen(root))
		a.Stop()
		follow.Read(t, root).Check(t, w)
	})
}

// A blob that answers 500 for ever, and a container without rights, keep the
// rest of the account from nothing.
func TestAzureOneThingForEver(t *testing.T) {
	t.Parallel()
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		for name, harm := range map[string]*serviceFault{
			"blob":      denied(500, "InternalError", inPath("0022480B0009")),
			"container": denied(403, "AuthorizationPermissionMismatch", inPath("networksecuritygroup")),
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				storage, service := azure.NewStorage(t), newService(t)
				root := follow.Stage(t)
				textfile.Write(t, root, "etc/follow.conf", follow.Pipeline(root, service.options(storage)...))
				azure.NewFlowLog(t, storage.VNet, azure.VNetName(9, azure.ThisHour)).Grow(azure.VNetRecord(60000))
				good := follow.NewWriter(t)
				log := azure.NewFlowLog(t, storage.VNet, azure.VNetName(1, azure.ThisHour))
				service.set(harm)
				a := r.Start(t, root, nil, "-c", "etc/follow.conf")
				a.Until("some answers", service.answers(2))
				var slowest time.Duration
				for n := range 10 {
					log.Grow(azure.VNetRecord(n))
					good.Tuples[azure.VNetTuple(n)] = true
					began := time.Now()
					a.Until("the record", func() bool { return good.Seen(root) })
					slowest = max(slowest, time.Since(began))
				}
				a.Stop()
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
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		f := startFollowed(t, r)
		a, w, root := f.Agent, f.w, f.root
		var asked atomic.Int64
		f.service.set(denied(404, "BlobNotFound", func(kind string, _ *http.Request) bool {
			if kind == "list" {
				return false
			}
			if asked.Add(1) <= follow.NICs {
				time.Sleep(2500 * time.Millisecond) // a listing shows the growth meanwhile
			}
			return true
		}))
		a.Until("the blobs are asked for", func() bool { return asked.Load() >= follow.NICs })
		w.Minute()
		time.Sleep(7 * time.Second)
		// Each blob by name once a poll (two hours), and twice for each listing.
		if n := f.service.count("ask") + f.service.count("blocks"); n > 10*len(w.Logs)*4 {
			t.Errorf("%d requests for %d blobs in ten seconds", n, len(w.Logs))
		}
		f.service.set(nil)
		a.Until("the second minute", w.AllSeen(root))
		a.Stop()
		follow.Read(t, root).Check(t, w)
	})
}
