package context

import (
	"cmp"
	"hash/maphash"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// estate is the inventory: who has which address where. It is immutable. Numbers
// of VNets, owners and the like begin at 1; 0 is none.
type estate struct {
	time    time.Time // of the oldest file
	objects int

	vnets      []vnet
	vnetByID   map[string]uint32
	owners     []owner
	exact      map[addressIn]uint32 // owner of an address, or conflict
	subnets    []subnet
	spaces     *prefixTable // spaceNode
	spaceNodes []spaceNode
	sites      []site
	behind     *prefixTable // siteNode
	siteNodes  []siteNode
	publics    []public
	outside    *prefixTable // public

	byMAC         map[uint64]uint32 // the first NIC; owner.sameMAC is the next
	byID          map[uint64]uint32 // NICs, by the hash of their ids
	seed          maphash.Seed
	subscriptions map[string]string // names, by id

	// publicSpace says that a public address may mean something else in another
	// VNet.
	publicSpace bool
}

// conflict stands where two things have one address in one VNet: nothing says
// which of them it is.
const conflict = ^uint32(0)

type vnet struct {
	id, name, region, account, group string
	peers                            []uint32 // sorted
	component                        uint32   // the same number: connected by peerings
	subnetFrom, subnetTo             uint32   // of estate.subnets
}

// hasPeer says that a VNet is peered with another one.
func (v *vnet) hasPeer(other uint32) bool {
	_, ok := slices.BinarySearch(v.peers, other)
	return ok
}

type subnet struct {
	prefix netip.Prefix
	name   string
}

// addressIn has no pointer: the garbage collector need not go through a large map of them.
type addressIn struct {
	vnet, bits uint32 // of the address's family
	point
}

func newAddressIn(vnet uint32, addr netip.Addr) addressIn {
	return addressIn{vnet, uint32(addr.BitLen()), pointOf(addr)}
}

// machine is a VM.
type machine struct {
	name, host, id, size, zone, region string
	scaleSet                           string
	account, group, cluster            string
	labels                             []Label
}

// owner is what has an address: a NIC, or a resource with a frontend, or both
// where a private endpoint has a NIC.
type owner struct {
	nic                            string
	resource, kind, target, domain string
	vm                             *machine // nil: none
	vnet                           uint32
	subnet                         string
	account, group, region         string
	scaleSet, cluster              string
	sameMAC                        uint32
	addresses                      uint32 // of a NIC
}

// spaceNode is a prefix of address spaces, with its VNets.
type spaceNode struct {
	vnets []uint32
	outer uint32
}

type site struct {
	name    string
	clients bool
	vnets   []uint32 // of its gateways
}

// siteNode is a prefix of sites and pools of clients.
type siteNode struct {
	sites []uint32
	outer uint32
}

type public struct {
	name, fqdn string
	owner      uint32 // 0: not a NIC of the inventory
	kind       string // of a resource that is no NIC
	resource   string
	vm         *machine
	account    string
	group      string
	region     string
}

// resourceTypes are the types that events have, by their names in lower case.
var resourceTypes = func() map[string]string {
	all := map[string]string{}
	for _, name := range []string{"privateEndpoints", "loadBalancers", "applicationGateways", "azureFirewalls", "bastionHosts",
		"virtualNetworkGateways", "natGateways", "localNetworkGateways"} {
		all[strings.ToLower(name)] = name
	}
	return all
}()

// nicByID is the owner with the id of a NIC; 0: there is none.
func (e *estate) nicByID(id string) uint32 {
	n := e.byID[maphash.String(e.seed, id)]
	parts := partsOf(id)
	if o := &e.owners[n]; o.nic != parts.name || o.account != parts.subscription {
		return 0
	}
	return n
}

// resourceType is a type as events have it.
func resourceType(kind string) string {
	if i := strings.LastIndexByte(kind, '/'); i >= 0 {
		kind = kind[i+1:]
	}
	return cmp.Or(resourceTypes[strings.ToLower(kind)], kind)
}

// idParts are the parts of a resource id that events have, as texts of events.
type idParts struct{ subscription, group, kind, name string }

func partsOf(id string) (p idParts) {
	parts := strings.Split(strings.Trim(id, "/"), "/")
	if len(parts) >= 2 && parts[0] == "subscriptions" {
		p.subscription = clean(parts[1])
	}
	if len(parts) >= 4 && parts[2] == "resourcegroups" {
		p.group = clean(parts[3])
	}
	if len(parts) >= 2 {
		p.kind = clean(parts[len(parts)-2])
	}
	p.name = clean(parts[len(parts)-1])
	return p
}

// segment is what stands behind a name in an id: of …/virtualmachinescalesets/web/…
// it is web.
func segment(id, name string) string {
	_, after, _ := strings.Cut(id, "/"+name+"/")
	before, _, _ := strings.Cut(after, "/")
	return before
}

// vnetOfID is the VNet's own part of an id of it or of one of its subnets. Empty:
// it is none.
func vnetOfID(id string) string {
	_, after, ok := strings.Cut(id, "/virtualnetworks/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(after, "/")
	return id[:len(id)-len(after)+len(name)]
}

// reachesPublic says that addresses of a prefix may be public.
func reachesPublic(p netip.Prefix) bool {
	return ClassOf(p.Addr()) != Private || ClassOf(lastOf(p)) != Private
}
