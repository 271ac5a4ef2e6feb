package outputs

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/internal/event"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// receiver takes what an output sends.
type receiver struct {
	env      []string // what points the shipped configuration at it
	received func(*fluentbit.Agent) []event.Event
	dated    bool // what is sent tells the record's time
	skipped  func() int
}

// from is what arrives from a staged configuration: at least n events.
func (to receiver) from(t *testing.T, r fluentbit.Release, root, file string, n int) []event.Event {
	t.Helper()
	a := r.Start(t, root, to.env, "-c", "etc/"+file)
	a.Until("the events", func() bool { return len(to.received(a)) >= n })
	a.Stop()
	return to.received(a)
}

// outputs are the shipped configurations.
var outputs = map[string]func(*testing.T) receiver{
	"fluent-bit.conf": standardOutput,
	"fluent-bit.yaml": standardOutput,
	"es.conf":         func(t *testing.T) receiver { return bulkServer(t, "ES") },
	"opensearch.conf": func(t *testing.T) receiver { return bulkServer(t, "OPENSEARCH") },
	"http.conf":       intakeServer,
	"kafka.conf":      kafkaBroker,
	"forward.conf":    forwardServer,
	// Unknown options end the start of 1.9 and 2.0.
	"forward-fluentd.conf": fluentdServer,
}

func standardOutput(*testing.T) receiver {
	return receiver{received: (*fluentbit.Agent).Printed, dated: true}
}

// Every shipped configuration delivers the events of the sample, all of them
// and no other, in order.
func TestShippedConfigurations(t *testing.T) {
	sample := textfile.Read(t, "conf/samples/nsg_v2.json")
	events := event.Read(t, "test/cases/nsg_v2/expected.ndjson")
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		for name, output := range outputs {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				r.Reads(t, name)
				if name == "kafka.conf" {
					r.Has(t, "kafka")
				}
				if r.Before(2, 1) && name == "forward-fluentd.conf" {
					t.Skipf("skipped: Fluent Bit %s refuses retain_metadata_in_forward_mode", r.Version)
				}
				to := output(t)
				want := events
				if !to.dated {
					want = event.Undated(events)
				}
				root := fluentbit.Stage(t)
				textfile.Write(t, root, "flow-logs/sample.json", sample)
				event.Same(t, want, to.from(t, r, root, name, len(want)))
			})
		}
	})
}

// What forward-fluentd.conf is for: without its last option a Fluentd gets
// nothing from a Fluent Bit that sends metadata.
func TestFluentdSkipsMetadata(t *testing.T) {
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		if !sendsMetadata(r) {
			t.Skipf("skipped: Fluent Bit %s sends no metadata by default", r.Version)
		}
		to := fluentdServer(t)
		root := fluentbit.Stage(t)
		textfile.Write(t, root, "flow-logs/sample.json", textfile.Read(t, "conf/samples/nsg_v2.json"))
		a := r.Start(t, root, to.env, "-c", "etc/forward.conf")
		a.Until("records that are skipped", func() bool { return to.skipped() > 0 })
		a.Stop()
		if n := len(to.received(a)); n > 0 {
			t.Errorf("%d records: forward-fluentd.conf is not needed", n)
		}
	})
}

// sendsMetadata: from 5.0.5 on.
func sendsMetadata(r fluentbit.Release) bool {
	var patch int
	fmt.Sscanf(r.Version, "5.0.%d", &patch)
	return !r.Before(5, 1) || patch >= 5
}

// What is shipped is tested: a test names it, or another configuration that a
// test names includes it.
func TestEveryConfigurationIsTested(t *testing.T) {
	var named strings.Builder
	for _, pattern := range []string{"test/*/*_test.go", "conf/*.conf", "conf/*.yaml"} {
		for _, file := range textfile.Glob(t, pattern) {
			named.WriteString(textfile.Read(t, file))
		}
	}
	for _, file := range textfile.Glob(t, "conf/*.*") {
		name := filepath.Base(file)
		if text := named.String(); !strings.Contains(text, `"`+name) && !strings.Contains(text, "@INCLUDE "+name) && !strings.Contains(text, "/etc/"+name) {
			t.Errorf("conf/%s is in no test", name)
		}
	}
}

// collector gathers events from several connections.
type collector struct {
	mu      sync.Mutex
	events  []event.Event
	skipped int // records
}

func (c *collector) add(e ...event.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, e...)
}

// addLines takes the events of a request, one a line, and shows each to check.
func (c *collector) addLines(t *testing.T, q *http.Request, check func(line string, e event.Event)) {
	text, err := io.ReadAll(unpacked(t, q))
	if err != nil {
		t.Error(err)
	}
	for _, line := range textfile.Lines(string(text)) {
		e, err := event.Parse(line)
		if err != nil {
			t.Error(err)
		}
		check(line, e)
		c.add(e)
	}
}

func (c *collector) all(*fluentbit.Agent) []event.Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]event.Event(nil), c.events...)
}

// hostPort are the two environment variables that point at a server.
func hostPort(prefix, address string) []string {
	return []string{prefix + "_HOST=127.0.0.1", prefix + "_PORT=" + portOf(address)}
}

func portOf(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }

// bulkServer is as much of Elasticsearch and OpenSearch as their outputs use.
func bulkServer(t *testing.T, prefix string) receiver {
	var c collector
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Method != http.MethodPost || q.URL.Path != "/_bulk" {
			t.Errorf("%s %s", q.Method, q.URL.Path)
		}
		if user, password, _ := q.BasicAuth(); user != "writer" || password != "open sesame" {
			t.Errorf("signed in as %q, %q", user, password)
		}
		body, err := io.ReadAll(q.Body)
		if err != nil {
			t.Error(err)
		}
		bulk := textfile.Lines(string(body))
		items := make([]any, 0, len(bulk)/2)
		for ; len(bulk) >= 2; bulk = bulk[2:] {
			if want := `{"create":{"_index":"logs-azure.flow_sekoia-default"}}`; bulk[0] != want {
				t.Errorf("action %s, want %s", bulk[0], want)
			}
			// Elasticsearch refuses a document with a field twice, and
			// these outputs write an @timestamp of their own.
			if n := strings.Count(bulk[1], `"@timestamp":`); n != 1 {
				t.Errorf("%d fields @timestamp in %s", n, bulk[1])
			}
			e, err := event.Parse(bulk[1])
			if err != nil {
				t.Error(err)
			}
			c.add(e)
			items = append(items, map[string]any{"create": map[string]any{"_index": "logs-azure.flow_sekoia-default", "status": http.StatusCreated}})
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"took": 1, "errors": false, "items": items})
	}))
	t.Cleanup(server.Close)
	return receiver{env: credentials(prefix, server.URL), received: c.all}
}

// intakeServer is a SIEM's intake: HTTPS, with a certificate that is checked.
func intakeServer(t *testing.T) receiver {
	var c collector
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Method != http.MethodPost || q.URL.Path != "/intake" {
			t.Errorf("%s %s", q.Method, q.URL.Path)
		}
		if key := q.Header.Get("Authorization"); key != "Bearer open-sesame" {
			t.Errorf("key %q", key)
		}
		c.addLines(t, q, func(string, event.Event) {})
	}))
	t.Cleanup(server.Close)
	port, authority := startTLS(t, server)
	env := []string{"INTAKE_HOST=localhost", "INTAKE_PORT=" + port, "INTAKE_PATH=/intake", "INTAKE_KEY=open-sesame", "INTAKE_CA=" + authority}
	return receiver{env: env, received: c.all}
}

// startTLS starts a server for the name localhost; authority is a file.
func startTLS(t *testing.T, server *httptest.Server) (port, authority string) {
	t.Helper()
	certificate, authority := localhostCertificate(t)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.StartTLS()
	return portOf(server.URL), authority
}

// localhostCertificate is signed by itself; authority is its file. It is for a
// name, because 3.0 knows no address in a certificate.
func localhostCertificate(t *testing.T) (certificate tls.Certificate, authority string) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		DNSNames:              []string{"localhost"},
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	textfile.Write(t, dir, "authority.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, filepath.Join(dir, "authority.pem")
}
