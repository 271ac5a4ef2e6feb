package nsgflow

import (
	"bytes"
	"net/netip"
	"unsafe"
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

const (
	maxSeconds = 1<<31 - 1 // 2038-01-19; later ones make some hosts drop the record
	secondsEnd = 1e11      // from here on a time is in milliseconds
)

// ParseTuple reads one flow tuple, for instance
// "1607984156,10.0.0.4,192.0.2.7,36422,443,T,O,A,E,1,74,1,74".
// The layout follows from the family and the number of columns. Columns
// after the 13th are ignored. The error is a *TupleError.
func ParseTuple(family Family, tuple string) (Flow, error) {
	var f Flow
	line := append(make([]byte, 0, len(tuple)+usualRoom), tuple...)
	if bad := f.parse(family, line); bad != tupleFine {
		return Flow{}, newTupleError("", family, line, bad)
	}
	f.Source.complete()
	f.Destination.complete()
	return f, nil
}

const tupleFine = -1

// parse reads line into f, which keeps slices of it. It returns tupleFine or
// the column that does not parse; too few columns show as a bad column too
// (newTupleError tells the two apart).
func (f *Flow) parse(family Family, line []byte) (badColumn int) {
	if f.parseUsual(family, line) {
		return tupleFine
	}
	return f.parseColumns(family, line)
}

// parseColumns reads any line, column by column.
func (f *Flow) parseColumns(family Family, line []byte) (badColumn int) {
	// Field by field: the rest is written below, and clearing it costs as much
	// as a column.
	f.Family, f.Protocol, f.State = family, ProtocolUnknown, StateAbsent
	f.Direction, f.Decision, f.Encryption = DirectionUnknown, DecisionUnknown, EncryptionAbsent
	f.Unknown, f.encryption = 0, nil
	f.Source.Packets, f.Source.Bytes = CounterAbsent, CounterAbsent
	f.Destination.Packets, f.Destination.Bytes = CounterAbsent, CounterAbsent

	t, p := digits(line, 0)
	if p == 0 || !ended(line, p) {
		return 0
	}
	var ok bool
	if f.Time, ok = millis(t); !ok {
		return 0
	}
	if p = f.Source.address(line, p+1); p < 0 {
		return 1
	}
	if p = f.Destination.address(line, p+1); p < 0 {
		return 2
	}
	if f.Source.Port, p = port(line, p+1); p < 0 {
		return 3
	}
	if f.Destination.Port, p = port(line, p+1); p < 0 {
		return 4
	}
	if p >= len(line) {
		return 5
	}
	var col []byte
	col, p = column(line, p+1)
	f.protocol(col)
	if p >= len(line) {
		return 6
	}
	col, p = column(line, p+1)
	f.direction(col)
	if p >= len(line) {
		return 7
	}
	col, p = column(line, p+1)
	if family == NSG {
		f.decision(col)
	} else {
		f.vnetState(col)
	}
	if p >= len(line) {
		if family == VNet {
			return 8
		}
		return tupleFine
	}
	col, p = column(line, p+1)
	if family == NSG {
		f.nsgState(col)
	} else {
		f.encrypted(col)
	}
	for i, c := range [4]*Counter{&f.Source.Packets, &f.Source.Bytes, &f.Destination.Packets, &f.Destination.Bytes} {
		if p >= len(line) {
			break
		}
		if p = c.parse(line, p+1); p < 0 {
			return 9 + i
		}
	}
	return tupleFine
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
		return t * 1000, t <= maxSeconds
	}
	return t, t < (maxSeconds+1)*1000
}

// address reads a column that holds an IP address; -1 if it does not.
func (e *Endpoint) address(line []byte, start int) (end int) {
	if start > len(line) {
		return -1
	}
	var ip [4]byte
	p, octet := start, 0
	for octet < 4 {
		if p >= len(line) {
			break
		}
		first := line[p] - '0'
		if first > 9 {
			break
		}
		n := uint(first)
		p++
		for p < len(line) && n <= 25 && n > 0 {
			d := line[p] - '0'
			if d > 9 {
				break
			}
			n = n*10 + uint(d)
			p++
		}
		if n > 255 {
			break
		}
		ip[octet] = byte(n)
		octet++
		if octet < 4 {
			if p >= len(line) || line[p] != '.' {
				break
			}
			p++
		}
	}
	if octet == 4 && ended(line, p) {
		e.v4, e.is4 = ip, true
		e.column = line[start-1 : p]
		return p
	}
	col, end := column(line, start)
	if len(col) == 0 {
		return -1
	}
	addr, err := netip.ParseAddr(unsafe.String(&col[0], len(col)))
	if err != nil || addr.Zone() != "" {
		return -1
	}
	e.Addr, e.column, e.is4 = addr, line[start-1:end], addr.Is4()
	if e.is4 {
		e.v4 = addr.As4()
	}
	return end
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

func (f *Flow) protocol(col []byte) {
	if len(col) == 1 {
		switch col[0] {
		case 'T':
			f.Protocol = 6
			return
		case 'U':
			f.Protocol = 17
			return
		}
	}
	n, p := digits(col, 0)
	if p == 0 || p > 3 || p < len(col) || n > 255 {
		f.Unknown++
		return
	}
	f.Protocol = Protocol(n)
}

// letter is the column's only letter, or 0.
func letter(col []byte) byte {
	if len(col) == 1 {
		return col[0]
	}
	return 0
}

func (f *Flow) direction(col []byte) {
	switch letter(col) {
	case 'I':
		f.Direction = Inbound
	case 'O':
		f.Direction = Outbound
	default:
		f.Unknown++
	}
}

func (f *Flow) decision(col []byte) {
	switch letter(col) {
	case 'A':
		f.Decision = Allowed
	case 'D':
		f.Decision = Denied
	default:
		f.Unknown++
	}
}

func (f *Flow) nsgState(col []byte) {
	switch letter(col) {
	case 'B':
		f.State = Begin
	case 'C':
		f.State = Continue
	case 'E':
		f.State = End
	default:
		if len(col) > 0 {
			f.State = StateUnknown
			f.Unknown++
		}
	}
}

// vnetState reads column 7 of a VNet tuple, state and decision in one.
func (f *Flow) vnetState(col []byte) {
	f.Decision = Allowed
	switch letter(col) {
	case 'B':
		f.State = Begin
	case 'C':
		f.State = Continue
	case 'E':
		f.State = End
	case 'D':
		f.State, f.Decision = Deny, Denied
	default:
		f.State, f.Decision = StateUnknown, DecisionUnknown
		f.Unknown++
	}
}

func (f *Flow) encrypted(col []byte) {
	f.encryption = col
	switch string(col) {
	case "":
	case "X":
		f.Encryption = Encrypted
	case "NX":
		f.Encryption = Unencrypted
	case "NX_HW_NOT_SUPPORTED":
		f.Encryption = HardwareNotSupported
	case "NX_SW_NOT_READY":
		f.Encryption = SoftwareNotReady
	case "NX_NOT_ACCEPTED":
		f.Encryption = NotAccepted
	case "NX_NOT_SUPPORTED":
		f.Encryption = DiscoveryNotSupported
	case "NX_LOCAL_DST":
		f.Encryption = LocalDestination
	case "NX_FALLBACK":
		f.Encryption = Fallback
	default:
		f.Encryption = EncryptionUnknown
		f.Unknown++
	}
}
