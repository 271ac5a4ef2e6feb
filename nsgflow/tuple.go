package nsgflow

import (
	"bytes"
	"net/netip"

	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// columnNames are the columns of a tuple, for messages, which count them from
// zero.
var columnNames = [13]string{
	"time", "source ip", "destination ip", "source port", "destination port",
	"protocol", "direction", "decision", "state",
	"packets source to destination", "bytes source to destination",
	"packets destination to source", "bytes destination to source",
}

// Fewest columns of a tuple by family: NSG version 1 ends with the decision,
// VNet has always had at least the encryption. Later columns may be missing.
var fewestColumns = [...]int{NSG: 8, VNet: 9}

const secondsEnd = 1e11 // from here on a time is in milliseconds

// ParseTuple reads one flow tuple, for instance
// "1607984156,10.0.0.4,192.0.2.7,36422,443,T,O,A,E,1,74,1,74".
// The layout follows from the family and the number of columns. A VNet tuple
// whose columns 5, 7 and 8 are letters of NSG tuples is read like one of those.
// Columns after the 13th are ignored. The error is a *TupleError.
func ParseTuple(family Family, tuple string) (Flow, error) {
	var p parsedTuple
	line := []byte(tuple)
	if bad := p.parse(family, line); bad != noColumn {
		return Flow{}, newTupleError("", family, line, bad)
	}
	return p.complete(), nil
}

// parsedTuple is a tuple as the encoder wants it: a Flow but for what takes
// time to make and no event needs, and the columns that events copy.
type parsedTuple struct {
	Flow           // without EncryptionCode, and without the Addr of IPv4 addresses
	source         address
	destination    address
	encryptionCode []byte // column 8 of a VNet tuple
}

// complete is the whole flow.
func (p *parsedTuple) complete() Flow {
	f := p.Flow
	if p.source.is4 {
		f.Source.Addr = netip.AddrFrom4(p.source.v4)
	}
	if p.destination.is4 {
		f.Destination.Addr = netip.AddrFrom4(p.destination.v4)
	}
	f.EncryptionCode = string(p.encryptionCode)
	return f
}

// noColumn is more than the number of any column.
const noColumn = len(columnNames)

// parse reads line into p, which keeps slices of it. It returns noColumn, or
// the column that does not parse. Too few columns show as a bad column too;
// newTupleError tells the two apart.
func (p *parsedTuple) parse(family Family, line []byte) (badColumn int) {
	if p.parseFast(family, line) {
		return noColumn
	}
	return p.parseColumns(family, line)
}

// parseColumns reads any line, column by column.
func (p *parsedTuple) parseColumns(family Family, line []byte) (badColumn int) {
	*p = parsedTuple{Flow: Flow{Family: family}}
	at, bad := p.parseEnds(line)
	if bad != noColumn {
		return bad
	}
	var columns [4][]byte // 5 to 8
	count := 0
	for ; count < len(columns) && at < len(line); count++ {
		columns[count], at = column(line, at+1)
	}
	if 5+count < fewestColumns[family] {
		return 5 + count
	}
	p.setProtocol(columns[0])
	p.setDirection(columns[1])
	if family == NSG || hasNSGLayout(columns) {
		p.setDecision(columns[2])
		p.setState(columns[3])
	} else {
		p.setStateAndDecision(columns[2])
		p.setEncryption(columns[3])
	}
	return p.parseCounters(line, at)
}

// hasNSGLayout recognises VNet tuples that have columns 5 to 8 as NSG tuples have
// them: Microsoft's own tutorial showed such records for a while, and several
// tools write them.
func hasNSGLayout(columns [4][]byte) bool {
	state := letters[letter(columns[3])].state
	return letters[letter(columns[0])].protocol != 0 && letters[letter(columns[2])].decision != DecisionUnknown &&
		(len(columns[3]) == 0 || state != StateUnknown && state != Deny)
}

// parseEnds reads columns 0 to 4: the time, addresses and ports.
func (p *parsedTuple) parseEnds(line []byte) (end, badColumn int) {
	p.Time, end, badColumn = parseTime(line)
	if badColumn != noColumn {
		return 0, badColumn
	}
	if p.Source.Addr, end = p.source.parse(line, end+1); end < 0 {
		return 0, 1
	}
	if p.Destination.Addr, end = p.destination.parse(line, end+1); end < 0 {
		return 0, 2
	}
	if p.Source.Port, end = port(line, end+1); end < 0 {
		return 0, 3
	}
	if p.Destination.Port, end = port(line, end+1); end < 0 {
		return 0, 4
	}
	return end, noColumn
}

// parseTime reads column 0, in milliseconds.
func parseTime(line []byte) (ms int64, end, badColumn int) {
	t, end := digits(line, 0)
	ok := end > 0 && ended(line, end)
	if !ok {
		var col []byte
		col, end = column(line, 0)
		t, ok = whole(col)
	}
	if ms, inTime := millis(t); ok && inTime {
		return ms, end, noColumn
	}
	return 0, 0, 0
}

// whole is the value of a number that is written as a floating-point number and
// has no fraction: 1.607984156E9, as Java writes such, is 1607984156. It has at
// most 18 digits.
func whole(t []byte) (n int64, ok bool) {
	const most = 1e17 // has room for one more digit
	n, p := digits(t, 0)
	if p == 0 {
		return 0, false
	}
	places := int64(0) // behind the point
	if p < len(t) && t[p] == '.' {
		first := p + 1
		for p = first; p < len(t) && t[p]-'0' <= 9; p++ {
			if n >= most {
				return 0, false
			}
			n, places = n*10+int64(t[p]-'0'), places+1
		}
		if p == first {
			return 0, false
		}
	}
	if p < len(t) && t[p]|0x20 == 'e' {
		if p++; p < len(t) && t[p] == '+' {
			p++
		}
		exponent, end := digits(t[p:], 0)
		if end == 0 || end > 2 {
			return 0, false
		}
		p, places = p+end, places-exponent
	}
	for ; places > 0 && n%10 == 0; places-- {
		n /= 10
	}
	for ; places < 0 && n < most; places++ {
		n *= 10
	}
	return n, p == len(t) && places == 0
}

// parseCounters reads columns 9 to 12, as many as there are.
func (p *parsedTuple) parseCounters(line []byte, end int) (badColumn int) {
	counters := [...]*Counter{&p.Source.Packets, &p.Source.Bytes, &p.Destination.Packets, &p.Destination.Bytes}
	for i, c := range counters {
		*c = CounterAbsent
		if end >= len(line) {
			continue
		}
		if end = c.parse(line, end+1); end < 0 {
			return 9 + i
		}
	}
	return noColumn
}

// ended says whether a column can end at p.
func ended(line []byte, p int) bool { return p == len(line) || line[p] == ',' }

// column returns the column that starts at p, and where it ends.
func column(line []byte, p int) ([]byte, int) {
	// Most of these columns are one letter.
	if p+1 < len(line) && line[p+1] == ',' && line[p] != ',' {
		return line[p : p+1], p + 1
	}
	if i := bytes.IndexByte(line[p:], ','); i >= 0 {
		return line[p : p+i], p + i
	}
	return line[p:], len(line)
}

// digits reads a decimal number from p on. A number of more than 18 digits
// ends inside itself, so that the caller finds no end of column behind it.
func digits(line []byte, p int) (n int64, end int) {
	limit := min(len(line), p+18)
	for p < limit {
		d := line[p] - '0'
		if d > 9 {
			break
		}
		n = n*10 + int64(d)
		p++
	}
	return n, p
}

// millis is a tuple time in milliseconds, and whether it is one.
func millis(t int64) (int64, bool) {
	if t < secondsEnd {
		return t * 1000, t <= msgpack.MaxSeconds
	}
	return t, t < (msgpack.MaxSeconds+1)*1000
}

func port(line []byte, start int) (uint16, int) {
	if start > len(line) {
		return 0, -1
	}
	n, p := digits(line, start)
	if p == start || p-start > 5 || n > 65535 || !ended(line, p) {
		return 0, -1
	}
	return uint16(n), p
}

// parse reads a counter; an empty column leaves it absent.
func (c *Counter) parse(line []byte, start int) (end int) {
	n, p := digits(line, start)
	switch {
	case !ended(line, p):
		return -1
	case p > start:
		*c = Counter(n)
	}
	return p
}
