package context

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

// randomPrefix is one of a few thousand that nest often.
func randomPrefix(r *rand.Rand) netip.Prefix {
	if r.IntN(2) == 0 {
		b := [4]byte{byte(r.IntN(4)) * 85, byte(r.IntN(3)), byte(r.IntN(256)), byte(r.IntN(256))}
		return netip.PrefixFrom(netip.AddrFrom4(b), r.IntN(33)).Masked()
	}
	var b [16]byte
	b[0], b[1], b[7], b[8], b[15] = byte(r.IntN(4))*85, byte(r.IntN(2)), byte(r.IntN(4)), byte(r.IntN(4)), byte(r.IntN(256))
	return netip.PrefixFrom(netip.AddrFrom16(b), r.IntN(129)).Masked()
}

// edges are the addresses at, before and behind the edges of a prefix.
func edges(p netip.Prefix) []netip.Addr {
	first := pointOf(p.Addr())
	mask := maskOf(p.Bits())
	last := point{first.high | ^mask.high, first.low | ^mask.low}.addr(p.Addr().BitLen())
	all := []netip.Addr{p.Addr(), last}
	for _, a := range []netip.Addr{p.Addr().Prev(), p.Addr().Next(), last.Prev(), last.Next()} {
		if a.IsValid() {
			all = append(all, a)
		}
	}
	return all
}

func TestPrefixTableAgainstScan(t *testing.T) {
	seeds := uint64(200)
	if testing.Short() {
		seeds = 30
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 1))
		var list prefixList
		var all []netip.Prefix
		for range r.IntN(60) {
			p := randomPrefix(r)
			all = append(all, p)
			list.add(p, uint32(len(all)))
		}
		if seed%20 == 0 { // one with an index
			for range indexFrom {
				b := [4]byte{9, byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256))}
				p := netip.PrefixFrom(netip.AddrFrom4(b), 24+r.IntN(9)).Masked()
				all = append(all, p)
				list.add(p, uint32(len(all)))
			}
		}
		table := list.table(longest)
		if seed%20 == 0 && table.index == nil {
			t.Fatal("no index")
		}
		for _, p := range all[:min(len(all), 300)] {
			for _, addr := range edges(p) {
				best, bits := uint32(0), -1
				for i, q := range all {
					if q.Contains(addr) && q.Bits() > bits {
						best, bits = uint32(i+1), q.Bits()
					}
				}
				if got := table.at(addr); got != best {
					t.Fatalf("seed %d: %v is in %d, got %d", seed, addr, best, got)
				}
			}
		}
	}
}

// TestPrefixTableNests shows that every prefix is told what is around it.
func TestPrefixTableNests(t *testing.T) {
	var list prefixList
	for i, text := range []string{"10.0.0.0/8", "10.1.0.0/16", "10.1.0.0/16", "10.1.1.0/24", "11.0.0.0/8", "::/0", "::1/128"} {
		list.add(netip.MustParsePrefix(text), uint32(i+1))
	}
	chain := []string{""}
	table := list.table(func(p netip.Prefix, own []uint32, outer uint32) uint32 {
		text := p.String()
		if len(own) > 1 {
			text += " twice"
		}
		chain = append(chain, text+" in "+chain[outer])
		return uint32(len(chain) - 1)
	})
	for addr, want := range map[string]string{
		"10.1.1.1":        "10.1.1.0/24 in 10.1.0.0/16 twice in 10.0.0.0/8 in ",
		"10.1.2.1":        "10.1.0.0/16 twice in 10.0.0.0/8 in ",
		"10.255.255.255":  "10.0.0.0/8 in ",
		"11.0.0.0":        "11.0.0.0/8 in ",
		"12.0.0.0":        "",
		"9.255.255.255":   "",
		"::1":             "::1/128 in ::/0 in ",
		"ffff::":          "::/0 in ",
		"255.255.255.255": "",
	} {
		if got := chain[table.at(netip.MustParseAddr(addr))]; got != want {
			t.Errorf("%s: %q, not %q", addr, got, want)
		}
	}
}

func TestParsePrefix(t *testing.T) {
	for text, want := range map[string]string{
		"10.1.2.3":               "10.1.2.3/32",
		"10.1.2.3/8":             "10.0.0.0/8",
		"::ffff:10.1.2.3":        "10.1.2.3/32",
		"::ffff:10.1.0.0/112":    "10.1.0.0/16",
		"2001:DB8::/32":          "2001:db8::/32",
		"fe80::1%eth0":           `"fe80::1%eth0": no IP address and no prefix`,
		"10.1.2":                 `"10.1.2": no IP address and no prefix`,
		"10.1.2.3/33":            `"10.1.2.3/33": no IP address and no prefix`,
		"010.1.2.3":              `"010.1.2.3": no IP address and no prefix`,
		"":                       `"": no IP address and no prefix`,
		"1.2.3.4/24/5":           `"1.2.3.4/24/5": no IP address and no prefix`,
		"\x00\xff not any of it": `"\x00\xff not any of it": no IP address and no prefix`,
	} {
		p, err := parsePrefix(text)
		got := p.String()
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %s, not %s", text, got, want)
		}
	}
}

func TestClass(t *testing.T) {
	for text, want := range map[string]Class{
		"168.63.129.16": Platform, "169.254.169.254": Platform, "::ffff:168.63.129.16": Platform,
		"0.0.0.0": Unspecified, "::": Unspecified, "0.0.0.1": Reserved, "127.0.0.1": Loopback, "127.255.0.9": Loopback, "::1": Loopback,
		"255.255.255.255": Broadcast, "255.255.255.254": Reserved, "224.0.0.1": Multicast, "239.255.255.255": Multicast, "240.0.0.0": Reserved, "ff02::1": Multicast,
		"169.254.0.1": LinkLocal, "fe80::1": LinkLocal, "febf::1": LinkLocal, "fec0::1": Public,
		"10.0.0.0": Private, "10.255.255.255": Private, "172.15.255.255": Public, "172.16.0.0": Private, "172.31.255.255": Private, "172.32.0.0": Public,
		"192.168.0.1": Private, "100.63.255.255": Public, "100.64.0.0": Private, "100.127.255.255": Private, "100.128.0.0": Public, "fc00::": Private, "fdff::1": Private,
		"192.0.2.1": Documentation, "198.51.100.7": Documentation, "203.0.113.24": Documentation, "2001:db8::1": Documentation, "3fff::1": Documentation, "3fff:1000::": Public,
		"192.0.0.8": Reserved, "192.0.1.1": Public, "198.18.0.1": Reserved, "198.19.255.255": Reserved, "198.20.0.0": Public,
		"100::1": Reserved, "100:0:0:1::": Public, "2001::1": Public, "2001:1::1": Reserved, "2001:1ff::": Reserved, "2001:200::": Public,
		"8.8.8.8": Public, "2603:1000::1": Public, "::ffff:10.0.0.4": Private, "::ffff:8.8.8.8": Public, "64:ff9b::1": Public,
	} {
		if got := ClassOf(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is %s, not %s", text, got, want)
		}
	}
}

func TestSurelyPublicIsPublic(t *testing.T) {
	public := 0
	for n := range 1 << 16 {
		addr := netip.AddrFrom4([4]byte{byte(n >> 8), byte(n), 129, 16})
		if pointOf(addr).isSurelyPublic(addr.Is4()) {
			public++
			if ClassOf(addr) != Public {
				t.Fatalf("%v is %s", addr, ClassOf(addr))
			}
		}
		addr = netip.AddrFrom16([16]byte{byte(n >> 8), byte(n), 15: 1})
		if pointOf(addr).isSurelyPublic(addr.Is4()) && ClassOf(addr) != Public {
			t.Fatalf("%v is %s", addr, ClassOf(addr))
		}
	}
	if public < 50_000 {
		t.Errorf("only %d of 65,536 are told at once", public)
	}
}
