package nsgflow_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// valuesOf are those of an event's fields that there are.
func valuesOf(t testing.TB, e map[string]any, names ...string) map[string]any {
	t.Helper()
	values := map[string]any{}
	for _, name := range names {
		if v := valueIn(t, e, name); v != nil {
			values[name] = v
		}
	}
	return values
}

// tupleWith is a VNet log of one flow with these members.
func tupleWith(members string) string {
	return `{"operationName":"FlowLogFlowEvent",` + members + `,"flow.0":"1746525600000,10.8.0.4,192.0.2.9,1,2,6,O,E,NX,1,2,3,4"}`
}

func TestTargetResource(t *testing.T) {
	const subscription = "/Subscriptions/5C2A90E7-41D3-4F6B-B8A5-93E0D17F2C64"
	const group = subscription + "/resourceGroups/Orchard"
	account := map[string]any{"cloud.account.id": "5c2a90e7-41d3-4f6b-b8a5-93e0d17f2c64", "azure.subscription_id": "5C2A90E7-41D3-4F6B-B8A5-93E0D17F2C64"}
	with := func(more map[string]any, name string) map[string]any {
		want := map[string]any{}
		for _, values := range []map[string]any{account, more} {
			for k, v := range values {
				want[k] = v
			}
		}
		if name != "" {
			want["azure.resource.group"], want["azure.resource.name"], want["observer.name"] = "Orchard", name, strings.ToLower(name)
		}
		return want
	}
	provider := func(p string) map[string]any { return map[string]any{"azure.resource.provider": p} }
	n := newNormalizer(t, inECS)
	for id, want := range map[string]map[string]any{
		group + "/providers/Microsoft.Network/virtualNetworks/orchard-vnet":                               with(provider("Microsoft.Network/virtualNetworks"), "orchard-vnet"),
		group + "/providers/Microsoft.Network/virtualNetworks/orchard-vnet/subnets/front":                 with(provider("Microsoft.Network/virtualNetworks"), "orchard-vnet/subnets/front"),
		group + "/providers/Microsoft.Network/networkInterfaces/gate-nic":                                 with(provider("Microsoft.Network/networkInterfaces"), "gate-nic"),
		subscription + "/RESOURCEGROUPS/Orchard/PROVIDERS/MICROSOFT.NETWORK/VIRTUALNETWORKS/ORCHARD-VNET": with(provider("MICROSOFT.NETWORK/VIRTUALNETWORKS"), "ORCHARD-VNET"),
		subscription + "/resourcegroups/Orchard":                                                          with(map[string]any{"azure.resource.group": "Orchard"}, ""),
		subscription:                                                                                      account,
		"not an id":                                                                                       {},
		"/":                                                                                               {},
		"subscriptions/a":                                                                                 {},
		group + "/providers/":                                                                             with(map[string]any{"azure.resource.group": "Orchard"}, ""),
		"0f8c6e1d-7b52-4a39-9d04-e6a1c3f58b27":                                                            {},
	} {
		e := eventsOf(t, n, tupleWith(fmt.Sprintf(`"rule":"R","targetResourceID":%q`, id)))[0]
		if got := valueIn(t, e, "azure.resource.id"); got != id {
			t.Errorf("%q: azure.resource.id %q", id, got)
		}
		got := valuesOf(t, e, "cloud.account.id", "azure.subscription_id", "azure.resource.group", "azure.resource.provider", "azure.resource.name", "observer.name")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", id, diff)
		}
	}
}

// NSG logs have the name of an NSG in capitals, VNet logs of the same NSG as its
// owner wrote it: rule.ruleset and observer.name are one, azure.resource as the
// log has it.
func TestOneNameOfAnNSG(t *testing.T) {
	const owners = "/subscriptions/5c2a90e7-41d3-4f6b-b8a5-93e0d17f2c64/resourceGroups/Orchard/providers/Microsoft.Network/networkSecurityGroups/Gate-nsg"
	n := newNormalizer(t, inECS)
	vnet := eventsOf(t, n, tupleWith(fmt.Sprintf(`"rule":"R","targetResourceID":%q,"aclID":%[1]q`, owners)))[0]
	nsg := eventsOf(t, n, fmt.Sprintf(`{"resourceId":%q,"rule":"R","flow.0":"1746525600,10.8.0.4,192.0.2.9,1,2,T,O,A"}`, strings.ToUpper(owners)))[0]
	for _, event := range []struct {
		e    map[string]any
		name string
	}{{vnet, "Gate-nsg"}, {nsg, "GATE-NSG"}} {
		want := map[string]any{"rule.ruleset": "gate-nsg", "observer.name": "gate-nsg", "azure.resource.name": event.name}
		if diff := cmp.Diff(want, valuesOf(t, event.e, "rule.ruleset", "observer.name", "azure.resource.name")); diff != "" {
			t.Error(diff)
		}
	}
}

func TestRegion(t *testing.T) {
	const watchers = "/SUBSCRIPTIONS/5C2A90E7-41D3-4F6B-B8A5-93E0D17F2C64/RESOURCEGROUPS/NETWORKWATCHERRG/PROVIDERS/MICROSOFT.NETWORK/NETWORKWATCHERS/"
	n := newNormalizer(t, inECS)
	for id, want := range map[string]any{
		watchers + "NETWORKWATCHER_NORWAYEAST/FLOWLOGS/ORCHARD":              "norwayeast",
		watchers + "NetworkWatcher_norwayeast/flowLogs/orchard":              "norwayeast",
		watchers + "NETWORKWATCHER_NORWAYEAST/FLOWLOGS/NETWORKWATCHER_OTHER": "norwayeast",
		watchers + "MY-OWN-WATCHER/FLOWLOGS/ORCHARD":                         nil,
		watchers + "NETWORKWATCHER_/FLOWLOGS/ORCHARD":                        nil,
		"unspecified": nil,
	} {
		e := eventsOf(t, n, tupleWith(fmt.Sprintf(`"rule":"R","flowLogResourceID":%q`, id)))[0]
		if got := valueIn(t, e, "cloud.region"); got != want {
			t.Errorf("%q: got %v, want %v", id, got, want)
		}
	}
}

func TestRule(t *testing.T) {
	const nsg = "/subscriptions/5c2a90e7-41d3-4f6b-b8a5-93e0d17f2c64/resourceGroups/orchard/providers/Microsoft.Network/networkSecurityGroups/gate-nsg"
	const target = "/subscriptions/5c2a90e7-41d3-4f6b-b8a5-93e0d17f2c64/resourceGroups/orchard/providers/Microsoft.Network/virtualNetworks/orchard-vnet"
	n := newNormalizer(t, inECS)
	for _, test := range []struct {
		rule, acl         string
		category, ruleset any
	}{
		{"DefaultRule_AllowInternetOutBound", nsg, "default", "gate-nsg"},
		{"UserRule_Web", "0f8c6e1d-7b52-4a39-9d04-e6a1c3f58b27", "user", nil},
		{"PlatformRule", "00000000-0000-0000-0000-000000000000", "platform", nil},
		{"Internet_92e8a1d5-3c06-4f7b-b1d9-5e40c7a82f36", nsg, nil, "gate-nsg"},
		{"unspecified", "unspecified", nil, nil},
		{"MyUserRule_Web", nsg, nil, "gate-nsg"},
		{"UserRule_Web", "", "user", nil}, // the target of the flow log is no NSG
	} {
		e := eventsOf(t, n, tupleWith(fmt.Sprintf(`"rule":%q,"aclID":%q,"targetResourceID":%q`, test.rule, test.acl, target)))[0]
		want := map[string]any{"rule.name": test.rule}
		if test.acl != "" {
			want["azure.flow_log.acl_id"] = test.acl
		}
		if test.category != nil {
			want["rule.category"] = test.category
		}
		if test.ruleset != nil {
			want["rule.ruleset"] = test.ruleset
		}
		if diff := cmp.Diff(want, valuesOf(t, e, "rule.name", "rule.category", "rule.ruleset", "azure.flow_log.acl_id")); diff != "" {
			t.Errorf("%+v: %s", test, diff)
		}
	}
}

func TestMAC(t *testing.T) {
	n := newNormalizer(t, inECS)
	for _, family := range []struct{ name, form string }{
		{"NSG", `{"operationName":"NetworkSecurityGroupFlowEvents","rule":"R","macAddress":%q,"flow.0":"1746525600,10.8.0.4,192.0.2.9,1,2,T,%s,A"}`},
		{"VNet", `{"operationName":"FlowLogFlowEvent","rule":"R","macAddress":%q,"flow.0":"1746525600000,10.8.0.4,192.0.2.9,1,2,6,%s,E,NX"}`},
	} {
		for direction, side := range map[string]string{"I": "destination.mac", "O": "source.mac", "?": ""} {
			for mac, good := range map[string]bool{
				"DB831EFEC376": true, "db831efec376": true, "DB-83-1E-FE-C3-76": true, "db:83:1e:fe:c3:76": true, "DB83.1EFE.C376": true,
				"DB831EFEC37": false, "DB831EFEC3760": false, "DB831EFEC37G": false, "unknown": false, "DB-83-1E-FE-C3-76-": false,
				"-DB831EFEC376": false, "D-B831EFEC376": false, "DB--831EFEC376": false, "DB831EFEC376DB83": false,
			} {
				want := map[string]any{"azure.flow_log.mac": mac}
				if good {
					want = map[string]any{"observer.mac": []any{"DB-83-1E-FE-C3-76"}}
					if side != "" {
						want[side] = "DB-83-1E-FE-C3-76"
					}
				}
				e := eventsOf(t, n, fmt.Sprintf(family.form, mac, direction))[0]
				if diff := cmp.Diff(want, valuesOf(t, e, "source.mac", "destination.mac", "observer.mac", "azure.flow_log.mac")); diff != "" {
					t.Errorf("%s, %s, %q: %s", family.name, direction, mac, diff)
				}
			}
		}
	}
}
