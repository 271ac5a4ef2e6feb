package loggen

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Traffic is what the flows of a log have in common.
type Traffic string

const (
	// Mixed has as many flows of each rule, and addresses and ports at random:
	// no two flows are alike.
	Mixed Traffic = ""
	// Realistic is a server's NIC: a few clients with many short connections,
	// a few servers that it asks itself, long connections that report every
	// five minutes, attempts to log in, a scan, and noise. How many flows have
	// a key in common is fitted to public real logs: of 51,118 tuples, grouped
	// by record without the client's port, a sixth is left; with the denied
	// ones without both ports, 8 %.
	Realistic Traffic = "realistic"
	// Inside is short connections from one NIC of the network to another. Both
	// NICs write them: the logs of both have the same flows if they differ in
	// NIC, Peer, Inbound and Family only.
	Inside Traffic = "inside"
)

// part is a part of the flows of a realistic record.
type part struct {
	rule
	share float64 // of the record's tuples
	peers int     // addresses on the other side
	is    pattern
}

// pattern is how the flows of a part follow one another.
type pattern int

const (
	short pattern = iota // connections that begin and end, each with a port of its own
	long                 // connections that report every five minutes
	tries                // denied, with a port of its own on the far side
	scan                 // denied, with every port of the NIC in turn
	noise                // denied, a few from everywhere
)

// parts are those of a NIC whose records have some 300 tuples. Their shares and
// peers decide what aggregation leaves: see Realistic.
var parts = []part{
	{rule{"UserRule_AllowHttpsInBound", true, false, 6, 443}, 0.35, 5, short},
	{rule{"DefaultRule_AllowVnetOutBound", false, false, 6, 1433}, 0.18, 3, short},
	{rule{"UserRule_AllowDnsOutBound", false, false, 17, 53}, 0.12, 2, short},
	{rule{"DefaultRule_AllowVnetInBound", true, false, 6, 5671}, 0.05, 5, long},
	{rule{"DefaultRule_DenyAllInBound", true, true, 6, 3389}, 0.20, 3, tries},
	{rule{"DefaultRule_DenyAllInBound", true, true, 6, 0}, 0.08, 1, scan},
	{rule{"DefaultRule_DenyAllInBound", true, true, 6, 0}, 0.02, 6, noise},
}

// services are what the NICs offer to the internet, in turn; the first is the
// one of the parts.
var services = []rule{
	parts[0].rule,
	{"UserRule_AllowApiInBound", true, false, 6, 8443},
	{"UserRule_AllowSshFromPartnerInBound", true, false, 6, 22},
}

func (l Log) address() string { return fmt.Sprintf("10.20.0.%d", 4+l.NIC) }

// inside is what the logs of both NICs have.
func (l Log) inside() []part {
	u := rule{"DefaultRule_AllowVnetOutBound", false, false, 6, 5432}
	if l.Inbound {
		u.name, u.inbound = "DefaultRule_AllowVnetInBound", true
	}
	return []part{{u, 1, 1, short}}
}

// groups are those of a minute, in the order of the parts.
func (l Log) groups(r *rand.Rand, parts []part, minute time.Time) (groups []Group) {
	left := l.Tuples
	for i, p := range parts {
		if p.name == services[0].name {
			p.rule = services[l.NIC%len(services)]
		}
		n := min(left, int(p.share*float64(l.Tuples)+0.5))
		if i == len(parts)-1 {
			n = left
		}
		left -= n
		tuples := l.partTuples(r, p, n, minute)
		if k := len(groups); k > 0 && groups[k-1].Rule == p.name {
			groups[k-1].Tuples = append(groups[k-1].Tuples, tuples...)
		} else if n > 0 {
			groups = append(groups, Group{Rule: p.name, Tuples: tuples})
		}
	}
	for _, g := range groups { // a list is in the order of its times
		slices.SortStableFunc(g.Tuples, func(a, b string) int {
			at, _, _ := strings.Cut(a, ",")
			other, _, _ := strings.Cut(b, ",")
			return strings.Compare(at, other)
		})
	}
	return groups
}

// partTuples are n tuples of a part.
func (l Log) partTuples(r *rand.Rand, p part, n int, minute time.Time) (tuples []string) {
	for k := 0; len(tuples) < n; k++ {
		at := minute.Add(time.Duration(r.IntN(50_000)) * time.Millisecond)
		port := 1024 + r.IntN(64512)
		u := p.rule
		switch p.is {
		case long: // the same connections in every record
			port = 40_000 + k
		case scan:
			u.port = 1 + (k*7+r.IntN(7))%65_535
		case noise:
			u.port = []int{22, 23, 445, 5060, 8080, 8728}[k%6]
		}
		peer := l.peer(r, p, k)
		add := func(after time.Duration, state string) {
			if len(tuples) < n {
				tuples = append(tuples, l.tupleOf(r, u, at.Add(after), peer, port, state))
			}
		}
		switch {
		case p.is == long:
			add(0, "C")
		case p.denied:
			add(0, "B")
		default: // most connections are over within the minute
			add(0, "B")
			if r.IntN(4) > 0 && l.Family != NSGv1 {
				add(time.Duration(1+r.IntN(9))*time.Second, "E")
			}
		}
	}
	return tuples
}

// peer is an address of the other side: in noise another one in each record.
func (l Log) peer(r *rand.Rand, p part, k int) string {
	switch {
	case l.Traffic == Inside:
		return Log{NIC: l.Peer}.address()
	case p.is == noise:
		return fmt.Sprintf("198.51.%d.%d", r.IntN(256), r.IntN(256))
	case strings.Contains(p.name, "Vnet") || p.protocol == 17:
		return fmt.Sprintf("10.20.1.%d", 4+p.port%100+k%p.peers)
	}
	return fmt.Sprintf("203.0.113.%d", 7+10*(p.port%10)+k%p.peers)
}

// tupleOf is a tuple between the NIC and a peer.
func (l Log) tupleOf(r *rand.Rand, u rule, at time.Time, peer string, port int, state string) string {
	source, destination := l.address(), peer
	if u.inbound {
		source, destination = peer, l.address()
	}
	ends := fmt.Sprintf("%s,%s,%d,%d", source, destination, port, u.port)
	sent, received := 1+r.IntN(60), 1+r.IntN(90)
	counters := fmt.Sprintf("%d,%d,%d,%d", sent, sent*(60+r.IntN(600)), received, received*(60+r.IntN(1300)))
	return l.columns(u, at, ends, state, counters, "NX")
}
