package context

import (
	"cmp"
	"hash/maphash"
	"net/netip"
	"slices"
	"strings"
)

// estateBuilder makes an estate of files.
type estateBuilder struct {
	*estate
	inVNets, behindGateways prefixList
	implied                 map[uint32]bool // VNets that have no line
	machines                map[string]*machine
	clusters                map[string]string // names, by subscription/group of the nodes
	subnetNames             map[string]string // by id, which has no capitals
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
		implied: map[uint32]bool{}, machines: map[string]*machine{}, clusters: map[string]string{}, subnetNames: map[string]string{}, texts: texts{},
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
		b.subnetNames[s.vnet+"/subnets/"+strings.ToLower(s.name)] = s.name
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

func (b *estateBuilder) addOwners(files []*inventoryFile) {
	lines := merged(files, func(f *inventoryFile) []nicLine { return f.nics }, func(n *nicLine) string { return n.id })
	for i := range lines {
		l := &lines[i]
		o := b.owner(l.id, l.subnet)
		o.nic = strings.Clone(partsOf(l.id).name)
		o.region = cmp.Or(l.region, o.region)
		if !l.isPart {
			o.addresses = uint32(len(l.ips))
		}
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
		o.resource, o.kind, o.target, o.domain = cmp.Or(l.name, partsOf(l.id).name), resourceType(l.kind), l.target, l.domain
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
		o.subnet = cmp.Or(b.subnetNames[subnetID], b.texts.of(segment(subnetID, "subnets")))
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
	for _, l := range merged(files, func(f *inventoryFile) []siteLine { return f.sites }, (*siteLine).key) {
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

// withoutConfiguration is the resource of an id, which may be that of an IP
// configuration: …/networkinterfaces/web/ipconfigurations/main.
func withoutConfiguration(id string) string {
	end := strings.Index(id, "ipconfigurations/")
	if end < 0 {
		return id
	}
	return id[:strings.LastIndexByte(id[:end], '/')]
}

// merged are the lines of all files in one: a later file's line with the same key
// replaces an earlier one.
func merged[T any](files []*inventoryFile, lines func(*inventoryFile) []T, key func(*T) string) []T {
	at := map[string]int{}
	var all []T
	for _, f := range files {
		for _, line := range lines(f) {
			k := key(&line)
			i, known := at[k]
			if known {
				all[i] = line
				continue
			}
			at[k] = len(all)
			all = append(all, line)
		}
	}
	return all
}
