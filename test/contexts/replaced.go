package contexts

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Replaced are files of a context that are replaced while they are in use. Each knows the
// addresses of ReplacedFlows, and says its generation of them. Locked, no file is bad, and
// none is replaced.
type Replaced struct {
	sync.Mutex
	folder string
}

// ReplacedFlows are records of NSG flow logs, with replacedEvents flows.
var ReplacedFlows = strings.Repeat(`{"time":"2024-08-19T18:00:12Z","rule":"r","operationName":"NetworkSecurityGroupFlowEvents","version":2,"flow.0":"1724090400,10.0.0.4,89.160.20.112,52000,443,T,O,A,B,,,,"}
{"time":"2024-08-19T18:00:12Z","rule":"r","operationName":"NetworkSecurityGroupFlowEvents","version":2,"flow.0":"1724090401,89.160.20.113,10.0.0.5,4000,22,T,I,D,B,,,,"}
`, replacedEvents/2)

const replacedEvents = 100

// NewReplaced writes generation 0 of each file.
func NewReplaced(t *testing.T) *Replaced {
	r := &Replaced{folder: t.TempDir()}
	r.All(t, 0)
	return r
}

// Path is that of networks.csv, tags.json or feodo.csv.
func (r *Replaced) Path(name string) string { return filepath.Join(r.folder, name) }

// Paths are those of all.
func (r *Replaced) Paths() (all []string) {
	for _, f := range replaced {
		all = append(all, r.Path(f.name))
	}
	return all
}

var replaced = []struct {
	name    string
	content func(n int) string
	bad     string
	entries *regexp.Regexp // in events, with the generation
	count   int            // of them, in those of ReplacedFlows
	whole   bool           // a half of it is bad; a list of others has no end that could be missing
}{
	{"networks.csv", func(n int) string { return fmt.Sprintf("cidr,name\n10.0.0.0/8,n%d\n89.160.20.0/24,n%[1]d\n", n) },
		"cidr,name\n10.0.0.0/8,n0\n89.160", regexp.MustCompile(`"network":"n(\d+)"`), 2 * replacedEvents, true},
	{"tags.json", func(n int) string {
		return fmt.Sprintf(`{"changeNumber":%d,"cloud":"Public","values":[{"name":"Storage.G%[1]d","id":"Storage.G%[1]d","properties":{"changeNumber":1,"region":"g","platform":"Azure","systemService":"AzureStorage","addressPrefixes":["10.0.0.0/8","89.160.20.0/24"]}}]}`, n)
	}, `{"changeNumber":1,"values":[{"name`, regexp.MustCompile(`"service_tag":"Storage\.G(\d+)"`), 2 * replacedEvents, true},
	{"feodo.csv", func(n int) string { return fmt.Sprintf("dst_ip,malware\n89.160.20.112,g%d\n89.160.20.113,g%[1]d\n", n) },
		"no address\nat all\n", regexp.MustCompile(`"name":"g(\d+)"`), replacedEvents, false},
}

// All puts a generation of each file into its place.
func (r *Replaced) All(t *testing.T, generation int) {
	t.Helper()
	for _, f := range replaced {
		renamed(t, r.Path(f.name), f.content(generation))
	}
}

// Spoil puts a bad file into the place of each.
func (r *Replaced) Spoil(t *testing.T) {
	t.Helper()
	for _, f := range replaced {
		renamed(t, r.Path(f.name), f.bad)
	}
}

// Replace replaces the files again and again, until stop is called, which gives the last
// generation.
func (r *Replaced) Replace(t *testing.T) (stop func() int) {
	ended, last := make(chan struct{}), make(chan int)
	go func() {
		for generation := 1; ; generation++ {
			select {
			case <-ended:
				last <- generation
				return
			case <-time.After(300 * time.Millisecond):
				r.next(t, generation)
			}
		}
	}()
	return func() int {
		close(ended)
		return <-last
	}
}

// next replaces each file in another way. What is bad does not stay, but long enough to
// be read now and then.
func (r *Replaced) next(t *testing.T, generation int) {
	for i, f := range replaced {
		path, good := r.Path(f.name), f.content(generation)
		stays := generation%4 == 0
		badly := func(spoil func()) {
			spoil()
			if stays {
				time.Sleep(2500 * time.Millisecond)
			}
			renamed(t, path, good)
		}
		r.Lock()
		switch (generation + i) % 7 {
		case 0:
			renamed(t, path, good)
		case 1:
			badly(func() { inPlace(t, path, good) })
		case 2: // as a ConfigMap: the name is a link that leads elsewhere
			to := filepath.Join(r.folder, fmt.Sprintf("..%d-%s", generation, f.name))
			inPlace(t, to, good)
			if err := cmp.Or(os.Symlink(to, path+".link"), os.Rename(path+".link", path)); err != nil {
				t.Error(err)
			}
		case 3:
			stays = stays && f.whole
			badly(func() { inPlace(t, path, good[:len(good)-12]) })
		case 4:
			badly(func() { inPlace(t, path, f.bad) })
		case 5:
			badly(func() { inPlace(t, path, "") })
		case 6:
			badly(func() {
				if err := os.Remove(path); err != nil {
					t.Error(err)
				}
			})
		}
		r.Unlock()
	}
}

// OneGeneration is that of the events of ReplacedFlows, in JSON; -1: that of one file is
// another than that of the next. A file of which events have two generations, or which
// some of them lack, fails the test.
func (r *Replaced) OneGeneration(t *testing.T, lines []byte) int {
	t.Helper()
	all := -2
	for _, f := range replaced {
		found := f.entries.FindAllSubmatch(lines, -1)
		if len(found) != f.count {
			t.Errorf("%s: %d entries, want %d in\n%s", f.name, len(found), f.count, lines)
			return -1
		}
		for _, m := range found {
			if string(m[1]) != string(found[0][1]) {
				t.Errorf("%s: generations %s and %s in one chunk", f.name, found[0][1], m[1])
				return -1
			}
		}
		generation, err := strconv.Atoi(string(found[0][1]))
		if err != nil {
			t.Error(err)
			return -1
		}
		if all != -2 && all != generation {
			generation = -1
		}
		all = generation
	}
	return all
}

// inPlace writes to a file as cp does.
func inPlace(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Error(err)
	}
}

// renamed puts a whole file into the place of another.
func renamed(t *testing.T, path, text string) {
	t.Helper()
	inPlace(t, path+".new", text)
	if err := os.Rename(path+".new", path); err != nil {
		t.Error(err)
	}
}
