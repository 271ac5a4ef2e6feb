package main

import (
	"fmt"
	"strings"
	"testing"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/test/contexts"
)

// addressed are flow logs of 48 tuples a record whose far ends are so many addresses, in
// texts of at most a thousand records.
func addressed(addresses int) (logs [][]byte, flows int) {
	const tuples, most = 48, 1000
	for left := max(1, addresses/tuples); left > 0; left -= most {
		var b strings.Builder
		b.WriteString(`{"records":[`)
		for record := range min(left, most) {
			if record > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"time":"2025-03-04T09:00:47.0921184Z","flowLogVersion":4,"macAddress":"000D3AF1C27E","category":"FlowLogFlowEvent","operationName":"FlowLogFlowEvent","targetResourceID":"/subscriptions/3d1f6a52-7c0b-4e8d-9b24-5a60c8e1f703/resourceGroups/shop-prod/providers/Microsoft.Network/virtualNetworks/shop-vnet","flowRecords":{"flows":[{"aclID":"unspecified","flowGroups":[{"rule":"R","flowTuples":[`)
			for k := range tuples {
				if k > 0 {
					b.WriteByte(',')
				}
				fmt.Fprintf(&b, `"%d,10.20.0.4,%s,%d,443,6,O,E,NX,14,2236,17,19408"`, 1741078809345+flows%1000, farEnd(flows), 1024+flows%60000)
				flows++
			}
			b.WriteString(`]}]}]}}`)
		}
		b.WriteString(`]}`)
		logs = append(logs, []byte(b.String()))
	}
	return logs, flows
}

// farEnd is the address n: of Azure, or, every third one, of elsewhere.
func farEnd(n int) string {
	net, k := [...]int{89<<8 | 160, 20<<8 | 60, 20<<8 | 60}[n%3], n/200
	net += k / 250 // the next /16
	return fmt.Sprintf("%d.%d.%d.%d", net>>8, net&0xff, k%250, 1+n%200)
}

// BenchmarkContext is what context adds to an event, from all sources: with so many
// addresses that come again and again, and with a million, which no cache keeps.
func BenchmarkContext(b *testing.B) {
	for _, addresses := range []int{1000, 40_000, 1_000_000} {
		logs, flows := addressed(addresses)
		for name, context := range map[string]nsgflow.Context{"without": nil, "with": contexts.Open(b, contexts.All)} {
			b.Run(fmt.Sprintf("ecs/%s/%d", name, addresses), func(b *testing.B) {
				o := nsgflow.DefaultOptions(nsgflow.SchemaECS)
				o.Context = context
				n, err := nsgflow.New(o)
				if err != nil {
					b.Fatal(err)
				}
				measure(b, n, flows, logs, appendTexts)
			})
		}
	}
}
