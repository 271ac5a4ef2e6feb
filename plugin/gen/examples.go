package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
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

// errorExample is the VNet one with a port that is none.
var errorExample = strings.Replace(vnetExample, ",49310,", ",99999,", 1)

// inEverySchema are the events that a text becomes.
func inEverySchema(text string) string {
	var b strings.Builder
	for i, name := range nsgflow.Schemas() {
		fmt.Fprintf(&b, "`%s`:\n\n%s\n", name, inSchema(text, nsgflow.Schema(i)))
	}
	return b.String()
}

// sizeTable says how many bytes the events of the examples have.
func sizeTable() string {
	var b strings.Builder
	b.WriteString("| schema | NSG, allowed | VNet, denied |\n|---|---:|---:|\n")
	for i, name := range nsgflow.Schemas() {
		size := func(text string) int { return len(bytes.TrimSpace(event(text, nsgflow.Schema(i)))) }
		fmt.Fprintf(&b, "| `%s` | %d | %d |\n", name, size(nsgExample), size(vnetExample))
	}
	return b.String()
}

// inSchema is the event that a text becomes.
func inSchema(text string, schema nsgflow.Schema) string {
	return fenced(layOut(readObject(event(text, schema)), 1, 1))
}

// excerpt are members of the event that a text becomes, each on a line.
func excerpt(text string, schema nsgflow.Schema, members ...string) string {
	object := readObject(event(text, schema))
	var b strings.Builder
	b.WriteByte('{')
	for _, name := range members {
		i := slices.IndexFunc(object, func(m member) bool { return m.name == name })
		fmt.Fprintf(&b, "%s,\n ", object[i])
	}
	return fenced(strings.TrimSuffix(b.String(), "\n ") + "…}")
}

func fenced(json string) string { return "```json\n" + json + "\n```\n" }

// event is the event that a text becomes, as JSON that does not escape what is for
// browsers only.
func event(text string, schema nsgflow.Schema) []byte {
	n, err := nsgflow.New(nsgflow.DefaultOptions(schema))
	if err != nil {
		panic(err) // the defaults are good
	}
	record, _ := n.AppendText(nil, []byte(text), nsgflow.Frame{})
	return bytes.ReplaceAll(nsgflow.AppendJSONLines(nil, record), []byte(`\u003e`), []byte(">"))
}

// member is one of a JSON object.
type member struct {
	name  string
	value json.RawMessage
}

func (m member) String() string { return fmt.Sprintf("%q:%s", m.name, m.value) }

func (m member) isObject() bool { return m.value[0] == '{' }

// readObject reads a JSON object; its members stay in order.
func readObject(object []byte) (members []member) {
	d := json.NewDecoder(bytes.NewReader(object))
	_, _ = d.Token()
	for d.More() {
		name, _ := d.Token()
		m := member{name: name.(string)}
		_ = d.Decode(&m.value)
		members = append(members, m)
	}
	return members
}

// lineLength of JSON, in bytes; a text that is longer stays whole.
const lineLength = 120

// layOut is an object in lines. Its first member stands at a column, behind what
// opens it, the others at indent; an object in it has lines of its own.
func layOut(members []member, column, indent int) string {
	var b strings.Builder
	for i, m := range members {
		text := m.layOut(indent)
		if i < len(members)-1 {
			text += ","
		}
		if i > 0 && (m.isObject() || members[i-1].isObject() || column+len(text) > lineLength) {
			b.WriteString(newLine(indent))
			column = indent
		}
		b.WriteString(text)
		column += len(text)
	}
	return "{" + b.String() + "}"
}

// layOut is a member at indent: on one line where it fits, with the comma behind it.
func (m member) layOut(indent int) string {
	text := m.String()
	if indent+len(text) < lineLength {
		return text
	}
	name := strings.TrimSuffix(text, string(m.value))
	switch m.value[0] {
	case '{':
		return name + layOut(readObject(m.value), indent+len(name)+len("{"), indent+1)
	case '[':
		return name + strings.ReplaceAll(string(m.value), "},{", "},"+newLine(indent+1)+"{")
	}
	return text
}

func newLine(indent int) string { return "\n" + strings.Repeat(" ", indent) }
