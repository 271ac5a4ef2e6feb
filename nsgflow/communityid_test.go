package nsgflow_test

import (
	"fmt"
	"testing"

	"fluent-bit-nsgflow/nsgflow"
)

// The official vectors, as tuples of either family: both directions of a
// flow have the same id.
func TestCommunityID(t *testing.T) {
	const nsg = `{"operationName":"NetworkSecurityGroupFlowEvents","rule":"R","flow.0":"1746525600,%s,%s,%s,%s,%s,O,A"}`
	const vnet = `{"operationName":"FlowLogFlowEvent","rule":"R","flow.0":"1746525600000,%s,%s,%s,%s,%s,O,E,NX"}`
	n := newNormalizer(t, inECS)
	for _, v := range readTable(t, "testdata/communityid.tsv", 6) {
		protocol, source, destination, from, to, want := v[0], v[1], v[2], v[3], v[4], v[5]
		if from == "-" { // of no meaning to the protocol; the log has some number
			from, to = "7", "4242"
		}
		for _, form := range []string{nsg, vnet} {
			for _, reversed := range []bool{false, true} {
				if reversed {
					source, destination, from, to = destination, source, to, from
				}
				log := fmt.Sprintf(form, source, destination, from, to, protocol)
				if got := valueIn(t, eventsOf(t, n, log)[0], "network.community_id"); got != want {
					t.Errorf("%s: got %v, want %s", log, got, want)
				}
			}
		}
	}
}

// Both directions are equal, too, where the ports alone tell the ends apart:
// the vectors have no such flow.
func TestCommunityIDOfOneAddress(t *testing.T) {
	n := newNormalizer(t, inECS)
	for _, address := range []string{"10.8.0.4", "fd00:8::4"} {
		ids := map[any]bool{}
		for _, ports := range []string{"1122,3344", "3344,1122"} {
			log := fmt.Sprintf(`{"operationName":"FlowLogFlowEvent","rule":"R","flow.0":"1746525600000,%s,%[1]s,%s,6,O,E,NX,1,2,3,4"}`, address, ports)
			ids[valueIn(t, eventsOf(t, n, log)[0], "network.community_id")] = true
		}
		if len(ids) != 1 || ids[nil] {
			t.Errorf("%s: %v", address, ids)
		}
	}
}

// An IPv4 address that is mapped to IPv6 is one of IPv4 for network.type and the
// Community ID, whatever stands at the other end. Its text stays as the log has
// it, so that it is an address of its own elsewhere.
func TestMappedAddresses(t *testing.T) {
	const form = `{"operationName":"FlowLogFlowEvent","rule":"R","flow.0":"1746525600000,%s,%s,1122,3344,6,O,E,NX,1,2,3,4"}`
	n := newNormalizer(t, inECS)
	want := valueIn(t, eventsOf(t, n, fmt.Sprintf(form, "10.8.0.4", "192.0.2.9"))[0], "network.community_id")
	for _, ends := range [][2]string{{"::ffff:10.8.0.4", "192.0.2.9"}, {"10.8.0.4", "::FFFF:192.0.2.9"}, {"::ffff:a08:4", "::ffff:192.0.2.9"}} {
		e := eventsOf(t, n, fmt.Sprintf(form, ends[0], ends[1]))[0]
		if got := valueIn(t, e, "network.community_id"); got != want || valueIn(t, e, "network.type") != "ipv4" {
			t.Errorf("%s: %v, %v, want %v", ends, valueIn(t, e, "network.type"), got, want)
		}
		if valueIn(t, e, "source.ip") != ends[0] || valueIn(t, e, "destination.address") != ends[1] {
			t.Errorf("%s became %v", ends, e)
		}
	}
	if e := eventsOf(t, n, fmt.Sprintf(form, "::ffff:10.8.0.4", "2001:db8::9"))[0]; valueIn(t, e, "network.type") != nil || valueIn(t, e, "network.community_id") != nil {
		t.Errorf("between IPv4 and IPv6: %v", e)
	}
	if e := eventsOf(t, n, fmt.Sprintf(form, "::ffff:10.8.0.4", "10.8.0.4"))[0]; fmt.Sprint(valueIn(t, e, "related.ip")) != "[::ffff:10.8.0.4 10.8.0.4]" {
		t.Errorf("related: %v", e)
	}
	n = newNormalizer(t, inECS, aggregating(nsgflow.AggregateHost, nsgflow.AggregateHost))
	both := `{"rule":"R","flow.0":"1746525600,10.8.0.4,192.0.2.9,1,2,T,O,A","flow.1":"1746525600,::ffff:10.8.0.4,192.0.2.9,1,2,T,O,A"}`
	if events := eventsOf(t, n, both); len(events) != 2 {
		t.Errorf("%d aggregates", len(events))
	}
	if f, err := nsgflow.ParseTuple(nsgflow.NSG, "1746525600,::ffff:10.8.0.4,192.0.2.9,1,2,T,O,A"); err != nil || f.Source.Addr.String() != "::ffff:10.8.0.4" {
		t.Errorf("%v, %v", f, err)
	}
}

// The id of icmp and ipv6-icmp needs type and code, which flow logs lack;
// nothing has an id between a version 4 and a version 6 address, or without
// its protocol.
func TestNoCommunityID(t *testing.T) {
	n := newNormalizer(t, inECS)
	for _, columns := range []string{
		"10.8.0.4,192.0.2.9,8,0,1", "fd00:8::4,2001:db8::9,128,0,58", "10.8.0.4,192.0.2.9,8,0,58", "fd00:8::4,2001:db8::9,8,0,1",
		"10.8.0.4,2001:db8::9,1,2,6", "10.8.0.4,192.0.2.9,1,2,256", "10.8.0.4,192.0.2.9,1,2,",
	} {
		log := `{"operationName":"FlowLogFlowEvent","rule":"R","flow.0":"1746525600000,` + columns + `,O,E,NX,1,2,3,4"}`
		if got := valueIn(t, eventsOf(t, n, log)[0], "network.community_id"); got != nil {
			t.Errorf("%s: got %v", columns, got)
		}
	}
}
