package context

import (
	"net/netip"
	"slices"
	"strings"

	"fluent-bit-nsgflow/nsgflow/internal/azure"
)

// step is the step of the resolution that answered.
type step uint8

const (
	unresolved step = iota
	inVNet
	inPeer
	inEstate
	behindGateway
	asPublic
)

// resolution is who has an address, by the inventory.
type resolution struct {
	step      step
	match     Match
	ambiguous bool
	vnet      uint32 // that the address is in
	subnet    string
	owner     uint32 // 0: none is known
	nic       uint32 // the owner, also where it is one of several
	site      uint32
	public    uint32
}

// resolve finds an address, unmapped, from a place. The first step that answers is
// the answer: address spaces overlap, so nothing is looked up in the whole estate
// that may be another's. A nil estate knows nothing.
func (e *estate) resolve(t *Tables, addr netip.Addr, at uint32) (r resolution) {
	if e == nil {
		return r
	}
	if int(at) >= len(e.vnets) {
		at = 0 // a VNet that is not of the inventory
	}
	if at != 0 {
		if e.within(&r, addr, at) {
			r.step, r.match = inVNet, VNetMatch
			return r
		}
		peer, several := e.only(addr, e.vnets[at].hasPeer)
		switch {
		case several:
			r.ambiguous = true
			return r
		case peer != 0 && e.within(&r, addr, peer):
			r.step, r.match = inPeer, PeerMatch
			return r
		}
	}
	vnet, several := e.only(addr, nil)
	switch {
	case several:
		r.ambiguous = true
		return r
	case vnet != 0 && e.reaches(t, addr, at, vnet):
		if !e.within(&r, addr, vnet) {
			r.vnet = vnet
		}
		r.step, r.match = inEstate, EstateMatch
		return r
	}
	if at != 0 && e.gateway(&r, addr, at) {
		r.step = behindGateway
		return r
	}
	if number := e.outside.at(addr); number != 0 {
		r.step, r.match = asPublic, PublicMatch
		r.public, r.owner = number, e.publics[number].owner
	}
	return r
}

// within finds the owner of an address in a VNet, else its subnet.
func (e *estate) within(r *resolution, addr netip.Addr, vnet uint32) bool {
	owner := e.exact[newAddressIn(vnet, addr)]
	r.nic = owner
	if owner != 0 && owner != conflict {
		r.vnet, r.owner, r.subnet = vnet, owner, e.owners[owner].subnet
		return true
	}
	r.ambiguous = owner == conflict
	s := e.subnetOf(addr, vnet)
	if s != nil {
		r.subnet = s.name
	}
	if s != nil || r.ambiguous {
		r.vnet = vnet
	}
	return r.vnet != 0
}

// subnetOf is the subnet of the longest prefix. nil: the VNet has none.
func (e *estate) subnetOf(addr netip.Addr, vnet uint32) *subnet {
	v := &e.vnets[vnet]
	for i := v.subnetFrom; i < v.subnetTo; i++ {
		if e.subnets[i].prefix.Contains(addr) {
			return &e.subnets[i]
		}
	}
	return nil
}

// only is the one VNet whose space has an address, of those that count or, where
// counts is nil, of all. several says that there are more.
func (e *estate) only(addr netip.Addr, counts func(vnet uint32) bool) (vnet uint32, several bool) {
	for number := e.spaces.at(addr); number != 0; number = e.spaceNodes[number].outer {
		for _, v := range e.spaceNodes[number].vnets {
			if v == vnet || counts != nil && !counts(v) {
				continue
			}
			if vnet != 0 {
				return 0, true
			}
			vnet = v
		}
	}
	return vnet, false
}

// reaches says that an address in a VNet can be no other one's: the VNet is
// connected with the record's, or nobody outside has the address.
func (e *estate) reaches(t *Tables, addr netip.Addr, at, vnet uint32) bool {
	if at != 0 && e.vnets[at].component == e.vnets[vnet].component {
		return true
	}
	return e.behind.at(addr) == 0 && !t.networks.isOutside(addr)
}

// gateway finds a site or a pool of clients behind a gateway of a VNet, or of one
// that it is peered with: the longest prefix. Two with one prefix have no name, but
// the flow type knows what they are: it asks for clients first.
func (e *estate) gateway(r *resolution, addr netip.Addr, at uint32) bool {
	for number := e.behind.at(addr); number != 0; number = e.siteNodes[number].outer {
		for _, s := range e.siteNodes[number].sites {
			match := e.gatewayOf(s, at)
			if match == NotMatched {
				continue
			}
			r.ambiguous = r.site != 0
			if r.site == 0 || e.sites[s].clients {
				r.site, r.match = s, match
			}
		}
		if r.site != 0 {
			return true
		}
	}
	return false
}

// gatewayOf says whether a site lies behind a gateway of a VNet, or of a peer.
func (e *estate) gatewayOf(s, at uint32) Match {
	if slices.Contains(e.sites[s].vnets, at) {
		return VNetMatch
	}
	if slices.ContainsFunc(e.sites[s].vnets, e.vnets[at].hasPeer) {
		return PeerMatch
	}
	return NotMatched
}

// Origin is where a record was logged: by the MAC of its NIC, else by the id of
// the resource that it names, a VNet, a subnet or a NIC. A MAC that two NICs have
// counts for the one whose VNet or subscription is the resource's; else for none.
func (t *Tables) Origin(mac, resource string) (o Origin) {
	e := t.estate
	if e == nil && len(t.extra) == 0 {
		return o
	}
	number, ok := azure.ParseMAC(mac)
	if e != nil && ok {
		first := e.byMAC[number]
		if first != 0 && e.owners[first].sameMAC == 0 {
			return e.origin(first) // nearly always, and allocates nothing
		}
		o.nic = first
	}
	id := strings.ToLower(resource)
	if e != nil {
		if o.nic = e.nicOf(o.nic, id); o.nic == 0 {
			o.nic = e.nicByID(id)
		}
		o = e.origin(o.nic)
	}
	if o.place == 0 {
		o.place = t.placeOf(vnetOfID(id))
	}
	if e != nil && o.nic == 0 {
		o.AccountName = e.subscriptions[partsOf(id).subscription]
	}
	return o
}

// origin is that of a NIC.
func (e *estate) origin(nic uint32) (o Origin) {
	if nic == 0 {
		return o
	}
	owner := &e.owners[nic]
	o = Origin{place: owner.vnet, nic: nic, hasAddresses: owner.addresses > 0 && owner.vnet != 0, AccountName: e.subscriptions[owner.account]}
	if m := owner.vm; m != nil {
		o.InstanceID, o.InstanceName, o.MachineType, o.AvailabilityZone = m.id, m.name, m.size, m.zone
	}
	return o
}

// nicOf is the one of several NICs with a MAC that a record with this resource can
// be of.
func (e *estate) nicOf(first uint32, id string) uint32 {
	vnet, account := e.vnetByID[vnetOfID(id)], partsOf(id).subscription
	for _, fits := range []func(*owner) bool{
		func(o *owner) bool { return vnet != 0 && o.vnet == vnet },
		func(o *owner) bool { return account != "" && o.account == account },
	} {
		only, several := uint32(0), false
		for n := first; n != 0; n = e.owners[n].sameMAC {
			if fits(&e.owners[n]) {
				only, several = n, only != 0
			}
		}
		if only != 0 && !several {
			return only
		}
	}
	return 0
}

// placeOf is the number of a VNet: one of the inventory, or one that the user's
// networks name.
func (t *Tables) placeOf(vnetID string) uint32 {
	if vnetID == "" {
		return 0
	}
	if t.estate != nil {
		if n := t.estate.vnetByID[vnetID]; n != 0 {
			return n
		}
	}
	if n := t.extra[vnetID]; n != 0 {
		return n
	}
	return t.extra[partsOf(vnetID).name]
}
