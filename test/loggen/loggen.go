// Package loggen writes flow logs of any size that look like Azure's:
// several rules a record, all states, both decisions, addresses from the
// private and documentation ranges. The same Log always gives the same bytes.
package loggen

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"
)

// Family is the version of the flow logs.
type Family string

const (
	NSGv1 Family = "v1"
	NSGv2 Family = "v2"
	VNet  Family = "vnet"
)

// Shape is how the records lie in the file. Every line ends in a newline,
// also the last: a tail input never emits one without.
type Shape string

const (
	Blob      Shape = "blob"      // {"records":[…]}, one line
	Records   Shape = "records"   // one record a line
	Flattened Shape = "flattened" // one flow a line
)

// Log describes a flow log.
type Log struct {
	Family  Family
	Records int
	Tuples  int // in each record
	Parts   int // records that each minute is cut into; 0 is one. Azure cuts at some 500 tuples
	Seed    uint64
	Traffic Traffic
	Start   time.Time // of the first record; the zero value is a morning in 2025
	NIC     int       // which of the network's; its address, MAC and NSG follow from it
	Peer    int       // the NIC on the other side of Inside
	Inbound bool      // the log of the side that Inside is sent to
}

// Record is a minute of one NIC, or a part of it: those of one minute have the
// same time.
type Record struct {
	Time   time.Time
	Groups []Group
}

// Group is what one rule decided.
type Group struct {
	Rule   string
	Tuples []string
}

type rule struct {
	name     string
	inbound  bool
	denied   bool
	protocol int
	port     int
}

var rules = []rule{
	{"DefaultRule_AllowInternetOutBound", false, false, 6, 443},
	{"UserRule_AllowHttpsInBound", true, false, 6, 443},
	{"DefaultRule_DenyAllInBound", true, true, 6, 3389},
	{"UserRule_AllowDnsOutBound", false, false, 17, 53},
}

const (
	subscription = "3D1F6A52-7C0B-4E8D-9B24-5A60C8E1F703"
	nsgID        = "/SUBSCRIPTIONS/" + subscription + "/RESOURCEGROUPS/SHOP-PROD/PROVIDERS/MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/"
	vnetID       = "/subscriptions/" + subscription + "/resourceGroups/shop-prod/providers/Microsoft.Network/virtualNetworks/shop-vnet"
	aclID        = "/subscriptions/" + subscription + "/resourceGroups/shop-prod/providers/Microsoft.Network/networkSecurityGroups/"
	flowLogID    = "/SUBSCRIPTIONS/" + subscription + "/RESOURCEGROUPS/NETWORKWATCHERRG/PROVIDERS/MICROSOFT.NETWORK/NETWORKWATCHERS/NETWORKWATCHER_WESTEUROPE/FLOWLOGS/SHOP-VNET-FLOWLOG"
	flowLogGUID  = "b7f29c54-0d8e-4a61-93f7-c15e8a2d6b40"
	systemID     = "6e0b41c7-95d2-4c83-8f1e-2ab7d09c4e35"
	firstMAC     = 0x000D3AF1C27E
)

var start = time.Date(2025, 3, 4, 9, 0, 0, 0, time.UTC)

// nsgs are the NSGs of the NICs in turn.
var nsgs = []string{"web-nsg", "api-nsg", "ops-nsg"}

func (l Log) nsg() string { return nsgs[l.NIC%len(nsgs)] }
func (l Log) mac() string { return fmt.Sprintf("%012X", firstMAC+l.NIC) }

func (l Log) resourceID() string { return nsgID + strings.ToUpper(l.nsg()) }

// Record gives the record i. Minutes are independent of each other, so that
// any of them can be had without those before it.
func (l Log) Record(i int) Record {
	parts := max(l.Parts, 1)
	l.Tuples *= parts
	return l.minute(i/parts).part(i%parts, parts)
}

// part is one of the records that a minute is cut into, each with as many tuples
// of a group.
func (r Record) part(part, parts int) Record {
	cut := Record{Time: r.Time}
	for _, g := range r.Groups {
		n := len(g.Tuples)
		if tuples := g.Tuples[n*part/parts : n*(part+1)/parts]; len(tuples) > 0 {
			cut.Groups = append(cut.Groups, Group{g.Rule, tuples})
		}
	}
	return cut
}

func (l Log) minute(i int) Record {
	r := rand.New(rand.NewPCG(l.Seed, uint64(i)))
	minute := l.Start
	if minute.IsZero() {
		minute = start
	}
	minute = minute.Add(time.Duration(i) * time.Minute)
	rec := Record{Time: minute.Add(time.Minute + time.Duration(r.IntN(60_000))*time.Millisecond)}
	switch l.Traffic {
	case Realistic:
		rec.Groups = l.groups(r, parts, minute)
		return rec
	case Inside:
		rec.Groups = l.groups(r, l.inside(), minute)
		return rec
	}
	for n := range min(len(rules), l.Tuples) {
		g := Group{Rule: rules[n].name}
		// The first groups take what does not divide evenly.
		size := (l.Tuples + len(rules) - 1 - n) / len(rules)
		for t := range size {
			at := minute.Add(time.Duration(t) * time.Minute / time.Duration(size))
			g.Tuples = append(g.Tuples, l.tuple(r, rules[n], at))
		}
		rec.Groups = append(rec.Groups, g)
	}
	return rec
}

func (l Log) tuple(r *rand.Rand, u rule, at time.Time) string {
	near := fmt.Sprintf("10.20.%d.%d", r.IntN(4), 4+r.IntN(240))
	far := fmt.Sprintf("%s.%d", []string{"192.0.2", "198.51.100", "203.0.113"}[r.IntN(3)], r.IntN(256))
	source, destination := near, far
	if u.inbound {
		source, destination = far, near
	}
	ends := fmt.Sprintf("%s,%s,%d,%d", source, destination, 1024+r.IntN(64512), u.port)
	sent, received := 1+r.IntN(200), r.IntN(300)
	counters := fmt.Sprintf("%d,%d,%d,%d", sent, sent*(60+r.IntN(600)), received, received*(60+r.IntN(1300)))
	state := []string{"B", "C", "E"}[r.IntN(3)]

	encryption := ""
	if l.Family == VNet {
		encryption = []string{"NX", "X", "NX_LOCAL_DST"}[r.IntN(3)]
		at = at.Add(time.Duration(r.IntN(1000)) * time.Millisecond)
	}
	return l.columns(u, at, ends, state, counters, encryption)
}

// columns makes a tuple of what is known of a flow, by the family of the log.
func (l Log) columns(u rule, at time.Time, ends, state, counters, encryption string) string {
	direction := "O"
	if u.inbound {
		direction = "I"
	}
	if l.Family == VNet {
		if u.denied {
			state = "D"
		}
		if state == "B" || state == "D" {
			counters = "0,0,0,0"
		}
		return fmt.Sprintf("%d,%s,%d,%s,%s,%s,%s", at.UnixMilli(), ends, u.protocol, direction, state, encryption, counters)
	}
	protocol, decision := "T", "A"
	if u.protocol == 17 {
		protocol = "U"
	}
	if u.denied {
		decision, state = "D", "B"
	}
	if l.Family == NSGv1 {
		return fmt.Sprintf("%d,%s,%s,%s,%s", at.Unix(), ends, protocol, direction, decision)
	}
	if state == "B" {
		counters = ",,,"
	}
	return fmt.Sprintf("%d,%s,%s,%s,%s,%s,%s", at.Unix(), ends, protocol, direction, decision, state, counters)
}

// Write writes the whole log in a shape.
func (l Log) Write(w io.Writer, s Shape) error {
	b := bufio.NewWriter(w)
	if s == Blob {
		b.WriteString(`{"records":[`)
	}
	for i := range l.Records {
		rec := l.Record(i)
		switch s {
		case Blob:
			if i > 0 {
				b.WriteByte(',')
			}
			l.writeRecord(b, rec)
		case Records:
			l.writeRecord(b, rec)
			b.WriteByte('\n')
		case Flattened:
			l.writeFlows(b, rec)
		default:
			return fmt.Errorf("unknown shape %q", s)
		}
	}
	if s == Blob {
		b.WriteString("]}\n")
	}
	return b.Flush()
}

const sevenDigits = "2006-01-02T15:04:05.0000000Z"

func (l Log) writeRecord(b *bufio.Writer, rec Record) {
	at := rec.Time.Format(sevenDigits)
	if l.Family == VNet {
		fmt.Fprintf(b, `{"time":"%s","flowLogVersion":4,"flowLogGUID":"%s","macAddress":"%s","category":"FlowLogFlowEvent","flowLogResourceID":"%s","targetResourceID":"%s","operationName":"FlowLogFlowEvent","flowRecords":{"flows":[{"aclID":"%s","flowGroups":[`,
			at, flowLogGUID, l.mac(), flowLogID, vnetID, aclID+l.nsg())
		for i, g := range rec.Groups {
			separate(b, i)
			fmt.Fprintf(b, `{"rule":"%s","flowTuples":[`, g.Rule)
			writeTuples(b, g.Tuples)
			b.WriteString(`]}`)
		}
		b.WriteString(`]}]}}`)
		return
	}
	version := 2
	if l.Family == NSGv1 {
		version = 1
	}
	fmt.Fprintf(b, `{"time":"%s","systemId":"%s","macAddress":"%s","category":"NetworkSecurityGroupFlowEvent","resourceId":"%s","operationName":"NetworkSecurityGroupFlowEvents","properties":{"Version":%d,"flows":[`,
		at, systemID, l.mac(), l.resourceID(), version)
	for i, g := range rec.Groups {
		separate(b, i)
		fmt.Fprintf(b, `{"rule":"%s","flows":[{"mac":"%s","flowTuples":[`, g.Rule, l.mac())
		writeTuples(b, g.Tuples)
		b.WriteString(`]}]}`)
	}
	b.WriteString(`]}}`)
}

func (l Log) writeFlows(b *bufio.Writer, rec Record) {
	at := rec.Time.Format(sevenDigits)
	head := fmt.Sprintf(`"macAddress":"%s","resourceId":"%s","operationName":"NetworkSecurityGroupFlowEvents"`, l.mac(), l.resourceID())
	if l.Family == VNet {
		head = fmt.Sprintf(`"flowLogVersion":4,"flowLogGUID":"%s","macAddress":"%s","operationName":"FlowLogFlowEvent","aclID":"%s"`, flowLogGUID, l.mac(), aclID+l.nsg())
	}
	if l.Family == NSGv2 {
		head += `,"version":"2"`
	}
	for _, g := range rec.Groups {
		for _, t := range g.Tuples {
			fmt.Fprintf(b, "{\"time\":\"%s\",%s,\"rule\":\"%s\",\"flow.0\":\"%s\"}\n", at, head, g.Rule, t)
		}
	}
}

func writeTuples(b *bufio.Writer, tuples []string) {
	for i, t := range tuples {
		separate(b, i)
		b.WriteString(`"` + t + `"`)
	}
}

func separate(b *bufio.Writer, i int) {
	if i > 0 {
		b.WriteByte(',')
	}
}
