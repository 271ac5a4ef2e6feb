package estate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"fluent-bit-nsgflow/nsgflow/context/internal/inventory"
)

// Inventory is an estate, as lines of the file.
type Inventory struct {
	// Missing are the queries that the cloud has no table for.
	Missing []string
	// LeftOut are objects that no reader would take, such as a NIC whose MAC is none:
	// one would cost the whole file. They are counted by WriteFile.
	LeftOut int
	// Odd is what was wrong with the first of these.
	Odd error

	time          time.Time
	cloud         string
	subscriptions int
	lines         []inventory.Line
	endpoints     map[string]inventory.Line // private endpoints, by id
}

// Objects is how many lines the file has between head and tail.
func (inv *Inventory) Objects() int { return len(inv.lines) - inv.LeftOut }

// Network is where one of the estate's VNets is: its subscription and region. Both
// are empty where there is no VNet.
func (inv *Inventory) Network() (subscription, region string) {
	for _, l := range inv.lines {
		if l.T == "vnet" {
			id, _ := strings.CutPrefix(l.ID, "/subscriptions/")
			subscription, _, _ = strings.Cut(id, "/")
			return subscription, l.Region
		}
	}
	return "", ""
}

// column reads a column that is the text of JSON. An empty one is nothing.
func column(r row, name string, into any) error {
	text := r.text(name)
	if text == "" || text == "null" {
		return nil
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return fmt.Errorf("column %s of %s: %w", name, cmp.Or(r.text("key"), r.text("id")), err)
	}
	return nil
}

func lastOf(id string) string { return id[strings.LastIndexByte(id, '/')+1:] }

// vnetOf is the VNet of a subnet's id.
func vnetOf(subnet string) string {
	vnet, _, ok := strings.Cut(subnet, "/subnets/")
	if !ok {
		return ""
	}
	return vnet
}

func (inv *Inventory) addSubscriptions(rows []row) error {
	for _, r := range rows {
		inv.subscriptions++
		inv.lines = append(inv.lines, inventory.Line{T: "subscription", ID: lastOf(r.text("id")), Name: r.text("name")})
	}
	return nil
}

func (inv *Inventory) addVNets(rows []row) error {
	for _, r := range rows {
		l := inventory.Line{T: "vnet", ID: r.text("id"), Name: r.text("name"), Region: r.text("location")}
		var peerings []struct {
			Properties struct {
				State  string `json:"peeringState"`
				Remote struct {
					ID string `json:"id"`
				} `json:"remoteVirtualNetwork"`
			} `json:"properties"`
		}
		if err := cmp.Or(column(r, "space", &l.Space), column(r, "peers", &peerings)); err != nil {
			return err
		}
		for _, p := range peerings {
			if p.Properties.State == "Connected" {
				l.Peers = append(l.Peers, strings.ToLower(p.Properties.Remote.ID))
			}
		}
		inv.lines = append(inv.lines, l)
	}
	return nil
}

func (inv *Inventory) addSubnets(rows []row) error {
	for _, r := range rows {
		l := inventory.Line{T: "subnet", VNet: r.text("id"), Name: r.text("name")}
		if err := column(r, "prefixes", &l.Prefixes); err != nil {
			return err
		}
		if prefix := r.text("prefix"); prefix != "" && !slices.Contains(l.Prefixes, prefix) {
			l.Prefixes = append(l.Prefixes, prefix)
		}
		inv.lines = append(inv.lines, l)
	}
	return nil
}

// addEndpoints keeps private endpoints for their NICs.
func (inv *Inventory) addEndpoints(rows []row) error {
	inv.endpoints = map[string]inventory.Line{}
	for _, r := range rows {
		l := inventory.Line{T: "endpoint", ID: r.text("id"), Name: r.text("name"), Region: r.text("location"), Target: lastOf(r.text("target"))}
		var dns []struct {
			FQDN string `json:"fqdn"`
		}
		if err := column(r, "dns", &dns); err != nil {
			return err
		}
		for _, d := range dns {
			l.FQDNs = append(l.FQDNs, d.FQDN)
		}
		inv.endpoints[l.ID] = l
	}
	return nil
}

// addNICs makes one line of the rows of a NIC, which come one after the other, and
// one of each address of a private endpoint.
func (inv *Inventory) addNICs(rows []row) error {
	var nics, endpoints []inventory.Line
	for _, r := range rows {
		id := r.text("id")
		if len(nics) == 0 || nics[len(nics)-1].ID != id {
			nics = append(nics, inventory.Line{T: "nic", ID: id, MAC: mac(r.text("mac")), Subnet: r.text("subnet"), VM: r.text("vm"), Region: r.text("location")})
		}
		ip := r.text("ip")
		if ip == "" {
			continue // of a VM that is off
		}
		nic := &nics[len(nics)-1]
		nic.IPs = append(nic.IPs, ip)
		if pe := r.text("pe"); pe != "" {
			l, known := inv.endpoints[pe]
			if !known {
				l = inventory.Line{T: "endpoint", ID: pe, Name: lastOf(pe)}
			}
			var fqdns []string
			if err := column(r, "fqdns", &fqdns); err != nil {
				return err
			}
			if len(fqdns) > 0 {
				l.FQDNs = fqdns
			}
			l.IP, l.Subnet = ip, r.text("subnet")
			endpoints = append(endpoints, l)
		}
	}
	inv.lines = append(append(inv.lines, nics...), endpoints...)
	return nil
}

// mac is one as flow logs have it: twelve digits.
func mac(text string) string {
	return strings.ToUpper(strings.NewReplacer("-", "", ":", "").Replace(text))
}

func (inv *Inventory) addVMs(rows []row) error {
	for _, r := range rows {
		l := inventory.Line{T: "vm", ID: r.text("id"), Name: r.text("name"), Region: r.text("location"), VMID: r.text("vmid"), Size: r.text("size"), Zone: r.text("zone"),
			Host: r.text("host"), ScaleSet: r.text("scaleset")}
		if l.Host == l.Name {
			l.Host = ""
		}
		if err := column(r, "tags", &l.Tags); err != nil {
			return err
		}
		inv.lines = append(inv.lines, l)
	}
	return nil
}

func (inv *Inventory) addPublics(rows []row) error {
	for _, r := range rows {
		l := inventory.Line{T: "public", ID: r.text("id"), Name: r.text("name"), Region: r.text("location"), IP: r.text("ip"), Prefix: r.text("prefix"), FQDN: r.text("fqdn"),
			On: cmp.Or(r.text("config"), r.text("nat"))}
		if l.IP == "" && l.Prefix == "" {
			continue // dynamic, and not in use
		}
		inv.lines = append(inv.lines, l)
	}
	return nil
}

func (inv *Inventory) addFrontends(rows []row) error {
	for _, r := range rows {
		if r.text("ip") == "" || r.text("subnet") == "" {
			continue // a public one
		}
		inv.lines = append(inv.lines, inventory.Line{T: "frontend", ID: r.text("key"), Type: r.text("type"), Name: r.text("name"), Region: r.text("location"), IP: r.text("ip"), Subnet: r.text("subnet")})
	}
	return nil
}

// addSites makes sites of local network gateways and the connections to them, and
// pools of clients of VPN gateways.
func (inv *Inventory) addSites(rows []row) error {
	vnets := map[string]string{}      // of gateways
	gateways := map[string][]string{} // of sites
	for _, r := range rows {
		switch lastOf(r.text("type")) {
		case "virtualnetworkgateways":
			vnets[r.text("id")] = vnetOf(r.text("subnet"))
		case "connections":
			gateways[r.text("lgw")] = append(gateways[r.text("lgw")], r.text("gateway"))
		}
	}
	for _, r := range rows {
		l := inventory.Line{T: "site", ID: r.text("id"), Name: r.text("name")}
		var of []string
		switch lastOf(r.text("type")) {
		case "localnetworkgateways":
			of = gateways[l.ID]
			if err := column(r, "space", &l.Prefixes); err != nil {
				return err
			}
		case "virtualnetworkgateways":
			l.T, of = "clients", []string{l.ID}
			if err := column(r, "pool", &l.Prefixes); err != nil {
				return err
			}
		}
		for _, gateway := range of {
			if vnet := vnets[gateway]; vnet != "" && !slices.Contains(l.VNets, vnet) {
				l.VNets = append(l.VNets, vnet)
			}
		}
		if len(l.Prefixes) > 0 {
			inv.lines = append(inv.lines, l)
		}
	}
	return nil
}

func (inv *Inventory) addClusters(rows []row) error {
	for _, r := range rows {
		if r.text("node") != "" {
			inv.lines = append(inv.lines, inventory.Line{T: "cluster", ID: r.text("id"), Name: r.text("name"), Group: r.text("node")})
		}
	}
	return nil
}
