package context

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// watched is a Watcher without a goroutine, whose clock is the test's.
type watched struct {
	testing.TB
	Watcher
	*Context
	dir  string
	now  time.Time
	said []string
}

func newWatched(t testing.TB) *watched {
	w := &watched{TB: t, dir: t.TempDir(), now: time.Date(2025, 3, 4, 9, 30, 0, 0, time.UTC)}
	w.stop = make(chan struct{}) // there is a goroutine, it would seem
	w.sooner = make(chan struct{}, 1)
	return w
}

func (w *watched) path(name string) string { return filepath.Join(w.dir, name) }

// put writes a file aside and renames it.
func (w *watched) put(name string, data []byte) {
	w.Helper()
	if err := os.WriteFile(w.path(name+".new"), data, 0o644); err != nil {
		w.Fatal(err)
	}
	if err := os.Rename(w.path(name+".new"), w.path(name)); err != nil {
		w.Fatal(err)
	}
}

func (w *watched) open(o Options) error {
	o.Log = func(_ Level, line string) { w.said = append(w.said, strings.ReplaceAll(line, w.dir, "/data")) }
	c, err := w.Watcher.open(o, w.now)
	w.Context = c
	return err
}

// pass lets so much time pass, a look every second.
func (w *watched) pass(d time.Duration) {
	for end := w.now.Add(d); w.now.Before(end); {
		w.now = w.now.Add(time.Second)
		w.look(w.now)
	}
}

// lines are what has been said since the last call.
func (w *watched) lines(want ...string) {
	w.Helper()
	if got := strings.Join(w.said, "\n"); got != strings.Join(want, "\n") {
		w.Errorf("said\n%s\nnot\n%s", got, strings.Join(want, "\n"))
	}
	w.said = nil
}

// name is the user's name of 10.0.0.1.
func (w *watched) name() string {
	return w.Generation().Endpoint(netip.MustParseAddr("10.0.0.1"), Origin{}).Network
}

func csvOf(name string) []byte { return []byte("cidr,name\n10.0.0.0/8," + name + "\n") }

func TestReload(t *testing.T) {
	w := newWatched(t)
	w.put("networks.csv", csvOf("one"))
	day := time.Now().UTC().Format(time.DateOnly) // of the file; the clock is another
	in := func(of string) string { return "context_networks /data/networks.csv: " + of }
	use := in("the file of " + day + " is in use (1 networks)")
	if err := w.open(Options{Networks: []string{w.path("networks.csv")}}); err != nil {
		t.Fatal(err)
	}
	w.lines(use)
	number := w.Generation().Number()
	w.pass(time.Minute)
	if w.name() != "one" || w.Generation().Number() != number {
		t.Error("another generation without another file")
	}

	w.put("networks.csv", csvOf("two")) // renamed
	w.pass(6 * time.Second)             // within context_check and a second
	if w.name() != "two" {
		t.Error("a renamed file is not used")
	}
	w.lines(use)

	if err := os.WriteFile(w.path("networks.csv"), csvOf("three, in place")[:25], 0o644); err != nil { // in place, in two steps
		t.Fatal(err)
	}
	w.pass(6 * time.Second)
	w.lines(use) // half a line is a network all the same
	if err := os.WriteFile(w.path("networks.csv"), csvOf("three"), 0o644); err != nil {
		t.Fatal(err)
	}
	w.pass(6 * time.Second)
	if w.name() != "three" {
		t.Error("a file that is written in place is not used")
	}
	w.lines(use)

	number = w.Generation().Number()
	w.put("networks.csv", []byte("cidr\n10.0.0\n"))
	w.pass(time.Minute)
	w.lines(in(`line 2: cidr "10.0.0": no IP address and no prefix; the file of ` + day + ` stays in use (1 networks)`))
	if w.name() != "three" || w.Generation().Number() != number {
		t.Error("a bad file has a generation")
	}
	if s := w.Stats(); len(s) != 1 || s[0].Source != "networks" || !s[0].Refused || s[0].FailedLoads != 1 || s[0].Loads != 4 || s[0].Entries != 1 {
		t.Errorf("stats: %+v", s)
	}
	w.put("networks.csv", nil)
	w.pass(time.Minute)
	w.lines(in(`the file is empty; the file of ` + day + ` stays in use (1 networks)`))

	w.put("networks.csv", csvOf("four"))
	w.pass(6 * time.Second)
	w.lines(in("good again, the file of " + day + " is in use (1 networks)"))

	if err := os.Remove(w.path("networks.csv")); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Minute)
	w.lines(in(`no such file or directory; the file of ` + day + ` stays in use (1 networks)`))
	if w.name() != "four" {
		t.Error("a file that is gone takes its names along")
	}
	w.put("networks.csv", csvOf("four"))
	w.pass(6 * time.Second)
	w.lines(in("good again, the file of " + day + " is in use (1 networks)"))
	if s := w.Stats()[0]; s.Refused || s.FailedLoads != 3 || s.Loads != 6 {
		t.Errorf("stats: %+v", s)
	}
}

// TestReloadConfigMap: Kubernetes swaps a link to a folder.
func TestReloadConfigMap(t *testing.T) {
	w := newWatched(t)
	version := func(name string) {
		if err := os.Mkdir(w.path(".."+name), 0o755); err != nil {
			t.Fatal(err)
		}
		w.put(".."+name+"/networks.csv", csvOf(name))
		if err := os.Symlink(".."+name, w.path("..tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(w.path("..tmp"), w.path("..data")); err != nil {
			t.Fatal(err)
		}
	}
	version("one")
	if err := os.Symlink("..data/networks.csv", w.path("networks.csv")); err != nil {
		t.Fatal(err)
	}
	if err := w.open(Options{Networks: []string{w.path("networks.csv")}}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"two", "three"} {
		version(name)
		w.pass(6 * time.Second)
		if w.name() != name {
			t.Errorf("%s, not %s", w.name(), name)
		}
	}
}

// TestReloadWaits: a file that changes every second is not read before it rests.
func TestReloadWaits(t *testing.T) {
	w := newWatched(t)
	w.put("list", []byte("1.1.1.1\n"))
	if err := w.open(Options{Threats: []ThreatList{{"l", w.path("list")}}, Check: time.Second}); err != nil {
		t.Fatal(err)
	}
	number := w.Generation().Number()
	for i := range 20 {
		f, err := os.OpenFile(w.path("list"), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(f, "1.1.1.%d\n", i+2)
		f.Close()
		w.now = w.now.Add(rest / 2)
		w.look(w.now)
	}
	if w.Generation().Number() != number {
		t.Error("it is read while it grows")
	}
	w.pass(3 * time.Second)
	if w.Generation().Number() == number || w.Stats()[0].Entries != 21 {
		t.Errorf("stats: %+v", w.Stats())
	}
}

func TestOpenMissing(t *testing.T) {
	w := newWatched(t)
	if err := w.open(Options{Inventory: []string{w.path("inventory.jsonl")}}); err != nil {
		t.Fatal(err)
	}
	w.lines("context_inventory /data/inventory.jsonl: there is no such file yet; no inventory is in use")
	w.pass(time.Minute)
	w.lines()
	w.put("inventory.jsonl", inventoryOf(`{"t":"nic","id":"n","mac":"00-0D"}`))
	w.pass(time.Minute)
	w.lines(`context_inventory /data/inventory.jsonl: line 2: mac "00-0D": not twelve hex digits; no inventory is in use`)
	w.put("inventory.jsonl", shop)
	w.pass(6 * time.Second)
	w.lines("context_inventory /data/inventory.jsonl: the file of 08:55:00 is in use (30 objects)")
	w.put("inventory.jsonl", inventoryOf(`{"t":"nic","id":"n","mac":"00-0D"}`))
	w.pass(time.Minute)
	w.lines(`context_inventory /data/inventory.jsonl: line 2: mac "00-0D": not twelve hex digits; the file of 08:55:00 stays in use (30 objects)`)
	w.put("inventory.jsonl", inventoryOf())
	w.pass(time.Minute)
	w.lines("context_inventory /data/inventory.jsonl: good again, the file of 08:55:00 is in use (0 objects)",
		"context_inventory /data/inventory.jsonl: there are 0 objects, there were 30")
}

// TestMessages: what docs/context.md shows, to the letter.
func TestMessages(t *testing.T) {
	w := newWatched(t)
	city := mmdb(t, map[string]mmdbtype.DataType{"89.160.20.0/24": linkoeping})
	lines := make([]string, 49_870)
	for i := range lines {
		lines[i] = fmt.Sprintf(`{"t":"subscription","id":"%d"}`, i)
	}
	lines = append(lines, `{"t":"nic","id":"n","mac":"000D3AF1C27E"}`)
	w.put("city.mmdb", city)
	w.put("inventory.jsonl", inventoryOf(lines...))
	if err := w.open(Options{Inventory: []string{w.path("inventory.jsonl")}, Geo: w.path("city.mmdb"), Threats: []ThreatList{{"feodo", w.path("feodo.csv")}}}); err != nil {
		t.Fatal(err)
	}
	w.said = nil
	lines[810] = `{"t":"nic","id":"m","mac":"00-0D"}`
	for _, c := range []struct {
		name string
		data []byte
	}{
		{"inventory.jsonl", inventoryOf(lines...)},
		{"feodo.csv", []byte(strings.Replace(feodo, "dst_ip", "dst", 1))},
		{"city.mmdb", city[200:]},
	} {
		w.put(c.name, c.data)
		w.pass(10 * time.Second)
	}
	page := string(readFile(t, "../../docs/context.md"))
	_, after, _ := strings.Cut(page, "once:\n\n```text\n")
	want, _, _ := strings.Cut(after, "\n```")
	w.lines(strings.Split(want, "\n")...)
}

func TestOpenRefused(t *testing.T) {
	w := newWatched(t)
	w.put("bad.csv", []byte("x\n"))
	w.put("feodo.csv", []byte(strings.Replace(feodo, "dst_ip", "dst", 1)))
	w.put("asn.mmdb", mmdb(t, map[string]mmdbtype.DataType{"9.0.0.0/8": object{"asn": word("AS7")}}))
	w.put("a.csv", csvOf("a"))
	w.put("b.csv", csvOf("b"))
	w.put("packed.csv", []byte("\x1f\x8b\x08\x00"))
	w.put("utf16.json", []byte("\xff\xfe{\x00}\x00"))
	if err := os.Mkdir(w.path("folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	for want, o := range map[string]Options{
		`context_networks /data/bad.csv: line 1: column "x": there are cidr, name, zone, kind, domain, vnet, labels`: {Networks: []string{w.path("bad.csv")}},
		`context_threats feodo /data/feodo.csv: no column with an address in line 9 ("first_seen_utc,…")`:            {Threats: []ThreatList{{"feodo", w.path("feodo.csv")}}},
		`context_geo /data/asn.mmdb: no country or city in it`:                                                       {Geo: w.path("asn.mmdb"), ASN: w.path("asn.mmdb")},
		`context_networks /data/b.csv: cidr 10.0.0.0/8 is in another file, too`:                                      {Networks: []string{w.path("a.csv"), w.path("b.csv")}},
		`context_networks /data/packed.csv: it is compressed with gzip: unpack it`:                                   {Networks: []string{w.path("packed.csv")}},
		`context_service_tags /data/utf16.json: it is UTF-16, as PowerShell writes it: make it UTF-8`:                {ServiceTags: w.path("utf16.json")},
		`context_geo /data/folder: not a regular file`:                                                               {Geo: w.path("folder")},
		`context_geo "geo.mmdb": not an absolute path`:                                                               {Geo: "geo.mmdb"},
		`context_networks /x//a: the file is there twice`:                                                            {Networks: []string{"/x/a", "/x//a"}},
		`context_inventory /x: the file is there twice`:                                                              {Inventory: []string{"/x", "/x"}},
		`context_threats "a": the name is there twice`:                                                               {Threats: []ThreatList{{"a", "/x"}, {"a", "/y"}}},
		`context_threats /x: a list without a name`:                                                                  {Threats: []ThreatList{{"", "/x"}}},
		`context_tags "A_b": events have a label of that name already`:                                               {Tags: []string{"a.b", "env", "A_b"}},
		`context_threats "\xff": the name of a list has at most 256 bytes of UTF-8`:                                  {Threats: []ThreatList{{"\xff", "/x"}}},
		`context_tags: more than 8`:                                                                                  {Tags: strings.Split("123456789", "")},
	} {
		err := w.open(o)
		if err == nil || strings.ReplaceAll(err.Error(), w.dir, "/data") != want {
			t.Errorf("%v, not %s", err, want)
		}
	}
	if len(w.contexts)+len(w.files)+len(w.Watcher.sources) != 0 {
		t.Errorf("what is refused is kept: %d, %d, %d", len(w.contexts), len(w.files), len(w.Watcher.sources))
	}
}

// TestShared: two Contexts with one file have one copy of it, whatever else they
// have.
func TestShared(t *testing.T) {
	w := newWatched(t)
	w.put("inventory.jsonl", shop)
	w.put("other.jsonl", inventoryOf(`{"t":"vnet","id":"~/virtualnetworks/other","name":"other","space":["10.77.0.0/16"]}`))
	w.put("all.mmdb", mmdb(t, map[string]mmdbtype.DataType{"9.0.0.0/8": object{"asn": word("AS7"), "country_code": word("SE")}}))
	o := Options{Inventory: []string{w.path("inventory.jsonl")}, Geo: w.path("all.mmdb"), ASN: w.path("all.mmdb")}
	if err := w.open(o); err != nil {
		t.Fatal(err)
	}
	a := w.Context
	if err := w.open(o); err != nil {
		t.Fatal(err)
	}
	b := w.Context
	if a.Generation().estate != b.Generation().estate || a.Generation().geo != b.Generation().asn {
		t.Error("two copies")
	}
	o.Inventory = append(o.Inventory, w.path("other.jsonl"))
	if err := w.open(o); err != nil {
		t.Fatal(err)
	}
	c := w.Context
	if got := namesOf(c.Generation().Endpoint(netip.MustParseAddr("10.77.0.1"), Origin{})); got != "match=estate vnet=other group=shop-prod" {
		t.Error(got)
	}
	if got := c.Generation().estate.objects; got != a.Generation().estate.objects+1 {
		t.Errorf("%d objects", got)
	}
	w.stopped = make(chan struct{})
	close(w.stopped)
	for _, context := range []*Context{a, b, c} {
		context.Close()
		context.Close()
	}
	if len(w.contexts)+len(w.files)+len(w.Watcher.sources) != 0 || w.stop != nil {
		t.Errorf("kept: %d, %d, %d", len(w.contexts), len(w.files), len(w.Watcher.sources))
	}
}

// TestTruncatedInPlace: a database that is cut off where it stands answers on. Of one
// that is mapped to memory the process would die.
func TestTruncatedInPlace(t *testing.T) {
	w := newWatched(t)
	records := map[string]mmdbtype.DataType{}
	for i := range 200 { // some pages
		records[fmt.Sprintf("%d.0.0.0/8", 20+i%30)] = object{"city": named("", strings.Repeat("x", i)), "country": named("SE", "Sweden")}
		records[fmt.Sprintf("9.%d.0.0/16", i)] = object{"city": named("", strings.Repeat("y", 50+i)), "country": named("SE", "Sweden")}
	}
	w.put("city.mmdb", mmdb(t, records))
	if err := w.open(Options{Geo: w.path("city.mmdb")}); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(w.path("city.mmdb"), 0); err != nil {
		t.Fatal(err)
	}
	w.pass(10 * time.Second)
	for i := range 200 {
		a := w.Generation().Endpoint(netip.AddrFrom4([4]byte{9, byte(i), 1, 1}), Origin{})
		if a.Geo == nil || len(a.Geo.CityName) != 50+i {
			t.Fatalf("9.%d.1.1: %+v", i, a.Geo)
		}
	}
	if w.Stats()[0].Refused != true {
		t.Error("an empty file is not refused")
	}
}

// TestOneListTwice: a file under two names is read once, and matches twice.
func TestOneListTwice(t *testing.T) {
	w := newWatched(t)
	w.put("list", []byte("9.9.9.9\n"))
	o := Options{Threats: []ThreatList{{"a", w.path("list")}, {"b", w.path("list")}}}
	for range 2 {
		if err := w.open(o); err != nil {
			t.Fatal(err)
		}
		a := w.Generation().Endpoint(netip.MustParseAddr("9.9.9.9"), Origin{})
		if len(a.Threats) != 2 || a.Threats[0].Provider != "a" || a.Threats[1].Provider != "b" {
			t.Errorf("%+v", a.Threats)
		}
	}
	if s := w.Stats(); len(s) != 1 || s[0].Loads != 2 {
		t.Errorf("stats: %+v", s)
	}
}

// TestValidity: entries of STIX come and go with the time.
func TestValidity(t *testing.T) {
	for name, then := range map[string]func(*watched){
		"as it was": func(*watched) {},
		"gone":      func(w *watched) { os.Remove(w.path("stix.json")) },
		"bad":       func(w *watched) { w.put("stix.json", nil) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWatched(t)
			w.put("stix.json", []byte(bundle))
			w.now = noon
			if err := w.open(Options{Threats: []ThreatList{{"s", w.path("stix.json")}}}); err != nil {
				t.Fatal(err)
			}
			threats := func(addr string) int {
				return len(w.Generation().Endpoint(netip.MustParseAddr(addr), Origin{}).Threats)
			}
			if n := w.Stats()[0].Entries; threats("89.160.1.1") != 1 || threats("89.163.0.1") != 0 || n != 4 {
				t.Errorf("at noon: %d entries", n)
			}
			then(w)
			w.pass(time.Hour + 10*time.Second)
			if n := w.Stats()[0].Entries; threats("89.160.1.1") != 0 || threats("89.163.0.1") != 1 || n != 2 {
				t.Errorf("an hour later: %d entries", n)
			}
		})
	}
}

// TestSharedAndReplaced: a file that is read for a new Context is of the older ones, too.
func TestSharedAndReplaced(t *testing.T) {
	w := newWatched(t)
	vnet := func(name, space string) []byte {
		return inventoryOf(fmt.Sprintf(`{"t":"vnet","id":"~/virtualnetworks/%s","name":"%[1]s","space":[%q]}`, name, space))
	}
	w.put("a.jsonl", vnet("old", "10.1.0.0/16"))
	w.put("b.jsonl", vnet("other", "10.2.0.0/16"))
	if err := w.open(Options{Inventory: []string{w.path("a.jsonl")}}); err != nil {
		t.Fatal(err)
	}
	first := w.Context
	w.put("a.jsonl", vnet("new", "10.1.0.0/16"))
	if err := w.open(Options{Inventory: []string{w.path("a.jsonl"), w.path("b.jsonl")}}); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Minute)
	for _, c := range []*Context{first, w.Context} {
		if got := c.Generation().Endpoint(netip.MustParseAddr("10.1.0.1"), Origin{}).VNet; got != "new" {
			t.Errorf("%q", got)
		}
	}
}

// TestGoroutine: there is one while there is a Context.
func TestGoroutine(t *testing.T) {
	dir := t.TempDir()
	before := runtime.NumGoroutine()
	var w Watcher
	if runtime.NumGoroutine() != before {
		t.Error("a Watcher alone has a goroutine")
	}
	var all []*Context
	for range 3 {
		c, err := w.Open(Options{Networks: []string{filepath.Join(dir, "none")}})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	if n := runtime.NumGoroutine(); n != before+1 {
		t.Errorf("%d goroutines, there were %d", n, before)
	}
	for _, c := range all {
		c.Close()
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines, there were %d", n, before)
	}
	c, err := w.Open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// versioned are files of each kind whose version is what two addresses have.
var versioned = []struct {
	name    string
	options func(path string) Options
	version func(t testing.TB, n int) []byte
	addrs   [2]string
	of      func(*Answer) string
}{
	{"tags", func(path string) Options { return Options{ServiceTags: path} }, func(_ testing.TB, n int) []byte {
		return fmt.Appendf(nil, `{"values":[{"name":"V%d","properties":{"addressPrefixes":["20.0.0.0/9"]}},{"name":"V%[1]d","properties":{"addressPrefixes":["21.0.0.0/9"]}}]}`, n)
	}, [2]string{"20.1.1.1", "21.1.1.1"}, func(a *Answer) string { return a.ServiceTag }},
	{"inventory", func(path string) Options { return Options{Inventory: []string{path}} }, func(_ testing.TB, n int) []byte {
		return inventoryOf(fmt.Sprintf(`{"t":"vnet","id":"~/virtualnetworks/v","name":"V%d","space":["10.0.0.0/8","172.16.0.0/12"]}`, n))
	}, [2]string{"10.1.1.1", "172.16.1.1"}, func(a *Answer) string { return a.VNet }},
	{"networks", func(path string) Options { return Options{Networks: []string{path}} }, func(_ testing.TB, n int) []byte {
		return fmt.Appendf(nil, `"cidr","name"`+"\n"+`"10.0.0.0/8","V%d"`+"\n"+`"172.16.0.0/12","V%[1]d"`, n)
	}, [2]string{"10.1.1.1", "172.16.1.1"}, func(a *Answer) string { return a.Network }},
	{"mmdb", func(path string) Options { return Options{Geo: path} }, func(t testing.TB, n int) []byte {
		return mmdb(t, map[string]mmdbtype.DataType{"20.0.0.0/8": object{"country": word(fmt.Sprint("V", n)), "city": word("a")}, "21.0.0.0/8": object{"country": word(fmt.Sprint("V", n)), "city": word("b")}})
	}, [2]string{"20.1.1.1", "21.1.1.1"}, func(a *Answer) string { return a.Geo.CountryName + a.Geo.CountryISOCode }},
	{"threats", func(path string) Options { return Options{Threats: []ThreatList{{"l", path}}} }, func(_ testing.TB, n int) []byte {
		return fmt.Appendf(nil, `"ip","name"`+"\n"+`"20.1.1.1","V%d"`+"\n"+`"21.1.1.1","V%[1]d"`, n)
	}, [2]string{"20.1.1.1", "21.1.1.1"}, func(a *Answer) string { return a.Threats[0].Name }},
}

// TestReplacedUnderLoad: files are replaced in all ways while others ask. Whoever
// asks sees one generation: two addresses of one file are of one version.
func TestReplacedUnderLoad(t *testing.T) {
	replacements := 1000
	if testing.Short() {
		replacements = 50
	}
	for _, v := range versioned {
		t.Run(v.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(path, v.version(t, 0), 0o644); err != nil {
				t.Fatal(err)
			}
			var w Watcher
			o := v.options(path)
			o.Check = time.Millisecond
			c, err := w.Open(o)
			if err != nil {
				t.Fatal(err)
			}
			addrs := [2]netip.Addr{netip.MustParseAddr(v.addrs[0]), netip.MustParseAddr(v.addrs[1])}
			before := heap()
			done := make(chan struct{})
			var asking sync.WaitGroup
			for range 2 {
				asking.Go(func() {
					cache := NewCache(64<<10, func(dst []byte, a *Answer, _ uint8) []byte { return append(dst, v.of(a)...) }, asText)
					for {
						select {
						case <-done:
							return
						default:
						}
						tables := c.Generation()
						one, two := cache.Get(tables, AddressOf(addrs[0]), &Origin{}, 0), cache.Get(tables, AddressOf(addrs[1]), &Origin{}, 0)
						if one != two || one == "" {
							t.Errorf("%q and %q", one, two)
							return
						}
						c.Stats()
						runtime.Gosched()
					}
				})
			}
			for n := range replacements {
				data := v.version(t, n)
				switch n % 6 {
				case 0, 1:
					_ = os.WriteFile(path+".new", data, 0o644)
					_ = os.Rename(path+".new", path)
				case 2:
					_ = os.WriteFile(path, data, 0o644)
				case 3:
					_ = os.WriteFile(path, data[:len(data)-2], 0o644) // not whole
				case 4:
					_ = os.WriteFile(path, []byte("\x00 garbage"), 0o644)
				case 5:
					_ = os.Remove(path)
				}
				time.Sleep(time.Millisecond) // for the watcher to meet some of them half way
			}
			last := c.Generation().Number()
			if err := os.WriteFile(path, v.version(t, replacements), 0o644); err != nil {
				t.Fatal(err)
			}
			want := fmt.Sprint("V", replacements)
			for deadline := time.Now().Add(time.Minute); v.of(c.Generation().Endpoint(addrs[0], Origin{})) != want; time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("the last file is not used")
				}
			}
			close(done)
			asking.Wait()
			if after := heap(); after > before+1<<20 {
				t.Errorf("%d bytes of heap, there were %d", after, before)
			}
			c.Close()
			t.Logf("%d generations before the last", last)
		})
	}
}

// Files that are bad together only: the one that was refused is read again when the other
// has changed. A row is moved from one file to another, its new place first.
// Two files of networks that change a row at once are good together.
func TestRowsChangePlaces(t *testing.T) {
	w := newWatched(t)
	const ten, hq = "10.0.0.0/8,ten\n", "192.168.0.0/16,hq\n"
	file := func(rows ...string) []byte { return []byte("cidr,name\n" + strings.Join(rows, "")) }
	w.put("a.csv", file(ten, "10.9.0.0/16,a\n"))
	w.put("b.csv", file(hq))
	w.put("c.csv", file("172.16.0.0/12,c\n"))
	if err := w.open(Options{Networks: []string{w.path("a.csv"), w.path("b.csv"), w.path("c.csv")}}); err != nil {
		t.Fatal(err)
	}
	w.said = nil
	w.put("a.csv", file(hq, "10.9.0.0/16,new\n"))
	w.put("b.csv", file(strings.Replace(ten, "ten", "moved", 1)))
	w.pass(2 * time.Minute)
	said := strings.Join(w.said, "\n")
	if w.name() != "moved" || strings.Count(said, "; the file of") != 1 || strings.Count(said, "is in use (") != 2 {
		t.Errorf("10.0.0.1 is %q, said\n%s", w.name(), said)
	}
	for _, s := range w.Stats() {
		if s.Refused || s.Entries != 4 || s.Loads != 5 || s.FailedLoads != 1 {
			t.Errorf("%+v", s)
		}
	}
	// One that is bad by itself helps none.
	w.said = nil
	w.put("a.csv", file(strings.Replace(ten, "ten", "back", 1)))
	w.put("b.csv", []byte("what\n"))
	w.pass(time.Minute)
	if said := strings.Join(w.said, "\n"); w.name() != "moved" || strings.Count(said, "stays in use") != 2 {
		t.Errorf("10.0.0.1 is %q, said\n%s", w.name(), said)
	}
	w.put("b.csv", file(hq))
	w.pass(time.Minute)
	if said := strings.Join(w.said, "\n"); w.name() != "back" || strings.Count(said, "good again") != 2 {
		t.Errorf("10.0.0.1 is %q, said\n%s", w.name(), said)
	}
}

func networksOf(rows ...string) []byte {
	return []byte("cidr,name\n" + strings.Join(rows, "\n") + "\n")
}

// Whatever else is refused, two files that are good together are used; and what is used is
// what is there.
func TestGoodTogether(t *testing.T) {
	const pad = "#xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	most := kinds[networksKind].most
	defer func() { kinds[networksKind].most = most }()
	for _, test := range []struct {
		what         string
		most         int64
		do           func(w *watched)
		ten, twelve  string // names of 10.0.0.1 and 172.16.0.1
		loads, fails uint64
	}{
		{"a third one is refused", most, func(w *watched) {
			w.put("c.csv", networksOf("172.16.0.0/12,new", "1.0.0.0/8,one"))
			w.pass(time.Minute)
			w.put("a.csv", networksOf("192.168.0.0/16,hq", "1.0.0.0/8,one"))
			w.put("b.csv", networksOf("10.0.0.0/8,moved"))
		}, "moved", "c", 5, 2},
		{"a third one has no room, and has it then", 300, func(w *watched) {
			w.put("a.csv", networksOf("10.0.0.0/8,ten", pad))
			w.pass(time.Minute)
			w.put("c.csv", networksOf("172.16.0.0/12,new", pad))
			w.pass(time.Minute)
			w.put("a.csv", networksOf("192.168.0.0/16,hq"))
			w.put("b.csv", networksOf("10.0.0.0/8,moved"))
		}, "moved", "new", 7, 2},
		{"together there is no room", 300, func(w *watched) {
			w.put("a.csv", networksOf("192.168.0.0/16,hq", pad))
			w.put("b.csv", networksOf("10.0.0.0/8,moved", pad))
		}, "ten", "c", 3, 2},
		{"one has gone meanwhile", most, func(w *watched) {
			w.put("b.csv", networksOf("10.0.0.0/8,gone"))
			w.pass(time.Minute)
			files := w.Context.sources[0].files
			files[1].looked = w.now // the other one is looked at before
			files[0].looked = w.now.Add(-5 * time.Second)
			if err := os.Remove(w.path("b.csv")); err != nil {
				w.Fatal(err)
			}
			w.put("a.csv", networksOf("192.168.0.0/16,new"))
		}, "ten", "c", 3, 2},
	} {
		for range 5 { // files are in a map
			kinds[networksKind].most = test.most
			w := newWatched(t)
			w.put("a.csv", networksOf("10.0.0.0/8,ten", "1.0.0.0/8,one"))
			w.put("b.csv", networksOf("192.168.0.0/16,hq"))
			w.put("c.csv", networksOf("172.16.0.0/12,c"))
			if err := w.open(Options{Networks: []string{w.path("a.csv"), w.path("b.csv"), w.path("c.csv")}}); err != nil {
				t.Fatal(err)
			}
			w.said = nil
			test.do(w)
			w.pass(5 * time.Minute)
			twelve := w.Generation().Endpoint(netip.MustParseAddr("172.16.0.1"), Origin{}).Network
			s := w.Stats()[0]
			if w.name() != test.ten || twelve != test.twelve || s.Loads != test.loads || s.FailedLoads != test.fails {
				t.Errorf("%s: %q, %q, %+v\n%s", test.what, w.name(), twelve, s, strings.Join(w.said, "\n"))
			}
		}
	}
}

// A whole file is kept beside the one in use only where it may be used later.
func TestRefusedInventoryIsNotKept(t *testing.T) {
	w := newWatched(t)
	w.put("a.jsonl", shop)
	w.put("b.jsonl", inventoryOf(`{"t":"vnet","id":"~/virtualnetworks/other","name":"other","space":["10.77.0.0/16"]}`))
	if err := w.open(Options{Inventory: []string{w.path("a.jsonl"), w.path("b.jsonl")}}); err != nil {
		t.Fatal(err)
	}
	build := kinds[inventoryKind].build
	defer func() { kinds[inventoryKind].build = build }()
	kinds[inventoryKind].build = func(*source) (built, error) { return built{}, tooMany(1, "objects") }
	w.put("b.jsonl", inventoryOf(`{"t":"vnet","id":"~/virtualnetworks/new","name":"new","space":["10.78.0.0/16"]}`))
	w.pass(time.Minute)
	for _, f := range w.files {
		if f.refusedPart != nil {
			t.Errorf("%s is kept", f.path)
		}
	}
}

// Files that contradict each other in one filter are nobody else's trouble.
func TestDisputeOfAnotherFilter(t *testing.T) {
	w := newWatched(t)
	w.put("a.csv", []byte("cidr,name\n10.0.0.0/8,old\n"))
	w.put("b.csv", []byte("cidr,name\n192.168.0.0/16,hq\n"))
	if err := w.open(Options{Networks: []string{w.path("a.csv"), w.path("b.csv")}}); err != nil {
		t.Fatal(err)
	}
	both := w.Context
	if err := w.open(Options{Networks: []string{w.path("b.csv")}}); err != nil {
		t.Fatal(err)
	}
	w.put("b.csv", []byte("cidr,name\n10.0.0.0/8,new\n"))
	w.pass(time.Minute)
	name := func(c *Context) string {
		return c.Generation().Endpoint(netip.MustParseAddr("10.0.0.1"), Origin{}).Network
	}
	if name(both) != "old" || w.name() != "new" || !both.Stats()[0].Refused || w.Stats()[0].Refused {
		t.Errorf("%q %+v, %q %+v", name(both), both.Stats(), w.name(), w.Stats())
	}
	w.put("a.csv", []byte("cidr,name\n172.16.0.0/12,a\n"))
	w.pass(time.Minute)
	if name(both) != "new" || both.Stats()[0].Refused {
		t.Errorf("%q %+v", name(both), both.Stats())
	}
}

func TestDisputeThatIsOver(t *testing.T) {
	w := newWatched(t)
	w.put("a.csv", []byte("cidr,name\n10.0.0.0/8,moved\n10.9.0.0/16,other\n"))
	w.put("b.csv", []byte("cidr,name\n192.168.0.0/16,hq\n"))
	if err := w.open(Options{Networks: []string{w.path("a.csv"), w.path("b.csv")}}); err != nil {
		t.Fatal(err)
	}
	w.put("b.csv", []byte("cidr,name\n192.168.0.0/16,hq\n10.0.0.0/8,moved\n"))
	w.pass(time.Minute)
	if said := strings.Join(w.said, "\n"); strings.Count(said, "b.csv: cidr 10.0.0.0/8 is in another file, too; the file of") != 1 {
		t.Errorf("said\n%s", said)
	}
	w.put("a.csv", []byte("cidr,name\n10.9.0.0/16,other\n"))
	w.pass(time.Minute)
	if said := strings.Join(w.said, "\n"); w.name() != "moved" || strings.Count(said, "b.csv: good again") != 1 {
		t.Errorf("10.0.0.1 is %q, said\n%s", w.name(), said)
	}
}

// What may be over while the file stays as it is, is tried again, and said once.
func TestTransientErrorsAreTriedAgain(t *testing.T) {
	w := newWatched(t)
	w.put("networks.csv", csvOf("one"))
	if err := w.open(Options{Networks: []string{w.path("networks.csv")}}); err != nil {
		t.Fatal(err)
	}
	f := w.Context.sources[0].files[0]
	info, err := os.Stat(f.path)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for try := range 3 {
		f.tried = info
		err := w.Context.watcher.refuse(f, f.of[0], info, transient{syscall.EACCES}, now, false)
		if f.tried != nil || (err == errSaid) != (try > 0) {
			t.Errorf("try %d: %v, tried %v", try, err, f.tried)
		}
	}
	if f.bad != 1 {
		t.Errorf("%d failed loads", f.bad)
	}
	w.pass(time.Minute)
	if f.isBad || w.name() != "one" {
		t.Errorf("bad %v, name %q", f.isBad, w.name())
	}
}

// A bad file of exceptions is in the metrics of the threat lists, and so has an alarm.
func TestExceptionsAreInStats(t *testing.T) {
	w := newWatched(t)
	w.put("list", []byte("1.2.3.4\n"))
	w.put("except", []byte("1.2.3.4\n"))
	if err := w.open(Options{Threats: []ThreatList{{"list", w.path("list")}}, ThreatsExcept: []string{w.path("except")}}); err != nil {
		t.Fatal(err)
	}
	w.put("except", []byte("<html>\n"))
	w.pass(time.Minute)
	if s := w.Stats(); len(s) != 1 || s[0].Source != "threats" || s[0].Entries != 1 || !s[0].Refused || s[0].FailedLoads != 1 {
		t.Errorf("%+v", s)
	}
}

// A list of few entries that loses most of them is a warning, too.
func TestHalfOfFewEntries(t *testing.T) {
	w := newWatched(t)
	w.put("list", []byte("1.2.3.4\n1.2.3.5\n1.2.3.6\n"))
	if err := w.open(Options{Threats: []ThreatList{{"list", w.path("list")}}}); err != nil {
		t.Fatal(err)
	}
	w.put("list", []byte("1.2.3.4\n"))
	w.pass(time.Minute)
	if said := strings.Join(w.said, "\n"); strings.Count(said, "there are 1 entries, there were 3") != 1 {
		t.Errorf("said\n%s", said)
	}
}

// A hot reload closes all Contexts and opens new ones. A file that is bad just then does
// not end the agent, as it does at the start: it is said, and used when it is good.
func TestBadFileAtAReload(t *testing.T) {
	w := newWatched(t)
	w.put("networks.csv", csvOf("one"))
	o := Options{Networks: []string{w.path("networks.csv")}}
	if err := w.open(o); err != nil {
		t.Fatal(err)
	}
	w.Context.Close()
	w.stop = make(chan struct{})
	w.put("networks.csv", []byte("cidr\nfar away\n"))
	if err := w.open(o); err != nil {
		t.Fatal(err)
	}
	if said := strings.Join(w.said, "\n"); w.name() != "" || strings.Count(said, "line 2: ") != 1 || !strings.Contains(said, "; no networks are in use") {
		t.Errorf("10.0.0.1 is %q, said\n%s", w.name(), said)
	}
	if s := w.Stats(); !s[0].Refused {
		t.Errorf("%+v", s)
	}
	w.pass(time.Minute)
	w.put("networks.csv", csvOf("two"))
	w.pass(time.Minute)
	if said := strings.Join(w.said, "\n"); w.name() != "two" || strings.Count(said, "line 2: ") != 1 {
		t.Errorf("10.0.0.1 is %q, said\n%s", w.name(), said)
	}
}

// A source for which a file is not good, and that began at a hot reload, keeps the file
// from no other.
func TestBrokenSourceHasNoSay(t *testing.T) {
	w := newWatched(t)
	country := func(code string) []byte {
		return mmdb(t, map[string]mmdbtype.DataType{"1.0.0.0/8": object{"country": object{"iso_code": word(code)}}})
	}
	w.put("a.mmdb", country("SE"))
	o := Options{Geo: w.path("a.mmdb")}
	if err := w.open(o); err != nil {
		t.Fatal(err)
	}
	w.Context.Close()
	w.stop = make(chan struct{})
	if err := w.open(o); err != nil {
		t.Fatal(err)
	}
	geo := w.Context
	if err := w.open(Options{ASN: w.path("a.mmdb")}); err != nil {
		t.Fatal(err)
	}
	if s := w.Context.Stats(); !s[0].Refused || !strings.Contains(strings.Join(w.said, "\n"), "no ASN in it") {
		t.Errorf("%+v, said %q", s, w.said)
	}
	w.put("a.mmdb", country("NO"))
	w.pass(time.Minute)
	a := geo.Generation().Endpoint(netip.MustParseAddr("1.2.3.4"), Origin{})
	if a.Geo == nil || a.Geo.CountryISOCode != "NO" {
		t.Errorf("%+v, said %q", a.Geo, w.said)
	}
}

// Three bad files are said thrice, one that is looked at thrice once.
func TestEachBadFileIsSaid(t *testing.T) {
	w := newWatched(t)
	w.put("list", []byte("1.2.3.4\n"))
	if err := w.open(Options{Threats: []ThreatList{{"list", w.path("list")}}}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		w.put("list", []byte("<html>\n"))
		w.pass(time.Minute)
	}
	if said := strings.Join(w.said, "\n"); strings.Count(said, "line 1: ") != 3 || w.Stats()[0].FailedLoads != 3 {
		t.Errorf("%+v, said\n%s", w.Stats(), said)
	}
}
