package context

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"fluent-bit-nsgflow/nsgflow/context/internal/inventory"
	"fluent-bit-nsgflow/nsgflow/internal/azure"
)

// Bounds of all files of an inventory.
const (
	maxObjects   = 1_000_000
	maxAddresses = 4_000_000
	maxPeers     = 400_000  // VNets that others name before they have a line, if they have one
	maxLine      = 16 << 20 // bytes
)

// inventoryReader reads a file, line by line.
type inventoryReader struct {
	file  inventoryFile
	texts texts    // of events
	lower texts    // of ids
	tags  []string // of VMs that become labels
	line  inventory.Line
}

// ObjectCheck reads the lines of an inventory that is to be written, as its readers do.
type ObjectCheck struct{ objects, addresses, bytes int }

// Object says what is wrong with the line of an object: with one such line, readers refuse
// the whole file.
func (c *ObjectCheck) Object(line []byte) error {
	r := inventoryReader{texts: texts{}, lower: texts{}}
	err := r.read(line, false)
	if err == nil {
		c.objects += r.file.objects
		c.addresses += r.file.addresses
		c.bytes += len(line)
	}
	return err
}

// TooMany says that all of them are more than readers take.
func (c *ObjectCheck) TooMany() error {
	switch {
	case c.objects > maxObjects:
		return tooMany(maxObjects, "objects")
	case c.addresses > maxAddresses:
		return tooMany(maxAddresses, "addresses")
	case int64(c.bytes) > kinds[inventoryKind].most:
		return tooMany(int(kinds[inventoryKind].most), "bytes")
	}
	return nil
}

// readInventory reads one file. It is taken whole or not at all.
func readInventory(data []byte, tags []string) (*inventoryFile, error) {
	r := &inventoryReader{texts: texts{}, lower: texts{}, tags: tags}
	last, ended := 0, false
	for n, text := range lines(withoutMark(data)) {
		last = n
		if len(text) == 0 {
			continue
		}
		err := r.read(text, n == 1)
		switch {
		case ended && err == nil:
			err = errors.New(`there is more behind "end"`)
		case err == nil && r.line.T == "end":
			ended = true
			if r.line.Lines != n-1 {
				err = fmt.Errorf("end counts %s lines before it, there are %s", count(r.line.Lines), count(n-1))
			}
		}
		if err != nil {
			return nil, lineError{n, err}
		}
	}
	switch {
	case last == 0:
		return nil, errEmpty
	case !ended:
		return nil, lineError{last, errors.New(`the file is cut off: there is no line "end"`)}
	}
	file := r.file // without the reader around it
	return &file, nil
}

func (r *inventoryReader) read(text []byte, isHead bool) error {
	if len(text) > maxLine {
		return fmt.Errorf("the line has %s bytes, at most %s may be", count(len(text)), count(maxLine))
	}
	r.line = inventory.Line{}
	err := json.Unmarshal(text, &r.line)
	read := kindsOfLines[r.line.T]
	var kind *json.UnmarshalTypeError
	if !isHead && r.line.T != "" && read == nil && (err == nil || errors.As(err, &kind)) {
		return nil // of a newer version
	}
	switch {
	case err != nil:
		return jsonReason(err)
	case isHead:
		return r.head()
	case read == nil:
		return errors.New(`no "t"`)
	}
	if r.file.objects++; r.file.objects > maxObjects {
		return tooMany(maxObjects, "objects")
	}
	if err := read(r, &r.line); err != nil {
		return err
	}
	switch {
	case r.file.addresses > maxAddresses:
		return tooMany(maxAddresses, "addresses")
	case r.file.peers > maxPeers:
		return tooMany(maxPeers, "VNets that are named only")
	}
	return nil
}

func (r *inventoryReader) head() error {
	switch version := string(r.line.Version); version {
	case "1":
	case "":
		return errors.New(`no inventory: the first line has no "nsgflow_inventory"`)
	default:
		return fmt.Errorf("nsgflow_inventory %s: this version reads 1", quote(version))
	}
	at, err := time.Parse(time.RFC3339Nano, r.line.Time)
	if err != nil {
		return fmt.Errorf("time %s: no time like 2025-03-04T08:55:00Z", quote(r.line.Time))
	}
	r.file.time, r.file.cloud = at.UTC(), r.texts.of(r.line.Cloud)
	return nil
}

// kindsOfLines reads a line by its "t".
var kindsOfLines = map[string]func(*inventoryReader, *inventory.Line) error{
	"vnet": func(r *inventoryReader, l *inventory.Line) (err error) {
		v := vnetLine{id: r.id(l.ID), name: r.texts.of(l.Name), region: r.texts.of(l.Region), peers: r.ids(l.Peers)}
		v.space, err = r.prefixes("space", l.Space)
		r.file.vnets = append(r.file.vnets, v)
		return need(err, "id", v.id)
	},
	"subnet": func(r *inventoryReader, l *inventory.Line) (err error) {
		s := subnetLine{vnet: r.id(l.VNet), name: r.texts.of(l.Name)}
		s.prefixes, err = r.prefixes("prefixes", l.Prefixes)
		r.file.subnets = append(r.file.subnets, s)
		return need(need(err, "name", s.name), "vnet", s.vnet)
	},
	"nic": func(r *inventoryReader, l *inventory.Line) (err error) {
		n := nicLine{id: strings.ToLower(l.ID), subnet: r.id(l.Subnet), vm: r.id(l.VM), region: r.texts.of(l.Region)}
		if n.mac, err = parseMAC(l.MAC); err != nil {
			return err
		}
		for _, text := range l.IPs {
			if err := r.block(&n, text); err != nil {
				return err
			}
		}
		r.file.nics = append(r.file.nics, n)
		return need(nil, "id", n.id)
	},
	"vm": func(r *inventoryReader, l *inventory.Line) error {
		v := vmLine{id: r.id(l.ID), scaleSetID: r.id(l.ScaleSet), machine: machine{
			name: clean(l.Name), host: clean(l.Host), id: clean(l.VMID),
			size: r.texts.of(l.Size), zone: r.texts.of(l.Zone), region: r.texts.of(l.Region),
			labels: r.labels(l.Tags),
		}}
		r.file.vms = append(r.file.vms, v)
		return need(nil, "id", v.id)
	},
	"frontend": func(r *inventoryReader, l *inventory.Line) error { return r.resource(l, l.Type) },
	"endpoint": func(r *inventoryReader, l *inventory.Line) error { return r.resource(l, "privateEndpoints") },
	"public": func(r *inventoryReader, l *inventory.Line) (err error) {
		p := publicLine{name: clean(l.Name), fqdn: clean(l.FQDN), on: strings.ToLower(l.On), region: r.texts.of(l.Region), id: strings.ToLower(l.ID)}
		text, member := l.IP, "ip"
		if text == "" {
			text, member = l.Prefix, "prefix"
		}
		if p.prefix, err = parsePrefix(text); err != nil {
			return fmt.Errorf("%s %w", member, err)
		}
		r.file.addresses++
		r.file.publics = append(r.file.publics, p)
		return nil
	},
	"site":    func(r *inventoryReader, l *inventory.Line) error { return r.site(l, false) },
	"clients": func(r *inventoryReader, l *inventory.Line) error { return r.site(l, true) },
	"subscription": func(r *inventoryReader, l *inventory.Line) error {
		s := subscriptionLine{r.id(l.ID), r.texts.of(l.Name)}
		s.id = strings.TrimPrefix(s.id, "/subscriptions/")
		r.file.subscriptions = append(r.file.subscriptions, s)
		return need(nil, "id", s.id)
	},
	"cluster": func(r *inventoryReader, l *inventory.Line) error {
		c := clusterLine{r.id(l.ID), r.texts.of(l.Name), r.id(l.Group)}
		r.file.clusters = append(r.file.clusters, c)
		return need(need(nil, "group", c.group), "id", c.id)
	},
	"end": func(r *inventoryReader, _ *inventory.Line) error {
		r.file.objects--
		return nil
	},
}

func (r *inventoryReader) resource(l *inventory.Line, kind string) error {
	o := resourceLine{id: r.id(l.ID), kind: r.texts.of(kind), name: r.texts.of(l.Name), target: r.texts.of(l.Target),
		domain: clean(l.FQDN), subnet: r.id(l.Subnet), region: r.texts.of(l.Region)}
	if len(l.FQDNs) > 0 {
		o.domain = clean(l.FQDNs[0])
	}
	var err error
	if o.ip, err = r.address("ip", l.IP); err != nil {
		return err
	}
	r.file.resources = append(r.file.resources, o)
	return need(need(nil, "subnet", o.subnet), "id", o.id)
}

func (r *inventoryReader) site(l *inventory.Line, clients bool) (err error) {
	s := siteLine{id: r.id(l.ID), name: r.texts.of(l.Name), clients: clients, vnets: r.ids(l.VNets)}
	s.prefixes, err = r.prefixes("prefixes", l.Prefixes)
	r.file.sites = append(r.file.sites, s)
	return need(err, "name", s.name)
}

// need says that a member is missing, where nothing else is wrong.
func need(err error, member, value string) error {
	if err == nil && value == "" {
		return fmt.Errorf("no %q", member)
	}
	return err
}

// id keeps an id once. Ids are as long as they are.
func (r *inventoryReader) id(text string) string {
	if kept, ok := r.lower[text]; ok {
		return kept
	}
	lower := strings.ToLower(text)
	r.lower[text] = lower
	return lower
}

func (r *inventoryReader) ids(all []string) (ids []string) {
	for _, text := range all {
		if _, known := r.lower[text]; !known {
			r.file.peers++
		}
		ids = append(ids, r.id(text))
	}
	r.file.addresses += len(all)
	return ids
}

func (r *inventoryReader) prefixes(member string, all []string) (prefixes []netip.Prefix, err error) {
	for _, text := range all {
		p, err := parsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("%s %w", member, err)
		}
		prefixes = append(prefixes, p)
	}
	r.file.addresses += len(all)
	return prefixes, nil
}

func (r *inventoryReader) address(member, text string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return addr, fmt.Errorf("%s %s: no IP address", member, quote(text))
	}
	r.file.addresses++
	return addr.Unmap(), nil
}

// mostOfBlock is how many addresses of a block are known one by one: those of a NIC
// have 16 (/28), or as many as IPv6 has (/80).
const mostOfBlock = 256

// block adds what a configuration of a NIC has: an address, or a block of them.
func (r *inventoryReader) block(n *nicLine, text string) error {
	if !strings.Contains(text, "/") {
		addr, err := r.address("ips", text)
		n.ips = append(n.ips, addr)
		return err
	}
	p, err := parsePrefix(text)
	if err != nil {
		return fmt.Errorf("ips %w", err)
	}
	most := mostOfBlock
	if 1<<min(p.Addr().BitLen()-p.Bits(), 30) > mostOfBlock {
		most, n.isPart = 1, true
	}
	for addr := p.Addr(); most > 0 && p.Contains(addr); addr = addr.Next() {
		if r.file.addresses++; r.file.addresses > maxAddresses {
			return tooMany(maxAddresses, "addresses")
		}
		n.ips = append(n.ips, addr)
		most--
	}
	return nil
}

// labels are the tags that are asked for, in the order of the option. Azure's
// names of tags have no case.
func (r *inventoryReader) labels(tags map[string]string) (all []Label) {
	for _, name := range r.tags {
		for tag, value := range tags {
			if strings.EqualFold(tag, name) && value != "" {
				all = append(all, Label{labelName(name), r.texts.of(value)})
				break
			}
		}
	}
	return all
}

// labelName is a name that is no path in an event.
func labelName(name string) string { return strings.ReplaceAll(clean(name), ".", "_") }

// parseMAC reads twelve hex digits, with separators between the bytes or
// without. No text is no MAC.
func parseMAC(text string) (mac uint64, err error) {
	if text == "" {
		return 0, nil
	}
	mac, ok := azure.ParseMAC(text)
	if !ok {
		return 0, fmt.Errorf("mac %s: not twelve hex digits", quote(text))
	}
	return mac, nil
}
