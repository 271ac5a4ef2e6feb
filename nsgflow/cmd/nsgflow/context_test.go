package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const inventoryText = `{"nsgflow_inventory":1,"time":"2025-03-04T08:55:00Z","cloud":"AzureCloud","subscriptions":1}
{"t":"vnet","id":"/subscriptions/1/resourcegroups/g/providers/microsoft.network/virtualnetworks/shop","name":"shop","region":"westeurope","space":["10.20.0.0/16"]}
{"t":"vnet","id":"/subscriptions/1/resourcegroups/g/providers/microsoft.network/virtualnetworks/lab","name":"lab","region":"westeurope","space":["10.20.0.0/16"]}
{"t":"nic","id":"/subscriptions/1/resourcegroups/g/providers/microsoft.network/networkinterfaces/web-nic","mac":"000D3AF1C27E","subnet":"/subscriptions/1/resourcegroups/g/providers/microsoft.network/virtualnetworks/shop/subnets/web","ips":["10.20.0.4"],"vm":"/subscriptions/1/resourcegroups/g/providers/microsoft.compute/virtualmachines/web"}
{"t":"vm","id":"/subscriptions/1/resourcegroups/g/providers/microsoft.compute/virtualmachines/web","name":"web"}
{"t":"end","lines":5}
`

// contextFiles are files of context in a folder, by their names.
func contextFiles(t *testing.T) (at func(name string) string) {
	t.Helper()
	dir := t.TempDir()
	tags, err := os.ReadFile("../../context/testdata/service-tags.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"tags.json":       string(tags),
		"inventory.jsonl": inventoryText,
		"bad.jsonl":       strings.Replace(inventoryText, "000D3AF1C27E", "00-0D", 1),
		"networks.csv":    "cidr,name,zone\n10.20.0.0/24,front,dmz\n10.0.0.0/8,all,\n",
		"misspelt.csv":    "cidr,name,zones\n10.20.0.0/24,front,dmz\n",
		"cidr.csv":        "cidr,sblid\n1.10.16.0/20,SBL256894\n",
		"list.netset":     "# made up\n51.116.0.0/16\n9.9.9.9 # x\n",
		"drop.json":       `{"cidr":"1.10.16.0/20","sblid":"SBL256894"}` + "\n",
		"networks.jsonl":  `{"cidr":"10.0.0.0/8","name":"all"}` + "\n",
		"warnings.json":   `{"list":["8.8.8.8"],"name":"x"}`,
		"stix.json":       `{"type": "bundle","objects":[]}`,
		"feodo.json":      `[{"ip_address":"1.2.3.4","malware":"x"}]`,
		"feodo.csv":       "# x\n\"first_seen_utc\",\"dst_ip\"\n\"2024-02-12 13:50:35\",\"1.2.3.4\"\n",
		"geo.mmdb":        "no database",
		"list.netset.gz":  packed("9.9.9.9\n"),
		"tags16.json":     "\xff\xfe" + strings.Join(strings.Split(string(tags), ""), "\x00") + "\x00",
		"access.log":      "1.2.3.4 - - [04/Mar/2025:09:00:00 +0000] \"GET / HTTP/1.1\" 200 1\n",
		"table.csv":       "a,b,c\n1,2,3\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return func(name string) string { return filepath.Join(dir, name) }
}

func TestLookup(t *testing.T) {
	at := contextFiles(t)
	flags := []string{"lookup", "--context-service-tags", at("tags.json"), "--context-inventory", at("inventory.jsonl"),
		"--context-networks", at("networks.csv"), "--context-threats", "mine=" + at("list.netset")}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"20.60.0.1"}, `
20.60.0.1     KNOWS                                          WHY
class         public                                         by its range
service_tags  AzureCloud in 20.60.0.0/24
service_tags  AzureCloud.eastus in 20.60.0.0/24, eastus      region: the longest prefix of AzureCloud
service_tags  Storage.EastUS in 20.60.0.0/24, eastus         service: the longest prefix
service_tags  Storage in 20.60.0.0/16
inventory     nothing
inventory     the VNet of the record is not known            without it, only addresses that one VNet has are named
networks      nothing
threats       mine: nothing
place         in Azure                                       the first that fits: docs/context.md, flow type`},
		{[]string{"--mac", "00-0D-3A-F1-C2-7E", "10.20.0.4"}, `
10.20.0.4     KNOWS                                                        WHY
class         private                                                      by its range
service_tags  no tag
inventory     VM web, NIC web-nic, subnet web, VNet shop, group g (match vnet) it is in the record's VNet
networks      front in 10.20.0.0/24                                        the longest prefix
geo, asn, threats not looked up only public addresses are
place         in a VNet                                                    the first that fits: docs/context.md, flow type`},
		{[]string{"::ffff:10.20.0.4"}, `
::ffff:10.20.0.4 KNOWS WHY
class private by its range
service_tags no tag
inventory nothing ambiguous: several have it: shop, lab
inventory the VNet of the record is not known without it, only addresses that one VNet has are named
networks front in 10.20.0.0/24 the longest prefix
geo, asn, threats not looked up only public addresses are
place     private the first that fits: docs/context.md, flow type`},
		{[]string{"20.50.10.1"}, `
20.50.10.1 KNOWS WHY
class public by its range
service_tags LogicApps in 20.50.10.0/28 service: of several with this prefix, the shorter systemService
service_tags LogicAppsManagement in 20.50.10.0/28
service_tags AzureCloud in 20.50.0.0/16
inventory nothing
inventory the VNet of the record is not known without it, only addresses that one VNet has are named
networks nothing
threats mine: nothing
place     in Azure the first that fits: docs/context.md, flow type`},
		{[]string{"51.116.16.9"}, `
51.116.16.9 KNOWS WHY
class public by its range
service_tags Storage.GermanyWestCentral in 51.116.16.0/24, germanywestcentral service: the longest prefix
service_tags Storage in 51.116.16.0/20
service_tags AzureCloud.germanywc in 51.116.0.0/17, germanywestcentral region: the longest prefix of AzureCloud
service_tags AzureCloud in 51.116.0.0/16
inventory nothing
inventory the VNet of the record is not known without it, only addresses that one VNet has are named
networks nothing
threats mine: 51.116.0.0 51.116.0.0/16 the longest prefix of the list
place     in Azure the first that fits: docs/context.md, flow type`},
	} {
		stdout, stderr, code := run(t, "", append(flags, c.args...)...)
		if got := spaces(stdout); got != spaces(c.want) || stderr != "" || code != 0 {
			t.Errorf("%s:\n%s%s%d", c.args, stdout, stderr, code)
		}
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"lookup", "10.20.0"}, `nsgflow: "10.20.0": no IP address`},
		{[]string{"lookup", "--context-threats", "x", "10.20.0.4"}, `nsgflow: option context_threats: "x" is not allowed, it takes: name=path, separated by commas`},
		{[]string{"lookup", "--context-inventory", at("bad.jsonl"), "10.20.0.4"}, "nsgflow: context_inventory " + at("bad.jsonl") + `: line 4: mac "00-0D": not twelve hex digits`},
		{[]string{"lookup", "--context-geo", at("none.mmdb"), "10.20.0.4"}, "nsgflow: context_geo " + at("none.mmdb") + ": there is no such file"},
		{[]string{"events", "--context-threats", "mine=" + at("none.csv"), "-"}, "nsgflow: context_threats mine " + at("none.csv") + ": there is no such file"},
		{[]string{"lookup", "--mac", "00-0D", "10.20.0.4"}, `nsgflow: --mac "00-0D": not twelve hex digits`},
		{[]string{"lookup", "--mac", "0-00D3AF1C27E", "10.20.0.4"}, `nsgflow: --mac "0-00D3AF1C27E": not twelve hex digits`},
	} {
		if _, stderr, code := run(t, "", c.args...); strings.TrimSpace(stderr) != c.want || code != 2 {
			t.Errorf("%s: %s, %d", c.args, stderr, code)
		}
	}
}

// Paths of files of context may be relative, as those of lookup.
func TestEventsWithRelativePaths(t *testing.T) {
	at := contextFiles(t)
	t.Chdir(filepath.Dir(at("tags.json")))
	for _, args := range [][]string{
		{"--context-service-tags", "tags.json"},
		{"--context-networks", "./networks.csv"},
		{"--context-threats", "mine=list.netset,other=drop.json"},
	} {
		out, said, code := run(t, blob(record(1)), append([]string{"events", "--schema", "ecs", "-"}, args...)...)
		if code != 0 || said != "" || strings.Count(out, "\n") != 1 {
			t.Errorf("%s: code %d, %s%s", args, code, said, out)
		}
	}
	if _, said, code := run(t, "", "events", "--context-threats", "list.netset", "-"); code != 2 || !strings.Contains(said, `option context_threats: "list.netset" is not allowed`) {
		t.Errorf("code %d, %s", code, said)
	}
}

// spaces makes one of several.
func spaces(text string) string {
	var lines []string
	for line := range strings.Lines(strings.TrimSpace(text)) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

func TestCheckContext(t *testing.T) {
	at := contextFiles(t)
	for _, c := range []struct {
		name, want string
		code       int
	}{
		{"tags.json", "service tags of Public, version 376: 14 tags, 17 prefixes", 0},
		{"inventory.jsonl", "an inventory of AzureCloud, 2025-03-04T08:55:00Z: 2 VNets, 1 NICs, 1 VMs, 0 frontends and private endpoints, 0 public addresses, 4 objects in all", 0},
		{"bad.jsonl", `inventory: line 4: mac "00-0D": not twelve hex digits`, 1},
		{"networks.csv", "networks: 2 rows", 0},
		{"misspelt.csv", `networks: line 1: column "zones": there are cidr, name, zone, kind, domain, vnet, labels`, 1},
		{"cidr.csv", "a threat list: 1 entries", 0},
		{"networks.jsonl", "networks: 1 rows", 0},
		{"list.netset", "a threat list: 2 entries", 0},
		{"drop.json", "a threat list: 1 entries", 0},
		{"feodo.json", "a threat list: 1 entries", 0},
		{"feodo.csv", "a threat list: 1 entries", 0},
		{"stix.json", "a threat list: 0 entries", 0},
		{"warnings.json", "exceptions of threat lists: 1 networks", 0},
		{"geo.mmdb", "mmdb: error opening database: invalid MaxMind DB file", 1},
		{"access.log", `no flow log: it begins "1.2.3.4 - - [04/Mar/2025:09:00:00 +0000] \"GET / HTTP/1.1\" 20"; nsgflow check --as threats reads lists of addresses`, 3},
		{"list.netset.gz", "threats: it is compressed with gzip: unpack it", 1},
		{"tags16.json", "service-tags: it is UTF-16, as PowerShell writes it: make it UTF-8", 1},
		{"table.csv", "no flow log: it looks like CSV; flow logs are JSON, and networks of context have a column cidr", 3},
	} {
		stdout, stderr, code := run(t, "", "check", at(c.name))
		if stdout != at(c.name)+": "+c.want+"\n" || stderr != "" || code != c.code {
			t.Errorf("%s: %s%s%d", c.name, stdout, stderr, code)
		}
	}
	stdout, stderr, code := run(t, "", "check", "--as", "threats-except", at("list.netset"))
	if stdout != at("list.netset")+": exceptions of threat lists: 2 networks\n" || code != 0 {
		t.Errorf("%s%s%d", stdout, stderr, code)
	}
	_, stderr, code = run(t, "", "check", "--as", "tags", at("tags.json"))
	if want := `nsgflow: option as: "tags" is not allowed, it takes: service-tags, inventory, networks, geo, asn, threats, threats-except, mmdb` + "\n"; stderr != want || code != 2 {
		t.Errorf("%s%d", stderr, code)
	}
}
