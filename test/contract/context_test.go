package contract

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

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

// renamed puts a whole file into the place of another.
func renamed(t *testing.T, path, text string) {
	t.Helper()
	inPlace(t, path+".new", text)
	if err := os.Rename(path+".new", path); err != nil {
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
	want := []string{"context_lookups_total{name=nsgflow.0,result=hit} 3", "context_lookups_total{name=nsgflow.0,result=miss} 3"}
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

// replaced is a file of a context, and what its contents are in a generation.
type replaced struct {
	name    string
	content func(n int) string
	bad     string
	entry   *regexp.Regexp // what events have of it, with its generation
}

var replacedFiles = []replaced{
	{"networks.csv", func(n int) string {
		return fmt.Sprintf("cidr,name\n10.0.0.0/8,n%d\n203.0.113.0/24,n%[1]d\n198.51.100.0/24,n%[1]d\n", n)
	},
		"cidr,name\n10.0.0.0/8,n0\n203.0.113", regexp.MustCompile(`"network":"n(\d+)"`)},
	{"tags.json", func(n int) string {
		return fmt.Sprintf(`{"changeNumber":%d,"cloud":"Public","values":[{"name":"Storage.G%[1]d","id":"Storage.G%[1]d","properties":{"changeNumber":1,"region":"g","platform":"Azure","systemService":"AzureStorage","addressPrefixes":["10.0.0.0/8","198.51.100.0/24","203.0.113.0/24"]}}]}`, n)
	}, `{"changeNumber":1,"values":[{"name`, regexp.MustCompile(`"service_tag":"Storage\.G(\d+)"`)},
	{"feodo.csv", func(n int) string { return fmt.Sprintf("dst_ip,malware\n89.160.20.112,g%d\n89.160.20.113,g%[1]d\n", n) },
		"no address\nat all\n", regexp.MustCompile(`"name":"g(\d+)"`)},
}

// Files that are replaced in every way, and hot reloads, while chunks go through two
// instances: the events of a chunk are of one generation of each file, every file that is
// bad is said once, and the last good one is used at the end. The long form is under the
// race detector.
func TestContextReplaced(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := func(f replaced) string { return filepath.Join(folder, f.name) }
	for _, f := range replacedFiles {
		inPlace(t, path(f), f.content(0))
	}
	options := []string{"schema=ecs", "context_networks=" + path(replacedFiles[0]), "context_service_tags=" + path(replacedFiles[1]),
		"context_threats=feodo=" + path(replacedFiles[2]), "context_check=1s"}
	host := engine.StandIn{Options: [][]string{append([]string{"key=elsewhere"}, options...), options}, Race: soak.Long("context"), Flags: []string{"-c"}}
	s, err := host.Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	records := strings.ReplaceAll(flows, "macAddress", "mac") + strings.Replace(strings.ReplaceAll(flows, "203.0.113.7", "89.160.20.112"), "198.51.100.9", "89.160.20.113", 2)
	in := chunk(t, engine.New, strings.Repeat(records, 20))

	var mu sync.Mutex // a start must not find a file that is bad
	chunks, reloads := 0, 0
	pass := func() map[string]string {
		chunks++
		out, err := s.Pass(in)
		if err != nil {
			t.Fatalf("chunk %d: %v", chunks, err)
		}
		return ofOneGeneration(t, out)
	}
	reload := func() {
		mu.Lock()
		defer mu.Unlock()
		reloads++
		if err := s.Reload(); err != nil {
			t.Fatalf("reload %d: %v", reloads, err)
		}
	}
	pass()
	early := memoryOf(t, s.Pid())

	stop, stopped := make(chan struct{}), make(chan int)
	go func() {
		generation := 0
		for {
			select {
			case <-stop:
				stopped <- generation
				return
			case <-time.After(300 * time.Millisecond):
			}
			generation++
			replaceAll(t, folder, generation, &mu)
		}
	}()
	for start := time.Now(); time.Since(start) < soak.Time("context"); {
		pass()
		if due := int(time.Since(start) / (3 * time.Second)); reloads < due {
			reload()
		}
	}
	close(stop)
	last := <-stopped + 1
	late := memoryOf(t, s.Pid())

	// A bad file in the place of each: it is said once, and what was in use stays.
	for _, f := range replacedFiles {
		renamed(t, path(f), f.content(last))
	}
	awaited(t, "the last generation", func() bool { return allOf(pass(), last) })
	before := len(s.Log.String())
	for _, f := range replacedFiles {
		renamed(t, path(f), f.bad)
	}
	said := func(f replaced) int {
		return len(regexp.MustCompile(`\[error\] \[filter:nsgflow:nsgflow\.\d\] context_\w+ .*`+regexp.QuoteMeta(path(f))+`.* stays in use`).FindAllString(s.Log.String()[before:], -1))
	}
	awaited(t, "errors", func() bool {
		got := pass()
		return allOf(got, last) && !slices.ContainsFunc(replacedFiles, func(f replaced) bool { return said(f) == 0 })
	})
	for looked := time.Now(); time.Since(looked) < 3*time.Second; { // three looks more
		pass()
	}
	for _, f := range replacedFiles {
		if said(f) != 1 {
			t.Errorf("%s: %d errors of one bad file", f.name, said(f))
		}
		renamed(t, path(f), f.content(last+1))
	}
	awaited(t, "good files again", func() bool { return allOf(pass(), last+1) })
	if err := s.End(); err != nil {
		t.Errorf("%v\n%s", err, s.Log.String())
	}
	t.Logf("%d chunks, %d reloads, %d generations of %d files; %+d KB", chunks, reloads, last+1, len(replacedFiles), late-early)
	if late-early > 64<<10 {
		t.Errorf("resident size grew from %d to %d KB", early, late)
	}
	if strings.Contains(s.Log.String(), "DATA RACE") || !strings.Contains(s.Log.String(), "good again") {
		t.Error(s.Log.String())
	}
}

// replaceAll replaces each file in the next way. What is bad does not stay.
func replaceAll(t *testing.T, folder string, generation int, mu *sync.Mutex) {
	for i, f := range replacedFiles {
		path, good := filepath.Join(folder, f.name), f.content(generation)
		passing := func(spoil func()) {
			mu.Lock()
			defer mu.Unlock()
			spoil()
			if generation%4 == 0 { // long enough to be read
				time.Sleep(2500 * time.Millisecond)
			}
			renamed(t, path, good)
		}
		switch (generation + i) % 7 {
		case 0:
			renamed(t, path, good)
		case 1:
			passing(func() { inPlace(t, path, good) })
		case 2: // as a ConfigMap is: the name is a link into a folder that is another
			to := filepath.Join(folder, fmt.Sprintf("..%d-%s", generation, f.name))
			inPlace(t, to, good)
			if err := cmp.Or(os.Symlink(to, path+".link"), os.Rename(path+".link", path)); err != nil {
				t.Error(err)
			}
		case 3:
			passing(func() { inPlace(t, path, good[:len(good)-12]) })
		case 4:
			passing(func() { inPlace(t, path, f.bad) })
		case 5:
			passing(func() { inPlace(t, path, "") })
		case 6:
			passing(func() {
				if err := os.Remove(path); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// ofOneGeneration are the generations that a chunk's events have, by file. Each event
// has something of each file that knows its addresses.
func ofOneGeneration(t *testing.T, out []byte) map[string]string {
	t.Helper()
	lines, err := engine.Lines(out)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range replacedFiles {
		found := f.entry.FindAllSubmatch(lines, -1)
		for _, m := range found {
			if got[f.name] == "" {
				got[f.name] = string(m[1])
			}
			if string(m[1]) != got[f.name] {
				t.Fatalf("%s: generations %s and %s in one chunk", f.name, got[f.name], m[1])
			}
		}
	}
	if bytes.Count(lines, []byte("\n")) != 120 {
		t.Fatalf("%d events", bytes.Count(lines, []byte("\n")))
	}
	return got
}

func allOf(got map[string]string, generation int) bool {
	for _, f := range replacedFiles {
		if got[f.name] != strconv.Itoa(generation) {
			return false
		}
	}
	return true
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
