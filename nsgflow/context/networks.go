package context

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
)

// networks are the user's own names of networks. They are immutable.
type networks struct {
	rows   []network // from 1 on
	files  int
	global *prefixTable
	// scopes are the VNets that have rows of their own, by id or by name.
	scopes map[string]*prefixTable
	// outside has the rows of kind site or client, whatever their VNet.
	outside *prefixTable
	// publicScope says that a row for one VNet has public addresses.
	publicScope bool
}

// network is a row.
type network struct {
	prefix netip.Prefix
	name   string
	zone   string
	kind   networkKind
	domain string
	vnet   string // id or name, in lower case; empty: for all records
	labels []Label
	line   int
}

// networkKind is what a row says its network is.
type networkKind uint8

const (
	ordinary networkKind = iota
	siteNetwork
	clientNetwork
)

var networkKinds = map[string]networkKind{"": ordinary, "network": ordinary, "site": siteNetwork, "client": clientNetwork}

// Label is a pair that an event gets.
type Label struct{ Name, Value string }

// Bounds of the user's networks.
const (
	maxNetworks   = 500_000
	maxLabels     = 8  // of an address
	maxLabelNames = 64 // in all
)

// networkFile is one file of networks, read.
type networkFile struct{ rows []network }

// networkLine is a row as JSON lines have it, and as CSV.
type networkLine struct {
	CIDR   string `json:"cidr"`
	Name   string `json:"name"`
	Zone   string `json:"zone"`
	Kind   string `json:"kind"`
	Domain string `json:"domain"`
	VNet   string `json:"vnet"`
	Labels string `json:"labels"`
}

// networkColumns are the columns of CSV.
var networkColumns = map[string]func(*networkLine) *string{
	"cidr":   func(l *networkLine) *string { return &l.CIDR },
	"name":   func(l *networkLine) *string { return &l.Name },
	"zone":   func(l *networkLine) *string { return &l.Zone },
	"kind":   func(l *networkLine) *string { return &l.Kind },
	"domain": func(l *networkLine) *string { return &l.Domain },
	"vnet":   func(l *networkLine) *string { return &l.VNet },
	"labels": func(l *networkLine) *string { return &l.Labels },
}

// networkReader reads a file.
type networkReader struct {
	file   networkFile
	texts  texts
	seen   map[networkKey]int // lines, by what a row is for
	labels map[string][]Label
}

type networkKey struct {
	prefix netip.Prefix
	vnet   string
}

// readNetworks reads one file, CSV with a head line or JSON lines. It is taken
// whole or not at all.
func readNetworks(data []byte) (*networkFile, error) {
	r := &networkReader{texts: texts{}, seen: map[networkKey]int{}, labels: map[string][]Label{}}
	data = withoutMark(data)
	trimmed := bytes.TrimSpace(data)
	var err error
	switch {
	case len(trimmed) == 0:
		return nil, errEmpty
	case trimmed[0] == '{':
		err = r.jsonLines(data)
	default:
		err = r.csv(data)
	}
	if err != nil {
		return nil, err
	}
	file := r.file // without the reader around it
	return &file, nil
}

func (r *networkReader) jsonLines(data []byte) error {
	for n, text := range lines(data) {
		if len(text) == 0 {
			continue
		}
		var l networkLine
		err := json.Unmarshal(text, &l)
		if err != nil {
			err = jsonReason(err)
		} else {
			err = r.row(&l, n)
		}
		if err != nil {
			return lineError{n, err}
		}
	}
	return nil
}

func (r *networkReader) csv(data []byte) error {
	if err := tooWide(data); err != nil {
		return err
	}
	in := csv.NewReader(bytes.NewReader(data))
	in.Comment = '#'
	in.TrimLeadingSpace = true
	in.ReuseRecord = true
	head, err := in.Read()
	if err != nil {
		return csvReason(err, 0)
	}
	columns := make([]func(*networkLine) *string, len(head))
	line, _ := in.FieldPos(0)
	for i, name := range head {
		name = strings.ToLower(strings.TrimSpace(name))
		columns[i] = networkColumns[name]
		if columns[i] == nil {
			return lineError{line, fmt.Errorf("column %s: there are cidr, name, zone, kind, domain, vnet, labels", quote(name))}
		}
		if slices.ContainsFunc(head[:i], func(other string) bool { return strings.EqualFold(strings.TrimSpace(other), name) }) {
			return lineError{line, fmt.Errorf("column %s is there twice", quote(name))}
		}
	}
	if !slices.ContainsFunc(head, func(name string) bool { return strings.EqualFold(strings.TrimSpace(name), "cidr") }) {
		return lineError{line, errors.New(`no column "cidr"`)}
	}
	for {
		record, err := in.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return csvReason(err, 0)
		}
		var l networkLine
		for i, value := range record {
			*columns[i](&l) = strings.TrimSpace(value)
		}
		line, _ := in.FieldPos(0)
		if err := r.row(&l, line); err != nil {
			return lineError{line, err}
		}
	}
}

func (r *networkReader) row(l *networkLine, line int) error {
	p, err := parsePrefix(l.CIDR)
	if err != nil {
		return fmt.Errorf("cidr %w", err)
	}
	kind, ok := networkKinds[strings.ToLower(l.Kind)]
	if !ok {
		return fmt.Errorf("kind %s: there are site, client, network", quote(l.Kind))
	}
	labels, ok := r.labels[l.Labels]
	if !ok {
		if labels, err = r.parseLabels(l.Labels); err != nil {
			return err
		}
		r.labels[l.Labels] = labels
	}
	n := network{prefix: p, name: r.texts.of(l.Name), zone: r.texts.of(l.Zone), kind: kind, domain: r.texts.of(l.Domain),
		vnet: strings.ToLower(l.VNet), labels: labels, line: line}
	key := networkKey{p, n.vnet}
	if other := r.seen[key]; other != 0 {
		return fmt.Errorf("cidr %s is in line %d, too", p, other)
	}
	r.seen[key] = line
	if len(r.file.rows) == maxNetworks {
		return tooMany(maxNetworks, "networks")
	}
	r.file.rows = append(r.file.rows, n)
	return nil
}

// parseLabels reads k=v;k=v.
func (r *networkReader) parseLabels(text string) (labels []Label, err error) {
	for part := range strings.SplitSeq(text, ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, value, ok := strings.Cut(part, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		switch {
		case !ok || name == "" || value == "":
			return nil, fmt.Errorf("labels %s: not like name=value", quote(part))
		case strings.ContainsRune(name, '.'):
			return nil, fmt.Errorf("labels %s: a name has no dots", quote(part))
		case slices.ContainsFunc(labels, func(l Label) bool { return l.Name == name }):
			return nil, fmt.Errorf("labels %s: the name is there twice", quote(part))
		case len(labels) == maxLabels:
			return nil, fmt.Errorf("labels %s: more than %d of an address", quote(part), maxLabels)
		}
		labels = append(labels, Label{r.texts.of(name), r.texts.of(value)})
	}
	return labels, nil
}

// newNetworks makes one table of several files. names counts the names of labels.
func newNetworks(files []*networkFile) (*networks, error) {
	n := &networks{rows: make([]network, 1), files: len(files), scopes: map[string]*prefixTable{}}
	var global, outside prefixList
	scopes := map[string]*prefixList{}
	seen := map[networkKey]bool{}
	names := map[string]bool{}
	for _, f := range files {
		for i := range f.rows {
			row := &f.rows[i]
			key := networkKey{row.prefix, row.vnet}
			if seen[key] && len(files) > 1 {
				return nil, fmt.Errorf("cidr %s is in another file, too", row.prefix)
			}
			seen[key] = true
			for _, l := range row.labels {
				if names[l.Name] = true; len(names) > maxLabelNames {
					return nil, lineError{row.line, tooMany(maxLabelNames, "names of labels")}
				}
			}
			n.rows = append(n.rows, *row)
			number := uint32(len(n.rows) - 1)
			if row.kind != ordinary {
				outside.add(row.prefix, number)
			}
			if row.vnet == "" {
				global.add(row.prefix, number)
				continue
			}
			n.publicScope = n.publicScope || reachesPublic(row.prefix)
			if scopes[row.vnet] == nil {
				scopes[row.vnet] = &prefixList{}
			}
			scopes[row.vnet].add(row.prefix, number)
		}
	}
	if len(n.rows) > maxNetworks+1 {
		return nil, tooMany(maxNetworks, "networks")
	}
	n.global, n.outside = global.table(longest), outside.table(longest)
	for vnet, list := range scopes {
		n.scopes[vnet] = list.table(longest)
	}
	return n, nil
}

// tables are those that records of a VNet are looked up in: that of its id, of its
// name, and that of all records.
func (n *networks) tables(v *place) [3]*prefixTable {
	return [...]*prefixTable{v.byID, v.byName, n.global}
}

// of is the row of the longest prefix that contains an address, for records of a
// VNet. Of two with one prefix, that of the VNet's id counts, then that of its
// name. nil: there is none.
func (n *networks) of(addr netip.Addr, v *place) *network {
	if n == nil {
		return nil
	}
	var best *network
	for _, table := range n.tables(v) {
		if number := table.at(addr); number != 0 {
			if row := &n.rows[number]; best == nil || row.prefix.Bits() > best.prefix.Bits() {
				best = row
			}
		}
	}
	return best
}

// isOutside says that an address is of a site or a client of any row.
func (n *networks) isOutside(addr netip.Addr) bool { return n != nil && n.outside.at(addr) != 0 }
