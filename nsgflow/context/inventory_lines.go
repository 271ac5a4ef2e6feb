package context

import (
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
