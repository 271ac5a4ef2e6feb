package context

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
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
	source string // name in metrics; empty: it has none
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
			return part{value: t, entries: len(t.nodes) - 1, remarks: t.skipped.remarks("prefixes")}, nil
		}},
	inventoryKind: {"context_inventory", "inventory", "inventory", 512 << 20, "objects", "no inventory is in use", buildInventory,
		func(data []byte, s *source, _ time.Time) (p part, err error) {
			f, err := readInventory(data, s.tags)
			if err != nil {
				return p, err
			}
			return part{value: f, entries: f.objects, time: f.time}, nil
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
	exceptionKind: {"context_threats_except", "", "exceptions", 256 << 20, "networks", "no exceptions are in use", buildExceptions,
		func(data []byte, _ *source, _ time.Time) (p part, err error) {
			e, err := readExceptions(data)
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

// remarks are a line about what was skipped, if anything was.
func (s *skipped) remarks(what string) []string {
	if s.n == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s %s are left out, the first: %v", count(s.n), what, s.first)}
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
	addresses := 0
	for _, f := range files {
		addresses += f.addresses
	}
	if b.entries > maxObjects {
		return b, tooMany(maxObjects, "objects")
	}
	if addresses > maxAddresses {
		return b, tooMany(maxAddresses, "addresses")
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

// file is a file that is looked at.
type file struct {
	path   string
	of     []*source
	every  time.Duration
	looked time.Time

	part part
	// tried is what the file was when it was read last; nil: never, or it was not
	// there.
	tried os.FileInfo
	// pending is what it has become; it is read when it has stayed so for a second.
	pending os.FileInfo
	since   time.Time
	isBad   bool // the newest one is bad, or there is none; it has been said
	ok, bad uint64
}

// same says that nothing has changed.
func same(a, b os.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// errChanged is the end of reading a file that changes meanwhile: it is read again
// later.
var errChanged = errors.New("the file changes while it is read")

// read reads and parses the file that was seen.
func (f *file) read(info os.FileInfo, now time.Time) (p part, err error) {
	if !info.Mode().IsRegular() {
		return p, errors.New("not a regular file")
	}
	s := f.of[0]
	most := kinds[s.kind].most - f.others()
	if info.Size() > most {
		return p, fmt.Errorf("the file has %s bytes, at most %s may be", count(int(info.Size())), count(int(most)))
	}
	in, err := os.Open(f.path)
	if err != nil {
		return p, reasonOf(err)
	}
	defer in.Close()
	data := make([]byte, info.Size())
	switch _, err := io.ReadFull(in, data); err {
	case nil:
	case io.EOF, io.ErrUnexpectedEOF:
		return p, errChanged
	default:
		return p, reasonOf(err)
	}
	after, err := in.Stat()
	if err != nil || !same(info, after) {
		return p, errChanged
	}
	p, err = parse(s, data, now)
	p.bytes = info.Size()
	if p.time.IsZero() {
		p.time = info.ModTime().UTC()
	}
	return p, err
}

// others are the bytes of the other files of the source, which have one bound.
func (f *file) others() (n int64) {
	for _, s := range f.of {
		sum := int64(0)
		for _, other := range s.files {
			if other != f {
				sum += other.part.bytes
			}
		}
		n = max(n, sum)
	}
	return n
}

// parse reads data. A reader that panics has met a bad file, which is not worth
// the agent.
func parse(s *source, data []byte, now time.Time) (p part, err error) {
	defer survive(&err)
	return kinds[s.kind].read(data, s, now)
}

// build makes of the files what the source stands for.
func (s *source) build() (b built, err error) {
	defer survive(&err)
	return kinds[s.kind].build(s)
}

func survive(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("reading it panics: %v", r)
	}
}

// reasonOf is an error of the system without the path.
func reasonOf(err error) error {
	var of *os.PathError
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

// use puts another part in the place of the file's own. An error leaves all as it
// was.
func (f *file) use(p part) (err error, by *source) {
	old := f.part
	f.part = p
	made := make([]built, len(f.of))
	for i, s := range f.of {
		if made[i], err = s.build(); err != nil {
			f.part = old
			return err, s
		}
	}
	alone := true
	for i, s := range f.of {
		s.built = made[i]
		alone = alone && len(s.files) == 1
	}
	if alone && f.of[0].kind == inventoryKind {
		f.part.value = gone{}
	}
	return nil, nil
}

// gone stands for the lines of an inventory of one file: what is made of them is
// enough, and they are as many bytes again.
type gone struct{}

// says makes a line of the log about the file.
func (f *file) says(s *source, text string) string {
	return s.option() + " " + f.path + ": " + text
}

// stays says what goes on after a bad file.
func (f *file) stays(s *source, now time.Time) string {
	if f.part.value == nil {
		return kinds[s.kind].none
	}
	return "the file of " + when(f.part.time, now) + " stays in use" + f.entries(s)
}

// entries are how many there are, in brackets.
func (f *file) entries(s *source) string {
	if noun := kinds[s.kind].noun; noun != "" {
		return " (" + count(f.part.entries) + " " + noun + ")"
	}
	return ""
}

// when is a time of today, or a day.
func when(at, now time.Time) string {
	at, now = at.UTC(), now.UTC()
	if at.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return at.Format(time.TimeOnly)
	}
	return at.Format(time.DateOnly)
}

// keyOf is what files are shared by.
func keyOf(s *source, path string) string {
	return kinds[s.kind].format + "\x00" + filepath.Clean(path) + "\x00" + strings.Join(s.tags, "\x00")
}
