package estate

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resourcegraph/armresourcegraph"

	address "fluent-bit-nsgflow/nsgflow/context"
	"fluent-bit-nsgflow/nsgflow/context/internal/inventory"
	"fluent-bit-nsgflow/nsgflow/internal/paging"
)

// graph stands for Azure Resource Graph: rows by the text of their query, in pages,
// with tokens.
type graph struct {
	testing.TB
	rows   map[string][]row
	asks   int
	tooBig int                                            // bytes of an answer above which it is refused
	before func(ask int, w http.ResponseWriter) (ok bool) // ok: the answer is written
}

func (g *graph) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		Query   string `json:"query"`
		Options struct {
			Top          int    `json:"$top"`
			SkipToken    string `json:"$skipToken"`
			ResultFormat string `json:"resultFormat"`
		} `json:"options"`
	}
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil || ask.Options.ResultFormat != "objectArray" {
		g.Errorf("asked %+v, %v", ask, err)
	}
	g.asks++
	w.Header().Set("Content-Type", "application/json")
	if g.before != nil && g.before(g.asks, w) {
		return
	}
	rows, from := g.rows[ask.Query], 0
	if ask.Options.SkipToken != "" {
		from, _ = strconv.Atoi(ask.Options.SkipToken)
	}
	to := min(from+ask.Options.Top, len(rows))
	answer := map[string]any{"totalRecords": len(rows), "count": to - from, "resultTruncated": "false", "facets": []any{}, "data": append([]row{}, rows[from:to]...)}
	if to < len(rows) {
		answer["$skipToken"] = strconv.Itoa(to)
	}
	body, _ := json.Marshal(answer)
	if g.tooBig > 0 && len(body) > g.tooBig {
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"error":{"code":"BadRequest","message":"Please provide below info when asking for support","details":[{"code":"ResponsePayloadTooLarge","message":"Response payload size is 17000000, and has exceeded the limit of 16777216."}]}}`)
		return
	}
	w.Write(body)
}

type token struct{}

func (token) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "t", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// at are the options of a client of a server that stands for a cloud.
func at(t testing.TB, h http.Handler) *arm.ClientOptions {
	server := httptest.NewTLSServer(h)
	t.Cleanup(server.Close)
	return &arm.ClientOptions{DisableRPRegistration: true, ClientOptions: policy.ClientOptions{Transport: server.Client(),
		// What is throttled is asked again by the reader; that takes no time here.
		Retry: policy.RetryOptions{MaxRetries: -1},
		Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: "https://login.example.com/",
			Services: map[cloud.ServiceName]cloud.ServiceConfiguration{cloud.ResourceManager: {Endpoint: server.URL, Audience: "https://management.example.com"}}}}}
}

var now = time.Date(2025, 3, 4, 8, 55, 0, 0, time.UTC)

// read reads the estate that a service has; waited is what would have been waited.
func read(t testing.TB, g *graph) (inv *Inventory, waited time.Duration, err error) {
	t.Helper()
	g.TB = t
	client, err := armresourcegraph.NewClient(token{}, at(t, g))
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Cloud: "AzureCloud", Wait: func(_ context.Context, d time.Duration) error {
		waited += d
		return nil
	}}
	inv, err = Read(t.Context(), Clients{Graph: client}, o, now)
	return inv, waited, err
}

const network = "/subscriptions/1/resourcegroups/shop/providers/microsoft.network"

// shop is a small estate, as Resource Graph has it.
func shop() map[string][]row {
	return map[string][]row{
		subscriptionQuery.text: {{"id": "/subscriptions/1", "name": "Shop production"}},
		vnetQuery.text: {
			{"id": network + "/virtualnetworks/hub", "name": "hub", "location": "westeurope", "space": `["10.0.0.0/22"]`, "peers": `[{"properties":{"peeringState":"Connected","remoteVirtualNetwork":{"id":"` + strings.ToUpper(network) + `/virtualNetworks/Shop"}}},{"properties":{"peeringState":"Initiated","remoteVirtualNetwork":{"id":"x"}}}]`},
			{"id": network + "/virtualnetworks/shop", "name": "shop", "location": "westeurope", "space": `["10.20.0.0/16"]`, "peers": ""},
		},
		subnetQuery.text: {
			{"key": network + "/virtualnetworks/shop/subnets/data", "id": network + "/virtualnetworks/shop", "name": "data", "prefix": "", "prefixes": `["10.20.1.0/24","10.20.2.0/24"]`},
			{"key": network + "/virtualnetworks/shop/subnets/web", "id": network + "/virtualnetworks/shop", "name": "web", "prefix": "10.20.0.0/24", "prefixes": ""},
		},
		endpointQuery.text: {{"id": network + "/privateendpoints/pe", "name": "pe", "location": "westeurope", "target": "/subscriptions/1/resourcegroups/shop/providers/microsoft.storage/storageaccounts/shopdata", "dns": `[{"fqdn":"shopdata.blob.core.windows.net","ipAddresses":["10.20.1.9"]}]`}},
		nicQuery.text: {
			{"key": network + "/networkinterfaces/off|c", "id": network + "/networkinterfaces/off", "name": "off", "location": "westeurope", "mac": "", "vm": "", "pe": "", "ip": "", "subnet": network + "/virtualnetworks/shop/subnets/web"},
			{"key": network + "/networkinterfaces/pe-nic|c", "id": network + "/networkinterfaces/pe-nic", "name": "pe-nic", "location": "westeurope", "mac": "", "vm": "", "pe": network + "/privateendpoints/pe", "ip": "10.20.1.9", "subnet": network + "/virtualnetworks/shop/subnets/data", "fqdns": ""},
			{"key": network + "/networkinterfaces/web-nic|a", "id": network + "/networkinterfaces/web-nic", "name": "web-nic", "location": "westeurope", "mac": "00-0D-3A-F1-C2-7E", "vm": "/subscriptions/1/resourcegroups/shop/providers/microsoft.compute/virtualmachines/web", "pe": "", "ip": "10.20.0.4", "subnet": network + "/virtualnetworks/shop/subnets/web"},
			{"key": network + "/networkinterfaces/web-nic|b", "id": network + "/networkinterfaces/web-nic", "name": "web-nic", "location": "westeurope", "mac": "00-0D-3A-F1-C2-7E", "vm": "/subscriptions/1/resourcegroups/shop/providers/microsoft.compute/virtualmachines/web", "pe": "", "ip": "10.20.0.5", "subnet": network + "/virtualnetworks/shop/subnets/web"},
		},
		scaleSetNICQuery.text: {{"key": "n|c", "id": "/subscriptions/1/resourcegroups/mc_aks/providers/microsoft.compute/virtualmachinescalesets/pool/virtualmachines/0/networkinterfaces/pool", "name": "pool", "location": "westeurope", "mac": "000D3AF1C282", "vm": "/subscriptions/1/resourcegroups/mc_aks/providers/microsoft.compute/virtualmachinescalesets/pool/virtualmachines/0", "pe": "", "ip": "10.20.2.4", "subnet": network + "/virtualnetworks/shop/subnets/data"}},
		vmQuery.text:          {{"id": "/subscriptions/1/resourcegroups/shop/providers/microsoft.compute/virtualmachines/web", "name": "web", "location": "westeurope", "vmid": "8f1f", "size": "Standard_D4s_v5", "host": "WEB01", "zone": "1", "scaleset": "", "tags": `{"env":"prod"}`}},
		scaleSetVMQuery.text:  {{"id": "/subscriptions/1/resourcegroups/mc_aks/providers/microsoft.compute/virtualmachinescalesets/pool/virtualmachines/0", "name": "pool_0", "location": "westeurope", "vmid": "a0", "host": "pool000000", "tags": "null"}},
		publicQuery.text: {
			{"id": network + "/publicipaddresses/dynamic", "name": "dynamic", "location": "westeurope", "ip": "", "prefix": ""},
			{"id": network + "/publicipaddresses/web", "name": "web-pip", "location": "westeurope", "ip": "20.54.1.9", "fqdn": "shop.example.com", "config": network + "/networkinterfaces/web-nic/ipconfigurations/a"},
			{"id": network + "/publicipprefixes/nat", "name": "nat", "location": "westeurope", "prefix": "20.54.8.0/28", "nat": network + "/natgateways/shop-nat"},
		},
		frontendQuery.text: {
			{"key": network + "/loadbalancers/lb/frontendipconfigurations/f", "id": network + "/loadbalancers/lb", "type": "microsoft.network/loadbalancers", "name": "lb", "location": "westeurope", "ip": "10.20.0.100", "subnet": network + "/virtualnetworks/shop/subnets/web"},
			{"key": network + "/loadbalancers/lb/frontendipconfigurations/p", "id": network + "/loadbalancers/lb", "type": "microsoft.network/loadbalancers", "name": "lb", "location": "westeurope", "ip": "", "subnet": ""},
		},
		// Of a firewall in a virtual hub, and of a Bastion without an address of its own.
		gatewayQuery.text: {
			{"key": "", "id": network + "/azurefirewalls/of-a-hub", "type": "microsoft.network/azurefirewalls", "name": "of-a-hub", "location": "westeurope", "ip": "", "subnet": ""},
			{"key": "", "id": network + "/bastionhosts/dev", "type": "microsoft.network/bastionhosts", "name": "dev", "location": "westeurope", "ip": "", "subnet": ""},
			{"key": network + "/azurefirewalls/fw/azurefirewallipconfigurations/c", "id": network + "/azurefirewalls/fw", "type": "microsoft.network/azurefirewalls", "name": "fw", "location": "westeurope", "ip": "10.20.0.68", "subnet": network + "/virtualnetworks/shop/subnets/web"},
		},
		siteQuery.text: {
			{"id": network + "/connections/c", "type": "microsoft.network/connections", "name": "c", "gateway": network + "/virtualnetworkgateways/vpn", "lgw": network + "/localnetworkgateways/hq"},
			{"id": network + "/localnetworkgateways/hq", "type": "microsoft.network/localnetworkgateways", "name": "hq", "space": `["192.168.0.0/16"]`},
			{"id": network + "/virtualnetworkgateways/vpn", "type": "microsoft.network/virtualnetworkgateways", "name": "vpn", "pool": `["172.30.0.0/24"]`, "subnet": network + "/virtualnetworks/hub/subnets/gatewaysubnet"},
		},
		clusterQuery.text: {{"id": "/subscriptions/1/resourcegroups/shop/providers/microsoft.containerservice/managedclusters/aks", "name": "aks", "node": "mc_aks"}},
	}
}

// TestInventory writes an estate, and reads it as the filter does.
func TestInventory(t *testing.T) {
	inv, waited, err := read(t, &graph{rows: shop()})
	if err != nil {
		t.Fatal(err)
	}
	if waited != 12*time.Second { // between 13 queries
		t.Errorf("waited %v", waited)
	}
	path := filepath.Join(t.TempDir(), "inventory.jsonl")
	if err := inv.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	tables := open(t, address.Options{Inventory: []string{path}, Tags: []string{"env"}})
	o := tables.Origin("000D3AF1C27E", "")
	if o.InstanceID != "8f1f" || o.InstanceName != "web" || o.MachineType != "Standard_D4s_v5" || o.AvailabilityZone != "1" || o.AccountName != "Shop production" {
		t.Errorf("origin: %+v", o)
	}
	for addr, want := range map[string]string{
		"10.20.0.5":    "vnet shop/web VM web WEB01 [{env prod}]",
		"10.20.1.9":    "vnet shop/data privateEndpoints pe shopdata shopdata.blob.core.windows.net []",
		"10.20.2.4":    "vnet shop/data VM pool_0 pool000000 [] set pool cluster aks",
		"10.20.2.99":   "vnet shop/data []",
		"10.20.0.100":  "vnet shop/web loadBalancers lb []",
		"10.20.0.68":   "vnet shop/web azureFirewalls fw []",
		"10.0.0.9":     "estate hub/ []",
		"192.168.1.1":  "peer / localNetworkGateways hq []",
		"172.30.0.200": "peer / virtualNetworkGateways vpn []",
		"20.54.1.9":    "public shop/web VM web shop.example.com [{env prod}]",
		"20.54.8.3":    "public / natGateways shop-nat []",
		"9.9.9.9":      "/ []",
	} {
		a := tables.Endpoint(netip.MustParseAddr(addr), o)
		got := a.Match.String() + " " + a.VNet + "/" + a.Subnet
		if a.VM != "" {
			got += " VM " + a.VM
		}
		got += " " + a.ResourceType + " " + a.Resource + " " + a.Target + " " + a.Domain + " " + fmt.Sprint(a.Labels)
		if a.ScaleSet != "" {
			got += " set " + a.ScaleSet
		}
		if a.Cluster != "" {
			got += " cluster " + a.Cluster
		}
		if got = strings.Join(strings.Fields(got), " "); got != want {
			t.Errorf("%s: %s, not %s", addr, got, want)
		}
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); err != nil || len(left) > 0 {
		t.Errorf("left: %s, %v", left, err)
	}
}

func open(t testing.TB, o address.Options) *address.Tables {
	t.Helper()
	var w address.Watcher
	c, err := w.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c.Generation()
}

// many is an estate of so many NICs, with two addresses each.
func many(nics int) map[string][]row {
	rows := shop()
	var all []row
	for i := range nics {
		for j := range 2 {
			id := fmt.Sprintf("%s/networkinterfaces/nic-%06d", network, i)
			all = append(all, row{"key": fmt.Sprint(id, "|", j), "id": id, "name": lastOf(id), "location": "westeurope", "mac": fmt.Sprintf("%012X", i+1),
				"ip": fmt.Sprintf("10.20.%d.%d", i>>7&0xff, i<<1&0xff|j), "subnet": network + "/virtualnetworks/shop/subnets/web"})
		}
	}
	rows[nicQuery.text] = all
	return rows
}

// TestLargeEstate has answers that are too large, and too many questions.
func TestLargeEstate(t *testing.T) {
	size := 50_000
	if testing.Short() {
		size = 2500
	}
	g := &graph{rows: many(size), tooBig: 150_000}
	throttled := 0
	g.before = func(ask int, w http.ResponseWriter) bool {
		w.Header().Set("x-ms-user-quota-remaining", "1")
		w.Header().Set("x-ms-user-quota-resets-after", "00:00:04")
		switch {
		case ask%20 == 0:
			throttled++
			w.WriteHeader(http.StatusTooManyRequests)
			io.WriteString(w, `{"error":{"code":"RateLimiting"}}`)
			return true
		case ask%50 == 0:
			w.Header().Set("x-ms-user-quota-remaining", "0")
		}
		return false
	}
	inv, waited, err := read(t, g)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := inv.write(&b); err != nil {
		t.Fatal(err)
	}
	nics, addresses := 0, 0
	for s := bufio.NewScanner(&b); s.Scan(); {
		var l inventory.Line
		if err := json.Unmarshal(s.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		if l.T == "nic" {
			nics++
			addresses += len(l.IPs)
		}
	}
	if nics != size+1 || addresses != 2*size+1 { // and that of the scale set
		t.Errorf("%d NICs, %d addresses", nics, addresses)
	}
	quota := g.asks/50 - g.asks/100 // those that are throttled have no other header
	if want := time.Duration(g.asks-1)*time.Second + time.Duration(throttled+quota)*4*time.Second; waited != want || throttled == 0 {
		t.Errorf("waited %v, not %v, of %d asks", waited, want, g.asks)
	}
	t.Logf("%d queries, %v", g.asks, waited)
}

// TestNothingOfAPart: a pass that fails gives nothing.
func TestNothingOfAPart(t *testing.T) {
	answer := func(at int, status int, body string) func(int, http.ResponseWriter) bool {
		return func(ask int, w http.ResponseWriter) bool {
			if ask != at {
				return false
			}
			w.WriteHeader(status)
			io.WriteString(w, body)
			return true
		}
	}
	always := func(status int, body string) func(int, http.ResponseWriter) bool {
		return func(_ int, w http.ResponseWriter) bool {
			w.WriteHeader(status)
			io.WriteString(w, body)
			return true
		}
	}
	one := `{"totalRecords":%d,"count":1,"data":%s,"resultTruncated":%q%s}`
	for want, before := range map[string]func(int, http.ResponseWriter) bool{
		"VNets: ":                            answer(2, http.StatusForbidden, `{"error":{"code":"AccessDenied"}}`),
		"NICs: 1 rows came, there are 7":     answer(5, 200, fmt.Sprintf(one, 7, `[{"key":"k","id":"i"}]`, "false", "")),
		"subnets: pages overlap: k is there": answer(3, 200, fmt.Sprintf(one, 2, `[{"key":"k"},{"key":"k"}]`, "false", "")),
		"VNets: the answer is cut off and":   answer(2, 200, fmt.Sprintf(one, 1, `[{"id":"k"}]`, "true", "")),
		`subnets: a row without "key"`:       answer(3, 200, fmt.Sprintf(one, 1, `[7]`, "false", "")),
		`VNets: a row without "id"`:          answer(2, 200, fmt.Sprintf(one, 1, `[7]`, "false", "")),
		"VNets: data is map":                 answer(2, 200, fmt.Sprintf(one, 1, `{"rows":[]}`, "false", "")),
		"VNets: column space of k: ":         answer(2, 200, fmt.Sprintf(one, 1, `[{"id":"k","space":"["}]`, "false", "")),
		"subscriptions: ":                    always(http.StatusTooManyRequests, `{"error":{"code":"RateLimiting"}}`),
		"subscriptions: POST":                always(http.StatusBadRequest, `{"error":{"code":"BadRequest","details":[{"code":"ResponsePayloadTooLarge"}]}}`),
	} {
		g := &graph{rows: shop(), before: before}
		inv, _, err := read(t, g)
		if inv != nil || err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, not %s", err, want)
		}
		if g.asks > 20 {
			t.Errorf("%s: asked %d times", want, g.asks)
		}
	}
}

// TestQuota: a quota that is used up is waited for, where that is a matter of minutes.
func TestQuota(t *testing.T) {
	for _, c := range []struct {
		what, remaining, resets string
		status                  int
		waits                   time.Duration
		fails                   bool
	}{
		{"refused", "0", "00:00:07", http.StatusTooManyRequests, 7 * time.Second, false},
		{"refused, without a time", "", "", http.StatusTooManyRequests, 5 * time.Second, false},
		{"refused, now", "0", "00:00:00", http.StatusTooManyRequests, time.Second, false},
		{"refused for a quarter of an hour", "0", "00:15:00", http.StatusTooManyRequests, 15 * time.Minute, false},
		{"refused for longer", "0", "00:15:01", http.StatusTooManyRequests, 0, true},
		{"refused for a day", "0", "23:59:59", http.StatusTooManyRequests, 0, true},
		{"the last one", "0", "00:00:07", 0, 7 * time.Second, false},
		{"the last one for long", "0", "23:59:59", 0, 15 * time.Minute, false},
		{"not the last one", "1", "00:00:07", 0, 0, false},
	} {
		g := &graph{rows: shop()}
		_, usual, err := read(t, g)
		if err != nil {
			t.Fatal(err)
		}
		asks := g.asks
		g = &graph{rows: shop(), before: func(ask int, w http.ResponseWriter) bool {
			if ask != 2 {
				return false
			}
			w.Header().Set("x-ms-user-quota-remaining", c.remaining)
			w.Header().Set("x-ms-user-quota-resets-after", c.resets)
			if c.status == 0 {
				return false
			}
			w.WriteHeader(c.status)
			io.WriteString(w, `{"error":{"code":"RateLimiting"}}`)
			return true
		}}
		_, waited, err := read(t, g)
		if (err != nil) != c.fails {
			t.Errorf("%s: %v", c.what, err)
		}
		if !c.fails {
			usual += time.Duration(g.asks-asks) * time.Second // the pace of one more
			if waited != usual+c.waits {
				t.Errorf("%s: waited %s, not %s", c.what, waited, usual+c.waits)
			}
		} else if g.asks != 2 {
			t.Errorf("%s: asked %d times", c.what, g.asks)
		}
	}
}

// TestOtherCloud: one without the table computeresources has an inventory without
// scale sets.
func TestOtherCloud(t *testing.T) {
	inv, _, err := read(t, &graph{rows: shop(), before: func(ask int, w http.ResponseWriter) bool {
		if ask != 6 && ask != 8 {
			return false
		}
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"error":{"code":"BadRequest","details":[{"code":"InvalidQuery","message":"Table computeresources was not found."}]}}`)
		return true
	}})
	if err != nil || strings.Join(inv.Missing, ", ") != "NICs of scale sets, VMs of scale sets" {
		t.Errorf("%v, %+v", err, inv)
	}
}

// TestUniformScaleSets: where Resource Graph has no NICs of scale sets, the sets are
// asked for theirs.
func TestUniformScaleSets(t *testing.T) {
	const sets = "/subscriptions/1/resourcegroups/mc_aks/providers/microsoft.compute/virtualmachinescalesets/"
	rows := shop()
	rows[scaleSetNICQuery.text], rows[scaleSetVMQuery.text] = nil, nil
	rows[scaleSetQuery.text] = []row{{"id": sets + "flexible", "name": "flexible", "mode": "Flexible"}, {"id": sets + "gone", "name": "gone", "mode": "Uniform"}, {"id": sets + "pool", "name": "pool", "mode": ""}}
	var options *arm.ClientOptions
	g := &graph{TB: t, rows: rows}
	var asked []string
	options = at(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		nic := func(n int, more string) string {
			return fmt.Sprintf(`{"name":"pool","id":"%spool/virtualMachines/%d/networkInterfaces/pool","properties":{"macAddress":"00-0D-3A-F1-C2-8%d","virtualMachine":{"id":"%spool/virtualMachines/%d"},"ipConfigurations":[
				{"name":"a","properties":{"privateIPAddress":"10.20.2.%d","subnet":{"id":"%s/virtualNetworks/shop/subnets/data"}}}%s]}}`, sets, n, n, sets, n, n+4, network, more)
		}
		switch {
		case r.Method == http.MethodPost:
			g.ServeHTTP(w, r)
			return
		case strings.Contains(r.URL.Path, "/gone/"):
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, `{"error":{"code":"ResourceNotFound"}}`)
		case r.URL.Query().Get("page") == "":
			fmt.Fprintf(w, `{"value":[%s],"nextLink":%q}`, nic(0, `,{"name":"b","properties":{"privateIPAddress":"10.20.2.90","subnet":{"id":"`+network+`/virtualnetworks/shop/subnets/data"}}}`), options.Cloud.Services[cloud.ResourceManager].Endpoint+r.URL.Path+"?page=2")
		default:
			fmt.Fprintf(w, `{"value":[%s]}`, nic(1, ""))
		}
		asked = append(asked, strings.TrimPrefix(r.URL.String(), sets))
	}))
	graphClient, err := armresourcegraph.NewClient(token{}, options)
	if err != nil {
		t.Fatal(err)
	}
	resources, err := arm.NewClient("test", "v0.0.0", token{}, options)
	if err != nil {
		t.Fatal(err)
	}
	inv, err := Read(t.Context(), Clients{graphClient, resources}, Options{Wait: func(context.Context, time.Duration) error { return nil }}, now)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(asked, " "), "gone/networkInterfaces?api-version=2018-10-01 pool/networkInterfaces?api-version=2018-10-01 pool/networkInterfaces?page=2"; got != want {
		t.Errorf("asked %s", got)
	}
	path := filepath.Join(t.TempDir(), "inventory.jsonl")
	if err := inv.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	tables := open(t, address.Options{Inventory: []string{path}})
	for addr, want := range map[string]string{"10.20.2.4": "pool_0 pool aks", "10.20.2.90": "pool_0 pool aks", "10.20.2.5": "pool_1 pool aks"} {
		a := tables.Endpoint(netip.MustParseAddr(addr), tables.Origin("000D3AF1C281", ""))
		if got := a.VM + " " + a.ScaleSet + " " + a.Cluster; got != want {
			t.Errorf("%s: %s, not %s", addr, got, want)
		}
	}
}

func TestServiceTags(t *testing.T) {
	asks := 0
	var options *arm.ClientOptions
	options = at(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asks++
		if got, want := r.URL.String(), "/subscriptions/1/providers/Microsoft.Network/locations/westeurope/serviceTags?api-version=2025-05-01"; asks == 1 && got != want {
			t.Errorf("asked %s", got)
		}
		next := ""
		if asks == 1 {
			next = options.Cloud.Services[cloud.ResourceManager].Endpoint + "/next"
		}
		fmt.Fprintf(w, `{"name":"public","type":"Microsoft.Network/serviceTags","changeNumber":"376","cloud":"Public","nextLink":%q,"values":[{"name":"Storage.EastUS%d","properties":{"region":"eastus","systemService":"AzureStorage","addressPrefixes":["20.60.%d.0/24"]}}]}`, next, asks, asks)
	}))
	client, err := arm.NewClient("test", "v0.0.0", token{}, options)
	if err != nil {
		t.Fatal(err)
	}
	tags, err := ReadServiceTags(t.Context(), client, "1", "westeurope")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "tags.json")
	if err := tags.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	tables := open(t, address.Options{ServiceTags: path})
	for addr, want := range map[string]string{"20.60.1.1": "Storage.EastUS1", "20.60.2.1": "Storage.EastUS2"} {
		if got := tables.Endpoint(netip.MustParseAddr(addr), address.Origin{}).ServiceTag; got != want {
			t.Errorf("%s: %q", addr, got)
		}
	}
}

// TestServiceTagsWithoutEnd: empty pages that name themselves, or each other, are not
// asked for without end.
func TestServiceTagsWithoutEnd(t *testing.T) {
	for _, pages := range []int{1, 2, 5} {
		asks := 0
		options := at(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asks++
			next := ""
			if asks < 10*pages {
				next = fmt.Sprintf("https://%s%s?page=%d", r.Host, r.URL.Path, asks%pages)
			}
			fmt.Fprintf(w, `{"nextLink":%q,"values":[]}`, next)
		}))
		client, err := arm.NewClient("test", "v0.0.0", token{}, options)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ReadServiceTags(t.Context(), client, "1", "westeurope"); !errors.Is(err, paging.ErrCircle) {
			t.Errorf("%d pages: %v, asked %d times", pages, err, asks)
		}
	}
}

// TestReplaceKeepsTheOld: an inventory that cannot be written leaves the old file.
func TestReplaceKeepsTheOld(t *testing.T) {
	path := filepath.Join(t.TempDir(), "inventory.jsonl")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := replace(path, func(w io.Writer) error {
		io.WriteString(w, "half")
		return io.ErrShortWrite
	})
	data, _ := os.ReadFile(path)
	files, _ := os.ReadDir(filepath.Dir(path))
	if err != io.ErrShortWrite || string(data) != "old" || len(files) != 1 {
		t.Errorf("%v, %q, %d files", err, data, len(files))
	}
}

// TestOddObjects: an object that readers do not take is left out, the others are there; a
// NIC with a block of addresses has them.
func TestOddObjects(t *testing.T) {
	nic := func(set row) func(map[string][]row) {
		return func(rows map[string][]row) {
			one := row{"key": network + "/networkinterfaces/zz|c", "id": network + "/networkinterfaces/zz", "mac": "000D3AF1C299", "ip": "10.20.0.16", "subnet": network + "/virtualnetworks/shop/subnets/web"}
			maps.Copy(one, set)
			rows[nicQuery.text] = append(rows[nicQuery.text], one)
		}
	}
	site := func(space string) func(map[string][]row) {
		return func(rows map[string][]row) {
			rows[siteQuery.text] = append(rows[siteQuery.text], row{"id": "/x", "type": "microsoft.network/localnetworkgateways", "name": "s", "space": space})
		}
	}
	for name, c := range map[string]struct {
		change  func(map[string][]row)
		leftOut int
		has     string // an address of NIC zz
	}{
		"nothing odd":                     {func(map[string][]row) {}, 0, ""},
		"NIC with a block of addresses":   {nic(row{"ip": "10.20.0.16/28"}), 0, "10.20.0.31"},
		"NIC with a block of IPv6":        {nic(row{"ip": "2001:db8:1::/80"}), 0, "2001:db8:1::"},
		"NIC with an odd MAC":             {nic(row{"mac": "00-0D-3A-F1-C2"}), 1, ""},
		"NIC without a subnet":            {nic(row{"subnet": ""}), 0, ""},
		"private endpoint without subnet": {nic(row{"pe": network + "/privateendpoints/pe", "subnet": ""}), 1, ""},
		"subnet with an odd prefix":       {func(rows map[string][]row) { rows[subnetQuery.text][1]["prefix"] = "10.20.0" }, 1, ""},
		"site with a name for a prefix":   {site(`["office.example.com"]`), 1, ""},
	} {
		rows := shop()
		c.change(rows)
		inv, _, err := read(t, &graph{rows: rows})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		path := filepath.Join(t.TempDir(), "inventory.jsonl")
		if err := inv.WriteFile(path); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if inv.LeftOut != c.leftOut || (inv.Odd == nil) != (c.leftOut == 0) {
			t.Errorf("%s: %d left out, the first %v", name, inv.LeftOut, inv.Odd)
		}
		tables := open(t, address.Options{Inventory: []string{path}})
		if c.has != "" {
			if a := tables.Endpoint(netip.MustParseAddr(c.has), tables.Origin("000D3AF1C299", "")); a.NIC != "zz" {
				t.Errorf("%s: %s is of NIC %q", name, c.has, a.NIC)
			}
		}
	}
}

// TestSecondPageIsRefused: a table whose first page came is there.
func TestSecondPageIsRefused(t *testing.T) {
	rows := shop()
	for i := range 1500 {
		id := fmt.Sprintf("/subscriptions/1/resourcegroups/mc_aks/providers/microsoft.compute/virtualmachinescalesets/pool/virtualmachines/%06d/networkinterfaces/pool", i)
		rows[scaleSetNICQuery.text] = append(rows[scaleSetNICQuery.text], row{"key": id + "|c", "id": id, "ip": fmt.Sprintf("10.20.%d.%d", i>>8, i&255), "subnet": network + "/virtualnetworks/shop/subnets/data"})
	}
	g := &graph{rows: rows}
	g.before = func(ask int, w http.ResponseWriter) bool {
		if ask == 7 { // subscriptions, VNets, subnets, endpoints, NICs, two pages of NICs of scale sets
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `{"error":{"code":"BadRequest","message":"x"}}`)
		}
		return ask == 7
	}
	if inv, _, err := read(t, g); err == nil {
		t.Errorf("%d objects, missing %v", inv.Objects(), inv.Missing)
	}
}

// TestTooManyOddObjects: where most objects of a kind are odd, the old file stays.
func TestTooManyOddObjects(t *testing.T) {
	rows := shop()
	for _, nic := range rows[nicQuery.text] {
		nic["mac"] = "odd"
	}
	inv, _, err := read(t, &graph{rows: rows})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "inventory.jsonl")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	err = inv.WriteFile(path)
	if data, _ := os.ReadFile(path); err == nil || !strings.Contains(err.Error(), `objects "nic" are such as no filter would read`) || string(data) != "old" {
		t.Errorf("%v, the file is %.60q", err, data)
	}
}

// TestNextLinks: a page of the same host is asked for, however its link is written.
func TestNextLinks(t *testing.T) {
	for in, same := range map[string]bool{"https://Management.Azure.com:443/x": true, "https://management.azure.com/y?z=1": true, "http://management.azure.com/x": false,
		"https://management.azure.com:444/x": false, "https://example.com/management.azure.com": false} {
		u, err := url.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if home, _ := url.Parse("https://management.azure.com"); (hostOf(u) == hostOf(home)) != same {
			t.Errorf("%s: %s", in, hostOf(u))
		}
	}
}
