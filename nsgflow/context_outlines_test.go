package nsgflow_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/test/contexts"
)

// flowLogOf is a record of flows: "I from to", "O from to" or, of no known direction, "? from to".
func flowLogOf(flows ...string) string {
	var tuples []string
	for i, f := range flows {
		var direction, from, to string
		if _, err := fmt.Sscan(f, &direction, &from, &to); err != nil {
			panic(err)
		}
		tuples = append(tuples, fmt.Sprintf(`"%d,%s,%s,51844,443,6,%s,E,NX,14,2236,17,19408"`, 1741078809345+i, from, to, direction))
	}
	return `{"time":"2025-03-04T09:00:47Z","flowLogVersion":4,"macAddress":"000D3AF1C27E","category":"FlowLogFlowEvent","flowRecords":{"flows":[{"aclID":"unspecified","flowGroups":[{"rule":"R","flowTuples":[` +
		strings.Join(tuples, ",") + `]}]}]}}`
}

// Near ends and far ones of every kind: a VM, an address of its subnet, a service of Azure,
// a place, a threat, nothing, and IPv6.
var anyEnds = []string{"10.20.0.4", "10.20.0.9", "20.60.0.1", "89.160.20.7", "89.160.20.112", "9.9.9.9", "::ffff:20.60.0.1", "2603::1"}

// Templates are made for the outlines that come again, and others in their places: that
// makes no difference to any event, whatever the reserved fields are.
func TestContextOutlines(t *testing.T) {
	t.Parallel()
	nsgflow.WithoutRaceDetector(t)
	c := contexts.Open(t, contexts.All)
	var flows []string
	for _, direction := range []string{"I", "O", "?"} {
		for _, from := range anyEnds {
			for _, to := range anyEnds {
				flows = append(flows, direction+" "+from+" "+to)
			}
		}
	}
	log := flowLogOf(flows...)
	for s := range nsgflow.Schemas() {
		for _, fields := range []string{``, `"host":"a",`, `"source":{"own":1},"destination":{"x":{"y":2}},"azure":{"flow_log":{"own":3}},"related":{"own":[4]},`, `"source":{"as":1,"x":{"y":2}},"azure":{"flow_log":{"own":3}},"observer":{"own":4},"cloud":5,`, `"source":{"geo":{"own":1}},"azure.flow.own":2,"Src":3,`} {
			for _, original := range []bool{false, true} {
				for times, patient := range map[int]bool{12: true, 3: false} {
					n := newNormalizer(t, inSchema(nsgflow.Schema(s)), withContext(c), func(o *nsgflow.Options) { o.Original = original })
					if !patient {
						n.WithoutPatience()
					}
					input := packed(t, "{"+fields+`"log":`+quoted(log)+"}")
					first, _, _ := n.AppendRecord(nil, input, source)
					for range times {
						if again, _, _ := n.AppendRecord(nil, input, source); !bytes.Equal(again, first) {
							t.Fatalf("%v, %s original %v, patient %v: the record once more is\n%q\nwas\n%q", nsgflow.Schema(s), fields, original, patient, again, first)
						}
					}
				}
			}
		}
	}
}

// A NIC that passes on what others send has ever new near ends: templates are made for
// some of them, and no end to that is seen in time or memory.
func TestContextOutlinesWithoutEnd(t *testing.T) {
	nsgflow.WithoutRaceDetector(t)
	var networks strings.Builder
	networks.WriteString("cidr,name\n")
	for i := range 200 {
		fmt.Fprintf(&networks, "10.20.%d.0/24,network %[1]d\n", i)
	}
	c := contexts.Open(t, map[string]string{"networks.csv": networks.String()})
	n := newNormalizer(t, inECS, withContext(c))
	var logs []string
	for i := range 200 {
		var flows []string
		for k := range 50 {
			flows = append(flows, fmt.Sprintf("O 10.20.%d.4 9.9.9.9", (i*50+k)*7%200))
		}
		logs = append(logs, flowLogOf(flows...))
	}
	var dst []byte
	all := func() {
		for _, log := range logs {
			dst, _ = n.AppendText(dst[:0], []byte(log), source)
		}
	}
	for range 40 { // 400,000 flows
		all()
	}
	before := heap()
	// A template for one of 4,096 flows has some hundred allocations.
	if got := testing.AllocsPerRun(10, all) / (200 * 50); got > 0.05 {
		t.Errorf("%v allocations a flow", got)
	}
	if grown := heap() - before; grown > 1<<20 {
		t.Errorf("%d bytes more", grown)
	}
}

// Behind other files, and when the cache has been emptied, the templates for the outlines
// that there were before are no longer used, nor kept.
func TestContextOutlinesOfAnotherGeneration(t *testing.T) {
	var c turns
	for _, name := range []string{"files 1", "files 2", "files 3"} {
		c.contexts = append(c.contexts, contexts.Open(t, map[string]string{"networks.csv": "cidr,name\n10.20.0.0/16," + name + "\n9.0.0.0/8,far " + name + "\n"}))
	}
	n := newNormalizer(t, inECS, withContext(&c))
	n.WithoutPatience()
	log := flowLogOf("O 10.20.0.4 9.9.9.9", "I 9.9.9.9 10.20.0.4", "O 10.20.0.4 9.9.9.9")
	wants := map[string]string{}
	for i := range 30 {
		name := []string{"files 1", "files 2", "files 3"}[(c.asked+1)%3]
		chunk, _ := n.AppendText(nil, []byte(log), source)
		text := string(chunk)
		if strings.Count(text, name) != 6 {
			t.Fatalf("%d: %q", i, text)
		}
		if want := wants[name]; want != "" && want != text {
			t.Fatalf("%d: %q\nwas %q", i, text, want)
		}
		wants[name] = text
	}
}

// Each address that is looked up is counted, also one that the flow before had.
func TestContextCountsEachAddress(t *testing.T) {
	n := newNormalizer(t, inECS, withContext(contexts.Open(t, contexts.All)))
	log := flowLogOf("O 10.20.0.4 9.9.9.9", "O 10.20.0.4 20.60.0.1", "I 89.160.20.112 10.20.0.4", "I 9.9.9.9 10.20.0.4", "? 10.20.0.9 10.20.0.4", "O 10.20.0.4 9.9.9.9")
	for times := range uint64(5) {
		n.AppendText(nil, []byte(log), source)
		c := n.ContextCounts()
		if all := c.Hits + c.Misses; all != 12*(times+1) || c.Inventory != 7*(times+1) || c.ServiceTags != times+1 || c.Threats != times+1 {
			t.Errorf("%d times: %+v", times+1, c)
		}
	}
}

// Of groups whose flows are all left out, nothing is made ready.
func TestContextOfDroppedFlows(t *testing.T) {
	n := newNormalizer(t, inECS, withContext(contexts.Open(t, contexts.All)), func(o *nsgflow.Options) { o.Drop = nsgflow.DropEnd })
	for i := range 100 {
		log := strings.ReplaceAll(flowLogOf(slices.Repeat([]string{"O 10.20.0.4 9.9.9.9"}, 9)...), `"R"`, fmt.Sprintf(`"rule %d"`, i))
		if out, changed := n.AppendText(nil, []byte(log), source); !changed || len(out) > 0 {
			t.Fatalf("%v, %q", changed, out)
		}
	}
	if groups := n.Groups(); groups > 0 {
		t.Errorf("templates of %d groups", groups)
	}
}

// Templates for outlines are few, however many groups take turns.
func TestContextOutlinesAreBounded(t *testing.T) {
	n := newNormalizer(t, inECS, withContext(contexts.Open(t, contexts.All)))
	n.WithoutPatience()
	var flows []string
	for _, far := range anyEnds {
		flows = append(flows, "O 10.20.0.4 "+far, "I "+far+" 10.20.0.4")
	}
	most := 0
	for i := range 400 {
		log := strings.ReplaceAll(flowLogOf(flows...), `"R"`, fmt.Sprintf(`"rule %d"`, i%100))
		n.AppendText(nil, []byte(log), source)
		most = max(most, n.OutlineBytes())
	}
	if most < 500_000 || most > 1<<20 {
		t.Errorf("at most %d bytes", most)
	}
}
