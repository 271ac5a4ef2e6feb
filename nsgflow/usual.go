package nsgflow

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// Nearly all tuples have the usual shape: IPv4 addresses, documented letters,
// counters of at most eight digits. Their columns differ in length at random,
// and a processor that guesses wrong where one ends loses more than it takes to
// read it. So this finds the separators first, a bit each; then a column is one
// load and a fixed number of steps, whatever its length. All else, and all that
// is wrong, is left to parseColumns, which says what a tuple is: tests hold the
// two to the same flows.

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// window is the memory from behind a tuple's time on. It reads without the
// checks of a slice, at places below windowSize-8.
type window struct{ start unsafe.Pointer }

// The columns that parseUsual takes: 44 bytes of addresses and ports, 28 of
// protocol to encryption, 32 of counters, and a word behind the last one's
// start.
const (
	longestFront    = len("255.255.255.255,255.255.255.255,65535,65535,")
	longestCode     = len("NX_HW_NOT_SUPPORTED")
	longestCounters = 32
	windowSize      = longestFront + len("255,O,E,") + longestCode + len(",") + longestCounters + 8
	usualRoom       = len("1600000000000,") + windowSize // what parseUsual may look at
)

func (w window) word(at int) uint64 {
	return binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(w.start, at))[:])
}

func (w window) half(at int) uint32 {
	return binary.LittleEndian.Uint32((*[4]byte)(unsafe.Add(w.start, at))[:])
}

func (w window) byte(at int) byte { return *(*byte)(unsafe.Add(w.start, at)) }

// separators are the commas and dots of eight bytes, a bit each.
func (w window) separators(at int) uint64 {
	const low7 = lowBits * 0x7f
	x := (w.word(at) | lowBits*(','^'.')) ^ lowBits*'.' // zero where there is one: they differ by one bit
	return ^(x&low7 + low7 | x) & highBits * 0x0002040810204081 >> 56
}

// separators32 are those of 32 bytes.
func (w window) separators32(at int) uint64 {
	return w.separators(at) | w.separators(at+8)<<8 | w.separators(at+16)<<16 | w.separators(at+24)<<24
}

// next is the place of the first separator; 64 if there is none.
func next(set uint64) (place int, rest uint64) { return bits.TrailingZeros64(set), set & (set - 1) }

// digits are n bytes less '0' in the upper end of a word, zeros below. n is
// from 1 to 8.
func (w window) digits(at, n int) uint64 { return (w.word(at) ^ lowBits*'0') << (-8 * n & 63) }

// strays has a high bit set if not all are digits.
func strays(digits uint64) uint64 { return digits + lowBits*(0x80-10) | digits }

// number is the value of eight digits, the first in the lowest byte.
func number(digits uint64) uint64 {
	digits = digits * (1 + 10<<8) >> 8
	digits = digits & 0x00FF00FF00FF00FF * (1 + 100<<16) >> 16
	return digits & 0x0000FFFF0000FFFF * (1 + 10000<<32) >> 32
}

// parseUsual reads line as parseColumns does if it has the usual shape.
// Otherwise it returns false, and f is undefined. It looks at memory behind the
// line, up to its capacity, but what it returns does not depend on it.
func (f *Flow) parseUsual(family Family, line []byte) bool {
	const seconds, milliseconds = len("1600000000,"), len("1600000000000,")
	if len(line) < milliseconds || cap(line) < usualRoom {
		return false
	}
	w, front := window{unsafe.Pointer(&line[0])}, seconds
	high, low := w.digits(0, 2), w.digits(2, 8)
	f.Time = int64(number(high)*1e8+number(low)) * 1000
	if line[seconds-1] != ',' {
		front = milliseconds
		high, low = w.digits(0, 5), w.digits(5, 8)
		f.Time = int64(number(high)*1e8 + number(low))
		if line[milliseconds-1] != ',' || f.Time < secondsEnd {
			return false
		}
	}
	stray := strays(high) | strays(low)
	w.start = unsafe.Add(w.start, front)
	end := len(line) - front

	all := w.separators32(0) | w.separators32(32)<<32
	s1, set := next(all)
	s2, set := next(set)
	s3, set := next(set)
	source, set := next(set)
	d1, set := next(set)
	d2, set := next(set)
	d3, set := next(set)
	destination, set := next(set)
	sourcePort, set := next(set)
	destinationPort, _ := next(set)
	if f.Time >= (maxSeconds+1)*1000 || destinationPort >= longestFront {
		return false
	}
	if !f.Source.usual(w, 0, s1, s2, s3, source) || !f.Destination.usual(w, source+1, d1, d2, d3, destination) {
		return false
	}
	f.Source.column, f.Destination.column = line[front-1:front+source], line[front+source:front+destination]
	from, to := w.digits(destination+1, sourcePort-destination-1), w.digits(sourcePort+1, destinationPort-sourcePort-1)
	stray |= strays(from) | strays(to)
	from, to = number(from), number(to)
	if uint(sourcePort-destination-2) > 4 || uint(destinationPort-sourcePort-2) > 4 || from|to > 1<<16-1 ||
		w.byte(sourcePort) != ',' || w.byte(destinationPort) != ',' {
		return false
	}
	f.Source.Port, f.Destination.Port = uint16(from), uint16(to)

	f.Family, f.Unknown = family, 0
	f.Encryption, f.encryption = EncryptionAbsent, nil
	var counters int
	if family == NSG {
		counters = f.usualNSG(w, destinationPort+1, end)
	} else {
		counters = f.usualVNet(w, destinationPort+1, line[front:])
	}
	switch {
	case counters == 0 || stray&highBits != 0:
		return false
	case counters < end:
		all >>= counters & 63
		if end > 64 {
			all = w.separators32(counters)
		}
		return f.usualCounters(w, counters, end, all)
	}
	f.Source.Packets, f.Source.Bytes = CounterAbsent, CounterAbsent
	f.Destination.Packets, f.Destination.Bytes = CounterAbsent, CounterAbsent
	return true
}

// Three digits of at most 255, and the least that as many have without a zero
// in front, as numbers with a byte for a digit.
const most255 = 2<<16 | 5<<8 | 5

var leastOf = [4]uint32{1 << 31, 0, 1 << 8, 1 << 16}

// octet reads a number of at most 255.
func (w window) octet(start, end int) (value byte, stray uint32) {
	n := uint(end - start)
	digits := (w.half(start) ^ '0'*0x01010101) << ((32 - 8*n) & 31)
	stray = digits + (0x80-10)*0x01010101 | digits
	if v := bits.ReverseBytes32(digits); n > 3 || v > most255 || v < leastOf[n] {
		stray = 1 << 31
	}
	return byte(digits * (1 + 10<<8 + 100<<16) >> 24), stray
}

// usual reads the IPv4 address from start on, whose octets end at a, b, c, d.
func (e *Endpoint) usual(w window, start, a, b, c, d int) bool {
	var s1, s2, s3, s4 uint32
	e.v4[0], s1 = w.octet(start, a)
	e.v4[1], s2 = w.octet(a+1, b)
	e.v4[2], s3 = w.octet(b+1, c)
	e.v4[3], s4 = w.octet(c+1, d)
	e.is4 = true
	return (s1|s2|s3|s4)&0x80808080 == 0 && w.byte(a) == '.' && w.byte(b) == '.' && w.byte(c) == '.' && w.byte(d) == ','
}

// codes are what the letters of columns 5 to 8 mean, those that documents
// name.
var codes = [256]struct {
	protocol  Protocol // NSG only
	direction Direction
	decision  Decision // NSG only
	state     State
}{
	'T': {protocol: tcp}, 'U': {protocol: udp},
	'I': {direction: Inbound}, 'O': {direction: Outbound},
	'A': {decision: Allowed}, 'D': {decision: Denied, state: Deny},
	'B': {state: Begin}, 'C': {state: Continue}, 'E': {state: End},
}

// usualNSG reads the columns from protocol to state, which are a letter each.
// It returns where the counters begin, at or behind end if there are none; 0
// if there is something else.
func (f *Flow) usualNSG(w window, p, end int) (counters int) {
	const (
		letters  = 0x00FF00FF00FF00FF
		version1 = 0x000000002C002C00 // the commas of "T,O,A"
		ended    = 0x00002C002C002C00 // "T,O,A,E"
		counted  = 0x2C002C002C002C00 // "T,O,A,E,"
	)
	word := w.word(p)
	f.Protocol = codes[byte(word)].protocol
	f.Direction = codes[byte(word>>16)].direction
	f.Decision = codes[byte(word>>32)].decision
	f.State = codes[byte(word>>48)].state
	switch commas := word &^ letters; {
	case commas == counted && p+len("T,O,A,E,") <= end:
	case commas&(1<<48-1) == ended && p+len("T,O,A,E") == end:
	case commas&(1<<32-1) == version1 && p+len("T,O,A") == end:
		f.State = StateAbsent
	default:
		return 0
	}
	if f.Protocol == 0 || f.Direction == DirectionUnknown || f.Decision == DecisionUnknown || f.State == StateUnknown || f.State == Deny {
		return 0
	}
	return p + len("T,O,A,E,")
}

// usualVNet reads the columns from protocol to encryption; see usualNSG.
func (f *Flow) usualVNet(w window, p int, columns []byte) (counters int) {
	const letters, commas = 0xFFFFFF00FF00FF00, ',' | ','<<16 | ','<<32 // of ",O,E,"
	n, _ := next(w.separators(p))
	if uint(n-1) >= uint(len("255")) {
		return 0
	}
	digits := w.digits(p, n)
	word := w.word(p + n)
	p += n + len(",O,E,")
	f.Protocol, f.Direction, f.State = Protocol(number(digits)), codes[byte(word>>8)].direction, codes[byte(word>>24)].state
	f.Decision = Allowed
	if f.State == Deny {
		f.Decision = Denied
	}
	if f.Protocol > 255 || strays(digits)&highBits != 0 || word&^letters != commas || p > len(columns) ||
		f.Direction == DirectionUnknown || f.State == StateUnknown {
		return 0
	}
	code := columns[p:min(len(columns), p+longestCode+1)]
	if end := bytes.IndexByte(code, ','); end >= 0 {
		code = code[:end]
	}
	if f.encrypted(code); f.Encryption == EncryptionUnknown {
		return 0
	}
	return p + len(code) + 1
}

// usualCounters reads the four columns from p to end. all are the separators
// from p on.
func (f *Flow) usualCounters(w window, p, end int, all uint64) bool {
	if end-p > longestCounters {
		return false
	}
	last := uint64(1) << ((end - p) & 63)
	a, set := next(all&(last-1) | last)
	b, set := next(set)
	c, set := next(set)
	d, _ := next(set)
	a, b, c, d = p+a, p+b, p+c, p+d
	if d != end || w.byte(a) != ',' || w.byte(b) != ',' || w.byte(c) != ',' {
		return false
	}
	var s1, s2, s3, s4 uint64
	f.Source.Packets, s1 = w.counter(p, a)
	f.Source.Bytes, s2 = w.counter(a+1, b)
	f.Destination.Packets, s3 = w.counter(b+1, c)
	f.Destination.Bytes, s4 = w.counter(c+1, d)
	return (s1|s2|s3|s4)&highBits == 0
}

// counter reads a column that is a counter, or empty.
func (w window) counter(at, end int) (c Counter, stray uint64) {
	n := end - at
	digits := w.digits(at, n)
	none := int64(n-1) >> 63 // -1 iff it is empty
	digits &^= uint64(none)
	return Counter(number(digits)) + Counter(none), strays(digits) | uint64(8-n)
}
