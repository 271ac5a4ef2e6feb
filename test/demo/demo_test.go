package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/engine"
)

func silent(t *testing.T) *progress {
	t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { null.Close() })
	return newProgress(null)
}

// built gives the object and VictoriaLogs.
func built(t *testing.T) (object, program string) {
	t.Helper()
	var err error
	if object, err = engine.Object(); err != nil {
		t.Fatal(err)
	}
	if program, err = buildStore(silent(t)); err != nil {
		t.Skipf("skipped: there is no VictoriaLogs: %v", err)
	}
	return object, program
}

func freePort(t *testing.T) int {
	t.Helper()
	port, err := azure.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// stored is an hour in a store of its own, sent by a Fluent Bit, or by the
// stand-in host where path is empty.
func stored(t *testing.T, object, program, path string, h hour) *store {
	t.Helper()
	folder := t.TempDir()
	root := filepath.Join(folder, "fluent-bit")
	if err := layOut(root, object, h); err != nil {
		t.Fatal(err)
	}
	s, err := startStore(t.Context(), program, filepath.Join(folder, "store"), freePort(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := send(ctx, silent(t), s, root, path, "by the test", h); err != nil {
		t.Fatal(err)
	}
	return s
}

// hosts are the stand-in host and the Fluent Bits there are.
func hosts() map[string]string {
	all := map[string]string{"stand-in": ""}
	paths := filepath.SplitList(os.Getenv("FLUENT_BITS"))
	if len(paths) == 0 {
		if path, _ := engine.Find(); path != "" {
			paths = []string{path}
		}
	}
	for _, path := range paths {
		all[path] = path
	}
	return all
}

// The answers are those that a reading of the same tuples without the filter
// gives, row by row; and no row that belongs on top is missing.
func TestAnswers(t *testing.T) {
	t.Parallel()
	object, program := built(t)
	for name, path := range hosts() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := lastHour(time.Now(), 40)
			s := stored(t, object, program, path, h)
			for i, want := range expected(flowsOf(h)) {
				q := questions[i]
				rows, err := s.query(t.Context(), q.query)
				if err != nil {
					t.Fatal(err)
				}
				checkAnswer(t, q, rows, want)
			}
		})
	}
}

func checkAnswer(t *testing.T, q question, rows []row, want map[string][]int) {
	t.Helper()
	if n := min(8, len(want)); !strings.Contains(q.query, "_time") && len(rows) != n || len(rows) == 0 {
		t.Errorf("%s: %d rows", q.title, len(rows))
	}
	var first []int
	for _, r := range rows {
		var key []string
		var values []int
		for _, c := range q.columns {
			if n, err := strconv.Atoi(r[c]); err == nil && !strings.HasSuffix(c, "port") {
				values = append(values, n)
			} else {
				key = append(key, r[c])
			}
		}
		if !slices.Equal(values, want[strings.Join(key, " ")]) {
			t.Errorf("%s: %q has %d, want %d", q.title, key, values, want[strings.Join(key, " ")])
		}
		if len(values) > 0 {
			first = append(first, values[0])
		}
	}
	if strings.Contains(q.query, "_time") {
		if len(rows) != len(want) {
			t.Errorf("%s: %d rows, want %d", q.title, len(rows), len(want))
		}
	} else if top := best(want, 8); !slices.Equal(first, top) {
		t.Errorf("%s: on top are %d, want %d", q.title, first, top)
	}
}

// A bare address finds the flows that have it on either side.
func TestAddressInSearchBox(t *testing.T) {
	t.Parallel()
	object, program := built(t)
	h := lastHour(time.Now(), 20)
	s := stored(t, object, program, "", h)
	const address = "10.20.0.6"
	want := 0
	for _, f := range flowsOf(h) {
		if f.source == address || f.destination == address {
			want++
		}
	}
	rows, err := s.query(t.Context(), `"`+address+`" | count() as flows`)
	if err != nil || rows[0]["flows"] != strconv.Itoa(want) {
		t.Errorf("%v, %v, want %d", rows, err, want)
	}
}

// What is wrong is said with what to do.
func TestTakenPort(t *testing.T) {
	l, err := net.Listen("tcp", local(0))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	if err := free(port); err == nil || !strings.Contains(err.Error(), "make demo PORT="+strconv.Itoa(port+1)) {
		t.Error(err)
	}
	if err := free(70000); err == nil || !strings.Contains(err.Error(), "from 1 to 65535") {
		t.Error(err)
	}
}

// The image of compose.yaml is the version that is built here.
func TestComposeHasTheSameVersion(t *testing.T) {
	version := func(file, pattern string) string {
		text, err := os.ReadFile(engine.Path(file))
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(pattern).FindSubmatch(text)
		if m == nil {
			t.Fatalf("%s has no %s", file, pattern)
		}
		return string(m[1])
	}
	module := version("test/demo/victorialogs/go.mod", `VictoriaMetrics/VictoriaLogs (v\S+)`)
	if image := version("compose.yaml", `victoriametrics/victoria-logs:(v\S+)`); image != module {
		t.Errorf("the image is %s, the module %s", image, module)
	}
}
