package enrich

import (
	"slices"
	"strings"

	"fluent-bit-nsgflow/nsgflow/context"
	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// Schema is the table of a schema: what a context adds for each event. What is the
// same for all events of a NIC stands in the schema's own table.
type Schema struct {
	sides   [2]string // what it calls source and destination
	flat    bool      // names are keys as they are
	objects map[string]Opening
	fields  []field
}

// The schemas.
var (
	ECS = &Schema{sides: [2]string{"source", "destination"}, fields: slices.Concat(sideFields, cloudFields, flowFields),
		objects: map[string]Opening{"source": OpenSource, "destination": OpenDestination, "related": OpenRelated, "azure.flow_log": OpenFlow,
			"cloud": OpenCloud, "observer": OpenObserver}}
	Sekoia = &Schema{sides: [2]string{"source", "destination"}, fields: slices.Concat(sideFields, flowFields),
		objects: map[string]Opening{"source": OpenSource, "destination": OpenDestination, "related": OpenRelated, "azure.flow_log": OpenFlow}}
	ASIM = &Schema{sides: [2]string{"Src", "Dst"}, flat: true, fields: asimFields}
	OCSF = &Schema{sides: [2]string{"src_endpoint", "dst_endpoint"}, fields: ocsfFields,
		objects: map[string]Opening{"src_endpoint": OpenSource, "dst_endpoint": OpenDestination, "unmapped": OpenFlow}}
	OTel = &Schema{sides: [2]string{"source", "destination"}, flat: true, fields: otelFields}
)

// Opening is an object of an event that gets entries which differ from flow to flow.
type Opening uint8

const (
	NotOpen Opening = iota
	OpenEvent
	OpenSource
	OpenDestination
	OpenRelated
	OpenObserver
	OpenCloud
	OpenFlow
	Openings = iota // how many there are, with NotOpen
)

// sideFields are fields of both sides, in ecs and sekoia.
var sideFields = []field{
	{"$.domain", "keyword", atSide, ofDomain, nil, "host name: of the VM, of a public address or a private endpoint, or the domain of a network of yours"},
	{"$.geo.continent_code", "keyword", atSide, ofContinent, nil, "of a public address"},
	{"$.geo.country_iso_code", "keyword", atSide, ofCountryCode, nil, "its country: `SE`"},
	{"$.geo.country_name", "keyword", atSide, ofCountry, nil, "in English"},
	{"$.geo.region_iso_code", "keyword", atSide, ofRegionCode, nil, "`SE-E`"},
	{"$.geo.region_name", "keyword", atSide, ofRegion, nil, "in English"},
	{"$.geo.city_name", "keyword", atSide, ofCity, nil, "in English"},
	{"$.geo.location", "geo_point", atSide, ofLocation, nil, "`lat` and `lon`"},
	{"$.as.number", "long", atSide, asNumber, nil, "number of the autonomous system"},
	{"$.as.organization.name", "keyword", atSide, ofOrganization, nil, "its organisation"},
	{"related.hosts", "[]keyword", atHosts, nil, nil, "the domains of both sides, without repetition"},
}

// cloudFields are fields of the far end: cloud.origin of inbound flows, cloud.target
// of outbound ones; and the zones of both sides. In ecs.
var cloudFields = []field{
	{"cloud.$.provider", "keyword", atOther, ofProvider, nil, "`azure`, where the other side is in Azure"},
	{"cloud.$.region", "keyword", atOther, ofCloudRegion, nil, "its region, from the inventory or the service tag"},
	{"cloud.$.account.id", "keyword", atOther, ofAccount, nil, "its subscription"},
	{"cloud.$.instance.id", "keyword", atOther, ofInstanceID, nil, "id of its VM"},
	{"cloud.$.instance.name", "keyword", atOther, ofInstanceName, nil, "name of its VM"},
	{"cloud.$.service.name", "keyword", atOther, ofService, nil, "service of the tag: `AzureStorage`"},
	{"observer.$.zone", "keyword", atZone, ofZone, nil, "zone of the network of yours: ingress of the source, egress of the destination"},
}

// flowFields are fields of the flow, and of its sides what ECS has no field for.
var flowFields = []field{
	{"azure.flow_log.flow_type", "keyword", atFlowType, nil, nil, "`IntraVNet`, `InterVNet`, `S2S`, `P2S`, `AzurePublic`, `OwnPublic`, `ExternalPublic`, `MaliciousFlow`, `UnknownPrivate`, `Unknown`"},
	{"azure.flow_log.hop", "boolean", atHop, nil, nil, "`true` where neither address is one of the NIC"},
	{"azure.flow_log.$.class", "keyword", atFlowSide, ofClass, nil, "`public`, `private`, `platform`, …"},
	{"azure.flow_log.$.match", "keyword", atFlowSide, ofMatch, nil, "how the names were found: `vnet`, `peer`, `estate`, `public`"},
	{"azure.flow_log.$.vnet", "keyword", atFlowSide, ofVNet, nil, "name of the VNet"},
	{"azure.flow_log.$.subnet", "keyword", atFlowSide, ofSubnet, nil, "name of the subnet"},
	{"azure.flow_log.$.nic", "keyword", atFlowSide, ofNIC, nil, "name of the NIC"},
	{"azure.flow_log.$.vm", "keyword", atFlowSide, ofVM, nil, "name of the VM"},
	{"azure.flow_log.$.scale_set", "keyword", atFlowSide, ofScaleSet, nil, "name of the scale set"},
	{"azure.flow_log.$.cluster", "keyword", atFlowSide, ofCluster, nil, "name of the AKS cluster"},
	{"azure.flow_log.$.group", "keyword", atFlowSide, ofResources, nil, "name of the resource group"},
	{"azure.flow_log.$.resource", "keyword", atFlowSide, ofResource, nil, "name of what is no VM"},
	{"azure.flow_log.$.resource_type", "keyword", atFlowSide, ofResourceType, nil, "its type: `privateEndpoints`, `loadBalancers`, …"},
	{"azure.flow_log.$.target", "keyword", atFlowSide, ofTarget, nil, "of a private endpoint: name of the resource behind it"},
	{"azure.flow_log.$.service_tag", "keyword", atFlowSide, ofServiceTag, nil, "`Storage.EastUS`"},
	{"azure.flow_log.$.network", "keyword", atFlowSide, ofNetwork, nil, "name of the network of yours"},
	{"azure.flow_log.$.labels", "flattened", atFlowSide, labels, nil, "labels of the network of yours, and tags of the VM"},
	{"azure.flow_log.threat.lists", "[]keyword", atLists, nil, nil, "names of the threat lists that have an address of the flow"},
	{"threat.enrichments[].indicator.type", "keyword", atMatch, nil, matchType, "`ipv4-addr`, `ipv6-addr`"},
	{"threat.enrichments[].indicator.ip", "ip", atMatch, nil, matchIP, "address of the list; the first one of a prefix"},
	{"threat.enrichments[].indicator.port", "long", atMatch, nil, matchPort, "port of the list"},
	{"threat.enrichments[].indicator.provider", "keyword", atMatch, nil, matchProvider, "name of the list"},
	{"threat.enrichments[].indicator.name", "keyword", atMatch, nil, matchName, "what the list calls it"},
	{"threat.enrichments[].indicator.description", "keyword", atMatch, nil, matchDescription, "what the list says of it; the prefix"},
	{"threat.enrichments[].indicator.reference", "keyword", atMatch, nil, matchReference, "link"},
	{"threat.enrichments[].indicator.confidence", "keyword", atMatch, nil, matchConfidence, "`None`, `Low`, `Medium`, `High`"},
	{"threat.enrichments[].indicator.first_seen", "date", atMatch, nil, matchFirstSeen, "as the list has it"},
	{"threat.enrichments[].indicator.last_seen", "date", atMatch, nil, matchLastSeen, "as the list has it"},
	{"threat.enrichments[].matched.atomic", "keyword", atMatch, nil, matchAddress, "address of the flow"},
	{"threat.enrichments[].matched.field", "keyword", atMatch, nil, matchField("source.ip", "destination.ip"), "`source.ip` or `destination.ip`"},
}

// asimFields are the columns that the table has for it.
var asimFields = []field{
	{"$Hostname", "keyword", atSide, ofHostname, nil, "host name of the VM, of a public address or a private endpoint, or the domain of a network of yours, up to the first dot"},
	{"$FQDN", "keyword", atSide, ofFQDN, nil, "the same as a whole, where it has a dot"},
	{"$GeoCountry", "keyword", atSide, ofCountry, nil, "country of a public address"},
	{"$GeoRegion", "keyword", atSide, ofRegion, nil, "its region"},
	{"$GeoCity", "keyword", atSide, ofCity, nil, "its city"},
	{"$GeoLatitude", "real", atSide, ofLatitude, nil, "its latitude"},
	{"$GeoLongitude", "real", atSide, ofLongitude, nil, "its longitude"},
	{"ThreatField", "keyword", atMatch, nil, matchField("SrcIpAddr", "DstIpAddr"), "of the first match of a threat list: `SrcIpAddr`, `DstIpAddr`"},
	{"ThreatIpAddr", "keyword", atMatch, nil, matchAddress, "the address"},
	{"ThreatName", "keyword", atMatch, nil, matchName, "what the list calls it"},
	{"ThreatCategory", "keyword", atMatch, nil, matchProvider, "name of the list"},
	{"ThreatConfidence", "integer", atMatch, nil, matchScore, "0 to 100"},
	{"ThreatFirstReportedTime", "date", atMatch, nil, matchFirstSeen, "as the list has it"},
	{"ThreatLastReportedTime", "date", atMatch, nil, matchLastSeen, "as the list has it"},
}

// ocsfFields are attributes of endpoints, and the enrichments of the class.
var ocsfFields = []field{
	{"$.hostname", "keyword", atSide, ofDomain, nil, "host name of the VM, of a public address or a private endpoint, or the domain of a network of yours"},
	{"$.name", "keyword", atSide, ofAnyName, nil, "name of the VM, the resource or the NIC"},
	{"$.instance_uid", "keyword", atSide, ofInstanceID, nil, "id of the VM"},
	{"$.location.city", "keyword", atSide, ofCity, nil, "city of a public address"},
	{"$.location.continent", "keyword", atSide, ofContinent, nil, "its continent"},
	{"$.location.country", "keyword", atSide, ofCountryCode, nil, "its country: `SE`"},
	{"$.location.region", "keyword", atSide, ofRegionCode, nil, "`SE-E`"},
	{"$.location.lat", "double", atSide, ofLatitude, nil, "its latitude"},
	{"$.location.long", "double", atSide, ofLongitude, nil, "its longitude"},
	{"$.autonomous_system.number", "long", atSide, asNumber, nil, "number of the autonomous system"},
	{"$.autonomous_system.name", "keyword", atSide, ofOrganization, nil, "its organisation"},
	{"$.subnet_uid", "keyword", atSide, ofSubnet, nil, "name of the subnet"},
	{"$.vpc_uid", "keyword", atSide, ofVNet, nil, "name of the VNet"},
	{"unmapped.flow_type", "keyword", atFlowType, nil, nil, "`IntraVNet`, `InterVNet`, `S2S`, `P2S`, `AzurePublic`, `OwnPublic`, `ExternalPublic`, `MaliciousFlow`, `UnknownPrivate`, `Unknown`"},
	{"unmapped.hop", "boolean", atHop, nil, nil, "`true` where neither address is one of the NIC"},
	{"unmapped.$.class", "keyword", atFlowSide, ofClass, nil, "`public`, `private`, `platform`, …"},
	{"unmapped.$.match", "keyword", atFlowSide, ofMatch, nil, "how the names were found: `vnet`, `peer`, `estate`, `public`"},
	{"unmapped.$.resource_type", "keyword", atFlowSide, ofResourceType, nil, "type of what is no VM: `privateEndpoints`, `loadBalancers`, …"},
	{"unmapped.$.target", "keyword", atFlowSide, ofTarget, nil, "of a private endpoint: name of the resource behind it"},
	{"unmapped.$.service_tag", "keyword", atFlowSide, ofServiceTag, nil, "`Storage.EastUS`"},
	{"unmapped.$.network", "keyword", atFlowSide, ofNetwork, nil, "name of the network of yours"},
	{"enrichments[].name", "keyword", atMatch, nil, matchField("src_endpoint.ip", "dst_endpoint.ip"), "of each match of a threat list: `src_endpoint.ip`, `dst_endpoint.ip`"},
	{"enrichments[].value", "keyword", atMatch, nil, matchAddress, "the address"},
	{"enrichments[].type", "keyword", atMatch, nil, matchText(func(*match) string { return "threat" }), "`threat`"},
	{"enrichments[].provider", "keyword", atMatch, nil, matchProvider, "name of the list"},
	{"enrichments[].data.type", "keyword", atMatch, nil, matchType, "`ipv4-addr`, `ipv6-addr`"},
	{"enrichments[].data.ip", "keyword", atMatch, nil, matchIP, "address of the list; the first one of a prefix"},
	{"enrichments[].data.port", "integer", atMatch, nil, matchPort, "port of the list"},
	{"enrichments[].data.name", "keyword", atMatch, nil, matchName, "what the list calls it"},
	{"enrichments[].data.description", "keyword", atMatch, nil, matchDescription, "what the list says of it; the prefix"},
	{"enrichments[].data.confidence", "keyword", atMatch, nil, matchConfidence, "`None`, `Low`, `Medium`, `High`"},
	{"enrichments[].data.first_seen", "keyword", atMatch, nil, matchFirstSeen, "as the list has it"},
	{"enrichments[].data.last_seen", "keyword", atMatch, nil, matchLastSeen, "as the list has it"},
}

// otelFields are attributes: the registry has names for one place, not for two.
var otelFields = []field{
	{"azure.flow.$.domain", "keyword", atSide, ofDomain, nil, "host name of the VM, of a public address or a private endpoint, or the domain of a network of yours"},
	{"azure.flow.$.geo.continent_code", "keyword", atSide, ofContinent, nil, "of a public address"},
	{"azure.flow.$.geo.country_iso_code", "keyword", atSide, ofCountryCode, nil, "its country: `SE`"},
	{"azure.flow.$.geo.country_name", "keyword", atSide, ofCountry, nil, "in English"},
	{"azure.flow.$.geo.region_iso_code", "keyword", atSide, ofRegionCode, nil, "`SE-E`"},
	{"azure.flow.$.geo.region_name", "keyword", atSide, ofRegion, nil, "in English"},
	{"azure.flow.$.geo.city_name", "keyword", atSide, ofCity, nil, "in English"},
	{"azure.flow.$.geo.latitude", "double", atSide, ofLatitude, nil, "its latitude"},
	{"azure.flow.$.geo.longitude", "double", atSide, ofLongitude, nil, "its longitude"},
	{"azure.flow.$.as.number", "long", atSide, asNumber, nil, "number of the autonomous system"},
	{"azure.flow.$.as.organization", "keyword", atSide, ofOrganization, nil, "its organisation"},
	{"azure.flow.$.class", "keyword", atSide, ofClass, nil, "`public`, `private`, `platform`, …"},
	{"azure.flow.$.match", "keyword", atSide, ofMatch, nil, "how the names were found: `vnet`, `peer`, `estate`, `public`"},
	{"azure.flow.$.vnet", "keyword", atSide, ofVNet, nil, "name of the VNet"},
	{"azure.flow.$.subnet", "keyword", atSide, ofSubnet, nil, "name of the subnet"},
	{"azure.flow.$.nic", "keyword", atSide, ofNIC, nil, "name of the NIC"},
	{"azure.flow.$.vm", "keyword", atSide, ofVM, nil, "name of the VM"},
	{"azure.flow.$.scale_set", "keyword", atSide, ofScaleSet, nil, "name of the scale set"},
	{"azure.flow.$.cluster", "keyword", atSide, ofCluster, nil, "name of the AKS cluster"},
	{"azure.flow.$.group", "keyword", atSide, ofResources, nil, "name of the resource group"},
	{"azure.flow.$.resource", "keyword", atSide, ofResource, nil, "name of what is no VM"},
	{"azure.flow.$.resource_type", "keyword", atSide, ofResourceType, nil, "its type: `privateEndpoints`, `loadBalancers`, …"},
	{"azure.flow.$.target", "keyword", atSide, ofTarget, nil, "of a private endpoint: name of the resource behind it"},
	{"azure.flow.$.service_tag", "keyword", atSide, ofServiceTag, nil, "`Storage.EastUS`"},
	{"azure.flow.$.region", "keyword", atSide, ofCloudRegion, nil, "region in Azure, from the inventory or the service tag"},
	{"azure.flow.$.service", "keyword", atSide, ofService, nil, "service of the tag: `AzureStorage`"},
	{"azure.flow.$.network", "keyword", atSide, ofNetwork, nil, "name of the network of yours"},
	{"azure.flow.$.zone", "keyword", atSide, ofZone, nil, "its zone"},
	{"azure.flow.flow_type", "keyword", atFlowType, nil, nil, "`IntraVNet`, `InterVNet`, `S2S`, `P2S`, `AzurePublic`, `OwnPublic`, `ExternalPublic`, `MaliciousFlow`, `UnknownPrivate`, `Unknown`"},
	{"azure.flow.hop", "boolean", atHop, nil, nil, "`true` where neither address is one of the NIC"},
	{"azure.flow.threat.lists", "[]keyword", atLists, nil, nil, "names of the threat lists that have an address of the flow"},
}

// ofLocation is a point as indices take it.
func ofLocation(dst []byte, a *context.Answer) []byte {
	if a.Geo == nil || !a.Geo.HasLocation {
		return dst
	}
	dst = msgpack.AppendString(append(dst, msgpack.FixMap|2), "lat")
	dst = msgpack.AppendString(appendFloat(dst, a.Geo.Latitude), "lon")
	return appendFloat(dst, a.Geo.Longitude)
}

// matchScore is the confidence as a number, the middle of what STIX means by the word.
func matchScore(dst []byte, m *match) []byte {
	score, ok := map[string]uint64{"None": 0, "Low": 15, "Medium": 50, "High": 85}[m.Confidence]
	if !ok {
		return dst
	}
	return msgpack.AppendUint(dst, score)
}

// word is what rows of a place call a side.
func (s *Schema) word(at, side int) string {
	switch at {
	case atOther: // the far end of an inbound flow is its source
		return [2]string{"origin", "target"}[side]
	case atZone:
		return [2]string{"ingress", "egress"}[side]
	}
	return s.sides[side]
}

// ofSide is the name of a row for a side.
func (s *Schema) ofSide(f *field, side int) string {
	return strings.ReplaceAll(f.name, "$", s.word(f.at, side))
}

// names are a row's names in events: one, or one for each side.
func (s *Schema) names(f *field) []string {
	if source, destination := s.ofSide(f, 0), s.ofSide(f, 1); source != destination {
		return []string{source, destination}
	}
	return []string{f.name}
}

// Field is a field of a schema: its name with dots ("[]" behind a part says that its
// value is an array of objects), its type in an index, and its value in words.
type Field struct{ Name, Type, Doc string }

// Fields are those of the schema.
func (s *Schema) Fields() (all []Field) {
	for i := range s.fields {
		f := &s.fields[i]
		for _, name := range s.names(f) {
			all = append(all, Field{name, f.typ, f.doc})
		}
	}
	return all
}

// Objects are the open objects, by their names with dots; without the event.
func (s *Schema) Objects() map[string]Opening { return s.objects }

// Path is a name in keys, from the top.
func (s *Schema) Path(name string) []string {
	if s.flat {
		return []string{name}
	}
	return strings.Split(name, ".")
}
