package context

import (
	"bytes"
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// threatList is a list of addresses that are known as malicious. It is
// immutable.
type threatList struct {
	details []threatDetail // from 1 on
	table   *prefixTable
	entries int
	skipped skipped   // entries that are no address
	others  int       // indicators of STIX whose pattern is not one of addresses
	wide    int       // entries that are skipped because their prefix is too short
	time    time.Time // of the list; zero: it says none
	made    time.Time // of the table
	// timed are all entries of a list of which some have a time of validity.
	// Others have none.
	timed []timedThreat
}

// threatDetail is what a list says of a prefix. Many share one.
type threatDetail struct {
	bits                                     uint8
	port                                     uint16
	name, description, reference, confidence string
	firstSeen, lastSeen                      string
}

// timedThreat is an entry that is valid for some time. Zero times are open.
type timedThreat struct {
	prefix      netip.Prefix
	detail      uint32
	from, until time.Time
}

// Threat is a match of a list: what events have below threat.enrichments.
type Threat struct {
	Type                                     string // ipv4-addr, ipv6-addr
	IP                                       string // of the list: the first one of a prefix
	Port                                     uint16 // 0: none
	Provider                                 string // name of the list
	Name, Description, Reference, Confidence string
	FirstSeen, LastSeen                      string // 2024-02-12T13:50:35.000Z
}

const maxThreats = 5_000_000 // of all lists

// Prefixes that are shorter are a list's damage.
const (
	shortest4 = 8
	shortest6 = 16
)

// threatReader reads a list.
type threatReader struct {
	list    threatList
	texts   texts
	numbers map[threatDetail]uint32
	entries prefixList
	all     int // entries, with those that are skipped
	isTimed bool
	timed   []timedThreat
	most    int
}

// readThreats reads a list in any of its forms. most bounds its entries.
func readThreats(data []byte, now time.Time, most int) (*threatList, error) {
	if len(data) == 0 {
		return nil, errEmpty
	}
	r := &threatReader{texts: texts{}, numbers: map[threatDetail]uint32{}, most: most}
	r.list.details = make([]threatDetail, 1)
	data = withoutMark(data)
	if err := r.form(data)(data); err != nil {
		return nil, err
	}
	if err := r.list.skipped.bad(r.all); err != nil {
		return nil, err
	}
	r.list.entries = r.prefixes()
	list := r.list // without the reader around it
	list.details = slices.Clone(list.details)
	if r.isTimed {
		list.timed = r.timed
		return list.at(now), nil
	}
	list.table = r.entries.table(longest)
	return &list, nil
}

// at is the list with the entries that are valid at a time.
func (l *threatList) at(now time.Time) *threatList {
	var valid prefixList
	for _, t := range l.timed {
		if (t.from.IsZero() || !now.Before(t.from)) && (t.until.IsZero() || now.Before(t.until)) {
			valid.add(t.prefix, t.detail)
		}
	}
	list := *l
	list.entries, list.made = valid.len(), now
	list.table = valid.table(longest)
	return &list
}

// form tells which form a list has, by its first line that is no comment.
func (r *threatReader) form(data []byte) func([]byte) error {
	first, _ := firstEntry(data)
	switch {
	case len(first) == 0:
		return r.plain
	case first[0] == '[':
		return r.jsonArray
	case first[0] == '{':
		return r.jsonObjects
	case isHead(first):
		return r.csv
	}
	return r.plain
}

// firstEntry is the first line that is no comment, and its number.
func firstEntry(data []byte) (line []byte, number int) {
	for n, line := range lines(data) {
		if !isComment(line) {
			return line, n
		}
	}
	return nil, 0
}

// isComment says that a line has no entry.
func isComment(line []byte) bool {
	return len(line) == 0 || line[0] == '#' || line[0] == ';' || bytes.HasPrefix(line, []byte("//"))
}

// isHead says that a line has names of columns: commas, and no address in front.
func isHead(line []byte) bool {
	if bytes.IndexByte(line, ',') < 0 {
		return false
	}
	token, _ := firstToken(string(line))
	_, err := prefixesOf(token)
	return err != nil
}

// plain reads an address, a prefix or a range a line. What stands behind it is a
// comment; of Spamhaus' DROP it is the number of the entry.
func (r *threatReader) plain(data []byte) error {
	for n, line := range lines(data) {
		if isComment(line) {
			continue
		}
		token, rest := firstToken(string(line))
		var d threatDetail
		if _, behind, ok := strings.Cut(rest, ";"); ok {
			if name := strings.TrimSpace(behind); strings.HasPrefix(name, "SBL") {
				d.name = r.texts.of(name)
			}
		}
		if err := r.add(token, d, n); err != nil {
			return err
		}
	}
	return nil
}

// firstToken is what stands before a separator. A range may have spaces around
// its dash.
func firstToken(line string) (token, rest string) {
	end := strings.IndexAny(line, " \t,;")
	if end < 0 {
		return line, ""
	}
	token, rest = line[:end], line[end:]
	if last, ok := strings.CutPrefix(strings.TrimLeft(rest, " \t"), "-"); ok {
		last, rest = firstToken(strings.TrimLeft(last, " \t"))
		return token + "-" + last, rest
	}
	return token, rest
}

// add takes an entry up: an address, a prefix, a range, or an address with a port.
// line is 0 where there are no lines. An error is one of the whole list.
func (r *threatReader) add(text string, d threatDetail, line int) error {
	return r.addTimed(text, d, line, time.Time{}, time.Time{})
}

func (r *threatReader) addTimed(text string, d threatDetail, line int, from, until time.Time) error {
	if r.all++; r.all > r.most {
		return tooMany(maxThreats, "entries of all lists")
	}
	prefixes, err := prefixesOf(text)
	if err != nil {
		at, otherwise := netip.ParseAddrPort(text)
		if otherwise != nil || at.Addr().Zone() != "" {
			r.list.skipped.add(line, err)
			return nil
		}
		addr := at.Addr().Unmap()
		prefixes = []netip.Prefix{netip.PrefixFrom(addr, addr.BitLen())}
		d.port = cmp.Or(d.port, at.Port())
	}
	isWide := false
	for _, p := range prefixes {
		if p.Bits() < shortest4 || p.Addr().Is6() && p.Bits() < shortest6 {
			if !isWide { // a range is one entry
				r.list.wide++
			}
			isWide = true
			continue
		}
		if r.prefixes() >= r.most {
			return tooMany(maxThreats, "entries of all lists")
		}
		d.bits = uint8(p.Bits())
		number := r.numbers[d]
		if number == 0 {
			number = uint32(len(r.list.details))
			r.list.details = append(r.list.details, d)
			r.numbers[d] = number
		}
		if r.isTimed {
			r.timed = append(r.timed, timedThreat{p, number, from, until})
		} else {
			r.entries.add(p, number)
		}
	}
	return nil
}

// prefixes are how many have been taken up. A range is several.
func (r *threatReader) prefixes() int { return r.entries.len() + len(r.timed) }

// match is what a list says of an address, unmapped.
func (l *threatList) match(addr netip.Addr, provider string) (t Threat, ok bool) {
	number := l.table.at(addr)
	if number == 0 {
		return t, false
	}
	d := &l.details[number]
	t = Threat{Type: "ipv4-addr", Port: d.port, Provider: provider, Name: d.name, Description: d.description,
		Reference: d.reference, Confidence: d.confidence, FirstSeen: d.firstSeen, LastSeen: d.lastSeen}
	if addr.Is6() {
		t.Type = "ipv6-addr"
	}
	p := netip.PrefixFrom(addr, int(d.bits)).Masked()
	t.IP = p.Addr().String()
	switch {
	case p.IsSingleIP():
	case t.Description == "":
		t.Description = p.String()
	default:
		t.Description += " (" + p.String() + ")"
	}
	return t, true
}

// threatFields are the members that objects and columns of lists have, by their
// names.
type threatFields map[string]string

func (f threatFields) first(names ...string) string {
	for _, name := range names {
		if value := strings.TrimSpace(f[name]); value != "" {
			return value
		}
	}
	return ""
}

// addressFields are the names of what holds the address.
var addressFields = []string{"cidr", "dst_ip", "ip_address", "ip", "indicator"}

// detail is what the other fields say.
func (r *threatReader) detail(f threatFields) (d threatDetail) {
	d.name = r.texts.of(f.first("malware", "sblid", "name"))
	d.description = r.texts.of(f.first("description"))
	d.reference = r.texts.of(f.first("reference"))
	d.confidence = confidence(f.first("confidence"))
	if port, err := strconv.ParseUint(f.first("dst_port", "port"), 10, 16); err == nil {
		d.port = uint16(port)
	}
	d.firstSeen = seen(f.first("first_seen_utc", "first_seen"))
	d.lastSeen = seen(f.first("last_online", "last_seen"))
	return d
}

// seen is a time as events have it. Empty: it is none.
func seen(text string) string {
	at, ok := timeOf(text)
	if !ok {
		return ""
	}
	return at.Format("2006-01-02T15:04:05.000Z")
}

// confidence is one of ECS' values. Numbers are those of STIX 2.1, appendix A.
func confidence(text string) string {
	for _, known := range []string{"Not Specified", "None", "Low", "Medium", "High"} {
		if strings.EqualFold(text, known) {
			return known
		}
	}
	n, err := strconv.Atoi(text)
	switch {
	case err != nil || n < 0 || n > 100:
		return ""
	case n == 0:
		return "None"
	case n < 30:
		return "Low"
	case n < 70:
		return "Medium"
	}
	return "High"
}
