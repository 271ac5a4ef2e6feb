package outputs

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	logs "go.opentelemetry.io/proto/otlp/logs/v1"

	"fluent-bit-nsgflow/test/internal/event"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// flowLogsOfAllKinds are flow logs with what makes events differ, and nothing else.
func flowLogsOfAllKinds(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, name := range []string{"ecs/nsg_v1", "ecs/nsg_v2", "ecs/vnet_states", "ecs/mixed", "ecs/unknown_codes", "ecs/protocols", "ecs/macs", "ecs/errors", "ecs/vnet_flattened", "examples/aggregate"} {
		b.WriteString(timed(textfile.Read(t, "nsgflow/testdata/"+name+".input.json")))
	}
	return b.String()
}

// What arrives is what the filter makes, and what the schema's makers say.
func TestOCSF(t *testing.T) {
	input := flowLogsOfAllKinds(t)
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		want := event.Undated(r.Events(t, "ocsf", input))
		for name, output := range map[string]func(*testing.T) receiver{"ocsf-http.conf": intakeServer, "ocsf-s3.conf": bucketServer} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				root := fluentbit.Stage(t)
				textfile.Write(t, root, "flow-logs/input.log", input)
				withParser(t, root)
				to := output(t)
				if name == "ocsf-s3.conf" {
					change(t, root, name, "# endpoint      https://HOST:PORT", "endpoint https://localhost:${S3_PORT}\n    tls.ca_file ${S3_CA}")
					change(t, root, name, "upload_timeout  5m", "upload_timeout  1s")
				}
				got := to.from(t, r, root, name, len(want))
				event.Same(t, want, got)
				for _, e := range got {
					judge(t, "ocsf", e)
				}
			})
		}
	})
}

const (
	bucketKey    = "AKIDEXAMPLE"
	bucketSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)

var bucketPath = regexp.MustCompile(`^/lake/azure-flow/20\d\d/\d\d/\d\d/\d\d/[A-Za-z0-9]+\.json\.gz$`)

// bucketServer takes signed objects into the bucket lake: JSON lines, compressed.
// Over TLS: without it, the output of Fluent Bit 1.9 crashes.
func bucketServer(t *testing.T) receiver {
	var c collector
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Method != http.MethodPut || !bucketPath.MatchString(q.URL.Path) {
			t.Errorf("%s %s", q.Method, q.URL)
		}
		packed, err := io.ReadAll(q.Body)
		if err != nil {
			t.Error(err)
		}
		checkSignature(t, q, packed)
		q.Body = io.NopCloser(strings.NewReader(string(packed)))
		if q.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("encoding %q of an object whose name ends in .gz", q.Header.Get("Content-Encoding"))
		}
		c.addLines(t, q, func(string, event.Event) {})
	}))
	t.Cleanup(server.Close)
	port, authority := startTLS(t, server)
	return receiver{env: []string{"S3_BUCKET=lake", "S3_REGION=eu-west-1", "S3_PORT=" + port, "S3_CA=" + authority,
		"AWS_ACCESS_KEY_ID=" + bucketKey, "AWS_SECRET_ACCESS_KEY=" + bucketSecret}, received: c.all}
}

var signature = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=` + bucketKey + `/((\d{8})/eu-west-1/s3/aws4_request), SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$`)

// checkSignature makes the signature of a request anew, by Amazon's "Signature
// Version 4".
func checkSignature(t *testing.T, q *http.Request, body []byte) {
	found := signature.FindStringSubmatch(q.Header.Get("Authorization"))
	if found == nil {
		t.Errorf("signed %q", q.Header.Get("Authorization"))
		return
	}
	scope, day, signed := found[1], found[2], found[3]
	var headers strings.Builder
	for name := range strings.SplitSeq(signed, ";") {
		value := q.Header.Get(name)
		if name == "host" {
			value = q.Host
		}
		headers.WriteString(name + ":" + strings.TrimSpace(value) + "\n")
	}
	sum := func(text string) string { s := sha256.Sum256([]byte(text)); return hex.EncodeToString(s[:]) }
	mac := func(key, text string) string {
		h := hmac.New(sha256.New, []byte(key))
		h.Write([]byte(text))
		return string(h.Sum(nil))
	}
	request := strings.Join([]string{q.Method, q.URL.EscapedPath(), q.URL.RawQuery, headers.String(), signed, sum(string(body))}, "\n")
	text := strings.Join([]string{"AWS4-HMAC-SHA256", q.Header.Get("X-Amz-Date"), scope, sum(request)}, "\n")
	key := mac(mac(mac(mac("AWS4"+bucketSecret, day), "eu-west-1"), "s3"), "aws4_request")
	if want := hex.EncodeToString([]byte(mac(key, text))); found[4] != want {
		t.Errorf("the signature is %s, want %s of\n%s", found[4], want, request)
	}
}

// What is no flow log arrives as it is: as the body where it has none of its own.
func TestOTLPAttributes(t *testing.T) {
	input := flowLogsOfAllKinds(t) + otherLog + "\n"
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		root := fluentbit.Stage(t)
		forOTLPAttributes(t, r, root)
		want := r.Events(t, "otel", input)
		want[len(want)-1].Date = "" // that of its arrival
		textfile.Write(t, root, "flow-logs/input.log", input)
		withParser(t, root)
		got := otlpServer(t, otlpRecord(r)).from(t, r, root, "otlp-attributes.conf", len(want))
		event.Same(t, want, got)
		for _, e := range got[:len(got)-1] {
			judge(t, "otel", e)
		}
	})
}

// forOTLPAttributes makes of otlp-attributes.conf what its comment says of older
// releases.
func forOTLPAttributes(t *testing.T, r fluentbit.Release, root string) {
	t.Helper()
	if r.Before(2, 1) {
		t.Skipf("skipped: the output of Fluent Bit %s sends no logs", r.Version)
	}
	if r.Before(3, 0) {
		change(t, root, "otlp-attributes.conf", "    Logs_Body_Key            $body\n    Logs_Body_Key_Attributes On\n", "")
	}
}

// otlpRecord is recordEvent, and knows which releases make attributes.
func otlpRecord(r fluentbit.Release) func(*testing.T, *logs.LogRecord) event.Event {
	return func(t *testing.T, one *logs.LogRecord) event.Event {
		e := recordEvent(t, one)
		if _, isMap := otlpValue(one.Body).(event.Document); isMap && e.Body.At("body") != nil && !r.Before(3, 0) {
			t.Errorf("the body is a map: %s", e)
		}
		return e
	}
}

// recordEvent is the event that a log record was: its attributes behind its body,
// or a body that is all of it. Its time is that of the record.
func recordEvent(t *testing.T, one *logs.LogRecord) event.Event {
	e := event.Event{Date: time.Unix(0, int64(one.TimeUnixNano)).UTC().Format(event.PrintedTime)}
	body := otlpValue(one.Body)
	whole, isMap := body.(event.Document)
	if isMap {
		e.Body = whole
	} else {
		e.Body = event.Document{{Key: "body", Value: body}}
	}
	for _, a := range one.Attributes {
		e.Body = append(e.Body, event.Member{Key: a.Key, Value: otlpValue(a.Value)})
	}
	if isError := !isMap && e.Body.At("SeverityText") != nil; isError != (one.SeverityNumber == logs.SeverityNumber_SEVERITY_NUMBER_ERROR && one.SeverityText == "ERROR") {
		t.Errorf("severity %d %q of %s", one.SeverityNumber, one.SeverityText, e)
	}
	return e
}
