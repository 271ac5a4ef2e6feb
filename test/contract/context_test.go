package contract

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/contexts"
	"fluent-bit-nsgflow/test/engine"
	"fluent-bit-nsgflow/test/soak"
)

// inPlace writes to a file as cp and curl -o do.
func inPlace(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A file that is bad stops the start, one that is not there is a warning, and nothing
// of a context is left after either.
func TestContextAtStart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "networks.csv")
	in := chunk(t, engine.New, flows)
	option := []string{"context_networks=" + path}
	everyHost(t, func(t *testing.T, host engine.StandIn) {
		host.Options = [][]string{option}
		got := run(t, host, 0, in)
		if want := "[ warn] [filter:nsgflow:nsgflow.0] context_networks " + path + ": there is no such file yet"; strings.Count(got.Log, want) != 1 {
			t.Errorf("not once %q:\n%s", want, got.Log)
		}
		host.Options = [][]string{{}, {"context=off", "context_check=2s"}}
		if got, want := run(t, host, 255), "[error] [filter:nsgflow:nsgflow.1] option context: off is not allowed beside context_check"; !strings.Contains(got.Log, want) {
			t.Errorf("no %q:\n%s", want, got.Log)
		}
		bad := filepath.Join(t.TempDir(), "bad.csv")
		inPlace(t, bad, "cidr\nfar away\n")
		host.Options = [][]string{option, {"context_networks=" + bad}} // the first one has a goroutine
		if got, want := run(t, host, 255), "[error] [filter:nsgflow:nsgflow.1] context_networks "+bad+": line 2: "; !strings.Contains(got.Log, want) {
			t.Errorf("no %q:\n%s", want, got.Log)
		}
	})
}

// Metrics of a context are there where there is one; counters alone where the host has
// no gauges.
func TestContextMetrics(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "networks.csv")
	inPlace(t, path, "cidr,name\n10.0.0.0/8,inside\n203.0.113.0/24,office\n")
	got := run(t, engine.StandIn{Options: [][]string{{"context_networks=" + path}, {}}, Flags: []string{"-c"}}, 0, chunk(t, engine.New, flows))
	age := regexp.MustCompile(`context_age_seconds{name=nsgflow.0,source=networks} \d+`)
	var ours []string
	for _, series := range counters(got.Log) {
		if strings.HasPrefix(series, "context_") {
			ours = append(ours, age.ReplaceAllString(series, "age"))
		}
	}
	// One of the addresses is a source and a destination, which are kept apart.
	want := []string{"context_lookups_total{name=nsgflow.0,result=hit} 2", "context_lookups_total{name=nsgflow.0,result=miss} 4"}
	for _, source := range []string{"service_tags", "inventory", "networks", "geo", "asn", "threats"} {
		n := 0
		if source == "networks" {
			n = 4
		}
		want = append(want, fmt.Sprintf("context_matches_total{name=nsgflow.0,source=%s} %d", source, n))
	}
	want = append(want, "context_ambiguous_total{name=nsgflow.0} 0", "context_loads_total{name=nsgflow.0,source=networks,result=ok} 1",
		"context_loads_total{name=nsgflow.0,source=networks,result=failed} 0", "context_refused{name=nsgflow.0,source=networks} 0",
		"context_entries{name=nsgflow.0,source=networks} 2", "age")
	if !slices.Equal(ours, want) {
		t.Errorf("got %s\nwant %s", strings.Join(ours, "\n"), strings.Join(want, "\n"))
	}
}

// Files that are replaced in every way, and hot reloads, while chunks go through two
// instances: the events of a chunk are of one generation of each file, every file that is
// bad is said once, and the last good one is used at the end.
func TestContextReplaced(t *testing.T) {
	t.Parallel()
	files := contexts.NewReplaced(t)
	options := []string{"schema=ecs", "context_networks=" + files.Path("networks.csv"), "context_service_tags=" + files.Path("tags.json"),
		"context_threats=feodo=" + files.Path("feodo.csv"), "context_check=1s"}
	host := engine.StandIn{Options: [][]string{append([]string{"key=elsewhere"}, options...), options}, Flags: []string{"-c"}}
	s, err := host.Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	in := chunk(t, engine.New, contexts.ReplacedFlows)

	chunks, reloads := 0, 0
	pass := func() int {
		chunks++
		out, err := s.Pass(in)
		if err != nil {
			t.Fatalf("chunk %d: %v", chunks, err)
		}
		lines, err := engine.Lines(out)
		if err != nil {
			t.Fatal(err)
		}
		generation := files.OneGeneration(t, lines)
		if t.Failed() {
			t.FailNow()
		}
		return generation
	}
	reload := func() {
		files.Lock() // a start must not find a file that is bad
		defer files.Unlock()
		reloads++
		if err := s.Reload(); err != nil {
			t.Fatalf("reload %d: %v", reloads, err)
		}
	}
	pass()
	early := memoryOf(t, s.Pid())

	stop := files.Replace(t)
	for start := time.Now(); time.Since(start) < soak.Time("context"); {
		pass()
		if due := int(time.Since(start) / (3 * time.Second)); reloads < due {
			reload()
		}
	}
	last := stop() + 1
	late := memoryOf(t, s.Pid())

	// A bad file in the place of each: it is said once, and what was in use stays.
	files.All(t, last)
	awaited(t, "the last generation", func() bool { return pass() == last })
	before := len(s.Log.String())
	files.Spoil(t)
	said := func() (counts []int) {
		for _, path := range files.Paths() {
			line := regexp.MustCompile(`\[error\] \[filter:nsgflow:nsgflow\.\d\] context_\w+ .*` + regexp.QuoteMeta(path) + `.* stays in use`)
			counts = append(counts, len(line.FindAllString(s.Log.String()[before:], -1)))
		}
		return counts
	}
	awaited(t, "errors", func() bool { return pass() == last && !slices.Contains(said(), 0) })
	for looked := time.Now(); time.Since(looked) < 3*time.Second; { // three looks more
		pass()
	}
	for i, n := range said() {
		if n != 1 {
			t.Errorf("%s: %d errors of one bad file", files.Paths()[i], n)
		}
	}
	files.All(t, last+1)
	awaited(t, "good files again", func() bool { return pass() == last+1 })
	if err := s.End(); err != nil {
		t.Errorf("%v\n%s", err, s.Log.String())
	}
	t.Logf("%d chunks, %d reloads, %d generations; %+d KB", chunks, reloads, last+1, late-early)
	if late-early > 64<<10 {
		t.Errorf("resident size grew from %d to %d KB", early, late)
	}
	if !strings.Contains(s.Log.String(), "good again") {
		t.Error(s.Log.String())
	}
}

func awaited(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !condition(); {
		if time.Now().After(deadline) {
			t.Fatalf("still waiting for %s", what)
		}
	}
}

// memoryOf is the resident size of a process, in KB.
func memoryOf(t *testing.T, pid int) (size int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	var all int
	if _, err := fmt.Sscan(string(text), &all, &size); err != nil {
		t.Fatal(err)
	}
	return size * os.Getpagesize() / 1024
}
