package context

import (
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// write writes an answer, with its side.
func write(dst []byte, a *Answer, _ uint8) []byte {
	return fmt.Appendf(dst, "%s %s %s %s|%d %d %d", a.Class, a.VM, a.ServiceTag, a.Network, a.Side.position, a.Side.vnet, a.Side.owner)
}

func asText(text []byte) string { return string(text) }

// short writes as a real writer does: without fmt.
func short(dst []byte, a *Answer, _ uint8) []byte {
	dst = append(append(append(dst, a.Class.String()...), a.VM...), a.ServiceTag...)
	if a.Geo != nil {
		dst = append(append(dst, a.Geo.CityName...), a.Geo.CountryISOCode...)
	}
	return dst
}

// unlike writes another text for each address, with so many bytes more.
func unlike(more int) func(dst []byte, a *Answer, as uint8) []byte {
	return func(dst []byte, a *Answer, as uint8) []byte {
		return append(a.Addr.AppendTo(short(dst, a, as)), make([]byte, more)...)
	}
}

func TestCacheIsTheTables(t *testing.T) {
	tables := tablesOf(t, "cidr,name,vnet\n10.0.0.0/8,ten,\n10.0.0.0/8,shop,shop-vnet\n9.9.0.0/16,nine,\n", shop)
	c := NewCache(128<<10, write, asText) // of a few hundred
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
			want := string(write(nil, tables.Endpoint(addr, o), 0))
			asked++
			if got := c.Get(tables, AddressOf(addr), &o, 0); got != want {
				t.Fatalf("round %d: %v has %s, not %s", round, addr, got, want)
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
	c := NewCache(1<<20, write, asText)
	addr := netip.MustParseAddr("10.1.2.3")
	for number, name := range []string{"one", "two", "three"} {
		tables := tablesOf(t, "cidr,name\n10.0.0.0/8,"+name+"\n")
		tables.number = uint64(number + 1)
		for range 3 {
			if got := c.Get(tables, AddressOf(addr), &Origin{}, 0); got != "private   "+name+"|8 0 0" {
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
	c := NewCache(1<<20, write, asText)
	for _, vnet := range []string{"a", "b"} {
		c.Get(tables, AddressOf(netip.MustParseAddr("9.9.9.9")), pointer(in(tables, vnet)), 0)
		c.Get(tables, AddressOf(netip.MustParseAddr("10.0.0.1")), pointer(in(tables, vnet)), 0)
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
		c := NewCache(1<<20, func(dst []byte, a *Answer, _ uint8) []byte { return append(dst, a.Subnet...) }, asText)
		for _, vnet := range []string{"a", "b"} {
			if got := c.Get(tables, AddressOf(addr), pointer(in(tables, vnet)), 0); got != "in "+vnet {
				t.Errorf("%v of %s from %s: %q", addr, space, vnet, got)
			}
		}
	}
}

func TestCacheLongValues(t *testing.T) {
	tables := tablesOf(t, "")
	c := NewCache(1<<20, func(dst []byte, _ *Answer, _ uint8) []byte { return append(dst, make([]byte, mostValue+1)...) }, asText)
	for range 2 {
		if got := c.Get(tables, AddressOf(netip.MustParseAddr("9.9.9.9")), &Origin{}, 0); len(got) != mostValue+1 {
			t.Fatal(len(got))
		}
	}
	if n := c.Counts(); n.Misses != 2 {
		t.Errorf("a value that is too long is kept: %+v", n)
	}
}

// TestCacheMemory: a scan of many new addresses stays within the limit, whether their
// answers are written alike or not.
func TestCacheMemory(t *testing.T) {
	d, err := readDatabase(mmdb(t, map[string]mmdbtype.DataType{"::/0": linkoeping}))
	if err != nil {
		t.Fatal(err)
	}
	tables := tablesOf(t, "", shop)
	tables.geo, tables.asn = d, d
	const limit = 4 << 20
	for name, write := range map[string]func([]byte, *Answer, uint8) []byte{"alike": short, "each its own": unlike(100), "each its own, short": unlike(0), "each its own, long": unlike(4100)} {
		c := NewCache(limit, write, func(text []byte) []byte { return text })
		before := heap()
		for i := range 300_000 {
			c.Get(tables, AddressOf(netip.AddrFrom4([4]byte{20, byte(i >> 16), byte(i >> 8), byte(i)})), &Origin{}, 0)
			if i%30_000 != 29_999 {
				continue
			}
			if used := heap() - before; used > limit*21/20 {
				t.Errorf("%s: %d bytes of heap after %d, the limit is %d", name, used, i, limit)
			}
		}
		runtime.KeepAlive(c)
	}
}

// TestCacheSharesValues: addresses with the same answer have one value, until another
// generation.
func TestCacheSharesValues(t *testing.T) {
	made := 0
	c := NewCache(1<<20, write, func(text []byte) *string {
		made++
		text = append(text, '!') // its own
		value := string(text)
		return &value
	})
	for generation := range 2 {
		tables := tablesOf(t, "cidr,name\n9.0.0.0/8,nine\n", shop)
		tables.number = uint64(generation)
		values := map[*string]bool{}
		for i := range 2000 {
			values[c.Get(tables, AddressOf(netip.AddrFrom4([4]byte{8 + byte(i%2), 1, byte(i >> 8), byte(i)})), &Origin{}, 0)] = true
		}
		if len(values) != 2 || made != 2*(generation+1) {
			t.Errorf("generation %d: %d values, %d made", generation, len(values), made)
		}
	}
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
	c := NewCache(1<<20, write, asText)
	o := tables.Origin("000D3AF1C27E", "")
	addrs := []netip.Addr{netip.MustParseAddr("10.20.0.4"), netip.MustParseAddr("9.9.9.9"), netip.MustParseAddr("2603:1020::1"), netip.MustParseAddr("::ffff:10.20.0.4")}
	get := func() {
		for _, a := range addrs {
			c.Get(tables, AddressOf(a), &o, 0)
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

// A slot does not lie on two lines of 64 bytes.
func TestCacheSlots(t *testing.T) {
	if size := unsafe.Sizeof(slot[*int]{}); size != 32 {
		t.Errorf("a slot has %d bytes", size)
	}
}
