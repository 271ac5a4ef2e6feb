package nsgflow

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// Nearly all tuples have one shape: IPv4 addresses, documented letters,
// counters of at most eight digits. Their columns differ in length at random,
// and a processor that guesses wrong where one ends loses more than it takes to
// read it. So the fast parser finds the separators first, a bit each; then a
// column is one load and a fixed number of steps, whatever its length. All
// else, and all that is wrong, is left to parseColumns, which says what a tuple
// is: tests hold the two to the same flows.

// window is a tuple from behind its time on, and whatever stands behind it, which
// never counts. Places in it are taken modulo windowSize, so that no place needs
// a check.
type window [windowSize + 8]byte

const (
	windowSize = 128 // a power of two that has room for the longest columns

	// The longest columns that the fast parser takes.
	longestEnds     = len("255.255.255.255,255.255.255.255,65535,65535,")
	longestCode     = len("NX_HW_NOT_SUPPORTED")
	longestCounters = 32
	longestTuple    = longestEnds + len("255,O,E,") + longestCode + len(",") + longestCounters
)

var _ [windowSize - longestTuple - 8]struct{} // or the build fails

func (w *window) word(at int) uint64 {
	at &= windowSize - 1
	return binary.LittleEndian.Uint64(w[at : at+8])
}

func (w *window) half(at int) uint32 {
	at &= windowSize - 1
	return binary.LittleEndian.Uint32(w[at : at+4])
}

func (w *window) byte(at int) byte { return w[at&(windowSize-1)] }

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// separators are the commas and dots of eight bytes, a bit each.
func (w *window) separators(at int) uint64 {
	const low7 = lowBits * 0x7f
	x := (w.word(at) | lowBits*(','^'.')) ^ lowBits*'.' // zero where there is one: they differ by one bit
	return ^(x&low7 + low7 | x) & highBits * 0x0002040810204081 >> 56
}

// separators32 are those of 32 bytes.
func (w *window) separators32(at int) uint64 {
	return w.separators(at) | w.separators(at+8)<<8 | w.separators(at+16)<<16 | w.separators(at+24)<<24
}

// first is the place of the first separator; 64 if there is none.
func first(set uint64) (place int, rest uint64) { return bits.TrailingZeros64(set), set & (set - 1) }

// digits are n bytes less '0' in the upper end of a word, zeros below. n is
// from 1 to 8.
func (w *window) digits(at, n int) uint64 { return lastDigits(w.word(at), n) }

// lastDigits are the n low bytes of a word less '0' in its upper end.
func lastDigits(word uint64, n int) uint64 { return (word ^ lowBits*'0') << (-8 * n & 63) }

// nonDigits has a high bit set if not all are digits.
func nonDigits(digits uint64) uint64 { return digits + lowBits*(0x80-10) | digits }

// number is the value of eight digits, the first in the lowest byte.
func number(digits uint64) uint64 {
	digits = digits * (1 + 10<<8) >> 8
	digits = digits & 0x00FF00FF00FF00FF * (1 + 100<<16) >> 16
	return digits & 0x0000FFFF0000FFFF * (1 + 10000<<32) >> 32
}

// parseFast reads line as parseColumns does if it has the usual shape.
// Otherwise it returns false, and p is undefined.
func (p *parsedTuple) parseFast(family Family, line []byte) bool {
	ends, wrong, ok := p.fastTime(line)
	if !ok || len(line)-ends > longestTuple {
		return false
	}
	// A line has the capacity of its document, which is cut to the length that
	// the caller gave. The last tuples of a document are copied. To copy them all
	// takes 6 to 10 % more where tuples are dense.
	if room := line[ends:cap(line)]; len(room) >= len(window{}) {
		return p.parseWindow(family, (*window)(room), line[ends:], wrong)
	}
	var w window
	copy(w[:], line[ends:])
	return p.parseWindow(family, &w, line[ends:], wrong)
}

// parseWindow reads what stands behind the time: line, which w begins with.
func (p *parsedTuple) parseWindow(family Family, w *window, line []byte, wrong uint64) bool {
	end := len(line)
	all := w.separators32(0) | w.separators32(32)<<32
	s1, set := first(all)
	s2, set := first(set)
	s3, set := first(set)
	source, set := first(set)
	d1, set := first(set)
	d2, set := first(set)
	d3, set := first(set)
	destination, set := first(set)
	sourcePort, set := first(set)
	destinationPort, _ := first(set)
	if destinationPort >= longestEnds ||
		!p.source.parseFast(w, 0, s1, s2, s3, source) || !p.destination.parseFast(w, source+1, d1, d2, d3, destination) {
		return false
	}
	from, to := w.digits(destination+1, sourcePort-destination-1), w.digits(sourcePort+1, destinationPort-sourcePort-1)
	wrong |= nonDigits(from) | nonDigits(to)
	from, to = number(from), number(to)
	if uint(sourcePort-destination-2) > 4 || uint(destinationPort-sourcePort-2) > 4 || from|to > 1<<16-1 ||
		w.byte(sourcePort) != ',' || w.byte(destinationPort) != ',' {
		return false
	}
	p.Source.Port, p.Destination.Port = uint16(from), uint16(to)

	p.Family, p.Unknown = family, 0
	var counters int
	if family == NSG {
		counters = p.fastNSG(w, destinationPort+1, end)
	} else {
		counters = p.fastVNet(w, destinationPort+1, line)
	}
	switch {
	case counters == 0 || wrong&highBits != 0:
		return false
	case counters < end:
		all >>= counters & 63
		if end > 64 {
			all = w.separators32(counters)
		}
		return p.fastCounters(w, counters, end, all)
	}
	p.Source.Packets, p.Source.Bytes = CounterAbsent, CounterAbsent
	p.Destination.Packets, p.Destination.Bytes = CounterAbsent, CounterAbsent
	return true
}

// fastTime reads a time of ten or of thirteen digits, and the comma behind it.
// wrong has a high bit set if not all are digits.
func (p *parsedTuple) fastTime(line []byte) (end int, wrong uint64, ok bool) {
	const seconds, milliseconds = len("1600000000,"), len("1600000000000,")
	if len(line) < milliseconds {
		return 0, 0, false
	}
	end = seconds
	first := binary.LittleEndian.Uint64(line)
	high, low := lastDigits(first, 2), lastDigits(binary.LittleEndian.Uint64(line[2:]), 8)
	p.Time = int64(number(high)*1e8+number(low)) * 1000
	if line[seconds-1] != ',' {
		end = milliseconds
		high, low = lastDigits(first, 5), lastDigits(binary.LittleEndian.Uint64(line[5:]), 8)
		p.Time = int64(number(high)*1e8 + number(low))
		if line[milliseconds-1] != ',' || p.Time < secondsEnd {
			return 0, 0, false
		}
	}
	return end, nonDigits(high) | nonDigits(low), p.Time < (msgpack.MaxSeconds+1)*1000
}

// Three digits of at most 255, and the least that as many have without a zero
// in front, as numbers with a byte for a digit.
const most255 = 2<<16 | 5<<8 | 5

var leastOf = [4]uint32{1 << 31, 0, 1 << 8, 1 << 16}

// octet reads a number of at most 255. wrong has a high bit set if it is none.
func (w *window) octet(start, end int) (value byte, wrong uint32) {
	n := uint(end - start)
	digits := (w.half(start) ^ '0'*0x01010101) << ((32 - 8*n) & 31)
	wrong = digits + (0x80-10)*0x01010101 | digits
	if v := bits.ReverseBytes32(digits); n > 3 || v > most255 || v < leastOf[n] {
		wrong = 1 << 31
	}
	return byte(digits * (1 + 10<<8 + 100<<16) >> 24), wrong
}

// parseFast reads the IPv4 address from start on, whose octets end at e1, e2,
// e3 and end.
func (a *address) parseFast(w *window, start, e1, e2, e3, end int) bool {
	var w1, w2, w3, w4 uint32
	a.v4[0], w1 = w.octet(start, e1)
	a.v4[1], w2 = w.octet(e1+1, e2)
	a.v4[2], w3 = w.octet(e2+1, e3)
	a.v4[3], w4 = w.octet(e3+1, end)
	a.is4 = true
	binary.LittleEndian.PutUint64(a.packed[1:], w.word(start))
	binary.LittleEndian.PutUint64(a.packed[8:], w.word(start+7))
	a.packed[0] = msgpack.FixStr | byte(end-start)
	a.size = uint8(1 + end - start)
	return (w1|w2|w3|w4)&0x80808080 == 0 && w.byte(e1) == '.' && w.byte(e2) == '.' && w.byte(e3) == '.' && w.byte(end) == ','
}

// fastNSG reads the columns from protocol to state, which are a letter each.
// It returns where the counters begin, at or behind end if there are none; 0
// if there is something else.
func (p *parsedTuple) fastNSG(w *window, at, end int) (counters int) {
	const (
		letterBytes = 0x00FF00FF00FF00FF
		version1    = 0x000000002C002C00 // the commas of "T,O,A"
		ended       = 0x00002C002C002C00 // "T,O,A,E"
		counted     = 0x2C002C002C002C00 // "T,O,A,E,"
	)
	word := w.word(at)
	p.Protocol = letters[byte(word)].protocol
	p.Direction = letters[byte(word>>16)].direction
	p.Decision = letters[byte(word>>32)].decision
	p.State = letters[byte(word>>48)].state
	p.Encryption, p.encryptionCode = EncryptionAbsent, nil
	switch commas := word &^ letterBytes; {
	case commas == counted && at+len("T,O,A,E,") <= end:
	case commas&(1<<48-1) == ended && at+len("T,O,A,E") == end:
	case commas&(1<<32-1) == version1 && at+len("T,O,A") == end:
		p.State = StateAbsent
	default:
		return 0
	}
	if p.Protocol == 0 || p.Direction == DirectionUnknown || p.Decision == DecisionUnknown || p.State == StateUnknown || p.State == Deny {
		return 0
	}
	return at + len("T,O,A,E,")
}

// fastVNet reads the columns from protocol to encryption, as fastNSG does. ends
// are the line from where w begins.
func (p *parsedTuple) fastVNet(w *window, at int, line []byte) (counters int) {
	const letterBytes, commas = 0xFFFFFF00FF00FF00, ',' | ','<<16 | ','<<32 // of ",O,E,"
	n, _ := first(w.separators(at))
	if uint(n-1) >= uint(len("255")) {
		return 0
	}
	digits := w.digits(at, n)
	word := w.word(at + n)
	at += n + len(",O,E,")
	p.Protocol, p.Direction, p.State = Protocol(number(digits)), letters[byte(word>>8)].direction, letters[byte(word>>24)].state
	p.Decision = decisions[p.State]
	if p.Protocol > 255 || nonDigits(digits)&highBits != 0 || word&^letterBytes != commas || at > len(line) ||
		p.Direction == DirectionUnknown || p.State == StateUnknown {
		return 0
	}
	code := line[at:min(len(line), at+longestCode+1)]
	if end := bytes.IndexByte(code, ','); end >= 0 {
		code = code[:end]
	}
	p.encryptionCode = code
	if p.Encryption = encryptionOf(code); p.Encryption == EncryptionUnknown {
		return 0
	}
	return at + len(code) + 1
}

// fastCounters reads the four columns from at to end. all are the separators
// from at on.
func (p *parsedTuple) fastCounters(w *window, at, end int, all uint64) bool {
	if end-at > longestCounters {
		return false
	}
	last := uint64(1) << ((end - at) & 63)
	a, set := first(all&(last-1) | last)
	b, set := first(set)
	c, set := first(set)
	d, _ := first(set)
	a, b, c, d = at+a, at+b, at+c, at+d
	if d != end || w.byte(a) != ',' || w.byte(b) != ',' || w.byte(c) != ',' {
		return false
	}
	var w1, w2, w3, w4 uint64
	p.Source.Packets, w1 = w.counter(at, a)
	p.Source.Bytes, w2 = w.counter(a+1, b)
	p.Destination.Packets, w3 = w.counter(b+1, c)
	p.Destination.Bytes, w4 = w.counter(c+1, d)
	return (w1|w2|w3|w4)&highBits == 0
}

// counter reads a column that is a counter, or empty.
func (w *window) counter(at, end int) (c Counter, wrong uint64) {
	n := end - at
	digits := w.digits(at, n)
	none := int64(n-1) >> 63 // -1 iff it is empty
	digits &^= uint64(none)
	return Counter(number(digits)) + Counter(none), nonDigits(digits) | uint64(8-n)
}
