package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"fluent-bit-nsgflow/nsgflow"
)

// One record of each family, with one tuple.
const (
	nsgExample = `{"records":[{"time":"2025-03-04T09:00:41.3718205Z","systemId":"6e0b41c7-95d2-4c83-8f1e-2ab7d09c4e35",` +
		`"macAddress":"000D3AF1C27E","category":"NetworkSecurityGroupFlowEvent",` +
		`"resourceId":"/SUBSCRIPTIONS/3D1F6A52-7C0B-4E8D-9B24-5A60C8E1F703/RESOURCEGROUPS/SHOP-PROD/PROVIDERS/MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/WEB-NSG",` +
		`"operationName":"NetworkSecurityGroupFlowEvents","properties":{"Version":2,"flows":[{"rule":"UserRule_AllowHttpsInBound",` +
		`"flows":[{"mac":"000D3AF1C27E","flowTuples":["1741078809,203.0.113.24,10.20.0.4,51844,443,T,I,A,E,14,2236,17,19408"]}]}]}}]}`
	vnetExample = `{"records":[{"time":"2025-03-04T09:00:47.0921184Z","flowLogVersion":4,"flowLogGUID":"b7f29c54-0d8e-4a61-93f7-c15e8a2d6b40",` +
		`"macAddress":"000D3AF1C27E","category":"FlowLogFlowEvent","operationName":"FlowLogFlowEvent",` +
		`"flowLogResourceID":"/SUBSCRIPTIONS/3D1F6A52-7C0B-4E8D-9B24-5A60C8E1F703/RESOURCEGROUPS/NETWORKWATCHERRG/PROVIDERS/MICROSOFT.NETWORK/NETWORKWATCHERS/NETWORKWATCHER_WESTEUROPE/FLOWLOGS/SHOP-FLOWLOG",` +
		`"targetResourceID":"/subscriptions/3d1f6a52-7c0b-4e8d-9b24-5a60c8e1f703/resourceGroups/shop-prod/providers/Microsoft.Network/virtualNetworks/shop-vnet",` +
		`"flowRecords":{"flows":[{"aclID":"/subscriptions/3d1f6a52-7c0b-4e8d-9b24-5a60c8e1f703/resourceGroups/shop-prod/providers/Microsoft.Network/networkSecurityGroups/web-nsg",` +
		`"flowGroups":[{"rule":"DefaultRule_DenyAllOutBound","flowTuples":["1741078812345,10.20.0.4,198.51.100.7,49310,443,6,O,D,NX,0,0,0,0"]}]}]}}]}`
)

// inEverySchema are the events that a text becomes.
func inEverySchema(text string) string {
	var b strings.Builder
	for i, name := range nsgflow.Schemas() {
		fmt.Fprintf(&b, "`%s`:\n\n%s\n", name, excerpt(text, nsgflow.Schema(i)))
	}
	return b.String()
}

// excerpt is the event that a text becomes, a member a line: all members, or
// those that are named.
func excerpt(text string, schema nsgflow.Schema, members ...string) string {
	n, err := nsgflow.New(nsgflow.DefaultOptions(schema))
	if err != nil {
		panic(err) // the defaults are good
	}
	record, _ := n.AppendText(nil, []byte(text), nsgflow.Frame{})
	event := nsgflow.AppendJSONLines(nil, record)
	var object map[string]json.RawMessage
	if err := json.Unmarshal(event, &object); err != nil {
		panic(err) // AppendJSONLines writes JSON
	}
	end := "…}"
	if len(members) == 0 {
		members, end = topLevel(event), "}"
	}
	var lines []string
	for _, key := range members {
		lines = append(lines, fmt.Sprintf("%q:%s", key, object[key]))
	}
	if end != "}" {
		lines = append(lines, "")
	}
	return "```json\n{" + strings.TrimSuffix(strings.Join(lines, ",\n "), "\n ") + end + "\n```\n"
}

// topLevel are the keys of a JSON object, in order.
func topLevel(object []byte) (keys []string) {
	d := json.NewDecoder(bytes.NewReader(object))
	_, _ = d.Token()
	for d.More() {
		key, _ := d.Token()
		keys = append(keys, key.(string))
		var value json.RawMessage
		_ = d.Decode(&value)
	}
	return keys
}
