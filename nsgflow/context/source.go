package context

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// kind is a kind of files.
type kind uint8

const (
	tagKind kind = iota
	inventoryKind
	networksKind
	geoKind
	asnKind
	threatKind
	exceptionKind
)

// kinds say what is to be known of each.
var kinds = [...]struct {
	option string
	source string // name in metrics
	format string // files of one format are shared
	most   int64  // bytes of all files of a source
	noun   string // what entries are; empty: they are not counted
	none   string // what is said where nothing is in use
	build  func(s *source) (built, error)
	read   func(data []byte, s *source, now time.Time) (part, error)
}{
	tagKind: {"context_service_tags", "service_tags", "tags", 64 << 20, "prefixes", "no service tags are in use", buildOne,
		func(data []byte, _ *source, _ time.Time) (p part, err error) {
			t, err := readServiceTags(data)
			if err != nil {
				return p, err
			}
			p = part{value: t, entries: len(t.nodes) - 1, remarks: t.skipped.remarks("prefixes")}
			if t.isPart {
				p.remarks = append(p.remarks, "it is one page of an answer that has more (nextLink): addresses of the others have no tag")
			}
			return p, nil
		}},
	inventoryKind: {"context_inventory", "inventory", "inventory", 512 << 20, "objects", "no inventory is in use", buildInventory,
		func(data []byte, s *source, _ time.Time) (p part, err error) {
			f, err := readInventory(data, s.tags)
			if err != nil {
				return p, err
			}
			return part{value: f, entries: f.objects, time: f.time, remarks: f.remarks()}, nil
		}},
	networksKind: {"context_networks", "networks", "networks", 64 << 20, "networks", "no networks are in use", buildNetworks,
		func(data []byte, _ *source, _ time.Time) (p part, err error) {
			f, err := readNetworks(data)
			if err != nil {
				return p, err
			}
			return part{value: f, entries: len(f.rows)}, nil
		}},
	geoKind: {"context_geo", "geo", "mmdb", 1 << 30, "", "no database is in use", buildDatabase(func(d *database) bool { return d.hasGeo }, "no country or city in it"), readMMDB},
	asnKind: {"context_asn", "asn", "mmdb", 1 << 30, "", "no database is in use", buildDatabase(func(d *database) bool { return d.hasASN }, "no ASN in it"), readMMDB},
	threatKind: {"context_threats", "threats", "threats", 256 << 20, "entries", "no list is in use", buildOne,
		func(data []byte, _ *source, now time.Time) (p part, err error) {
			l, err := readThreats(data, now, maxThreats)
			if err != nil {
				return p, err
			}
			p = part{value: l, entries: l.entries, time: l.time, remarks: l.skipped.remarks("entries")}
			if l.wide > 0 {
				p.remarks = append(p.remarks, fmt.Sprintf("%s entries are wider than /%d, or /%d of IPv6, and are left out", count(l.wide), shortest4, shortest6))
			}
			if l.others > 0 {
				p.remarks = append(p.remarks, fmt.Sprintf("%s indicators are none of addresses, and are left out", count(l.others)))
			}
			return p, nil
		}},
	exceptionKind: {"context_threats_except", "threats", "exceptions", 256 << 20, "networks", "no exceptions are in use", buildExceptions,
		func(data []byte, _ *source, _ time.Time) (p part, err error) {
			e, err := readExceptions(data, maxThreats)
			if err != nil {
				return p, err
			}
			return part{value: e, entries: len(e.prefixes), remarks: e.skipped.remarks("entries")}, nil
		}},
}

func readMMDB(data []byte, _ *source, _ time.Time) (p part, err error) {
	d, err := readDatabase(data)
	if err != nil {
		return p, err
	}
	return part{value: d, time: d.built}, nil
}

// part is a file, read.
type part struct {
	value   any
	entries int
	bytes   int64
	time    time.Time // of the data, else of the file
	remarks []string
}

// built is what the files of a source make together.
type built struct {
	value   any
	entries int
	time    time.Time // of the oldest file
}

// source are the files that make one thing. Contexts with the same ones share it.
type source struct {
	kind  kind
	name  string // of a threat list
	paths []string
	tags  []string

	users  int
	files  []*file
	isRead bool  // the files have been looked at once
	broken bool  // they are good, but not for this source: it began at a hot reload
	built  built // value is nil where there are none of them
}

// key tells sources apart. The name of a list is its Context's.
func (s *source) key() string {
	return fmt.Sprint(s.kind, "\x00", strings.Join(s.paths, "\x00"), "\x00\x00", strings.Join(s.tags, "\x00"))
}

// option is the option that names a source, as messages have it.
func (s *source) option() string {
	if s.name == "" {
		return kinds[s.kind].option
	}
	return kinds[s.kind].option + " " + s.name
}

// sources are those that options name.
func (o *Options) sources() (all []*source) {
	add := func(k kind, paths ...string) *source {
		s := &source{kind: k}
		for _, path := range paths {
			if path != "" {
				s.paths = append(s.paths, path)
			}
		}
		if len(s.paths) > 0 {
			all = append(all, s)
		}
		return s
	}
	add(tagKind, o.ServiceTags)
	add(inventoryKind, o.Inventory...).tags = o.Tags
	add(networksKind, o.Networks...)
	add(geoKind, o.Geo)
	add(asnKind, o.ASN)
	for _, l := range o.Threats {
		add(threatKind, l.Path).name = l.Name
	}
	add(exceptionKind, o.ThreatsExcept...)
	return all
}

// parts are the values of the files that have been read.
func parts[T any](s *source) (all []T, b built) {
	for _, f := range s.files {
		value, ok := f.part.value.(T)
		if !ok {
			continue
		}
		all = append(all, value)
		b.entries += f.part.entries
		if b.time.IsZero() || f.part.time.Before(b.time) {
			b.time = f.part.time
		}
	}
	return all, b
}

func buildOne(s *source) (built, error) {
	all, b := parts[any](s)
	if len(all) > 0 {
		b.value = all[0]
	}
	return b, nil
}

func buildInventory(s *source) (built, error) {
	files, b := parts[*inventoryFile](s)
	if len(files) == 0 {
		return b, nil
	}
	addresses, peers := 0, 0
	for _, f := range files {
		addresses += f.addresses
		peers += f.peers
	}
	if b.entries > maxObjects {
		return b, tooMany(maxObjects, "objects")
	}
	if addresses > maxAddresses {
		return b, tooMany(maxAddresses, "addresses")
	}
	if peers > maxPeers {
		return b, tooMany(maxPeers, "VNets that are named only")
	}
	b.value = newEstate(files)
	return b, nil
}

func buildNetworks(s *source) (built, error) {
	files, b := parts[*networkFile](s)
	if len(files) == 0 {
		return b, nil
	}
	n, err := newNetworks(files)
	b.value = n
	return b, err
}

func buildDatabase(has func(*database) bool, lacks string) func(*source) (built, error) {
	return func(s *source) (built, error) {
		all, b := parts[*database](s)
		if len(all) == 0 {
			return b, nil
		}
		if !has(all[0]) {
			return b, errors.New(lacks)
		}
		b.value = all[0]
		return b, nil
	}
}

func buildExceptions(s *source) (built, error) {
	all, b := parts[*exceptions](s)
	b.value = all
	return b, nil
}

// build makes of the files what the source stands for.
func (s *source) build() (b built, err error) {
	defer survive(&err)
	return kinds[s.kind].build(s)
}
