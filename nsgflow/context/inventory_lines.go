package context

import (
	"encoding/json"
	"net/netip"
	"time"
)

// inventoryFile is one file of the estate's inventory, read: its lines, by kind.
type inventoryFile struct {
	time  time.Time
	cloud string

	vnets         []vnetLine
	subnets       []subnetLine
	nics          []nicLine
	vms           []vmLine
	resources     []resourceLine
	publics       []publicLine
	sites         []siteLine
	subscriptions []subscriptionLine
	clusters      []clusterLine

	objects, addresses int
}

// Ids are in lower case.
type (
	vnetLine struct {
		id, name, region string
		space            []netip.Prefix
		peers            []string
	}
	subnetLine struct {
		vnet, name string
		prefixes   []netip.Prefix
	}
	nicLine struct {
		id, subnet, vm, region string
		mac                    uint64 // 0: none
		ips                    []netip.Addr
	}
	vmLine struct {
		id string
		machine
		scaleSetID string
	}
	// resourceLine is a frontend or a private endpoint.
	resourceLine struct {
		id, kind, name, target, domain, subnet, region string
		ip                                             netip.Addr
	}
	publicLine struct {
		prefix         netip.Prefix
		name, fqdn, on string
		region, id     string
	}
	// siteLine is what lies behind a gateway: a site, or the pool of its clients.
	siteLine struct {
		id, name string
		clients  bool
		prefixes []netip.Prefix
		vnets    []string // of the gateway
	}
	subscriptionLine struct{ id, name string }
	clusterLine      struct{ id, name, group string }
)

// inventoryLine has the members of all lines.
type inventoryLine struct {
	Version json.RawMessage `json:"nsgflow_inventory"`
	Time    string          `json:"time"`
	Cloud   string          `json:"cloud"`

	T        string            `json:"t"`
	ID       string            `json:"id"`
	Name     string            `json:"name"`
	Region   string            `json:"region"`
	Space    []string          `json:"space"`
	Peers    []string          `json:"peers"`
	VNet     string            `json:"vnet"`
	Prefixes []string          `json:"prefixes"`
	MAC      string            `json:"mac"`
	Subnet   string            `json:"subnet"`
	IPs      []string          `json:"ips"`
	VM       string            `json:"vm"`
	VMID     string            `json:"vmid"`
	Size     string            `json:"size"`
	Zone     string            `json:"zone"`
	Host     string            `json:"host"`
	ScaleSet string            `json:"scaleset"`
	Tags     map[string]string `json:"tags"`
	IP       string            `json:"ip"`
	Prefix   string            `json:"prefix"`
	FQDN     string            `json:"fqdn"`
	FQDNs    []string          `json:"fqdns"`
	On       string            `json:"on"`
	Type     string            `json:"type"`
	Target   string            `json:"target"`
	VNets    []string          `json:"vnets"`
	Group    string            `json:"group"`
	Lines    int               `json:"lines"`
}
