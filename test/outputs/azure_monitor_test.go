package outputs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/internal/event"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/follow"
	"fluent-bit-nsgflow/test/internal/textfile"
	"fluent-bit-nsgflow/test/internal/token"
)

// What the Logs Ingestion API takes: https://learn.microsoft.com/azure/azure-monitor/service-limits
const (
	ingestionCall  = 1_000_000 // bytes, compressed or not: 1 MB, read as the lesser of the two
	ingestionValue = 64 << 10
)

// ingested is a configuration, and the template of its rule.
type ingested struct{ conf, template, table string }

var (
	ownTable    = ingested{"azure-monitor.conf", "template.json", "AzureFlow_CL"}
	nativeTable = ingested{"azure-sentinel.conf", "sentinel.json", "ASimNetworkSessionLogs"}
)

// ingestion is the endpoint of a rule of conf/azure-monitor.
type ingestion struct {
	ingested
	collector
	t       *testing.T
	tokens  *token.Service
	columns map[string]string // types by name
	largest int
}

const (
	ingestionHost = "azure-flow-a1b2.westeurope-1.logs.z1.ingest.monitor.azure.com"
	ingestionRule = "dcr-0123456789abcdef0123456789abcdef"
)

func startIngestion(t *testing.T, to ingested, tokens *token.Service) *ingestion {
	s := &ingestion{ingested: to, t: t, tokens: tokens, columns: declaredColumns(t, to)}
	tokens.Route(ingestionHost, token.Serve(t, "127.0.0.1:0", tokens.CA.Server(ingestionHost), s))
	return s
}

// deployment is as much of a template as the tests look at.
type deployment struct {
	Resources []struct {
		Type       string
		Properties struct {
			Schema             struct{ Columns columns }
			StreamDeclarations map[string]struct{ Columns columns }
			DataFlows          []struct {
				Streams                    []string
				TransformKQL, OutputStream string
			}
		}
	}
}

type columns []struct{ Name, Type string }

func readDeployment(t *testing.T, name string) (d deployment) {
	t.Helper()
	if err := json.Unmarshal([]byte(textfile.Read(t, "conf/azure-monitor/"+name)), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// declaredColumns are those of the rule, the last of the template. A table that
// it makes has the same. The names are such that a table may have.
func declaredColumns(t *testing.T, to ingested) map[string]string {
	template := readDeployment(t, to.template)
	rule := template.Resources[len(template.Resources)-1].Properties.StreamDeclarations["Custom-"+to.table].Columns
	if len(template.Resources) > 1 {
		if table := template.Resources[0].Properties.Schema.Columns; fmt.Sprint(table) != fmt.Sprint(rule) {
			t.Errorf("the rule declares %v, the table has %v", rule, table)
		}
	}
	declared := map[string]string{}
	for _, c := range rule {
		declared[c.Name] = c.Type
		if !regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,44}$`).MatchString(c.Name) ||
			regexp.MustCompile(`^(?i:id|type|tenantid|uniqueid|title|_resourceid|_subscriptionid)$`).MatchString(c.Name) {
			t.Errorf("no table has a column %s", c.Name)
		}
	}
	if declared["TimeGenerated"] != "datetime" {
		t.Errorf("TimeGenerated is %q", declared["TimeGenerated"])
	}
	return declared
}

func (s *ingestion) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if q.Method != http.MethodPost || q.URL.Path != "/dataCollectionRules/"+ingestionRule+"/streams/Custom-"+s.table ||
		!strings.HasPrefix(q.URL.Query().Get("api-version"), "202") || q.Header.Get("Content-Type") != "application/json" {
		s.t.Errorf("%s %s of %q", q.Method, q.URL, q.Header.Get("Content-Type"))
	}
	if !s.tokens.Valid(q, "https://monitor.azure.com") {
		s.t.Error("not signed in")
	}
	text, err := io.ReadAll(unpacked(s.t, q))
	if err != nil || q.ContentLength < 0 {
		s.t.Errorf("%d bytes: %v", q.ContentLength, err)
	}
	if len(text) > ingestionCall {
		s.t.Errorf("a call of %d bytes, %d compressed", len(text), q.ContentLength)
	}
	var all []json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		s.t.Error(err)
	}
	for _, one := range all {
		e, err := event.Parse(string(one))
		if err != nil {
			s.t.Error(err)
		}
		s.check(e.Body)
		s.add(e)
	}
	s.mu.Lock()
	s.largest = max(s.largest, len(text))
	s.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

// check looks for what would be missing in the table, cut, or refused.
func (s *ingestion) check(body event.Document) {
	seen := map[string]bool{}
	for _, m := range body {
		if seen[m.Key] {
			s.t.Errorf("%s is there twice", m.Key)
		}
		seen[m.Key] = true
		value, _ := json.Marshal(m.Value)
		if len(value) > ingestionValue {
			s.t.Errorf("%s has %d bytes", m.Key, len(value))
		}
		if kind := s.columns[m.Key]; !holds(kind, m, bytes.HasPrefix(value, []byte("{"))) {
			s.t.Errorf("column %s of type %q: %s", m.Key, kind, value)
		}
	}
	if body.At("TimeGenerated") == nil {
		s.t.Errorf("no time in %v", body)
	}
}

// holds says whether a column of a type takes a value.
func holds(kind string, m event.Member, object bool) bool {
	number, isNumber := m.Value.(json.Number)
	n, err := number.Int64()
	isInteger := isNumber && err == nil
	switch kind {
	case "dynamic":
		return object || m.Key == "log"
	case "string":
		return !object && !isNumber
	case "int":
		return isInteger && int64(int32(n)) == n
	case "long":
		return isInteger
	case "datetime":
		text, _ := m.Value.(string)
		_, err := time.Parse(time.RFC3339, text)
		return err == nil
	}
	return false
}

// trusting is the release where one authority is the only one that the system
// trusts: the output's sign-in asks for no file.
func trusting(t *testing.T, r fluentbit.Release, root, authority string) fluentbit.Release {
	t.Helper()
	const setUp = "mount -t tmpfs tmpfs /etc/ssl/certs"
	if out, err := exec.Command("unshare", "--mount", "sh", "-c", setUp).CombinedOutput(); err != nil {
		t.Skipf("skipped: no mount namespace: %v: %s", err, out)
	}
	textfile.Write(t, root, "fluent-bit", "#!/bin/sh\nexec unshare --mount sh -c '"+setUp+` && cp "$0" /etc/ssl/certs/ca-bundle.crt && exec "$@"' `+authority+" "+r.Path+` "$@"`+"\n")
	if err := os.Chmod(root+"/fluent-bit", 0o755); err != nil {
		t.Fatal(err)
	}
	r.Path = root + "/fluent-bit"
	return r
}

// The sign-in host and the endpoint have the names that they have in Azure: a
// proxy leads to the test's.
func startAzureMonitor(t *testing.T, r fluentbit.Release, into ingested, storage azure.Storage) (*fluentbit.Agent, *ingestion) {
	t.Helper()
	if r.Before(2, 1) {
		t.Skipf("skipped: Fluent Bit %s has no output azure_logs_ingestion", r.Version)
	}
	tokens := token.New(t)
	to := startIngestion(t, into, tokens)
	root := follow.Stage(t)
	env := append(storage.Environment, tokens.ServicePrincipal().Environment...)
	env = append(env, "HTTP_PROXY="+tokens.Proxy, "AZURE_DCE_URL=https://"+ingestionHost, "AZURE_DCR_ID="+ingestionRule)
	return trusting(t, r, root, tokens.CA.File).StartFor(t, 3*fluentbit.Timeout, root, env, "-c", filepath.Join("etc", into.conf)), to
}

// Each flow is a row with the fields of its event, but for those that the file
// leaves out.
func TestAzureMonitor(t *testing.T) {
	t.Parallel()
	var blob struct{ Records []json.RawMessage }
	if err := json.Unmarshal([]byte(textfile.Read(t, "nsgflow/testdata/ecs/nsg_v2.input.json")), &blob); err != nil {
		t.Fatal(err)
	}
	excluded := excludedIn(t, ownTable.conf)
	var want []event.Event
	for _, e := range event.Read(t, "nsgflow/testdata/ecs/nsg_v2.expected.ndjson") {
		row := append(event.Document{{Key: "TimeGenerated", Value: e.Body.At("@timestamp")}}, e.Body.Without("@timestamp")...)
		for _, field := range excluded {
			row = row.Without(strings.Split(field, ".")...)
		}
		want = append(want, event.Event{Body: row})
	}
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		storage := azure.NewStorage(t)
		log := azure.NewFlowLog(t, storage.NSG, azure.NSGName("GATE-NSG", 1, azure.ThisHour))
		for _, record := range blob.Records {
			log.Grow(string(record))
		}
		a, to := startAzureMonitor(t, r, ownTable, storage)
		a.Until("the rows", func() bool { return len(to.all(a)) >= len(want) })
		a.Stop()
		event.Same(t, want, to.all(a))
	})
}

// A backlog of the largest events that there can be comes in calls that the API
// takes.
func TestAzureMonitorCalls(t *testing.T) {
	t.Parallel()
	largestCalls(t, ownTable)
}

// getsAll waits for so many rows, and sees no more.
func (s *ingestion) getsAll(a *fluentbit.Agent, rows int) {
	s.t.Helper()
	for n := 0; n < rows; { // one call after the other
		a.Until("more rows", func() bool { return len(s.all(a)) > n })
		n = len(s.all(a))
	}
	a.Stop()
	if n := len(s.all(a)); n != rows {
		s.t.Errorf("%d rows of %d tuples", n, rows)
	}
	s.t.Logf("the largest call had %d bytes", s.largest)
}
