package input

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/follow"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// nobody is an output that is never served: port 1 answers nobody.
const nobody = `
[OUTPUT]
    Name        http
    Match       flow
    Host        127.0.0.1
    Port        1
    Retry_Limit no_limits
`

// With memory storage one output that takes nothing does not keep the others
// from getting what comes, and the log says so within half a minute.
func TestAzureOneOutputIsDead(t *testing.T) {
	t.Parallel()
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		storage := azure.NewStorage(t)
		root := follow.Stage(t)
		conf := strings.Replace(follow.Pipeline(root), "storage.type   filesystem", "storage.type   memory", 1)
		textfile.Write(t, root, "etc/dead.conf", conf+nobody)
		w := follow.NewWriter(t, storage)
		w.Minute()
		a := r.StartFor(t, 2*fluentbit.Timeout, root, storage.Environment, "-c", "etc/dead.conf")
		began := time.Now()
		a.Until("the first minute", w.AllSeen(root))
		for time.Since(began) < 12*time.Second {
			w.Minute()
			time.Sleep(500 * time.Millisecond)
		}
		a.Until("the minutes after", w.AllSeen(root))
		a.Until("a line about it", func() bool { return a.Says(", output: an output does not take") })
		w.Minute()
		a.Until("one more minute", w.AllSeen(root))
		// What nobody has taken is read again.
		a.Kill()
		textfile.Write(t, root, "etc/well.conf", conf)
		a = r.Start(t, root, storage.Environment, "-c", "etc/well.conf")
		w.Minute()
		a.Until("all after a restart", w.AllSeen(root))
		a.Stop()
		t.Logf("%d tuples, %d repeated", len(w.Tuples), follow.Read(t, root).Check(t, w))
	})
}

// smallLimit is a pipeline that holds no more than 8 MB.
func smallLimit(root string, port int, output string) string {
	return strings.Replace(catchingUp(root, port, output), "storage.type filesystem", "storage.type filesystem\n    pending_limit 8M", 1)
}

// flowOutput is an output to the file flow.
func flowOutput(root, match string) string {
	return strings.Replace(toFile(root), "Match  flow", "Match  "+match, 1)
}

// chunkBytes is what stands in the folder of the input's chunks.
func chunkBytes(root string) (total int64) {
	files, _ := filepath.Glob(filepath.Join(root, "storage", "nsgflow.*", "*.flb"))
	for _, path := range files {
		if info, err := os.Stat(path); err == nil {
			total += info.Size()
		}
	}
	return total
}

// Chunks whose tag was renamed while they were on disk, and chunks that are
// damaged, do not keep what is new from being read.
func TestAzureChunksWithoutRoute(t *testing.T) {
	t.Parallel()
	b := newBacklog(t, 12)
	for name, damage := range map[string]bool{"renamed": false, "damaged": true} {
		t.Run(name, func(t *testing.T) {
			fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
				root := follow.Stage(t)
				textfile.Write(t, root, "etc/dead.conf", smallLimit(root, fluentbit.FreePort(t), nobody))
				a := r.Start(t, root, b.storage.Environment, "-c", "etc/dead.conf")
				a.Until("the limit", func() bool { return chunkBytes(root) >= 8<<20 })
				a.Kill()
				conf := smallLimit(root, fluentbit.FreePort(t), flowOutput(root, "*"))
				if damage {
					files, _ := filepath.Glob(filepath.Join(root, "storage", "nsgflow.*", "*.flb"))
					for _, path := range files {
						content, err := os.ReadFile(path)
						if err == nil {
							copy(content, make([]byte, 64))
							err = os.WriteFile(path, content, 0o600)
						}
						if err != nil {
							t.Fatal(err)
						}
					}
				} else {
					conf = strings.Replace(strings.Replace(conf, "Tag          flow", "Tag          other", 1), "Match  *", "Match  other", 1)
				}
				textfile.Write(t, root, "etc/other.conf", conf)
				a = r.Start(t, root, b.storage.Environment, "-c", "etc/other.conf")
				a.Until("what is new", func() bool { return lineCount(root, "flow") > 0 })
				a.Until("all of it", func() bool { return lineCount(root, "flow") >= 100 })
				if left := chunkBytes(root); left >= 8<<20 {
					a.Until("a line about the chunks", func() bool { return a.Says("that Fluent Bit does not take up") })
				} else {
					t.Logf("Fluent Bit %s keeps %d bytes of chunks", r.Version, left)
				}
				a.Stop()
			})
		})
	}
}

// Beyond storage.max_chunks_up Fluent Bit closes the section's chunk after each append: it
// counts as on disk all the same, and towards pending_limit.
func TestAzureClosedChunks(t *testing.T) {
	t.Parallel()
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		storage := azure.NewStorage(t)
		hangs, err := net.Listen("tcp", "127.0.0.1:0") // it accepts, and says nothing
		if err != nil {
			t.Fatal(err)
		}
		defer hangs.Close()
		root, port := follow.Stage(t), fluentbit.FreePort(t)
		conf := strings.Replace(follow.Pipeline(root), "[SERVICE]", "[SERVICE]\n    storage.max_chunks_up 2", 1)
		textfile.Write(t, root, "etc/closed.conf", conf+fmt.Sprintf(`
[INPUT]
    Name         tcp
    Tag          other
    Listen       127.0.0.1
    Port         %d
    Format       json
    storage.type filesystem
[OUTPUT]
    Name         http
    Match        *
    Host         127.0.0.1
    Port         %d
    Retry_Limit  no_limits
`, port, hangs.Addr().(*net.TCPAddr).Port))
		a := r.Start(t, root, storage.Environment, "-c", "etc/closed.conf")
		for n := 0; n < 4; {
			if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
				fmt.Fprintln(c, `{"a":"b"}`)
				c.Close()
				n++
			}
			time.Sleep(500 * time.Millisecond) // a chunk each
		}
		w := follow.NewWriter(t, storage)
		w.Minute()
		var journal []byte
		a.Until("a checkpoint that names the chunks' folder", func() bool {
			journal, _ = os.ReadFile(filepath.Join(root, "state", "nsgflow.journal"))
			return strings.Contains(string(journal), "storage/nsgflow.")
		})
		if chunkBytes(root) == 0 {
			t.Errorf("there are no chunks")
		}
		a.Kill()
	})
}

// While the section stands, what another input has is flushed as often as the
// agent is told to: once a second.
func TestAzureNeighbourIsNotFlushed(t *testing.T) {
	t.Parallel()
	b := newBacklog(t, 12)
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		var flushes atomic.Int64
		service := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { flushes.Add(1) }))
		defer service.Close()
		at, _ := url.Parse(service.URL)
		root := follow.Stage(t)
		conf := smallLimit(root, fluentbit.FreePort(t), nobody) + fmt.Sprintf(`
[INPUT]
    Name  dummy
    Tag   beside
    Rate  20
[OUTPUT]
    Name  http
    Match beside
    Host  %s
    Port  %s
`, at.Hostname(), at.Port())
		textfile.Write(t, root, "etc/beside.conf", conf)
		a := r.Start(t, root, b.storage.Environment, "-c", "etc/beside.conf")
		a.Until("the limit", func() bool { return chunkBytes(root) >= 8<<20 })
		before := flushes.Load()
		time.Sleep(5 * time.Second)
		if n := flushes.Load() - before; n > 8 {
			t.Errorf("the input beside it was flushed %d times in 5s", n)
		}
		a.Until("a line about it", func() bool { return a.Says(", limit: ") })
		a.Stop()
	})
}
