// Package enrich writes what a context knows of the addresses of a flow: the fields
// that it adds to events, by schema. Those of an address are written once, when it is
// looked up, and copied from then on.
package enrich

import (
	"math"
	"net/netip"
	"strings"

	"fluent-bit-nsgflow/nsgflow/context"
	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// field is a row of a table. "$" in its name is the side of the address, as the schema
// calls it.
type field struct {
	name  string
	typ   string
	at    int
	value answerValue // of an address; nil: of the flow, or of a match
	match matchValue  // of a match of a threat list
	doc   string
}

// Parts of an event that a row may be one of. The first ones are of an address, and
// kept with it.
const (
	atSide     = iota // the object of the side; of flat names the event
	atFlowSide        // the side's object among what is no field of the schema
	atOther           // what the schema says of the far end only
	atZone            // the zone of the side
	sideParts

	atHosts = iota - 1 // names of both sides
	atFlowType
	atHop
	atLists
	atMatch // a match of a threat list: of each, or of the first one
)

// answerValue appends what is known of an address as msgpack, with the address;
// nothing where it is not known.
type answerValue func(dst []byte, a *context.Answer) []byte

// answerText is a text; empty: not known.
func answerText(of func(a *context.Answer) string) answerValue {
	return func(dst []byte, a *context.Answer) []byte {
		if t := of(a); t != "" {
			return msgpack.AppendString(dst, t)
		}
		return dst
	}
}

// geoText is a text of a geo database.
func geoText(of func(g *context.Geo) string) answerValue {
	return answerText(func(a *context.Answer) string {
		if a.Geo == nil {
			return ""
		}
		return of(a.Geo)
	})
}

func appendFloat(dst []byte, f float64) []byte {
	bits := math.Float64bits(f)
	dst = append(dst, msgpack.Float64Code)
	for shift := 56; shift >= 0; shift -= 8 {
		dst = append(dst, byte(bits>>shift))
	}
	return dst
}

// match is a match of a threat list.
type match struct {
	*context.Threat
	side    int
	address netip.Addr // that matched, as the flow has it
}

// matchValue appends what is known of a match as msgpack; nothing where it is not
// known.
type matchValue func(dst []byte, m *match) []byte

func matchText(of func(m *match) string) matchValue {
	return func(dst []byte, m *match) []byte {
		if t := of(m); t != "" {
			return msgpack.AppendString(dst, t)
		}
		return dst
	}
}

// degrees are one of the coordinates.
func degrees(of func(g *context.Geo) float64) answerValue {
	return func(dst []byte, a *context.Answer) []byte {
		if a.Geo == nil || !a.Geo.HasLocation {
			return dst
		}
		return appendFloat(dst, of(a.Geo))
	}
}

func asNumber(dst []byte, a *context.Answer) []byte {
	if a.AS == nil || a.AS.Number == 0 {
		return dst
	}
	return msgpack.AppendUint(dst, uint64(a.AS.Number))
}

func asOrganization(a *context.Answer) string {
	if a.AS == nil {
		return ""
	}
	return a.AS.Organization
}

// labels are a map.
func labels(dst []byte, a *context.Answer) []byte {
	if len(a.Labels) == 0 {
		return dst
	}
	dst = msgpack.AppendMapHeader(dst, len(a.Labels))
	for _, l := range a.Labels {
		dst = msgpack.AppendString(msgpack.AppendString(dst, l.Name), l.Value)
	}
	return dst
}

// inAzure is a text of cloud.origin and cloud.target.
func inAzure(of func(a *context.Answer) string) answerValue {
	return answerText(func(a *context.Answer) string {
		if !a.InAzure {
			return ""
		}
		return of(a)
	})
}

// Values of an address, by name.
var (
	ofDomain       = answerText(func(a *context.Answer) string { return a.Domain })
	ofContinent    = geoText(func(g *context.Geo) string { return g.ContinentCode })
	ofCountryCode  = geoText(func(g *context.Geo) string { return g.CountryISOCode })
	ofCountry      = geoText(func(g *context.Geo) string { return g.CountryName })
	ofRegionCode   = geoText(func(g *context.Geo) string { return g.RegionISOCode })
	ofRegion       = geoText(func(g *context.Geo) string { return g.RegionName })
	ofCity         = geoText(func(g *context.Geo) string { return g.CityName })
	ofLatitude     = degrees(func(g *context.Geo) float64 { return g.Latitude })
	ofLongitude    = degrees(func(g *context.Geo) float64 { return g.Longitude })
	ofOrganization = answerText(asOrganization)
	ofClass        = answerText(func(a *context.Answer) string { return a.Class.String() })
	ofMatch        = answerText(func(a *context.Answer) string { return a.Match.String() })
	ofVNet         = answerText(func(a *context.Answer) string { return a.VNet })
	ofSubnet       = answerText(func(a *context.Answer) string { return a.Subnet })
	ofNIC          = answerText(func(a *context.Answer) string { return a.NIC })
	ofVM           = answerText(func(a *context.Answer) string { return a.VM })
	ofScaleSet     = answerText(func(a *context.Answer) string { return a.ScaleSet })
	ofCluster      = answerText(func(a *context.Answer) string { return a.Cluster })
	ofResources    = answerText(func(a *context.Answer) string { return a.Group })
	ofResource     = answerText(func(a *context.Answer) string { return a.Resource })
	ofResourceType = answerText(func(a *context.Answer) string { return a.ResourceType })
	ofTarget       = answerText(func(a *context.Answer) string { return a.Target })
	ofServiceTag   = answerText(func(a *context.Answer) string { return a.ServiceTag })
	ofNetwork      = answerText(func(a *context.Answer) string { return a.Network })
	ofZone         = answerText(func(a *context.Answer) string { return a.Zone })
	ofProvider     = inAzure(func(*context.Answer) string { return "azure" })
	ofCloudRegion  = inAzure(func(a *context.Answer) string { return a.Region })
	ofAccount      = inAzure(func(a *context.Answer) string { return a.AccountID })
	ofInstanceID   = inAzure(func(a *context.Answer) string { return a.InstanceID })
	ofInstanceName = inAzure(func(a *context.Answer) string { return a.InstanceName })
	ofService      = inAzure(func(a *context.Answer) string { return a.SystemServiceName })
)

// ofHostname is the name up to its first dot, where that may be the name of a host.
var ofHostname = answerText(func(a *context.Answer) string {
	name, _, _ := strings.Cut(a.Domain, ".")
	if !isHostname(name) {
		return ""
	}
	return name
})

// isHostname says so by the pattern of ASIM's tester.
func isHostname(name string) bool {
	for _, c := range []byte(name) {
		if !((c|0x20)-'a' <= 'z'-'a' || c-'0' <= 9 || c == '-') {
			return false
		}
	}
	return len(name) <= 61
}

var ofFQDN = answerText(func(a *context.Answer) string {
	if !strings.Contains(a.Domain, ".") {
		return ""
	}
	return a.Domain
})

// ofAnyName is the first name that there is.
var ofAnyName = answerText(func(a *context.Answer) string {
	for _, name := range []string{a.VM, a.Resource, a.NIC} {
		if name != "" {
			return name
		}
	}
	return ""
})

// Values of a match, by name.
var (
	matchType        = matchText(func(m *match) string { return m.Type })
	matchIP          = matchText(func(m *match) string { return m.IP })
	matchProvider    = matchText(func(m *match) string { return m.Provider })
	matchName        = matchText(func(m *match) string { return m.Name })
	matchDescription = matchText(func(m *match) string { return m.Description })
	matchReference   = matchText(func(m *match) string { return m.Reference })
	matchConfidence  = matchText(func(m *match) string { return m.Confidence })
	matchFirstSeen   = matchText(func(m *match) string { return m.FirstSeen })
	matchLastSeen    = matchText(func(m *match) string { return m.LastSeen })
)

func matchPort(dst []byte, m *match) []byte {
	if m.Port == 0 {
		return dst
	}
	return msgpack.AppendUint(dst, uint64(m.Port))
}

func matchAddress(dst []byte, m *match) []byte { return msgpack.AppendString(dst, m.address.String()) }

// matchField is the field of the address, by side.
func matchField(fields ...string) matchValue {
	return matchText(func(m *match) string { return fields[m.side] })
}
