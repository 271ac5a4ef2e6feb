package context

import (
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// written is what a writer may make of an answer.
type written struct {
	text []byte
	Side
}

func write(a *Answer, _ uint8) (written, int) {
	w := written{[]byte(fmt.Sprintf("%s %s %s %s", a.Class, a.VM, a.ServiceTag, a.Network)), a.Side}
	return w, len(w.text)
}

// short writes as a real writer does: without fmt.
func short(a *Answer, _ uint8) (written, int) {
	b := make([]byte, 0, 200)
	b = append(append(append(b, a.Class.String()...), a.VM...), a.ServiceTag...)
	if a.Geo != nil {
		b = append(append(b, a.Geo.CityName...), a.Geo.CountryISOCode...)
	}
	return written{b, a.Side}, cap(b)
}

func TestCacheIsTheTables(t *testing.T) {
	tables := tablesOf(t, "cidr,name,vnet\n10.0.0.0/8,ten,\n10.0.0.0/8,shop,shop-vnet\n9.9.0.0/16,nine,\n", shop)
	c := NewCache(128<<10, write) // of a few hundred
	origins := []Origin{{}, in(tables, "shop-vnet"), in(tables, "hub"), in(tables, "alone"), tables.Origin("000D3AF1C27E", "")}
	asked := uint64(0)
	for round := range 4 {
		for i := range 3000 {
			if i%2 == 0 {
				i %= 100 // some come again
			}
			addr := netip.AddrFrom4([4]byte{[]byte{10, 9, 20}[i%3], byte(i % 64), byte(i >> 6), byte(i % 7)})
			if i%5 == 0 {
				addr = netip.AddrFrom16(addr.As16())
			}
			o := origins[i%len(origins)]
			want, _ := write(tables.Endpoint(addr, o), 0)
			asked++
			if got := c.Get(tables, addr, &o, 0); string(got.text) != string(want.text) || got.Side != want.Side {
				t.Fatalf("round %d: %v has %s, not %s", round, addr, got.text, want.text)
			}
			if used := c.used + c.overhead(); used > 128<<10 {
				t.Fatalf("%d bytes", used)
			}
		}
	}
	n := c.Counts()
	if n.Hits+n.Misses != asked || n.Hits == 0 || n.Inventory == 0 || n.Networks == 0 || n.Geo != 0 {
		t.Errorf("counts: %+v of %d", n, asked)
	}
}

// TestCacheGeneration: nothing of an older generation is found in a newer one.
func TestCacheGeneration(t *testing.T) {
	c := NewCache(1<<20, write)
	addr := netip.MustParseAddr("10.1.2.3")
	for number, name := range []string{"one", "two", "three"} {
		tables := tablesOf(t, "cidr,name\n10.0.0.0/8,"+name+"\n")
		tables.number = uint64(number + 1)
		for range 3 {
			if got := string(c.Get(tables, addr, &Origin{}, 0).text); got != "private   "+name {
				t.Fatalf("generation %d has %q", number, got)
			}
		}
	}
	if n := c.Counts(); n.Misses != 3 || n.Hits != 6 || n.Networks != 9 {
		t.Errorf("counts: %+v", n)
	}
}

// TestCacheShares: a public address is one entry for all VNets, where no VNet has
// public space; a private one is one for each.
func TestCacheShares(t *testing.T) {
	tables := tablesOf(t, "", inventoryOf(
		`{"t":"vnet","id":"~/virtualnetworks/a","name":"a","space":["10.0.0.0/16"]}`,
		`{"t":"vnet","id":"~/virtualnetworks/b","name":"b","space":["10.0.0.0/16"]}`))
	c := NewCache(1<<20, write)
	for _, vnet := range []string{"a", "b"} {
		c.Get(tables, netip.MustParseAddr("9.9.9.9"), pointer(in(tables, vnet)), 0)
		c.Get(tables, netip.MustParseAddr("10.0.0.1"), pointer(in(tables, vnet)), 0)
	}
	if n := c.Counts(); n.Misses != 3 || n.Hits != 1 {
		t.Errorf("counts: %+v", n)
	}
}

// TestCacheOfPublicSpace: where VNets have public space inside, a public address is
// one entry for each VNet.
func TestCacheOfPublicSpace(t *testing.T) {
	for _, space := range []string{"11.0.0.0/16", "10.0.0.0/7", "100.64.0.0/9", "2600::/16"} {
		addr := lastOf(netip.MustParsePrefix(space))
		tables := tablesOf(t, "", inventoryOf(
			`{"t":"vnet","id":"~/virtualnetworks/a","name":"a","space":["`+space+`"]}`,
			`{"t":"vnet","id":"~/virtualnetworks/b","name":"b","space":["`+space+`"]}`,
			`{"t":"subnet","vnet":"~/virtualnetworks/a","name":"in a","prefixes":["`+space+`"]}`,
			`{"t":"subnet","vnet":"~/virtualnetworks/b","name":"in b","prefixes":["`+space+`"]}`))
		c := NewCache(1<<20, func(a *Answer, _ uint8) (string, int) { return a.Subnet, 0 })
		for _, vnet := range []string{"a", "b"} {
			if got := c.Get(tables, addr, pointer(in(tables, vnet)), 0); got != "in "+vnet {
				t.Errorf("%v of %s from %s: %q", addr, space, vnet, got)
			}
		}
	}
}

func TestCacheLongValues(t *testing.T) {
	tables := tablesOf(t, "")
	c := NewCache(1<<20, func(*Answer, uint8) (int, int) { return 7, mostValue + 1 })
	for range 2 {
		if got := c.Get(tables, netip.MustParseAddr("9.9.9.9"), &Origin{}, 0); got != 7 {
			t.Fatal(got)
		}
	}
	if n := c.Counts(); n.Misses != 2 {
		t.Errorf("a value that is too long is kept: %+v", n)
	}
}

// TestCacheMemory: a scan of many new addresses stays within the limit.
func TestCacheMemory(t *testing.T) {
	d, err := readDatabase(mmdb(t, map[string]mmdbtype.DataType{"::/0": linkoeping}))
	if err != nil {
		t.Fatal(err)
	}
	tables := tablesOf(t, "", shop)
	tables.geo, tables.asn = d, d
	const limit = 4 << 20
	c := NewCache(limit, short)
	before := heap()
	for i := range 300_000 {
		c.Get(tables, netip.AddrFrom4([4]byte{20, byte(i >> 16), byte(i >> 8), byte(i)}), &Origin{}, 0)
	}
	if used := heap() - before; used > limit*5/4 {
		t.Errorf("%d bytes of heap, the limit is %d", used, limit)
	}
	runtime.KeepAlive(c)
}

func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func TestCacheAllocatesNothing(t *testing.T) {
	tables := tablesOf(t, "cidr,name\n10.0.0.0/8,ten\n", shop)
	c := NewCache(1<<20, write)
	o := tables.Origin("000D3AF1C27E", "")
	addrs := []netip.Addr{netip.MustParseAddr("10.20.0.4"), netip.MustParseAddr("9.9.9.9"), netip.MustParseAddr("2603:1020::1"), netip.MustParseAddr("::ffff:10.20.0.4")}
	get := func() {
		for _, a := range addrs {
			c.Get(tables, a, &o, 0)
		}
	}
	get()
	if n := testing.AllocsPerRun(100, get); n != 0 {
		t.Errorf("%v allocations", n)
	}
	resource := strings.ToUpper(sub)
	if n := testing.AllocsPerRun(100, func() { o = tables.Origin("000D3AF1C27E", resource) }); n != 0 {
		t.Errorf("%v allocations for an origin", n)
	}
}
