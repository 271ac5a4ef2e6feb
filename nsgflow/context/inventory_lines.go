package context

import (
	"fmt"
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

	objects, addresses, peers int
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
		isPart                 bool // it has more: a block that is too large
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

// key tells sites apart. Those without an id may have a name twice.
func (s *siteLine) key() string {
	if s.id != "" {
		return s.id
	}
	return fmt.Sprint(s.name, s.clients, s.prefixes)
}

// remarks say what a reader has taken, but can make nothing of.
func (f *inventoryFile) remarks() []string {
	nowhere := 0
	for i := range f.nics {
		if id := f.nics[i].subnet; id != "" && vnetOfID(id) == "" {
			nowhere++
		}
	}
	if nowhere == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s NICs have a subnet that is no id like …/virtualNetworks/shop/subnets/web: their addresses have no names", count(nowhere))}
}
