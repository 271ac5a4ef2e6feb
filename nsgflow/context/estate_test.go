package context

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

const sub = "/subscriptions/3d1f6a52-7c0b-4e8d-9b24-5a60c8e1f703/resourcegroups/shop-prod/providers/microsoft.network"

// inventoryOf is a file with these lines between head and tail. Of an id, "~" stands
// for the subscription, the group and the provider.
func inventoryOf(lines ...string) []byte {
	all := append([]string{`{"nsgflow_inventory":1,"time":"2025-03-04T08:55:00Z","cloud":"AzureCloud","subscriptions":3}`}, lines...)
	all = append(all, fmt.Sprintf(`{"t":"end","lines":%d}`, len(all)), "")
	text := strings.Join(all, "\n")
	text = strings.ReplaceAll(text, "~", sub)
	return []byte(text)
}

// vms is where VMs are, and not NICs.
var vms = strings.Replace(sub, "microsoft.network", "microsoft.compute", 1) + "/virtualmachines"

var shop = inventoryOf(
	`{"t":"vnet","id":"~/virtualnetworks/shop-vnet","name":"shop-vnet","region":"westeurope","space":["10.20.0.0/16"],"peers":["~/virtualnetworks/hub"]}`,
	`{"t":"vnet","id":"~/virtualnetworks/hub","name":"Hub","region":"westeurope","space":["10.0.0.0/22"],"peers":["~/virtualnetworks/shop-vnet","~/virtualnetworks/lab"]}`,
	`{"t":"vnet","id":"~/virtualnetworks/lab","name":"lab","region":"northeurope","space":["10.40.0.0/16","192.168.77.0/24"],"peers":["~/virtualnetworks/hub"]}`,
	`{"t":"vnet","id":"~/virtualnetworks/alone","name":"alone","region":"eastus","space":["10.50.0.0/16","192.168.4.0/24","8.8.4.0/24"]}`,
	`{"t":"subnet","vnet":"~/virtualnetworks/shop-vnet","name":"web","prefixes":["10.20.0.0/24"]}`,
	`{"t":"subnet","vnet":"~/virtualnetworks/shop-vnet","name":"Data","prefixes":["10.20.1.0/24"]}`,
	`{"t":"subnet","vnet":"~/virtualnetworks/hub","name":"GatewaySubnet","prefixes":["10.0.0.0/24"]}`,
	`{"t":"subnet","vnet":"~/virtualnetworks/lab","name":"bench","prefixes":["10.40.0.0/20","192.168.77.0/24"]}`,
	`{"t":"subnet","vnet":"~/virtualnetworks/alone","name":"a","prefixes":["10.50.0.0/20","192.168.4.0/24"]}`,
	`{"t":"nic","id":"~/networkinterfaces/vm-web-01-nic","mac":"000D3AF1C27E","subnet":"~/virtualnetworks/shop-vnet/subnets/web","ips":["10.20.0.4","10.20.0.5"],"vm":"`+vms+`/vm-web-01"}`,
	`{"t":"nic","id":"~/networkinterfaces/vm-db-01-nic","mac":"00-0D-3A-F1-C2-7F","subnet":"~/virtualnetworks/shop-vnet/subnets/data","ips":["10.20.1.4"],"vm":"`+vms+`/vm-db-01"}`,
	`{"t":"nic","id":"~/networkinterfaces/nva-nic","mac":"000D3AF1C280","subnet":"~/virtualnetworks/hub/subnets/nva","ips":["10.0.1.4"],"vm":"`+vms+`/nva"}`,
	`{"t":"nic","id":"~/networkinterfaces/bench-nic","mac":"000D3AF1C281","subnet":"~/virtualnetworks/lab/subnets/bench","ips":["10.40.0.9"]}`,
	`{"t":"nic","id":"~/networkinterfaces/shop-pe.nic","subnet":"~/virtualnetworks/shop-vnet/subnets/data","ips":["10.20.1.9"]}`,
	`{"t":"nic","id":"/subscriptions/2/resourcegroups/mc_shop_aks/providers/microsoft.compute/virtualmachinescalesets/aks-pool1/virtualmachines/3/networkinterfaces/aks-pool1","mac":"000D3AF1C282","subnet":"~/virtualnetworks/alone/subnets/a","ips":["10.50.0.7","10.50.0.8"],"vm":"/subscriptions/2/resourcegroups/mc_shop_aks/providers/microsoft.compute/virtualmachinescalesets/aks-pool1/virtualmachines/3"}`,
	`{"t":"vm","id":"`+vms+`/vm-web-01","name":"vm-web-01","vmid":"8f1f2b7e-6c1f-4c0e-9b47-0c2f7f3a5d11","size":"Standard_D4s_v5","zone":"1","region":"westeurope","tags":{"env":"prod","Team":"shop","x.y":"z"}}`,
	`{"t":"vm","id":"`+vms+`/vm-db-01","name":"vm-db-01","vmid":"a0","host":"DB01","region":"westeurope"}`,
	`{"t":"vm","id":"`+vms+`/nva","name":"nva","vmid":"a1","region":"westeurope","scaleset":"`+strings.Replace(vms, "machines", "machinescalesets", 1)+`/nvas"}`,
	`{"t":"vm","id":"/subscriptions/2/resourcegroups/mc_shop_aks/providers/microsoft.compute/virtualmachinescalesets/aks-pool1/virtualmachines/3","name":"aks-pool1_3","vmid":"a2","region":"eastus"}`,
	`{"t":"cluster","id":"/subscriptions/2/resourcegroups/shop/providers/microsoft.containerservice/managedclusters/shop-aks","name":"shop-aks","group":"mc_shop_aks"}`,
	`{"t":"public","ip":"20.54.1.9","name":"shop-pip","fqdn":"shop.westeurope.cloudapp.azure.com","on":"~/networkinterfaces/vm-web-01-nic/ipconfigurations/c","region":"westeurope"}`,
	`{"t":"public","ip":"20.54.1.10","name":"lb-pip","on":"~/loadbalancers/shop-lb/frontendipconfigurations/f"}`,
	`{"t":"public","prefix":"20.54.8.0/28","name":"nat-prefix","on":"~/natgateways/shop-nat"}`,
	`{"t":"public","ip":"20.54.1.11","name":"fw-pip","on":"~/azurefirewalls/hub-fw/azurefirewallipconfigurations/c"}`,
	`{"t":"frontend","id":"~/loadbalancers/shop-lb/frontendipconfigurations/f","type":"microsoft.network/loadbalancers","name":"shop-lb","ip":"10.20.0.100","subnet":"~/virtualnetworks/shop-vnet/subnets/web"}`,
	`{"t":"endpoint","id":"~/privateendpoints/shop-pe","name":"shop-pe","target":"shopdata","fqdns":["shopdata.blob.core.windows.net"],"ip":"10.20.1.9","subnet":"~/virtualnetworks/shop-vnet/subnets/data"}`,
	`{"t":"site","name":"hq","prefixes":["192.168.0.0/16"],"vnets":["~/virtualnetworks/hub"]}`,
	`{"t":"site","name":"branch","prefixes":["192.168.9.0/24"],"vnets":["~/virtualnetworks/hub"]}`,
	`{"t":"clients","name":"hub-vpn","prefixes":["172.30.0.0/24"],"vnets":["~/virtualnetworks/hub"]}`,
	`{"t":"subscription","id":"3d1f6a52-7c0b-4e8d-9b24-5a60c8e1f703","name":"Shop production"}`,
	`{"t":"of a newer version","id":7}`,
)

// tablesOf are tables of an inventory, and of networks where there are any.
func tablesOf(t testing.TB, networkRows string, files ...[]byte) *Tables {
	t.Helper()
	tables := &Tables{number: 1}
	var read []*inventoryFile
	for _, data := range files {
		f, err := readInventory(data, []string{"env", "team", "X.Y"})
		if err != nil {
			t.Fatal(err)
		}
		read = append(read, f)
	}
	if len(read) > 0 {
		tables.estate = newEstate(read)
	}
	if networkRows != "" {
		f, err := readNetworks([]byte(networkRows))
		if err != nil {
			t.Fatal(err)
		}
		if tables.networks, err = newNetworks([]*networkFile{f}); err != nil {
			t.Fatal(err)
		}
	}
	return tables.finish(nil)
}

// in is a record of a VNet whose NIC is not known.
func pointer(o Origin) *Origin { return &o }

func in(tables *Tables, vnet string) Origin {
	if vnet == "" {
		return Origin{}
	}
	return tables.Origin("", strings.ReplaceAll("~/virtualNetworks/"+vnet, "~", strings.ToUpper(sub)))
}

// namesOf are those of an answer, in a line.
func namesOf(a *Answer) string {
	var parts []string
	for _, p := range [][2]string{{"match", a.Match.String()}, {"vnet", a.VNet}, {"subnet", a.Subnet}, {"nic", a.NIC}, {"vm", a.VM}, {"domain", a.Domain},
		{"set", a.ScaleSet}, {"cluster", a.Cluster}, {"group", a.Group}, {"resource", a.Resource}, {"type", a.ResourceType}, {"target", a.Target}} {
		if p[1] != "" {
			parts = append(parts, p[0]+"="+p[1])
		}
	}
	if a.Sources&Ambiguous != 0 {
		parts = append(parts, "ambiguous")
	}
	return strings.Join(parts, " ")
}

func TestResolve(t *testing.T) {
	tables := tablesOf(t, "", shop)
	for _, c := range []struct{ from, addr, want string }{
		{"shop-vnet", "10.20.0.4", "match=vnet vnet=shop-vnet subnet=web nic=vm-web-01-nic vm=vm-web-01 domain=vm-web-01 group=shop-prod"},
		{"shop-vnet", "::ffff:10.20.0.5", "match=vnet vnet=shop-vnet subnet=web nic=vm-web-01-nic vm=vm-web-01 domain=vm-web-01 group=shop-prod"},
		{"shop-vnet", "10.20.1.4", "match=vnet vnet=shop-vnet subnet=Data nic=vm-db-01-nic vm=vm-db-01 domain=DB01 group=shop-prod"},
		{"shop-vnet", "10.20.1.5", "match=vnet vnet=shop-vnet subnet=Data group=shop-prod"},
		{"shop-vnet", "10.20.0.77", "match=vnet vnet=shop-vnet subnet=web group=shop-prod"},
		{"shop-vnet", "10.20.9.9", "match=estate vnet=shop-vnet group=shop-prod"},
		{"shop-vnet", "10.20.0.100", "match=vnet vnet=shop-vnet subnet=web group=shop-prod resource=shop-lb type=loadBalancers"},
		{"shop-vnet", "10.20.1.9", "match=vnet vnet=shop-vnet subnet=Data nic=shop-pe.nic domain=shopdata.blob.core.windows.net group=shop-prod resource=shop-pe type=privateEndpoints target=shopdata"},
		{"shop-vnet", "10.0.1.4", "match=peer vnet=Hub subnet=nva nic=nva-nic vm=nva domain=nva set=nvas group=shop-prod"},
		{"shop-vnet", "10.0.0.9", "match=peer vnet=Hub subnet=GatewaySubnet group=shop-prod"},
		{"shop-vnet", "10.40.0.9", "match=estate vnet=lab subnet=bench nic=bench-nic group=shop-prod"},
		// lab is connected with shop-vnet by hub, alone is not; 192.168/16 is a site.
		{"shop-vnet", "192.168.77.3", "match=estate vnet=lab subnet=bench group=shop-prod"},
		{"alone", "192.168.77.3", ""},
		{"alone", "10.40.0.9", "match=estate vnet=lab subnet=bench nic=bench-nic group=shop-prod"},
		{"shop-vnet", "192.168.4.3", "match=peer resource=hq type=localNetworkGateways"},
		{"alone", "192.168.4.3", "match=vnet vnet=alone subnet=a group=shop-prod"},
		{"", "192.168.4.3", ""},
		{"shop-vnet", "10.50.0.8", "match=estate vnet=alone subnet=a nic=aks-pool1 vm=aks-pool1_3 domain=aks-pool1_3 set=aks-pool1 cluster=shop-aks group=mc_shop_aks"},
		{"", "10.50.0.8", "match=estate vnet=alone subnet=a nic=aks-pool1 vm=aks-pool1_3 domain=aks-pool1_3 set=aks-pool1 cluster=shop-aks group=mc_shop_aks"},
		{"", "8.8.4.4", "match=estate vnet=alone group=shop-prod"},
		{"hub", "192.168.1.1", "match=vnet resource=hq type=localNetworkGateways"},
		{"hub", "192.168.9.1", "match=vnet resource=branch type=localNetworkGateways"},
		{"shop-vnet", "172.30.0.7", "match=peer resource=hub-vpn type=virtualNetworkGateways"},
		{"alone", "172.30.0.7", ""},
		{"", "172.30.0.7", ""},
		{"alone", "20.54.1.9", "match=public vnet=shop-vnet subnet=web nic=vm-web-01-nic vm=vm-web-01 domain=shop.westeurope.cloudapp.azure.com group=shop-prod"},
		{"", "20.54.1.10", "match=public group=shop-prod resource=shop-lb type=loadBalancers"},
		{"", "20.54.1.11", "match=public group=shop-prod resource=hub-fw type=azureFirewalls"},
		{"", "20.54.8.3", "match=public group=shop-prod resource=shop-nat type=natGateways"},
		{"", "20.54.8.16", ""},
		{"of another estate", "10.20.0.4", "match=estate vnet=shop-vnet subnet=web nic=vm-web-01-nic vm=vm-web-01 domain=vm-web-01 group=shop-prod"},
	} {
		got := namesOf(tables.Endpoint(netip.MustParseAddr(c.addr), in(tables, c.from)))
		if got != c.want {
			t.Errorf("%s from %q:\n  got %s\n want %s", c.addr, c.from, got, c.want)
		}
	}
	a := tables.Endpoint(netip.MustParseAddr("10.20.0.4"), in(tables, "shop-vnet"))
	if !a.InAzure || a.Region != "westeurope" || a.AccountID != "3d1f6a52-7c0b-4e8d-9b24-5a60c8e1f703" || a.InstanceID != "8f1f2b7e-6c1f-4c0e-9b47-0c2f7f3a5d11" || a.InstanceName != "vm-web-01" {
		t.Errorf("cloud: %+v", a)
	}
	if got := fmt.Sprint(a.Labels); got != "[{env prod} {team shop} {X_Y z}]" {
		t.Errorf("labels: %s", got)
	}
}

// TestOverlap has three VNets with one address space, two of them peered to a hub.
func TestOverlap(t *testing.T) {
	var lines []string
	for _, name := range []string{"red", "green", "blue"} {
		peers := `["~/virtualnetworks/hub"]`
		if name == "blue" {
			peers = "[]"
		}
		lines = append(lines,
			fmt.Sprintf(`{"t":"vnet","id":"~/virtualnetworks/%s","name":"%[1]s","region":"r","space":["10.0.0.0/16"],"peers":%s}`, name, peers),
			fmt.Sprintf(`{"t":"subnet","vnet":"~/virtualnetworks/%s","name":"s-%[1]s","prefixes":["10.0.0.0/24"]}`, name),
			fmt.Sprintf(`{"t":"nic","id":"~/networkinterfaces/%s-nic","subnet":"~/virtualnetworks/%[1]s/subnets/s-%[1]s","ips":["10.0.0.4"]}`, name))
	}
	lines = append(lines, `{"t":"nic","id":"~/networkinterfaces/blue-2","subnet":"~/virtualnetworks/blue/subnets/other","ips":["10.0.7.7"]}`,
		`{"t":"vnet","id":"~/virtualnetworks/hub","name":"hub","space":["10.9.0.0/16"],"peers":["~/virtualnetworks/red","~/virtualnetworks/green"]}`)
	tables := tablesOf(t, "", inventoryOf(lines...))
	for _, c := range []struct{ from, addr, want string }{
		{"red", "10.0.0.4", "match=vnet vnet=red subnet=s-red nic=red-nic group=shop-prod"},
		{"green", "10.0.0.4", "match=vnet vnet=green subnet=s-green nic=green-nic group=shop-prod"},
		{"blue", "10.0.0.4", "match=vnet vnet=blue subnet=s-blue nic=blue-nic group=shop-prod"},
		{"hub", "10.0.0.4", "ambiguous"},
		{"hub", "10.0.7.7", "ambiguous"}, // of blue, which is not peered; red and green may have it
		{"hub", "10.0.0.9", "ambiguous"},
		{"", "10.0.0.4", "ambiguous"},
	} {
		if got := namesOf(tables.Endpoint(netip.MustParseAddr(c.addr), in(tables, c.from))); got != c.want {
			t.Errorf("%s from %q: %s, not %s", c.addr, c.from, got, c.want)
		}
	}
}

// TestTwoWithOneAddress: a stale NIC has the address of another. Neither is named.
func TestTwoWithOneAddress(t *testing.T) {
	tables := tablesOf(t, "", inventoryOf(
		`{"t":"vnet","id":"~/virtualnetworks/v","name":"v","space":["10.0.0.0/16"]}`,
		`{"t":"subnet","vnet":"~/virtualnetworks/v","name":"s","prefixes":["10.0.0.0/24"]}`,
		`{"t":"nic","id":"~/networkinterfaces/a","mac":"000000000001","subnet":"~/virtualnetworks/v/subnets/s","ips":["10.0.0.4"],"vm":"`+vms+`/a"}`,
		`{"t":"nic","id":"~/networkinterfaces/b","mac":"000000000002","subnet":"~/virtualnetworks/v/subnets/s","ips":["10.0.0.4"],"vm":"`+vms+`/b"}`,
	))
	o := tables.Origin("000000000002", "")
	a := tables.Endpoint(netip.MustParseAddr("10.0.0.4"), o)
	if got, want := namesOf(a), "match=vnet vnet=v subnet=s group=shop-prod ambiguous"; got != want {
		t.Errorf("%s, not %s", got, want)
	}
	if _, hop := FlowTypeOf(&o, Outbound, a.Side, Side{}); hop {
		t.Error("the address may be the NIC's own: no hop")
	}
}

// TestTwoSitesWithOnePrefix: neither is named. The flow type asks for clients first.
func TestTwoSitesWithOnePrefix(t *testing.T) {
	behind := func(kind, name, prefix string) string {
		return fmt.Sprintf(`{"t":%q,"name":%q,"prefixes":[%q],"vnets":["~/virtualnetworks/v"]}`, kind, name, prefix)
	}
	tables := tablesOf(t, "", inventoryOf(`{"t":"vnet","id":"~/virtualnetworks/v","name":"v","space":["10.0.0.0/16"]}`,
		behind("site", "a", "172.20.0.0/16"), behind("site", "b", "172.20.0.0/16"), behind("site", "c", "172.20.0.0/16"),
		behind("site", "d", "172.21.0.0/16"), behind("clients", "e", "172.21.0.0/16"),
		behind("clients", "f", "172.22.0.0/16"), behind("site", "g", "172.22.0.0/16"), behind("site", "h", "172.22.1.0/24")))
	o := in(tables, "v")
	own := tables.Endpoint(netip.MustParseAddr("10.0.0.4"), o)
	for _, c := range []struct {
		addr, want string
		flow       FlowType
	}{
		{"172.20.0.1", "match=vnet ambiguous", SiteToSite},
		{"172.21.0.1", "match=vnet ambiguous", PointToSite},
		{"172.22.0.1", "match=vnet ambiguous", PointToSite},
		{"172.22.1.1", "match=vnet resource=h type=localNetworkGateways", SiteToSite},
	} {
		a := tables.Endpoint(netip.MustParseAddr(c.addr), o)
		flow, _ := FlowTypeOf(&o, Inbound, a.Side, own.Side)
		if got := namesOf(a); got != c.want || flow != c.flow {
			t.Errorf("%s: %s, %s; not %s, %s", c.addr, got, flow, c.want, c.flow)
		}
	}
}

// TestNICWithoutSubnet: nothing finds its addresses, so nothing says that a flow only
// passes it.
func TestNICWithoutSubnet(t *testing.T) {
	tables := tablesOf(t, "", inventoryOf(`{"t":"vnet","id":"~/virtualnetworks/v","name":"v","space":["10.0.0.0/16"]}`,
		`{"t":"nic","id":"~/networkinterfaces/a","mac":"000000000001","ips":["10.0.0.4"]}`))
	o := tables.Origin("000000000001", strings.ReplaceAll("~/virtualnetworks/v", "~", sub))
	own, other := tables.Endpoint(netip.MustParseAddr("10.0.0.4"), o), tables.Endpoint(netip.MustParseAddr("10.0.0.9"), o)
	if flow, hop := FlowTypeOf(&o, Outbound, own.Side, other.Side); hop || flow != IntraVNet {
		t.Errorf("%s, hop %v", flow, hop)
	}
}

func TestOrigin(t *testing.T) {
	lines := []string{
		`{"t":"vnet","id":"~/virtualnetworks/a","name":"a","space":["10.1.0.0/16"]}`,
		`{"t":"vnet","id":"~/virtualnetworks/b","name":"b","space":["10.2.0.0/16"]}`,
		`{"t":"nic","id":"~/networkinterfaces/one","mac":"0022487A0001","subnet":"~/virtualnetworks/a/subnets/s","ips":["10.1.0.4"],"vm":"` + vms + `/one"}`,
		`{"t":"nic","id":"~/networkinterfaces/twice-a","mac":"0022487A0002","subnet":"~/virtualnetworks/a/subnets/s","ips":["10.1.0.5"],"vm":"` + vms + `/twice-a"}`,
		`{"t":"nic","id":"~/networkinterfaces/twice-b","mac":"0022487A0002","subnet":"~/virtualnetworks/b/subnets/s","ips":["10.2.0.5"],"vm":"` + vms + `/twice-b"}`,
		`{"t":"nic","id":"/subscriptions/other/resourcegroups/g/providers/microsoft.network/networkinterfaces/twice-c","mac":"0022487A0003","subnet":"~/virtualnetworks/b/subnets/s","ips":["10.2.0.6"],"vm":"` + vms + `/twice-c"}`,
		`{"t":"nic","id":"~/networkinterfaces/twice-d","mac":"0022487A0003","subnet":"~/virtualnetworks/b/subnets/s","ips":["10.2.0.7"],"vm":"` + vms + `/twice-d"}`,
		`{"t":"subscription","id":"3d1f6a52-7c0b-4e8d-9b24-5a60c8e1f703","name":"Shop production"}`,
		`{"t":"subscription","id":"other","name":"Other"}`,
	}
	for _, name := range []string{"one", "twice-a", "twice-b", "twice-c", "twice-d"} {
		lines = append(lines, `{"t":"vm","id":"`+vms+`/`+name+`","name":"`+name+`","vmid":"id of `+name+`","size":"S","zone":"2"}`)
	}
	tables := tablesOf(t, "", inventoryOf(lines...))
	upper := strings.ToUpper(sub)
	for _, c := range []struct{ mac, resource, vnet, instance, account string }{
		{"0022487A0001", "", "a", "one", "Shop production"},
		{"00-22-48-7a-00-01", upper + "/VIRTUALNETWORKS/B", "a", "one", "Shop production"},
		{"0022487A0002", "", "", "", ""},
		{"0022487A0002", upper + "/VIRTUALNETWORKS/B", "b", "twice-b", "Shop production"},
		{"0022487A0002", upper + "/VIRTUALNETWORKS/A/SUBNETS/S", "a", "twice-a", "Shop production"},
		{"0022487A0002", upper + "/NETWORKINTERFACES/TWICE-A", "a", "twice-a", "Shop production"},
		{"0022487A0002", upper + "/NETWORKSECURITYGROUPS/N", "", "", "Shop production"},
		{"0022487A0003", upper + "/NETWORKSECURITYGROUPS/N", "b", "twice-d", "Shop production"},
		{"0022487A0003", "/SUBSCRIPTIONS/OTHER/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/N", "b", "twice-c", "Other"},
		{"0022487A0003", upper + "/VIRTUALNETWORKS/B", "b", "twice-d", "Shop production"},
		{"0022487A0009", upper + "/VIRTUALNETWORKS/B", "b", "", "Shop production"},
		{"", upper + "/NETWORKINTERFACES/ONE", "a", "one", "Shop production"},
		{"garbage", "garbage", "", "", ""},
		{"", "/subscriptions/x/virtualnetworks", "", "", ""},
	} {
		o := tables.Origin(c.mac, c.resource)
		if got := tables.place(o.place).name; got != c.vnet || o.InstanceName != c.instance || o.AccountName != c.account {
			t.Errorf("%s, %s: %q, %q, %q", c.mac, c.resource, got, o.InstanceName, o.AccountName)
		}
		if c.instance != "" && (o.InstanceID != "id of "+c.instance || o.MachineType != "S" || o.AvailabilityZone != "2") {
			t.Errorf("%s, %s: %+v", c.mac, c.resource, o)
		}
	}
}

func TestSeveralInventories(t *testing.T) {
	older := inventoryOf(`{"t":"vnet","id":"~/virtualnetworks/a","name":"a","space":["10.1.0.0/16"]}`,
		`{"t":"nic","id":"~/networkinterfaces/n","mac":"000000000001","subnet":"~/virtualnetworks/a/subnets/s","ips":["10.1.0.4"]}`)
	newer := []byte(strings.Replace(string(inventoryOf(
		`{"t":"nic","id":"~/networkinterfaces/n","mac":"000000000001","subnet":"~/virtualnetworks/a/subnets/s","ips":["10.1.0.9"]}`)), "08:55:00", "09:55:00", 1))
	tables := tablesOf(t, "", older, newer)
	o := tables.Origin("000000000001", "")
	if got := namesOf(tables.Endpoint(netip.MustParseAddr("10.1.0.9"), o)); got != "match=vnet vnet=a subnet=s nic=n group=shop-prod" {
		t.Error(got)
	}
	if got := namesOf(tables.Endpoint(netip.MustParseAddr("10.1.0.4"), o)); got != "match=estate vnet=a group=shop-prod" {
		t.Error(got)
	}
	if !tables.estate.time.Equal(time.Date(2025, 3, 4, 8, 55, 0, 0, time.UTC)) {
		t.Errorf("the age is that of the oldest file, not %v", tables.estate.time)
	}
}

func TestInventoryRefused(t *testing.T) {
	nic := func(rest string) []byte { return inventoryOf(`{"t":"nic","id":"n",` + rest + `}`) }
	for want, data := range map[string][]byte{
		"the file is empty":                                                     nil,
		`line 2: mac "00-0D": not twelve hex digits`:                            nic(`"mac":"00-0D"`),
		`line 2: mac "000D3AF1C27E00": not twelve hex digits`:                   nic(`"mac":"000D3AF1C27E00"`),
		`line 2: ips "10.20.0": no IP address`:                                  nic(`"ips":["10.20.0"]`),
		`line 2: ips: unexpected string`:                                        nic(`"ips":"10.20.0.4"`),
		`line 2: unexpected end of JSON input`:                                  inventoryOf(`{"t":"nic"`),
		`line 2: no "id"`:                                                       inventoryOf(`{"t":"nic"}`),
		`line 2: space "10.0.0.0/40": no IP address and no prefix`:              inventoryOf(`{"t":"vnet","id":"v","space":["10.0.0.0/40"]}`),
		`line 2: ip "": no IP address`:                                          inventoryOf(`{"t":"frontend","id":"f"}`),
		`line 2: prefix "": no IP address and no prefix`:                        inventoryOf(`{"t":"public"}`),
		`line 2: no "name"`:                                                     inventoryOf(`{"t":"site"}`),
		`line 2: no "vnet"`:                                                     inventoryOf(`{"t":"subnet","name":"x"}`),
		`line 1: nsgflow_inventory "2": this version reads 1`:                   []byte(`{"nsgflow_inventory":2}`),
		`line 1: no inventory: the first line has no "nsgflow_inventory"`:       []byte(`{"t":"end"}`),
		`line 1: time "yesterday": no time like 2025-03-04T08:55:00Z`:           []byte(`{"nsgflow_inventory":1,"time":"yesterday"}`),
		`line 1: invalid character 'P' looking for beginning of value`:          []byte("PK\x03\x04"),
		`line 1: unexpected array`:                                              []byte("[]"),
		`line 1: the file is cut off: there is no line "end"`:                   inventoryOf()[:93],
		`line 2: end counts 9 lines before it, there are 1`:                     []byte(strings.Replace(string(inventoryOf()), `"lines":1`, `"lines":9`, 1)),
		`line 3: there is more behind "end"`:                                    append(inventoryOf(), `{"t":"x"}`...),
		`line 32: the file is cut off: there is no line "end"`:                  shop[:len(shop)-24],
		`line 2: ips "fe80::1%eth0": no IP address`:                             nic(`"ips":["fe80::1%eth0"]`),
		`line 2: invalid character '\x00' in string literal`:                    inventoryOf("{\"t\":\"\x00\"}"),
		`line 2: mac "` + strings.Repeat("é", 30) + `"…: not twelve hex digits`: nic(`"mac":"` + strings.Repeat("é", 99) + `"`),
	} {
		_, err := readInventory(data, nil)
		if err == nil || err.Error() != want {
			t.Errorf("%v, not %s", err, want)
		}
	}
}

// Sites without ids may have one name; a site that is half of the internet, as tunnels for
// all traffic have it, keeps no threat list from being asked.
func TestSites(t *testing.T) {
	const hub = "/subscriptions/1/resourcegroups/g/providers/microsoft.network/virtualnetworks/hub"
	tables := tablesOf(t, "", inventoryOf(
		`{"t":"vnet","id":"`+hub+`","name":"hub","space":["10.0.0.0/16"]}`,
		`{"t":"site","name":"hq","prefixes":["192.168.0.0/16"],"vnets":["`+hub+`"]}`,
		`{"t":"site","name":"hq","prefixes":["0.0.0.0/1","128.0.0.0/1"],"vnets":["`+hub+`"]}`,
		`{"t":"clients","name":"hq","prefixes":["172.30.0.0/24"],"vnets":["`+hub+`"]}`,
		`{"t":"public","ip":"20.54.1.9","name":"own"}`))
	list, err := readThreats([]byte("89.160.20.112\n20.54.1.9\n"), noon, maxThreats)
	if err != nil {
		t.Fatal(err)
	}
	tables.threats = []namedList{{"list", list}}
	from := tables.Origin("", hub)
	for addr, want := range map[string]string{"192.168.1.1": "hq localNetworkGateways", "172.30.0.1": "hq virtualNetworkGateways", "89.160.20.112": "hq localNetworkGateways threat", "20.54.1.9": "hq localNetworkGateways"} {
		a := tables.Endpoint(netip.MustParseAddr(addr), from)
		got := a.Resource + " " + a.ResourceType
		if len(a.Threats) > 0 {
			got += " threat"
		}
		if got != want {
			t.Errorf("%s: %s, not %s", addr, got, want)
		}
		said := fmt.Sprint(tables.Explain(netip.MustParseAddr(addr), from))
		if shown := strings.Contains(said, "list: "+addr); shown != (len(a.Threats) > 0) {
			t.Errorf("%s: lookup says %s", addr, said)
		}
	}
}

// Peerings are bounded: each may be a VNet that has no line.
func TestPeeringsAreBounded(t *testing.T) {
	var peers strings.Builder
	for i := range maxPeers + 1 {
		fmt.Fprintf(&peers, `,"/%d"`, i)
	}
	_, err := readInventory(inventoryOf(`{"t":"vnet","id":"/x","peers":[`+peers.String()[1:]+`]}`), nil)
	if err == nil || err.Error() != "line 2: more than 400,000 VNets that are named only" {
		t.Error(err)
	}
}
