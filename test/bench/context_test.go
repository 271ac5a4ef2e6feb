package main

import (
	"fmt"
	"strings"
	"testing"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/test/contexts"
)

// addressed are flow logs of 48 tuples a record whose far ends are so many addresses.
func addressed(addresses int) []byte {
	var b strings.Builder
	b.WriteString(`{"records":[`)
	const tuples = 48
	for record := range max(1, addresses/tuples) {
		if record > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"time":"2025-03-04T09:00:47.0921184Z","flowLogVersion":4,"macAddress":"000D3AF1C27E","category":"FlowLogFlowEvent","operationName":"FlowLogFlowEvent","targetResourceID":"/subscriptions/3d1f6a52-7c0b-4e8d-9b24-5a60c8e1f703/resourceGroups/shop-prod/providers/Microsoft.Network/virtualNetworks/shop-vnet","flowRecords":{"flows":[{"aclID":"unspecified","flowGroups":[{"rule":"R","flowTuples":[`)
		for k := range tuples {
			n := record*tuples + k
			if k > 0 {
				b.WriteByte(',')
			}
			far := fmt.Sprintf("20.60.%d.%d", n/200%250, 1+n%200)
			if n%3 == 0 {
				far = fmt.Sprintf("89.160.%d.%d", n/200%250, 1+n%200)
			}
			fmt.Fprintf(&b, `"%d,10.20.0.4,%s,%d,443,6,O,E,NX,14,2236,17,19408"`, 1741078809345+n%1000, far, 1024+n%60000)
		}
		b.WriteString(`]}]}]}}`)
	}
	b.WriteString(`]}`)
	return []byte(b.String())
}

// BenchmarkContext is what context adds to an event: all sources, and so many addresses
// that come again and again; and a scan, in which none comes twice.
func BenchmarkContext(b *testing.B) {
	for _, addresses := range []int{1000, 40_000} {
		log := [][]byte{addressed(addresses)}
		for name, context := range map[string]nsgflow.Context{"without": nil, "with": contexts.Open(b, contexts.All)} {
			b.Run(fmt.Sprintf("ecs/%d/%s", addresses, name), func(b *testing.B) {
				o := nsgflow.DefaultOptions(nsgflow.SchemaECS)
				o.Context = context
				n, err := nsgflow.New(o)
				if err != nil {
					b.Fatal(err)
				}
				measure(b, n, max(1, addresses/48)*48, log, appendTexts)
			})
		}
	}
}
