package blob

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"
)

// The tests run against Azurite, Microsoft's emulator of the storage service:
// this version is the last for Node.js 20. NSGFLOW_AZURITE names a folder to
// install it to, where the user's cache is not wanted.
const azuriteVersion = "3.35.0"

// Account and key are the same in every Azurite, and documented.
const (
	devAccount = "devstoreaccount1"
	devKey     = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)

var azurite struct {
	once     sync.Once
	endpoint string
	missing  string // why there is none
	process  *exec.Cmd
}

func TestMain(m *testing.M) {
	if os.Getenv("NSGFLOW_FOLLOW_CHILD") != "" {
		followChild()
		return
	}
	code := m.Run()
	if azurite.process != nil {
		azurite.process.Process.Kill()
		azurite.process.Wait()
		os.RemoveAll(azurite.process.Dir)
	}
	os.Exit(code)
}

// endpoint is the blob service of a running Azurite.
func endpoint(t testing.TB) string {
	azurite.once.Do(startAzurite)
	if azurite.missing != "" {
		t.Skip("SKIPPED, no Azurite: " + azurite.missing)
	}
	return azurite.endpoint
}

func startAzurite() {
	main, err := installAzurite()
	if err != nil {
		azurite.missing = err.Error()
		return
	}
	port, err := freePort()
	if err != nil {
		azurite.missing = err.Error()
		return
	}
	dir, err := os.MkdirTemp("", "azurite")
	if err != nil {
		azurite.missing = err.Error()
		return
	}
	c := exec.Command("node", main, "--silent", "--disableTelemetry", "--skipApiVersionCheck", "--inMemoryPersistence",
		"--blobHost", "127.0.0.1", "--blobPort", fmt.Sprint(port))
	c.Dir = dir
	c.Stdout, c.Stderr = os.Stderr, os.Stderr
	if err := c.Start(); err != nil {
		azurite.missing = err.Error()
		return
	}
	azurite.process = c
	for range 300 {
		if conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			conn.Close()
			azurite.endpoint = fmt.Sprintf("http://127.0.0.1:%d/%s", port, devAccount)
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	azurite.missing = "it does not listen"
}

func installAzurite() (main string, err error) {
	dir := os.Getenv("NSGFLOW_AZURITE")
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(cache, "nsgflow-azurite-"+azuriteVersion)
	}
	main = filepath.Join(dir, "node_modules", "azurite", "dist", "src", "blob", "main.js")
	if _, err := os.Stat(main); err == nil {
		return main, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "npm", "install", "--no-audit", "--no-fund", "--loglevel=error",
		"--prefix", dir, "azurite@"+azuriteVersion).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("npm install: %w: %s", err, out)
	}
	return main, nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// writerClient is a client with the rights of Azure itself.
func writerClient(t testing.TB) *service.Client {
	t.Helper()
	key, err := service.NewSharedKeyCredential(devAccount, devKey)
	if err != nil {
		t.Fatal(err)
	}
	c, err := service.NewClientWithSharedKeyCredential(endpoint(t), key, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var containers struct {
	sync.Mutex
	n int
}

// newContainer makes a container of the test's own.
func newContainer(t testing.TB) *container.Client {
	t.Helper()
	s := writerClient(t)
	containers.Lock()
	containers.n++
	c := s.NewContainerClient(fmt.Sprintf("logs-%d-%d", os.Getpid(), containers.n))
	containers.Unlock()
	if _, err := c.Create(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Delete(context.Background(), nil) })
	return c
}

func containerOf(c *container.Client) string {
	return c.URL()[strings.LastIndexByte(c.URL(), '/')+1:]
}

// flowLog grows a blob as Azure does: a head and a tail, and every minute a
// block in between.
type flowLog struct {
	t      testing.TB
	blob   *blockblob.Client
	ids    []string
	minute int
}

func blockID(s string) string {
	return base64.StdEncoding.EncodeToString([]byte(s + strings.Repeat("0", 33-len(s))))
}

func newFlowLog(t testing.TB, c *container.Client, name string) *flowLog {
	t.Helper()
	l := &flowLog{t: t, blob: c.NewBlockBlobClient(name)}
	l.stage(blockID("A"), `{"records":[`)
	l.stage(blockID("Z"), `]}`)
	l.commit()
	return l
}

func (l *flowLog) stage(id, text string) {
	l.t.Helper()
	if _, err := l.blob.StageBlock(context.Background(), id, readSeekCloser(text), nil); err != nil {
		l.t.Fatal(err)
	}
}

func (l *flowLog) commit() {
	l.t.Helper()
	list := append(append([]string{blockID("A")}, l.ids...), blockID("Z"))
	if _, err := l.blob.CommitBlockList(context.Background(), list, nil); err != nil {
		l.t.Fatal(err)
	}
}

// grow puts in a block of whole records.
func (l *flowLog) grow(records ...string) {
	l.t.Helper()
	text := strings.Join(records, ",")
	if l.minute > 0 {
		text = "," + text
	}
	l.growRaw(text)
}

func (l *flowLog) growRaw(text string) {
	l.t.Helper()
	l.minute++
	id := blockID(fmt.Sprintf("B%06d", l.minute))
	l.stage(id, text)
	l.ids = append(l.ids, id)
	l.commit()
}

func readSeekCloser(s string) io.ReadSeekCloser { return nopCloser{strings.NewReader(s)} }

type nopCloser struct{ io.ReadSeeker }

func (nopCloser) Close() error { return nil }

// wire is the transport between the follower and Azurite: it counts, and may
// do harm.
type wire struct {
	mu     sync.Mutex
	counts map[string]int // by kind of request
	harm   func(kind string, r *http.Request) (*http.Response, error)
	hurt   func(kind string, r *http.Response)
	ahead  time.Duration // of the service's clock
}

func (w *wire) Do(r *http.Request) (*http.Response, error) {
	kind := "download"
	switch q := r.URL.Query(); {
	case r.Method != http.MethodGet:
		kind = "write"
	case q.Get("comp") == "list":
		kind = "list"
	case q.Get("comp") == "blocklist":
		kind = "blocks"
	}
	w.mu.Lock()
	if w.counts == nil {
		w.counts = map[string]int{}
	}
	w.counts[kind]++
	harm, hurt, ahead := w.harm, w.hurt, w.ahead
	w.mu.Unlock()
	if harm != nil {
		if response, err := harm(kind, r); response != nil || err != nil {
			return response, err
		}
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && ahead != 0 {
		response.Header.Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
	}
	if err == nil && hurt != nil {
		hurt(kind, response)
	}
	return response, err
}

func (w *wire) setAhead(d time.Duration) {
	w.mu.Lock()
	w.ahead = d
	w.mu.Unlock()
}

func (w *wire) count(kind string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.counts[kind]
}

func (w *wire) reset() {
	w.mu.Lock()
	w.counts = nil
	w.mu.Unlock()
}
