package context

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// serviceTags are Microsoft's names of the networks of Azure. They are immutable.
type serviceTags struct {
	change  string // number of the file's version
	cloud   string
	tags    []serviceTag
	nodes   []tagNode // of the distinct prefixes, from 1 on
	members []uint32  // tags of nodes
	table   *prefixTable
	skipped skipped
	isPart  bool // the answer of the API has another page
}

// serviceTag is one name.
type serviceTag struct {
	name    string // Storage.EastUS
	service string // systemService, AzureStorage
	region  string // as the file has it, which is not always Azure's name of it
	// location is Azure's name of the region: eastus. Empty: of no region.
	location string
	cloud    bool // AzureCloud and the regions of it: where, not what
}

// tagNode is a prefix, with its tags and what is chosen of all that contain it.
type tagNode struct {
	first, end uint32 // of members
	outer      uint32 // node around it; 0: none
	length     uint8
	// service and place are tags, from 1 on; 0: there is none.
	service, place uint32
}

// tagFile is the weekly file "Azure IP Ranges and Service Tags", and the answer of
// "Service Tags - List", whose numbers are texts.
type tagFile struct {
	ChangeNumber json.RawMessage `json:"changeNumber"`
	Cloud        string          `json:"cloud"`
	NextLink     string          `json:"nextLink"`
	Values       elements        `json:"values"` // tagValue
}

type tagValue struct {
	Name       string `json:"name"`
	Properties struct {
		Region   string   `json:"region"`
		Service  string   `json:"systemService"`
		Prefixes []string `json:"addressPrefixes"`
	} `json:"properties"`
}

const maxTagPrefixes = 1_000_000

// readServiceTags reads a file of service tags.
func readServiceTags(data []byte) (*serviceTags, error) {
	s := &serviceTags{nodes: make([]tagNode, 1)}
	var list prefixList
	prefixes := 0
	file := tagFile{Values: func(d *json.Decoder) error {
		i := len(s.tags)
		var value tagValue
		if err := d.Decode(&value); err != nil {
			return fmt.Errorf("values[%d]: %w", i, jsonReason(err))
		}
		if value.Name == "" {
			return fmt.Errorf("values[%d]: a service tag without a name", i)
		}
		s.tags = append(s.tags, serviceTag{
			name:    clean(value.Name),
			service: clean(value.Properties.Service),
			region:  clean(value.Properties.Region),
			cloud:   value.Name == "AzureCloud" || strings.HasPrefix(value.Name, "AzureCloud."),
		})
		for _, text := range value.Properties.Prefixes {
			if prefixes++; prefixes > maxTagPrefixes {
				return tooMany(maxTagPrefixes, "prefixes")
			}
			p, err := parsePrefix(text)
			if err != nil {
				s.skipped.add(0, fmt.Errorf("values[%d] %s: %w", i, quote(value.Name), err))
				continue
			}
			list.add(p, uint32(len(s.tags)))
		}
		return nil
	}}
	if err := unmarshal(data, &file); err != nil {
		return nil, err
	}
	if len(s.tags) == 0 {
		return nil, errors.New(`no service tags in it: no "values"`)
	}
	s.change, s.cloud, s.isPart = strings.Trim(string(file.ChangeNumber), `"`), clean(file.Cloud), file.NextLink != ""
	if err := s.skipped.bad(prefixes); err != nil {
		return nil, err
	}
	if list.len() == 0 {
		return nil, errors.New("no service tags in it: none has a prefix")
	}
	s.locate()
	s.table = list.table(s.node)
	s.nodes, s.members = slices.Clone(s.nodes), slices.Clone(s.members)
	return s, nil
}

// locate finds the location of each tag. The file's region is another name at
// times (germanywc), and a dot in a name is no region at all in others
// (AzureFrontDoor.Frontend has none).
func (s *serviceTags) locate() {
	counts := map[string]map[string]int{} // by region, texts behind the last dot
	for i := range s.tags {
		t := &s.tags[i]
		dot := strings.LastIndexByte(t.name, '.')
		if t.cloud || t.region == "" || dot < 0 {
			continue
		}
		t.location = strings.ToLower(t.name[dot+1:])
		if counts[t.region] == nil {
			counts[t.region] = map[string]int{}
		}
		counts[t.region][t.location]++
	}
	for i := range s.tags {
		t := &s.tags[i]
		if t.location != "" || t.region == "" && !t.cloud {
			continue
		}
		most := 0
		for location, n := range counts[t.region] {
			if n > most || n == most && location < t.location {
				t.location, most = location, n
			}
		}
		if _, after, ok := strings.Cut(t.name, "."); t.cloud && most == 0 && ok {
			t.location = strings.ToLower(after)
		}
	}
}

// node chooses among the tags of a prefix and of those around it. Service and
// region are chosen apart: AzureCloud.<region> is often longer than the prefix of
// the service.
func (s *serviceTags) node(p netip.Prefix, own []uint32, outer uint32) uint32 {
	n := tagNode{first: uint32(len(s.members)), outer: outer, length: uint8(p.Bits())}
	s.members = append(s.members, own...)
	n.end = uint32(len(s.members))
	n.service, n.place = s.nodes[outer].service, s.nodes[outer].place
	var service, place uint32
	for _, tag := range own {
		t := s.tag(tag)
		switch {
		case !t.cloud && (service == 0 || t.before(s.tag(service))):
			service = tag
		case t.cloud && t.location != "" && (place == 0 || t.name < s.tag(place).name):
			place = tag
		}
	}
	n.service, n.place = cmp.Or(service, n.service), cmp.Or(place, n.place)
	s.nodes = append(s.nodes, n)
	return uint32(len(s.nodes) - 1)
}

// before says which of two services with prefixes of one length counts: one with a
// region, then the shorter systemService (LogicApps, not LogicAppsManagement).
func (t *serviceTag) before(u *serviceTag) bool {
	if with, without := t.region != "", u.region != ""; with != without {
		return with
	}
	return cmp.Or(cmp.Compare(len(t.service), len(u.service)), cmp.Compare(t.name, u.name)) < 0
}

func (s *serviceTags) tag(number uint32) *serviceTag { return &s.tags[number-1] }

// tagAnswer is what the service tags say of an address.
type tagAnswer struct {
	tag     string // Storage.EastUS
	service string // AzureStorage
	region  string // eastus
}

// of is the answer for an address, unmapped. Without one it is the zero value.
func (s *serviceTags) of(addr netip.Addr) (a tagAnswer, ok bool) {
	if s == nil {
		return a, false
	}
	number := s.table.at(addr)
	if number == 0 {
		return a, false
	}
	n := &s.nodes[number]
	if n.place != 0 {
		place := s.tag(n.place)
		a.tag, a.region = place.name, place.location
	}
	switch {
	case n.service != 0:
		t := s.tag(n.service)
		a.tag, a.service = t.name, t.service
		if a.service == "" {
			a.service, _, _ = strings.Cut(t.name, ".")
		}
		a.region = cmp.Or(t.location, a.region)
	case n.place == 0:
		a.tag = "AzureCloud"
	}
	return a, true
}
