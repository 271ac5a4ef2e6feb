package context

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Finding is what one source knows of an address, for eyes.
type Finding struct {
	Source string // class, service_tags, inventory, networks, geo, asn, threats, place
	Knows  string
	Why    string // the rule that decided; empty: the finding does not count
}

// Explain says what each source knows of an address of a record of this origin,
// and which rules decide.
func (t *Tables) Explain(addr netip.Addr, o Origin) (all []Finding) {
	addr = addr.Unmap()
	a := t.Endpoint(addr, o)
	add := func(source, knows, why string) { all = append(all, Finding{source, knows, why}) }
	add("class", a.Class.String(), "by its range")
	if t.tags != nil {
		all = append(all, t.tags.explain(addr, a)...)
	}
	if t.estate != nil {
		all = append(all, t.explainEstate(addr, o, a)...)
	}
	if t.networks != nil {
		all = append(all, t.explainNetworks(addr, o)...)
	}
	if t.geo != nil || t.asn != nil || len(t.threats) > 0 {
		switch {
		case a.Class != Public:
			add("geo, asn, threats", "not looked up", "only public addresses are")
		case a.isPlaced:
			add("geo, asn, threats", "not looked up", "the address is of the estate")
		case a.Match != NotMatched:
			add("geo, asn", "not looked up", "the address is behind a gateway of the estate")
			all = append(all, t.explainThreats(addr)...)
		default:
			all = append(all, t.explainOutside(addr, a)...)
		}
	}
	add("place", a.Side.position.String(), "the first that fits: docs/context.md, flow type")
	return all
}

// String is a position, for eyes.
func (p position) String() string {
	return [...]string{
		elsewhere: "nowhere known", virtualNetwork: "in a VNet", client: "a client of a gateway", onSite: "on a site", own: "public, of the estate",
		inAzure: "in Azure", bad: "outside, on a list", external: "outside", privateNetwork: "private", somePublic: "public; without service tags there is no flow type",
	}[p]
}

// explain has all tags that contain an address, longest prefix first.
func (s *serviceTags) explain(addr netip.Addr, a *Answer) (all []Finding) {
	number := s.table.at(addr)
	if number == 0 {
		return []Finding{{"service_tags", "no tag", ""}}
	}
	chosen := s.nodes[number]
	for n := number; n != 0; n = s.nodes[n].outer {
		node := &s.nodes[n]
		p := netip.PrefixFrom(addr, int(node.length)).Masked()
		for _, member := range s.members[node.first:node.end] {
			t := s.tag(member)
			why := ""
			switch {
			case a.ServiceTag == "":
			case member == chosen.service:
				why = "service: " + s.whyService(node, t)
			case member == chosen.place && t.location == a.Region:
				why = "region: the longest prefix of AzureCloud"
			}
			f := Finding{"service_tags", fmt.Sprintf("%s in %s", t.name, p), why}
			if t.location != "" {
				f.Knows += ", " + t.location
			}
			all = append(all, f)
		}
	}
	return all
}

// whyService is the rule by which a tag is first among those of its prefix.
func (s *serviceTags) whyService(n *tagNode, t *serviceTag) string {
	why := "the longest prefix"
	for _, member := range s.members[n.first:n.end] {
		switch u := s.tag(member); {
		case u.cloud || u == t:
		case u.region == "" && t.region != "":
			why = "of several with this prefix, one with a region"
		case len(u.service) != len(t.service):
			return "of several with this prefix, the shorter systemService"
		default:
			return "of several with this prefix, the first name"
		}
	}
	return why
}

// whySteps are the steps of the resolution.
var whySteps = [...]string{
	unresolved:    "",
	inVNet:        "it is in the record's VNet",
	inPeer:        "it is in a VNet that the record's is peered with",
	inEstate:      "only one VNet of the estate has it in its space",
	behindGateway: "the longest prefix behind a gateway of the record's VNet or a peer",
	asPublic:      "it is a public address of the estate",
}

func (t *Tables) explainEstate(addr netip.Addr, o Origin, a *Answer) []Finding {
	r := t.estate.resolve(t, addr, o.place)
	var parts []string
	for _, p := range [][2]string{{"VM", a.VM}, {"NIC", a.NIC}, {a.ResourceType, a.Resource}, {"target", a.Target}, {"subnet", a.Subnet}, {"VNet", a.VNet}, {"group", a.Group}, {"scale set", a.ScaleSet}, {"cluster", a.Cluster}} {
		if p[1] != "" {
			parts = append(parts, p[0]+" "+p[1])
		}
	}
	knows, why := strings.Join(parts, ", "), whySteps[r.step]
	if r.match != NotMatched && knows != "" {
		knows += " (match " + r.match.String() + ")"
	}
	if knows == "" {
		knows = "nothing"
	}
	if r.ambiguous {
		why = "ambiguous: several have it"
		if vnets := t.estate.containing(addr); len(vnets) > 1 {
			why += ": " + strings.Join(vnets, ", ")
		}
	} else if r.step == unresolved {
		if vnets := t.estate.containing(addr); len(vnets) == 1 {
			why = "VNet " + vnets[0] + " has it in its space, but is not connected with the record's, and a site has it, too"
		}
	}
	all := []Finding{{"inventory", knows, why}}
	if o.place == 0 {
		all = append(all, Finding{"inventory", "the VNet of the record is not known", "without it, only addresses that one VNet has are named"})
	}
	return all
}

// containing are the names of the VNets whose spaces have an address, some of them.
func (e *estate) containing(addr netip.Addr) (names []string) {
	for number := e.spaces.at(addr); number != 0; number = e.spaceNodes[number].outer {
		for _, v := range e.spaceNodes[number].vnets {
			if len(names) == 5 {
				return append(names, "…")
			}
			names = append(names, e.vnets[v].name)
		}
	}
	return names
}

func (t *Tables) explainNetworks(addr netip.Addr, o Origin) (all []Finding) {
	v := t.place(o.place)
	counts := t.networks.of(addr, v)
	for _, table := range t.networks.tables(v) {
		number := table.at(addr)
		if number == 0 {
			continue
		}
		row := &t.networks.rows[number]
		f := Finding{Source: "networks", Knows: fmt.Sprintf("%s in %s", row.name, row.prefix)}
		if row.vnet != "" {
			f.Knows += ", for records of " + row.vnet
		}
		if row == counts {
			f.Why = "the longest prefix"
		}
		all = append(all, f)
	}
	if all == nil {
		all = []Finding{{"networks", "nothing", ""}}
	}
	return all
}

func (t *Tables) explainOutside(addr netip.Addr, a *Answer) (all []Finding) {
	add := func(source, knows, why string) { all = append(all, Finding{source, knows, why}) }
	if t.geo != nil {
		knows := "nothing"
		if g := a.Geo; g != nil {
			var parts []string
			for _, text := range []string{g.CityName, g.RegionName, g.RegionISOCode, g.CountryName, g.CountryISOCode, g.ContinentCode} {
				if text != "" {
					parts = append(parts, text)
				}
			}
			if g.HasLocation {
				parts = append(parts, fmt.Sprintf("at %v, %v", g.Latitude, g.Longitude))
			}
			knows = strings.Join(parts, ", ")
		}
		add("geo", knows, "network "+t.geo.reader.Lookup(addr).Prefix().String())
	}
	if t.asn != nil {
		knows := "nothing"
		if a.AS != nil {
			knows = "AS" + strconv.Itoa(int(a.AS.Number)) + " " + a.AS.Organization
		}
		add("asn", knows, "network "+t.asn.reader.Lookup(addr).Prefix().String())
	}
	return append(all, t.explainThreats(addr)...)
}

// explainThreats is what each list says.
func (t *Tables) explainThreats(addr netip.Addr) (all []Finding) {
	add := func(source, knows, why string) { all = append(all, Finding{source, knows, why}) }
	excepted := t.except.at(addr) != 0
	if excepted && len(t.threats) > 0 {
		add("threats", "not looked up", "it is an exception")
	}
	for _, l := range t.threats {
		match, ok := l.list.match(addr, l.name)
		switch {
		case !ok:
			add("threats", l.name+": nothing", "")
		case excepted:
			add("threats", l.name+": "+match.IP+" "+match.Description, "")
		default:
			add("threats", strings.Join(strings.Fields(fmt.Sprintf("%s: %s %s %s", l.name, match.IP, match.Name, match.Description)), " "), "the longest prefix of the list")
		}
	}
	return all
}
