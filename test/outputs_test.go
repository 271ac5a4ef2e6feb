package test

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
)

// receiver takes what an output sends.
type receiver struct {
	env      []string // what points the shipped configuration at it
	received func(*agent) []event
	dated    bool // what is sent tells the record's time
	skipped  func() int
}

// from is what arrives from a staged configuration: at least n events.
func (to receiver) from(t *testing.T, r release, root, file string, n int) []event {
	t.Helper()
	a := r.start(t, root, to.env, "-c", "etc/"+file)
	a.until("the events", func() bool { return len(to.received(a)) >= n })
	a.stop()
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
	return receiver{received: (*agent).printed, dated: true}
}

// Every shipped configuration delivers the events of the sample, all of them
// and no other, in order.
func TestShippedConfigurations(t *testing.T) {
	sample := read(t, "../conf/samples/nsg_v2.json")
	events := parseEvents(t, lines(read(t, "cases/nsg_v2/expected.ndjson")))
	inEveryRelease(t, func(t *testing.T, r release) {
		for name, output := range outputs {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				if r.before(2, 1) && filepath.Ext(name) == ".yaml" {
					t.Skipf("skipped: Fluent Bit %s reads no plugins_file from YAML", r.version)
				}
				if r.before(2, 1) && name == "forward-fluentd.conf" {
					t.Skipf("skipped: Fluent Bit %s refuses retain_metadata_in_forward_mode", r.version)
				}
				to := output(t)
				want := events
				if !to.dated {
					want = undated(events)
				}
				root := stage(t)
				write(t, root, "flow-logs/sample.json", sample)
				same(t, want, to.from(t, r, root, name, len(want)))
			})
		}
	})
}

// What forward-fluentd.conf is for: without its last option a Fluentd gets
// nothing from a Fluent Bit that sends metadata.
func TestFluentdSkipsMetadata(t *testing.T) {
	inEveryRelease(t, func(t *testing.T, r release) {
		if !r.sendsMetadata() {
			t.Skipf("skipped: Fluent Bit %s sends no metadata by default", r.version)
		}
		to := fluentdServer(t)
		root := stage(t)
		write(t, root, "flow-logs/sample.json", read(t, "../conf/samples/nsg_v2.json"))
		a := r.start(t, root, to.env, "-c", "etc/forward.conf")
		a.until("records that are skipped", func() bool { return to.skipped() > 0 })
		a.stop()
		if n := len(to.received(a)); n > 0 {
			t.Errorf("%d records: forward-fluentd.conf is not needed", n)
		}
	})
}

// sendsMetadata: from 5.0.5 on.
func (r release) sendsMetadata() bool {
	var patch int
	fmt.Sscanf(r.version, "5.0.%d", &patch)
	return !r.before(5, 1) || patch >= 5
}

// What is shipped is tested: a test names it, or another configuration that a
// test names includes it.
func TestEveryConfigurationIsTested(t *testing.T) {
	var named strings.Builder
	for _, pattern := range []string{"*_test.go", "*/*_test.go", "../conf/*.conf", "../conf/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			named.WriteString(read(t, file))
		}
	}
	configurations, err := filepath.Glob("../conf/*.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range configurations {
		name := filepath.Base(file)
		if text := named.String(); !strings.Contains(text, `"`+name) && !strings.Contains(text, "@INCLUDE "+name) && !strings.Contains(text, "/etc/"+name) {
			t.Errorf("conf/%s is in no test", name)
		}
	}
}

// undated are events as outputs send them that do not print a record's time.
func undated(events []event) (out []event) {
	for _, e := range events {
		out = append(out, event{Body: e.Body})
	}
	return out
}

// collector gathers events from several connections.
type collector struct {
	mu      sync.Mutex
	events  []event
	skipped int // records
}

func (c *collector) add(e ...event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, e...)
}

// addLines takes the events of a request, one a line, and shows each to check.
func (c *collector) addLines(t *testing.T, q *http.Request, check func(line string, e event)) {
	text, err := io.ReadAll(unpacked(t, q))
	if err != nil {
		t.Error(err)
	}
	for _, line := range lines(string(text)) {
		e, err := parseEvent(line)
		if err != nil {
			t.Error(err)
		}
		check(line, e)
		c.add(e)
	}
}

func (c *collector) all(*agent) []event {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]event(nil), c.events...)
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
		bulk := lines(string(body))
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
			e, err := parseEvent(bulk[1])
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
	env := append(hostPort(prefix, server.URL), prefix+"_USER=writer", prefix+"_PASSWORD=open sesame")
	return receiver{env: env, received: c.all}
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
		c.addLines(t, q, func(string, event) {})
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
	write(t, dir, "authority.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, filepath.Join(dir, "authority.pem")
}
