package context

// FlowType is the kind of the two positions that a flow is between, by the definitions
// of Microsoft's Traffic Analytics ("Schema and data aggregation in Traffic
// Analytics" on Microsoft Learn).
type FlowType uint8

const (
	FlowTypeUnset FlowType = iota // a source is missing that could change the answer
	Unknown
	IntraVNet
	InterVNet
	PointToSite
	SiteToSite
	AzurePublic
	MaliciousFlow
	ExternalPublic
	UnknownPrivate
	OwnPublic // of ours: Microsoft has no word for a public address of the estate
)

// String is the type as events have it; empty where there is none.
func (f FlowType) String() string {
	return [...]string{
		FlowTypeUnset:  "",
		Unknown:        "Unknown",
		IntraVNet:      "IntraVNet",
		InterVNet:      "InterVNet",
		PointToSite:    "P2S",
		SiteToSite:     "S2S",
		AzurePublic:    "AzurePublic",
		MaliciousFlow:  "MaliciousFlow",
		ExternalPublic: "ExternalPublic",
		UnknownPrivate: "UnknownPrivate",
		OwnPublic:      "OwnPublic",
	}[f]
}

// position is where a side of a flow is.
type position uint8

const (
	elsewhere position = iota
	virtualNetwork
	client
	onSite
	own
	inAzure
	bad
	external
	privateNetwork
	somePublic // public, without service tags: in Azure, bad or external
)

// position is the first test that an address passes. That a side is the record's
// own comes later: it is no quality of the address.
func (t *Tables) position(a *Answer, r *resolution, row *network) position {
	switch {
	case r.vnet != 0:
		return virtualNetwork
	case r.site != 0 && t.estate.sites[r.site].clients, row != nil && row.kind == clientNetwork:
		return client
	case r.site != 0, row != nil && row.kind == siteNetwork:
		return onSite
	case r.public != 0:
		return own
	case a.Class == Platform, a.ServiceTag != "":
		return inAzure
	case a.Class == Public && t.tags == nil:
		return somePublic
	case a.Class == Public && len(a.Threats) > 0:
		return bad
	case a.Class == Public:
		return external
	case a.Class == Private:
		return privateNetwork
	}
	return elsewhere
}

// outward are the flow types between a VNet and what is no VNet.
var outward = [...]FlowType{
	elsewhere:      Unknown,
	client:         PointToSite,
	onSite:         SiteToSite,
	own:            OwnPublic,
	inAzure:        AzurePublic,
	bad:            MaliciousFlow,
	external:       ExternalPublic,
	privateNetwork: UnknownPrivate,
	somePublic:     FlowTypeUnset,
}

// Direction is which way a flow passed the NIC of its record.
type Direction uint8

const (
	DirectionUnknown Direction = iota
	Inbound
	Outbound
)

// FlowTypeOf is the type of a flow of a record of this origin, and whether the NIC
// only passes it on: neither address is its own.
func FlowTypeOf(o *Origin, d Direction, source, destination Side) (f FlowType, hop bool) {
	mineS, mineD := source.isOf(o.nic), destination.isOf(o.nic)
	hop = o.hasAddresses && !mineS && !mineD
	switch d {
	case Outbound:
		source.asOwn(o, mineS)
	case Inbound:
		destination.asOwn(o, mineD)
	}
	in, out := source, destination
	if in.position != virtualNetwork {
		in, out = out, in
	}
	switch {
	case in.position != virtualNetwork:
		return Unknown, hop
	case out.position != virtualNetwork:
		return outward[out.position], hop
	case in.vnet == 0 || out.vnet == 0:
		return FlowTypeUnset, hop
	case in.vnet == out.vnet:
		return IntraVNet, hop
	}
	return InterVNet, hop
}

// isOf says that an address is, or may be, one of a NIC.
func (s Side) isOf(nic uint32) bool { return nic != 0 && (s.owner == nic || s.owner == conflict) }

// asOwn makes the record's own side one of its VNet, whatever else it is, where
// the NIC is not known or the address is one of it.
func (s *Side) asOwn(o *Origin, mine bool) {
	if s.position != virtualNetwork && (o.nic == 0 || mine) {
		s.position, s.vnet = virtualNetwork, o.place
	}
}
