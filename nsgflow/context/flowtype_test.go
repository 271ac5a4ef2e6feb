package context

import (
	"net/netip"
	"testing"
)

func TestFlowType(t *testing.T) {
	tags, err := readServiceTags(readFile(t, "testdata/service-tags.json"))
	if err != nil {
		t.Fatal(err)
	}
	list, err := readThreats([]byte("89.160.20.112\n20.60.0.1\n"), noon, maxThreats)
	if err != nil {
		t.Fatal(err)
	}
	const rows = "cidr,kind\n172.20.0.0/16,site\n172.21.0.0/16,client\n44.0.0.0/8,site\n172.22.0.0/16,network\n"
	full := tablesOf(t, rows, shop)
	full.tags, full.threats = tags, []namedList{{"l", list}}
	noTags := tablesOf(t, rows, shop)
	noTags.threats = full.threats
	noInventory := tablesOf(t, rows)
	noInventory.tags = tags
	nothing := tablesOf(t, "")

	const web = "000D3AF1C27E" // vm-web-01: 10.20.0.4, 10.20.0.5
	const nva = "000D3AF1C280" // 10.0.1.4
	for _, c := range []struct {
		tables      *Tables
		mac, vnet   string
		direction   Direction
		source, dst string
		want        FlowType
		hop         bool
	}{
		{full, web, "", Outbound, "10.20.0.4", "10.20.1.4", IntraVNet, false},
		{full, web, "", Inbound, "10.20.1.4", "10.20.0.5", IntraVNet, false},
		{full, web, "", Outbound, "10.20.0.4", "10.0.1.4", InterVNet, false},
		{full, web, "", Outbound, "10.20.0.4", "10.40.0.9", InterVNet, false},
		{full, web, "", Outbound, "10.20.0.4", "20.60.0.1", AzurePublic, false}, // on a list, too
		{full, web, "", Outbound, "10.20.0.4", "168.63.129.16", AzurePublic, false},
		{full, web, "", Inbound, "89.160.20.112", "10.20.0.4", MaliciousFlow, false},
		{full, web, "", Inbound, "89.160.20.113", "10.20.0.4", ExternalPublic, false},
		{full, web, "", Outbound, "10.20.0.4", "20.54.1.10", OwnPublic, false},
		{full, web, "", Outbound, "10.20.0.4", "192.168.4.3", SiteToSite, false},
		{full, web, "", Outbound, "10.20.0.4", "172.30.0.7", PointToSite, false},
		{full, web, "", Outbound, "10.20.0.4", "172.20.0.7", SiteToSite, false},
		{full, web, "", Outbound, "10.20.0.4", "172.21.0.7", PointToSite, false},
		{full, web, "", Outbound, "10.20.0.4", "172.22.0.7", UnknownPrivate, false},
		{full, web, "", Outbound, "10.20.0.4", "44.1.1.1", SiteToSite, false},
		{full, web, "", Outbound, "10.20.0.4", "224.0.0.1", Unknown, false},
		// The NIC is of an appliance: neither address is its own.
		{full, nva, "", Outbound, "10.20.0.4", "10.40.0.9", InterVNet, true},
		{full, nva, "", Outbound, "172.20.0.7", "20.60.0.1", Unknown, true},
		{full, nva, "", Inbound, "10.0.1.4", "20.60.0.1", AzurePublic, false},
		// The NIC is not known: the own side is in the record's VNet.
		{full, "", "shop-vnet", Outbound, "10.99.0.4", "20.60.0.1", AzurePublic, false},
		{full, "", "shop-vnet", Outbound, "10.99.0.4", "10.20.0.4", IntraVNet, false},
		{full, "", "", Outbound, "10.99.0.4", "10.20.0.4", FlowTypeUnset, false},
		{full, "", "", DirectionUnknown, "10.99.0.4", "20.60.0.1", Unknown, false},
		{full, "", "", DirectionUnknown, "10.20.0.4", "20.60.0.1", AzurePublic, false},
		// A source is missing that could change the answer.
		{noTags, web, "", Outbound, "10.20.0.4", "20.60.0.1", FlowTypeUnset, false},
		{noTags, web, "", Outbound, "10.20.0.4", "89.160.20.112", FlowTypeUnset, false},
		{noTags, web, "", Outbound, "10.20.0.4", "20.54.1.9", OwnPublic, false},
		{noTags, web, "", DirectionUnknown, "172.20.0.7", "20.60.0.1", Unknown, true},
		{noInventory, "", "", Outbound, "10.20.0.4", "10.20.0.5", UnknownPrivate, false},
		{noInventory, "", "", Outbound, "10.20.0.4", "20.54.1.9", ExternalPublic, false},
		{noInventory, "", "", Inbound, "172.20.0.7", "10.20.0.4", SiteToSite, false},
		{nothing, web, "", Outbound, "10.20.0.4", "10.20.0.5", UnknownPrivate, false},
		{nothing, web, "", Outbound, "10.20.0.4", "8.8.8.8", FlowTypeUnset, false},
		{nothing, web, "", Outbound, "10.20.0.4", "169.254.169.254", AzurePublic, false},
		{nothing, web, "", DirectionUnknown, "10.20.0.4", "10.20.0.5", Unknown, false},
	} {
		o := in(c.tables, c.vnet)
		if c.mac != "" {
			o = c.tables.Origin(c.mac, "")
		}
		source := c.tables.Endpoint(netip.MustParseAddr(c.source), o)
		dst := c.tables.Endpoint(netip.MustParseAddr(c.dst), o)
		got, hop := FlowTypeOf(&o, c.direction, source.Side, dst.Side)
		if got != c.want || hop != c.hop {
			t.Errorf("%s → %s, %s: %q, hop %v, not %q, %v", c.source, c.dst, c.mac, got, hop, c.want, c.hop)
		}
	}
}
