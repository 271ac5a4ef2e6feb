package context

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// manyTags is a file of the size and the manners of Microsoft's: services whose
// prefixes lie in those of AzureCloud's regions, longer ones and shorter ones, and
// some that share all of theirs.
func manyTags(t testing.TB, prefixes int) []byte {
	r := rand.New(rand.NewPCG(7, 7))
	type properties struct {
		Region        string   `json:"region"`
		SystemService string   `json:"systemService"`
		Prefixes      []string `json:"addressPrefixes"`
	}
	type value struct {
		Name       string     `json:"name"`
		ID         string     `json:"id"`
		Properties properties `json:"properties"`
	}
	names := []string{"EastUS", "WestEurope", "GermanyWestCentral", "BrazilSoutheast", "NorthEurope", "UKSouth"}
	short := []string{"eastus", "westeurope", "germanywc", "brazilse", "northeurope", "uksouth"}
	var values []value
	at := map[string]int{}
	add := func(name, region, service, prefix string) {
		i, ok := at[name]
		if !ok {
			i = len(values)
			at[name] = i
			values = append(values, value{name, name, properties{Region: region, SystemService: service}})
		}
		p := &values[i].Properties
		p.Prefixes = append(p.Prefixes, prefix)
	}
	random := func() netip.Addr {
		if r.IntN(4) == 0 {
			return netip.AddrFrom16([16]byte{0x26, 0x03, 0x10, byte(r.IntN(64)), byte(r.IntN(4)), byte(r.IntN(256)), 0, byte(r.IntN(256)), 8: byte(r.IntN(256))})
		}
		return netip.AddrFrom4([4]byte{[]byte{4, 13, 20, 40, 51, 52}[r.IntN(6)], byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256))})
	}
	for range prefixes {
		addr, region := random(), r.IntN(len(names))
		length := addr.BitLen() - 4 - r.IntN(16)
		p := func(shorter int) string {
			q, _ := addr.Prefix(max(length-shorter, 8))
			return q.String()
		}
		service := fmt.Sprintf("Service%d", r.IntN(90))
		switch r.IntN(6) {
		case 0:
			add("AzureCloud", "", "", p(r.IntN(6)))
		case 1:
			add("AzureCloud."+short[region], short[region], "", p(r.IntN(4)))
		case 2:
			add(service, "", service, p(0))
			add(service+"Management", "", service+"Management", p(0))
		case 3:
			add(service+".Frontend", "", "", p(0))
		default:
			add(service, "", service, p(r.IntN(3)))
			add(service+"."+names[region], short[region], service, p(0))
			add("AzureCloud."+short[region], short[region], "", p(r.IntN(5)-2))
		}
	}
	data, err := json.Marshal(map[string]any{"changeNumber": 1, "cloud": "Public", "values": values})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// everything are tables of all sources.
func everything(t testing.TB) *Tables {
	tags, err := readServiceTags(manyTags(t, 30_000))
	if err != nil {
		t.Fatal(err)
	}
	records := map[string]mmdbtype.DataType{}
	for i := range 400 {
		city := linkoeping.Copy().(object)
		city["city"] = named("", fmt.Sprint("City ", i))
		city["autonomous_system_number"] = mmdbtype.Uint32(i + 1)
		records[fmt.Sprintf("%d.%d.0.0/17", 1+i%200, i%256)] = city
	}
	d, err := readDatabase(mmdb(t, records))
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 1))
	var list strings.Builder
	for range 50_000 {
		fmt.Fprintf(&list, "%d.%d.%d.%d\n", 1+r.IntN(220), r.IntN(256), r.IntN(256), r.IntN(256))
	}
	threats, err := readThreats([]byte(list.String()), noon, maxThreats)
	if err != nil {
		t.Fatal(err)
	}
	tables := tablesOf(t, "cidr,name\n10.0.0.0/8,ten\n9.0.0.0/8,nine\n", estateOf(1000, 20))
	tables.tags, tables.geo, tables.asn = tags, d, d
	tables.threats = []namedList{{"l", threats}}
	return tables.finish(nil)
}

// estateOf is an inventory of so many NICs in so many VNets.
func estateOf(nics, vnets int) []byte {
	var lines []string
	for i := range vnets {
		lines = append(lines, fmt.Sprintf(`{"t":"vnet","id":"~/virtualnetworks/v%d","name":"v%[1]d","region":"westeurope","space":["10.%d.0.0/16"],"peers":["~/virtualnetworks/v0"]}`, i, i%256),
			fmt.Sprintf(`{"t":"subnet","vnet":"~/virtualnetworks/v%d","name":"s","prefixes":["10.%d.0.0/17"]}`, i, i%256))
	}
	for i := range nics {
		v, host := i%vnets, i/vnets
		lines = append(lines,
			fmt.Sprintf(`{"t":"nic","id":"~/networkinterfaces/vm-%d-nic","mac":"%012X","subnet":"~/virtualnetworks/v%d/subnets/s","ips":["10.%d.%d.%d","10.%d.%d.%d"],"vm":"%s/vm-%d"}`,
				i, i+1, v, v%256, host>>7, host%128*2, v%256, host>>7, host%128*2+1, vms, i),
			fmt.Sprintf(`{"t":"vm","id":"%s/vm-%d","name":"vm-%[2]d","vmid":"8f1f2b7e-6c1f-4c0e-9b47-%012d","size":"Standard_D4s_v5","zone":"1","region":"westeurope","tags":{"env":"prod"}}`, vms, i, i))
	}
	return inventoryOf(lines...)
}

// BenchmarkCache is two addresses of an event: one of the estate, one of outside.
// new: every one of outside is new.
func BenchmarkCache(b *testing.B) {
	tables := everything(b)
	o := tables.Origin("000000000001", "")
	for _, addresses := range []int{1000, 40_000, 1 << 24} {
		name := fmt.Sprint(addresses)
		if addresses == 1<<24 {
			name = "new"
		}
		b.Run(name, func(b *testing.B) {
			c := NewCache(16<<20, short, asText)
			outside := func(i int) netip.Addr {
				n := uint32(i%addresses) * 2654435761
				return netip.AddrFrom4([4]byte{byte(1 + n>>24%200), byte(n >> 16), byte(n >> 8), byte(n)})
			}
			if addresses < 1<<24 {
				for i := range addresses {
					c.Get(tables, AddressOf(outside(i)), &o, 0)
				}
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				c.Get(tables, AddressOf(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})), &o, 0)
				c.Get(tables, AddressOf(outside(i)), &o, 0)
			}
			n := c.Counts()
			b.ReportMetric(float64(n.Misses)/float64(n.Hits+n.Misses), "misses")
		})
	}
}

func BenchmarkPrefixTable(b *testing.B) {
	tags, err := readServiceTags(manyTags(b, 60_000))
	if err != nil {
		b.Fatal(err)
	}
	table := tags.table
	var v4, v6 []netip.Addr
	r := rand.New(rand.NewPCG(3, 3))
	for i := range 1 << 16 {
		start := table.starts[r.IntN(len(table.starts))]
		if i%4 == 0 {
			start = r.Uint32()
		}
		v4 = append(v4, point{high: uint64(start) << 32}.addr(32))
		j := r.IntN(len(table.high))
		v6 = append(v6, point{table.high[j], table.low[j]}.addr(128))
	}
	for name, addrs := range map[string][]netip.Addr{"v4": v4, "v6": v6} {
		b.Run(name, func(b *testing.B) {
			for i := range b.N {
				table.at(addrs[i&0xffff])
			}
			b.ReportMetric(float64(len(table.starts)+len(table.high)), "ranges")
		})
	}
}

func BenchmarkRead(b *testing.B) {
	tags := manyTags(b, 40_000)
	estate := estateOf(50_000, 500)
	city := mmdb(b, map[string]mmdbtype.DataType{"89.160.20.0/24": linkoeping})
	array, longArray := threatArray(20_000, 20_000), threatArray(80_000, 80_000)
	for name, c := range map[string]struct {
		data []byte
		read func() any
	}{
		"tags": {tags, func() any { s, _ := readServiceTags(tags); return s }},
		"inventory": {estate, func() any {
			f, _ := readInventory(estate, []string{"env"})
			return newEstate([]*inventoryFile{f})
		}},
		"threats":      {array, func() any { l, _ := readThreats(array, noon, maxThreats); return l }},
		"threats long": {longArray, func() any { l, _ := readThreats(longArray, noon, maxThreats); return l }},
		"city":         {city, func() any { d, _ := readDatabase(city); return d }},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(c.data)))
			before := heap()
			var keep any
			for range b.N {
				keep = c.read()
			}
			b.StopTimer()
			b.ReportMetric(float64(heap()-before), "heap")
			runtime.KeepAlive(keep)
		})
	}
}
