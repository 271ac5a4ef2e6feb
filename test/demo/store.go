package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"fluent-bit-nsgflow/test/engine"
)

// store is a running VictoriaLogs.
type store struct {
	*child
	address string
}

// buildStore builds VictoriaLogs, the first time from the module proxy.
func buildStore(say *progress) (program string, err error) {
	program = engine.Path("build", "demo", "victoria-logs")
	if _, err := os.Stat(program); err != nil {
		say.step("building VictoriaLogs: a download of 81 MB and a minute, once")
	}
	if err := engine.Make("build/demo/victoria-logs"); err != nil {
		return "", fmt.Errorf("VictoriaLogs cannot be built. It needs the Go that test/demo/victorialogs/go.mod names (with GOTOOLCHAIN=auto, Go gets it itself), "+
			"and at first a Go module proxy: where Go's own cannot be reached, GOPROXY names another.\n%w", err)
	}
	say.done("VictoriaLogs is in build/demo/")
	return program, nil
}

// free says whether the port can be listened at.
func free(port int) error {
	if port < 1 || port > math.MaxUint16 {
		return fmt.Errorf("port %d is none, \"make demo PORT=9428\" takes one from 1 to %d", port, math.MaxUint16)
	}
	l, err := net.Listen("tcp", local(port))
	if err != nil {
		return fmt.Errorf("port %d cannot be had, \"make demo PORT=%d\" takes another: %w", port, port+1, err)
	}
	return l.Close()
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// startStore begins with an empty folder.
func startStore(ctx context.Context, program, folder string, port int) (*store, error) {
	if err := os.RemoveAll(folder); err != nil {
		return nil, err
	}
	c, err := startChild(folder+".log", exec.Command(program, "-storageDataPath="+folder, "-httpListenAddr="+local(port)))
	if err != nil {
		return nil, err
	}
	s := &store{child: c, address: "http://" + local(port)}
	for {
		if answer, err := http.Get(s.address + "/health"); err == nil {
			answer.Body.Close()
			return s, nil
		}
		if c.hasEnded() {
			return nil, errors.New("VictoriaLogs does not start:\n" + c.lastLines())
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			c.stop()
			return nil, err
		}
	}
}

// row is a line of an answer: VictoriaLogs gives every value as a string.
type row map[string]string

// query asks in LogsQL.
func (s *store) query(ctx context.Context, q string) (rows []row, err error) {
	body, err := s.post(ctx, "/select/logsql/query", "application/x-www-form-urlencoded", strings.NewReader(url.Values{"query": {q}}.Encode()))
	if err != nil {
		return nil, fmt.Errorf("query %s: %w", q, err)
	}
	for d := json.NewDecoder(bytes.NewReader(body)); ; {
		var r row
		if err := d.Decode(&r); errors.Is(err, io.EOF) {
			return rows, nil
		} else if err != nil {
			return nil, fmt.Errorf("query %s: %w", q, err)
		}
		rows = append(rows, r)
	}
}

// count is how many events have arrived.
func (s *store) count(ctx context.Context) (int, error) {
	rows, err := s.query(ctx, "* | count() as flows")
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	return strconv.Atoi(rows[0]["flows"])
}

func (s *store) post(ctx context.Context, path, kind string, body io.Reader) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.address+path, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", kind)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", answer.Status, bytes.TrimSpace(text))
	}
	return text, err
}

// page is the address of the web UI with a query, as a table of the hour.
func (s *store) page(q question, h hour) string {
	columns, _ := json.Marshal(q.columns)
	return s.address + "/select/vmui/#/?" + url.Values{
		"query":            {q.query},
		"view":             {"table"},
		"columns":          {string(columns)},
		"g0.range_input":   {"1h"},
		"g0.end_input":     {h.end().Format(time.RFC3339)},
		"g0.relative_time": {"none"},
	}.Encode()
}
