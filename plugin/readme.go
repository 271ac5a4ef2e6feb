package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/nsgflow/storage"
)

//go:generate sh -c "CGO_ENABLED=0 go run . readme < ../README.md > ../README.md.new && mv ../README.md.new ../README.md"

// readmeBlocks are the parts of the README that follow from the code, by the
// name in the comments around them.
func readmeBlocks() map[string]string {
	blocks := map[string]string{
		"options": optionsMarkdown(),
		"input":   storage.Markdown(),
		"nsg": sideBySide(`{"records":[{"time":"2025-03-04T09:00:41.3718205Z","systemId":"6e0b41c7-95d2-4c83-8f1e-2ab7d09c4e35",` +
			`"macAddress":"000D3AF1C27E","category":"NetworkSecurityGroupFlowEvent",` +
			`"resourceId":"/SUBSCRIPTIONS/3D1F6A52-7C0B-4E8D-9B24-5A60C8E1F703/RESOURCEGROUPS/SHOP-PROD/PROVIDERS/MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/WEB-NSG",` +
			`"operationName":"NetworkSecurityGroupFlowEvents","properties":{"Version":2,"flows":[{"rule":"UserRule_AllowHttpsInBound",` +
			`"flows":[{"mac":"000D3AF1C27E","flowTuples":["1741078809,203.0.113.24,10.20.0.4,51844,443,T,I,A,E,14,2236,17,19408"]}]}]}}]}`),
		"vnet": sideBySide(`{"records":[{"time":"2025-03-04T09:00:47.0921184Z","flowLogVersion":4,"flowLogGUID":"b7f29c54-0d8e-4a61-93f7-c15e8a2d6b40",` +
			`"macAddress":"000D3AF1C27E","category":"FlowLogFlowEvent","operationName":"FlowLogFlowEvent",` +
			`"flowLogResourceID":"/SUBSCRIPTIONS/3D1F6A52-7C0B-4E8D-9B24-5A60C8E1F703/RESOURCEGROUPS/NETWORKWATCHERRG/PROVIDERS/MICROSOFT.NETWORK/NETWORKWATCHERS/NETWORKWATCHER_WESTEUROPE/FLOWLOGS/SHOP-FLOWLOG",` +
			`"targetResourceID":"/subscriptions/3d1f6a52-7c0b-4e8d-9b24-5a60c8e1f703/resourceGroups/shop-prod/providers/Microsoft.Network/virtualNetworks/shop-vnet",` +
			`"flowRecords":{"flows":[{"aclID":"/subscriptions/3d1f6a52-7c0b-4e8d-9b24-5a60c8e1f703/resourceGroups/shop-prod/providers/Microsoft.Network/networkSecurityGroups/web-nsg",` +
			`"flowGroups":[{"rule":"DefaultRule_DenyAllOutBound","flowTuples":["1741078812345,10.20.0.4,198.51.100.7,49310,443,6,O,D,NX,0,0,0,0"]}]}]}}]}`),
	}
	for i, name := range nsgflow.Schemas() {
		blocks[name] = mappingMarkdown(nsgflow.Schema(i))
	}
	return blocks
}

var block = regexp.MustCompile(`(?s)(<!-- generated: ([a-z]+) -->\n).*?(<!-- /generated: [a-z]+ -->)`)

// updateReadme fills the blocks anew.
func updateReadme(readme []byte) []byte {
	blocks := readmeBlocks()
	return block.ReplaceAllFunc(readme, func(old []byte) []byte {
		part := block.FindSubmatch(old)
		return slices.Concat(part[1], []byte(blocks[string(part[2])]), part[3])
	})
}

func mappingMarkdown(s nsgflow.Schema) string {
	var b strings.Builder
	b.WriteString("| field | type | in | value |\n|---|---|---|---|\n")
	for _, f := range s.Fields() {
		typ := f.Type
		if f.List {
			typ = "[" + typ + "]"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.Name, typ, f.In, strings.ReplaceAll(f.Doc, "|", `\|`))
	}
	return b.String()
}

// sideBySide is the events that a text becomes, in every schema.
func sideBySide(text string) string {
	var b strings.Builder
	for i, name := range nsgflow.Schemas() {
		n, err := nsgflow.New(nsgflow.DefaultOptions(nsgflow.Schema(i)))
		if err != nil {
			panic(err) // the defaults are good
		}
		record, _ := n.AppendText(nil, []byte(text), nsgflow.Frame{})
		event := nsgflow.AppendJSONLines(nil, record)
		var object map[string]json.RawMessage
		var lines bytes.Buffer
		if err := json.Unmarshal(event, &object); err != nil {
			panic(err) // AppendJSONLines writes JSON
		}
		fmt.Fprintf(&b, "`%s`:\n\n```json\n", name)
		for k, key := range topLevel(event) {
			lines.WriteString(map[bool]string{true: "{", false: ",\n "}[k == 0])
			fmt.Fprintf(&lines, "%q:%s", key, object[key])
		}
		b.WriteString(lines.String() + "}\n```\n\n")
	}
	return b.String()
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
