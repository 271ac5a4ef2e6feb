// Package contexts has a context for tests: an estate of one VM, a service tag, a threat
// list, two networks and a database of one city.
package contexts

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"fluent-bit-nsgflow/nsgflow/context"
)

const (
	shop      = "/subscriptions/3d1f6a52-7c0b-4e8d-9b24-5a60c8e1f703/resourcegroups/shop-prod/providers"
	shopVNet  = shop + "/microsoft.network/virtualnetworks/shop-vnet"
	shopVM    = shop + "/microsoft.compute/virtualmachines/vm-web-01"
	inventory = `{"nsgflow_inventory":1,"time":"2025-03-04T08:55:00Z","cloud":"AzureCloud","subscriptions":1}
{"t":"vnet","id":"` + shopVNet + `","name":"shop-vnet","region":"westeurope","space":["10.20.0.0/16"],"peers":[]}
{"t":"subnet","vnet":"` + shopVNet + `","name":"web","prefixes":["10.20.0.0/24"]}
{"t":"nic","id":"` + shop + `/microsoft.network/networkinterfaces/vm-web-01-nic","mac":"000D3AF1C27E","subnet":"` + shopVNet + `/subnets/web","ips":["10.20.0.4"],"vm":"` + shopVM + `"}
{"t":"vm","id":"` + shopVM + `","name":"vm-web-01","vmid":"8f1f2b7e-6c1f-4c0e-9b47-0c2f7f3a5d11","size":"Standard_D4s_v5","zone":"1","region":"westeurope","tags":{"env":"prod"}}
{"t":"subscription","id":"3d1f6a52-7c0b-4e8d-9b24-5a60c8e1f703","name":"Shop production"}
{"t":"end","lines":6}
`
	serviceTags = `{"changeNumber":376,"cloud":"Public","values":[
 {"name":"Storage.EastUS","id":"Storage.EastUS","properties":{"changeNumber":12,"region":"eastus","regionId":32,"platform":"Azure","systemService":"AzureStorage","addressPrefixes":["20.60.0.0/24"],"networkFeatures":["API"]}},
 {"name":"AzureCloud.eastus","id":"AzureCloud.eastus","properties":{"changeNumber":12,"region":"eastus","platform":"Azure","systemService":"","addressPrefixes":["20.60.0.0/24"]}}]}`
	feodo = `first_seen_utc,dst_ip,dst_port,c2_status,last_online,malware
"2024-02-12 13:50:35","89.160.20.112","443","offline","2024-03-09","Pikabot"
`
	networks = "cidr,name,zone\n10.20.0.0/24,web tier,dmz\n89.160.0.0/16,partner,outside\n"
)

// All are files of every kind, by their names: of the estate that tests speak of.
var All = map[string]string{"tags.json": serviceTags, "inventory.jsonl": inventory, "feodo.csv": feodo, "networks.csv": networks, "city.mmdb": city()}

var watcher context.Watcher

// city is a database with a network, its city and its autonomous system.
func city() string {
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "Made-Up", Description: map[string]string{"en": "made up"}, BuildEpoch: 1740700800})
	if err != nil {
		panic(err) // the options are good
	}
	named := func(code, name string) mmdbtype.Map {
		return mmdbtype.Map{"iso_code": mmdbtype.String(code), "names": mmdbtype.Map{"en": mmdbtype.String(name)}}
	}
	_, network, _ := net.ParseCIDR("89.160.20.0/24")
	if err := tree.Insert(network, mmdbtype.Map{
		"continent":                      mmdbtype.Map{"code": mmdbtype.String("EU")},
		"country":                        named("SE", "Sweden"),
		"subdivisions":                   mmdbtype.Slice{named("E", "Östergötland County")},
		"city":                           mmdbtype.Map{"names": mmdbtype.Map{"en": mmdbtype.String("Linköping")}},
		"location":                       mmdbtype.Map{"latitude": mmdbtype.Float64(58.4167), "longitude": mmdbtype.Float64(15.6167)},
		"autonomous_system_number":       mmdbtype.Uint32(29518),
		"autonomous_system_organization": mmdbtype.String("Bredband2 AB"),
	}); err != nil {
		panic(err)
	}
	var b bytes.Buffer
	if _, err := tree.WriteTo(&b); err != nil {
		panic(err)
	}
	return b.String()
}

// Open is a context of files with these contents.
func Open(t testing.TB, files map[string]string) *context.Context {
	t.Helper()
	folder := t.TempDir()
	path := func(name string) string {
		if files[name] == "" {
			return ""
		}
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(files[name]), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	o := context.Options{ServiceTags: path("tags.json"), Tags: []string{"env"}}
	if p := path("inventory.jsonl"); p != "" {
		o.Inventory = []string{p}
	}
	if p := path("networks.csv"); p != "" {
		o.Networks = []string{p}
	}
	o.Geo = path("city.mmdb")
	o.ASN = o.Geo
	if p := path("feodo.csv"); p != "" {
		o.Threats = []context.ThreatList{{Name: "feodo", Path: p}}
	}
	c, err := watcher.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}
