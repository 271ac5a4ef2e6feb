package main

import (
	"fmt"
	"maps"
	"runtime"
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
// addresses that come again and again, and with a million, which no cache keeps. Passes
// without and with context take turns, and what is more is the median of the pairs: one
// pass is as fast as the machine is in that moment, and it differs by more than what is
// measured. The answers of most addresses are alike; own: each has one of its own.
func BenchmarkContext(b *testing.B) {
	for _, addresses := range contextSizes {
		logs, flows := addressed(addresses)
		run := func(name string, files map[string]string, cache int) {
			b.Run(fmt.Sprintf("%s/%d", name, addresses), func(b *testing.B) {
				o := nsgflow.DefaultOptions(nsgflow.SchemaECS)
				without := newPass(b, o, logs, flows)
				o.Context, o.ContextCache = contexts.Open(b, files), cache
				with := newPass(b, o, logs, flows)
				measurePairs(b, without, with, min(15, 3_000_000/flows))
			})
		}
		run("ecs", contexts.All, 0)
		if flows < 100_000 {
			run("own", named(flows), 64<<20)
		}
	}
}

// named are files of which the networks have a name for each far end of so many flows.
func named(flows int) map[string]string {
	names := map[string]int{}
	for n := range flows {
		names[farEnd(n)] = n
	}
	var b strings.Builder
	b.WriteString("cidr,name,zone,domain\n10.20.0.0/24,web tier,dmz,\n")
	for address, n := range names {
		fmt.Fprintf(&b, "%s/32,partner %d,outside,host-%[2]d.example.com\n", address, n)
	}
	files := maps.Clone(contexts.All)
	files["networks.csv"] = b.String()
	return files
}

// pass is one time through all inputs.
type pass struct {
	n      *nsgflow.Normalizer
	inputs [][]byte
	out    []byte
	flows  float64
	times  []float64 // ns a flow, of the thread
}

func newPass(b *testing.B, o nsgflow.Options, inputs [][]byte, flows int) *pass {
	n, err := nsgflow.New(o)
	if err != nil {
		b.Fatal(err)
	}
	return &pass{n: n, inputs: inputs, flows: float64(flows)}
}

func (p *pass) run() {
	start := threadTime()
	for _, input := range p.inputs {
		p.out = appendTexts(p.n, p.out[:0], input)
	}
	p.times = append(p.times, float64(threadTime()-start)/p.flows)
}

// measurePairs runs two passes in turns, at least so many times.
func measurePairs(b *testing.B, without, with *pass, pairs int) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for range 3 { // what steady state has: templates, known addresses, buffers
		without.run()
		with.run()
	}
	without.times, with.times = make([]float64, 0, 1<<20), make([]float64, 0, 1<<20)
	runtime.GC()
	b.ReportAllocs()
	for b.Loop() {
		without.run()
		with.run()
	}
	for len(with.times) < pairs {
		without.run()
		with.run()
	}
	var more []float64
	for i := range with.times {
		more = append(more, with.times[i]-without.times[i])
	}
	b.ReportMetric(median(without.times), "without-ns/tuple")
	b.ReportMetric(median(with.times), "ns/tuple")
	b.ReportMetric(median(more), "more-ns/tuple")
	b.ReportMetric(with.flows, "tuples/op")
}
