package context

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
)

// Hostile files are refused or read; what is read answers for any address.

var asked = []netip.Addr{netip.MustParseAddr("10.20.0.4"), netip.MustParseAddr("89.160.20.112"), netip.MustParseAddr("2603:1020:1000::1"), netip.MustParseAddr("0.0.0.0"),
	netip.MustParseAddr("255.255.255.255"), netip.MustParseAddr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")}

// ask asks for some addresses from some places, and looks at the answers.
func ask(t *testing.T, tables *Tables) {
	for _, addr := range asked {
		for _, o := range []Origin{{}, tables.Origin("000D3AF1C27E", ""), in(tables, "shop-vnet"), {place: 1}, {place: 1 << 30}} {
			a := tables.Endpoint(addr, o)
			for _, text := range []string{a.Domain, a.VNet, a.Subnet, a.NIC, a.VM, a.ScaleSet, a.Cluster, a.Group, a.Resource, a.Target, a.ServiceTag, a.Network, a.Zone, a.Region, a.InstanceID, a.SystemServiceName} {
				if len(text) > maxText {
					t.Errorf("a text of %d bytes", len(text))
				}
			}
			if len(a.Threats) > maxMatches || len(a.Labels) > maxLabels {
				t.Errorf("%d threats, %d labels", len(a.Threats), len(a.Labels))
			}
			FlowTypeOf(&o, Inbound, a.Side, a.Side)
		}
	}
}

func FuzzServiceTags(f *testing.F) {
	f.Add(readFile(f, "testdata/service-tags.json"))
	f.Add([]byte(`{"values":[{"name":"A.B","properties":{"region":"b","addressPrefixes":["::/0","0.0.0.0/0","1.2.3.4"]}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if tags, err := readServiceTags(data); err == nil {
			ask(t, (&Tables{tags: tags}).finish(nil))
		}
	})
}

func FuzzInventory(f *testing.F) {
	f.Add(shop)
	f.Add(inventoryOf())
	for _, line := range bytes.Split(shop, []byte("\n")) {
		f.Add(inventoryOf(string(line)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := readInventory(data, []string{"env"})
		if err == nil {
			ask(t, (&Tables{estate: newEstate([]*inventoryFile{file, file})}).finish(nil))
		}
	})
}

func FuzzNetworks(f *testing.F) {
	f.Add([]byte("cidr,name,zone,kind,domain,vnet,labels\n10.0.0.0/8,a,b,site,c,d,e=f;g=h\n\"::/0\",\"x\ny\",,client,,,\n"))
	f.Add([]byte(`{"cidr":"10.0.0.0/8","name":"hq","kind":"site","vnet":"/subscriptions/1/virtualnetworks/x","labels":"a=b"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := readNetworks(data)
		if err != nil {
			return
		}
		if n, err := newNetworks([]*networkFile{file}); err == nil {
			ask(t, (&Tables{networks: n}).finish(nil))
		}
	})
}

func FuzzThreats(f *testing.F) {
	f.Add([]byte(feodo))
	f.Add([]byte(bundle))
	f.Add([]byte("1.2.3.4\n5.6.7.8-9.9.9.9\n::-ffff::\n0.0.0.0-255.255.255.255 ; SBL1\n"))
	f.Add([]byte(`{"cidr":"1.10.16.0/20","sblid":"SBL256894"}` + "\n" + `{"type":"metadata","timestamp":1741078500,"records":1}`))
	f.Add([]byte(`[{"ip_address":"1.2.3.4","port":8080},"2.3.4.5",7,null,[]]`))
	f.Add([]byte(`{"list":["8.8.8.8","9.9.9.0/24"]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if e, err := readExceptions(data, 10_000); err == nil {
			(&Tables{}).finish([]*exceptions{e})
		}
		l, err := readThreats(data, noon, 10_000)
		if err != nil {
			if strings.TrimSpace(err.Error()) == "" {
				t.Error("an error without a text")
			}
			return
		}
		tables := &Tables{}
		for range 5 {
			tables.threats = append(tables.threats, namedList{"l", l})
		}
		ask(t, tables.finish(nil))
	})
}
