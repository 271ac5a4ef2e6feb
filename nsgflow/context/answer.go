package context

import (
	"cmp"
	"net/netip"
)

// Answer is what is known of an address, seen from a place. Texts are ready for
// events; an empty one is not known.
type Answer struct {
	Addr   netip.Addr // that was asked about
	Class  Class
	Domain string
	Geo    *Geo // nil: not known
	AS     *AS  // nil: not known

	Match                                           Match
	VNet, Subnet, NIC, VM, ScaleSet, Cluster, Group string
	Resource, ResourceType, Target                  string

	ServiceTag string
	Network    string // the user's name
	Zone       string
	Labels     []Label // at most 8; shared, not to be changed

	// InAzure says that the other fields of cloud.origin and cloud.target may be
	// there, with provider "azure".
	InAzure                                                        bool
	Region, AccountID, InstanceID, InstanceName, SystemServiceName string

	Threats []Threat // at most four, in the order of the option

	Side     Side
	Sources  Sources
	isPlaced bool // see Tables.isPlaced
}

// Match says how the names of an address were found.
type Match uint8

const (
	NotMatched  Match = iota
	VNetMatch         // in the VNet of the record's NIC
	PeerMatch         // in a VNet that it is peered with
	EstateMatch       // in the one VNet of the estate whose space has it
	PublicMatch       // as a public address of the estate
)

// String is the match as events have it; empty where there is none.
func (m Match) String() string {
	return [...]string{NotMatched: "", VNetMatch: "vnet", PeerMatch: "peer", EstateMatch: "estate", PublicMatch: "public"}[m]
}

// Sources is a set of what knew something.
type Sources uint8

const (
	FromServiceTags Sources = 1 << iota
	FromInventory
	FromNetworks
	FromGeo
	FromASN
	FromThreats
	// Ambiguous is set where two answers are possible, so that there is none.
	Ambiguous

	sourceSets = 1 << iota
)

// Side is what the flow type needs of an address.
type Side struct {
	position position
	vnet     uint32 // number; 0: not known
	owner    uint32 // number of a NIC; conflict: one of several
}

// Origin is where a record was logged: the NIC, and its VNet.
type Origin struct {
	place uint32 // number of the VNet; 0: not known
	nic   uint32 // number of the owner; 0: not known
	// hasAddresses says that the addresses of the NIC are known, and the VNet that
	// they are found in.
	hasAddresses bool

	// Of the VM of the NIC, and of its subscription. Empty: not known.
	InstanceID, InstanceName, MachineType, AvailabilityZone, AccountName string
}

// place is a VNet that records may come from: one of the inventory, or one that
// the user's networks name.
type place struct {
	id, name     string
	byID, byName *prefixTable // rows of the user's networks
}

var nowhere = &place{}

// place is one that a number stands for.
func (t *Tables) place(number uint32) *place {
	if int(number) < len(t.places) {
		return &t.places[number]
	}
	return nowhere
}

// Endpoint is what is known of an address of a record of this origin.
func (t *Tables) Endpoint(addr netip.Addr, o Origin) *Answer {
	a := &Answer{Addr: addr}
	t.answer(a, addr.Unmap(), o.place, keptRecords{})
	return a
}

// answer sets the rest of a. addr is unmapped.
func (t *Tables) answer(a *Answer, addr netip.Addr, at uint32, kept keptRecords) {
	a.Class = ClassOf(addr)
	r := t.estate.resolve(t, addr, at)
	row := t.networks.of(addr, t.place(at))
	t.setNames(a, &r)
	inside := a.Match != NotMatched && a.Match != PublicMatch
	if tag, ok := t.tags.of(addr); ok && !inside {
		a.Sources |= FromServiceTags
		a.InAzure = true
		a.ServiceTag = tag.tag
		a.SystemServiceName = tag.service
		a.Region = cmp.Or(a.Region, tag.region)
	}
	if row != nil {
		a.Sources |= FromNetworks
		a.Network, a.Zone = row.name, row.zone
		a.Domain = cmp.Or(a.Domain, row.domain)
		a.Labels = joinLabels(a.Labels, row.labels)
	}
	if a.isPlaced = t.isPlaced(a, &r, addr); !a.isPlaced {
		if a.Match == NotMatched {
			t.setGeo(a, addr, kept)
		}
		t.setThreats(a, addr)
	}
	a.Side = Side{position: t.position(a, &r, row), vnet: r.vnet, owner: r.nic}
}

// isPlaced says that an address is no address of the world outside, so that no list is
// asked about it: it is not public, or the estate's own. What lies behind a gateway may be
// half of the internet: a tunnel for all traffic.
func (t *Tables) isPlaced(a *Answer, r *resolution, addr netip.Addr) bool {
	switch {
	case a.Class != Public:
		return true
	case r.step == behindGateway:
		return t.estate.outside.at(addr) != 0
	}
	return a.Match != NotMatched
}

func (t *Tables) setNames(a *Answer, r *resolution) {
	if r.ambiguous {
		a.Sources |= Ambiguous
	}
	if r.step == unresolved {
		return
	}
	a.Sources |= FromInventory
	a.Match = r.match
	e := t.estate
	if r.vnet != 0 {
		v := &e.vnets[r.vnet]
		a.InAzure = true
		a.VNet, a.Subnet, a.Group, a.Region, a.AccountID = v.name, r.subnet, v.group, v.region, v.account
	}
	if r.owner != 0 {
		o := &e.owners[r.owner]
		a.InAzure = true
		a.NIC, a.Resource, a.ResourceType, a.Target, a.Domain = o.nic, o.resource, o.kind, o.target, o.domain
		a.ScaleSet, a.Cluster, a.Group, a.AccountID = o.scaleSet, o.cluster, o.group, o.account
		a.Region = cmp.Or(o.region, a.Region)
		a.setMachine(o.vm)
	}
	if r.public != 0 {
		p := &e.publics[r.public]
		a.InAzure = true
		if r.owner == 0 {
			a.Resource, a.ResourceType = p.resource, p.kind
			a.AccountID, a.Group = p.account, p.group
			a.setMachine(p.vm)
		} else if v := e.owners[r.owner].vnet; v != 0 {
			a.VNet, a.Subnet = e.vnets[v].name, e.owners[r.owner].subnet
		}
		a.Region = cmp.Or(p.region, a.Region)
		a.Domain = cmp.Or(p.fqdn, a.Domain)
	}
	if r.site != 0 && !r.ambiguous {
		s := &e.sites[r.site]
		a.Resource, a.ResourceType = s.name, "localNetworkGateways"
		if s.clients {
			a.ResourceType = "virtualNetworkGateways"
		}
	}
}

func (a *Answer) setMachine(m *machine) {
	if m == nil {
		return
	}
	a.VM, a.InstanceID, a.InstanceName = m.name, m.id, m.name
	a.ScaleSet, a.Cluster, a.Group = cmp.Or(m.scaleSet, a.ScaleSet), cmp.Or(m.cluster, a.Cluster), cmp.Or(m.group, a.Group)
	a.Region, a.AccountID = cmp.Or(m.region, a.Region), cmp.Or(m.account, a.AccountID)
	a.Domain = cmp.Or(a.Domain, m.host, m.name)
	a.Labels = m.labels
}

// joinLabels are the labels of a VM and those of a network; the VM's count where
// both have a name.
func joinLabels(of, more []Label) []Label {
	if len(of) == 0 {
		return more
	}
	if len(more) == 0 {
		return of
	}
	all := append([]Label(nil), of...)
	for _, l := range more {
		known := len(all) == maxLabels
		for i := range of {
			known = known || of[i].Name == l.Name
		}
		if !known {
			all = append(all, l)
		}
	}
	return all
}

func (t *Tables) setGeo(a *Answer, addr netip.Addr, kept keptRecords) {
	var geo, asn found
	geo = t.geo.of(addr, kept.geo)
	if asn = geo; t.asn != t.geo {
		asn = t.asn.of(addr, kept.asn)
	}
	if t.geo != nil && geo.geo != nil {
		a.Geo = geo.geo
		a.Sources |= FromGeo
	}
	if t.asn != nil && asn.as != nil {
		a.AS = asn.as
		a.Sources |= FromASN
	}
}

const maxMatches = 4 // threats of an event

func (t *Tables) setThreats(a *Answer, addr netip.Addr) {
	if len(t.threats) == 0 || t.except.at(addr) != 0 {
		return
	}
	for i := range t.threats {
		l := &t.threats[i]
		if match, ok := l.list.match(addr, l.name); ok && len(a.Threats) < maxMatches {
			a.Threats = append(a.Threats, match)
			a.Sources |= FromThreats
		}
	}
}
