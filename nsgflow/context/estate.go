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

type subnet struct {
	prefix netip.Prefix
	name   string
}

// addressIn has no pointer, so that nobody looks for some in a large map.
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
	if o := &e.owners[n]; o.nic != clean(parts.name) || o.account != parts.subscription {
		return 0
	}
	return n
}

// withoutConfiguration is the resource of an id, which may be that of an IP
// configuration: …/networkinterfaces/web/ipconfigurations/main.
func withoutConfiguration(id string) string {
	end := strings.Index(id, "ipconfigurations/")
	if end < 0 {
		return id
	}
	return id[:strings.LastIndexByte(id[:end], '/')]
}

// resourceType is a type as events have it.
func resourceType(kind string) string {
	if i := strings.LastIndexByte(kind, '/'); i >= 0 {
		kind = kind[i+1:]
	}
	return cmp.Or(resourceTypes[strings.ToLower(kind)], kind)
}

// idParts are the parts of a resource id that events have.
type idParts struct{ subscription, group, kind, name string }

func partsOf(id string) (p idParts) {
	parts := strings.Split(strings.Trim(id, "/"), "/")
	if len(parts) >= 2 && parts[0] == "subscriptions" {
		p.subscription = parts[1]
	}
	if len(parts) >= 4 && parts[2] == "resourcegroups" {
		p.group = parts[3]
	}
	if len(parts) >= 2 {
		p.kind = parts[len(parts)-2]
	}
	p.name = parts[len(parts)-1]
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

// estateBuilder makes an estate of files.
type estateBuilder struct {
	*estate
	inVNets, behindGateways prefixList
	implied                 map[uint32]bool // VNets that have no line
	machines                map[string]*machine
	clusters                map[string]string // names, by subscription/group of the nodes
	texts                   texts
}

// newEstate makes one inventory of several files, in their order.
func newEstate(files []*inventoryFile) *estate {
	b := &estateBuilder{
		estate: &estate{
			vnets: make([]vnet, 1), owners: make([]owner, 1), sites: make([]site, 1), publics: make([]public, 1),
			spaceNodes: make([]spaceNode, 1), siteNodes: make([]siteNode, 1),
			vnetByID: map[string]uint32{}, exact: map[addressIn]uint32{}, byMAC: map[uint64]uint32{}, byID: map[uint64]uint32{}, seed: maphash.MakeSeed(),
			subscriptions: map[string]string{},
		},
		implied: map[uint32]bool{}, machines: map[string]*machine{}, clusters: map[string]string{}, texts: texts{},
	}
	for _, f := range files {
		if b.time.IsZero() || f.time.Before(b.time) {
			b.time = f.time
		}
		b.objects += f.objects
	}
	b.addNames(files)
	b.addVNets(files)
	b.addOwners(files)
	b.addOutside(files)
	b.finish()
	return b.estate
}

func (b *estateBuilder) addNames(files []*inventoryFile) {
	for _, s := range merged(files, func(f *inventoryFile) []subscriptionLine { return f.subscriptions }, func(s *subscriptionLine) string { return s.id }) {
		b.subscriptions[s.id] = s.name
	}
	for _, c := range merged(files, func(f *inventoryFile) []clusterLine { return f.clusters }, func(c *clusterLine) string { return c.id }) {
		b.clusters[partsOf(c.id).subscription+"/"+c.group] = cmp.Or(c.name, partsOf(c.id).name)
	}
	vms := merged(files, func(f *inventoryFile) []vmLine { return f.vms }, func(v *vmLine) string { return v.id })
	for i := range vms {
		v := &vms[i]
		m := v.machine
		parts := partsOf(v.id)
		m.name = cmp.Or(m.name, strings.Clone(parts.name))
		m.account, m.group = b.texts.of(parts.subscription), b.texts.of(parts.group)
		m.scaleSet = b.texts.of(cmp.Or(segment(v.id, "virtualmachinescalesets"), partsOf(v.scaleSetID).name))
		m.cluster = b.clusters[parts.subscription+"/"+parts.group]
		b.machines[v.id] = &m
	}
}

func (b *estateBuilder) addVNets(files []*inventoryFile) {
	lines := merged(files, func(f *inventoryFile) []vnetLine { return f.vnets }, func(v *vnetLine) string { return v.id })
	for i := range lines {
		l := &lines[i]
		n := b.vnet(l.id)
		v := &b.vnets[n]
		delete(b.implied, n)
		v.name, v.region = cmp.Or(l.name, v.name), l.region
		for _, p := range l.space {
			b.addSpace(p, n)
		}
	}
	for i := range lines {
		n := b.vnet(lines[i].id)
		for _, peer := range lines[i].peers {
			if p := b.vnet(peer); p != n {
				b.vnets[n].peers = append(b.vnets[n].peers, p)
				b.vnets[p].peers = append(b.vnets[p].peers, n)
			}
		}
	}
	type placed struct {
		vnet uint32
		subnet
	}
	var subnets []placed
	for _, s := range merged(files, func(f *inventoryFile) []subnetLine { return f.subnets }, func(s *subnetLine) string { return s.vnet + "/" + s.name }) {
		n := b.vnet(s.vnet)
		for _, p := range s.prefixes {
			subnets = append(subnets, placed{n, subnet{p, s.name}})
			if b.implied[n] {
				b.addSpace(p, n)
			}
		}
	}
	// The longest prefix is the first that fits.
	slices.SortStableFunc(subnets, func(x, y placed) int {
		return cmp.Or(cmp.Compare(x.vnet, y.vnet), cmp.Compare(y.prefix.Bits(), x.prefix.Bits()), x.prefix.Addr().Compare(y.prefix.Addr()))
	})
	for _, s := range subnets {
		v := &b.vnets[s.vnet]
		if v.subnetTo == 0 {
			v.subnetFrom = uint32(len(b.subnets))
		}
		b.subnets = append(b.subnets, s.subnet)
		v.subnetTo = uint32(len(b.subnets))
	}
}

// vnet is the number of a VNet. One without a line is known by its id.
func (b *estateBuilder) vnet(id string) uint32 {
	if n, ok := b.vnetByID[id]; ok {
		return n
	}
	n := uint32(len(b.vnets))
	parts := partsOf(id)
	b.vnets = append(b.vnets, vnet{id: id, name: b.texts.of(parts.name), account: b.texts.of(parts.subscription), group: b.texts.of(parts.group)})
	b.vnetByID[id] = n
	b.implied[n] = true
	return n
}

func (b *estateBuilder) addSpace(p netip.Prefix, vnet uint32) {
	b.publicSpace = b.publicSpace || reachesPublic(p)
	b.inVNets.add(p, vnet)
}

// reachesPublic says that addresses of a prefix may be public.
func reachesPublic(p netip.Prefix) bool {
	return ClassOf(p.Addr()) != Private || ClassOf(lastOf(p)) != Private
}

func (b *estateBuilder) addOwners(files []*inventoryFile) {
	lines := merged(files, func(f *inventoryFile) []nicLine { return f.nics }, func(n *nicLine) string { return n.id })
	for i := range lines {
		l := &lines[i]
		o := b.owner(l.id, l.subnet)
		o.nic = strings.Clone(clean(partsOf(l.id).name))
		o.region = cmp.Or(l.region, o.region)
		o.addresses = uint32(len(l.ips))
		o.scaleSet = b.texts.of(segment(l.id, "virtualmachinescalesets"))
		if m := b.machines[l.vm]; m != nil {
			o.vm = m
			o.region, o.scaleSet, o.cluster = cmp.Or(m.region, o.region), cmp.Or(m.scaleSet, o.scaleSet), cmp.Or(m.cluster, o.cluster)
		} else if l.vm != "" {
			// One of a scale set in uniform mode has a number in its id.
			name := partsOf(l.vm).name
			if o.scaleSet != "" {
				name = o.scaleSet + "_" + name
			}
			o.vm = &machine{name: strings.Clone(clean(name))}
		}
		n := uint32(len(b.owners))
		b.byID[maphash.String(b.seed, l.id)] = n
		if l.mac != 0 {
			o.sameMAC = b.byMAC[l.mac]
			b.byMAC[l.mac] = n
		}
		b.owners = append(b.owners, o)
		for _, ip := range l.ips {
			b.own(ip, n)
		}
	}
	resources := merged(files, func(f *inventoryFile) []resourceLine { return f.resources }, func(o *resourceLine) string { return o.id + " " + o.ip.String() })
	for i := range resources {
		l := &resources[i]
		o := b.owner(l.id, l.subnet)
		o.resource, o.kind, o.target, o.domain = cmp.Or(l.name, clean(partsOf(l.id).name)), resourceType(l.kind), l.target, l.domain
		o.region = cmp.Or(l.region, o.region)
		at := newAddressIn(o.vnet, l.ip)
		// The NIC of a private endpoint has its address, too.
		if n := b.exact[at]; n != 0 && n != conflict && b.owners[n].vm == nil && b.owners[n].resource == "" {
			o.nic, o.addresses = b.owners[n].nic, b.owners[n].addresses
			o.sameMAC = b.owners[n].sameMAC
			b.owners[n] = o
			continue
		}
		b.owners = append(b.owners, o)
		b.own(l.ip, uint32(len(b.owners)-1))
	}
}

// owner is what ids say of a NIC or a resource.
func (b *estateBuilder) owner(id, subnetID string) owner {
	parts := partsOf(id)
	o := owner{account: b.texts.of(parts.subscription), group: b.texts.of(parts.group)}
	o.cluster = b.clusters[parts.subscription+"/"+parts.group]
	if vnetID := vnetOfID(subnetID); vnetID != "" {
		o.vnet = b.vnet(vnetID)
		o.subnet = b.texts.of(segment(subnetID, "subnets"))
		o.region = b.vnets[o.vnet].region
	}
	return o
}

func (b *estateBuilder) own(addr netip.Addr, owner uint32) {
	vnet := b.owners[owner].vnet
	if vnet == 0 {
		return
	}
	at := newAddressIn(vnet, addr)
	if other := b.exact[at]; other != 0 && other != owner {
		owner = conflict
	}
	b.exact[at] = owner
	if b.implied[vnet] {
		b.addSpace(netip.PrefixFrom(addr, addr.BitLen()), vnet)
	}
}

// addOutside adds public addresses, and what lies behind gateways.
func (b *estateBuilder) addOutside(files []*inventoryFile) {
	var publics prefixList
	for _, l := range merged(files, func(f *inventoryFile) []publicLine { return f.publics }, func(p *publicLine) string { return p.prefix.String() }) {
		p := public{name: l.name, fqdn: l.fqdn, region: l.region}
		on := withoutConfiguration(l.on)
		parts := partsOf(cmp.Or(on, l.id))
		p.account, p.group = parts.subscription, parts.group
		p.owner = b.nicByID(on)
		if p.owner == 0 && on != "" {
			if p.vm = b.machines[on]; p.vm == nil {
				if kind := resourceTypes[parts.kind]; kind != "" {
					p.kind, p.resource = kind, parts.name
				}
			}
		}
		b.publics = append(b.publics, p)
		publics.add(l.prefix, uint32(len(b.publics)-1))
	}
	b.outside = publics.table(longest)
	for _, l := range merged(files, func(f *inventoryFile) []siteLine { return f.sites }, func(s *siteLine) string { return cmp.Or(s.id, s.name) }) {
		s := site{name: l.name, clients: l.clients}
		for _, id := range l.vnets {
			s.vnets = append(s.vnets, b.vnet(id))
		}
		b.sites = append(b.sites, s)
		for _, p := range l.prefixes {
			b.publicSpace = b.publicSpace || reachesPublic(p)
			b.behindGateways.add(p, uint32(len(b.sites)-1))
		}
	}
}

// finish makes tables and connected components.
func (b *estateBuilder) finish() {
	for i := range b.vnets {
		v := &b.vnets[i]
		slices.Sort(v.peers)
		v.peers = slices.Clip(slices.Compact(v.peers))
	}
	for i := range b.vnets {
		if i == 0 || b.vnets[i].component != 0 {
			continue
		}
		b.vnets[i].component = uint32(i)
		for todo := []uint32{uint32(i)}; len(todo) > 0; {
			at := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			for _, peer := range b.vnets[at].peers {
				if b.vnets[peer].component == 0 {
					b.vnets[peer].component = uint32(i)
					todo = append(todo, peer)
				}
			}
		}
	}
	e := b.estate
	e.spaces = b.inVNets.table(func(_ netip.Prefix, own []uint32, outer uint32) uint32 {
		e.spaceNodes = append(e.spaceNodes, spaceNode{slices.Compact(slices.Clone(own)), outer})
		return uint32(len(e.spaceNodes) - 1)
	})
	e.behind = b.behindGateways.table(func(_ netip.Prefix, own []uint32, outer uint32) uint32 {
		e.siteNodes = append(e.siteNodes, siteNode{slices.Compact(slices.Clone(own)), outer})
		return uint32(len(e.siteNodes) - 1)
	})
}
