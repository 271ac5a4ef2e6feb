package nsgflow

import (
	"encoding/binary"
	"math"
	"time"
	"unsafe"
)

// moment is a time as Fluent Bit keeps it.
type moment struct {
	seconds     int64
	nanoseconds int64
}

func momentOf(milliseconds int64) moment {
	return moment{milliseconds / 1000, milliseconds % 1000 * 1e6}
}

// recordTime reads a record's time field. Only times from 1970 to 2038 count:
// later ones make some hosts drop the record, 4.0 the rest of its chunk.
func recordTime(t text) (moment, bool) {
	// The error quotes its input; it is dropped here.
	parsed, err := time.Parse(time.RFC3339Nano, unsafe.String(unsafe.SliceData(t), len(t)))
	if err != nil || parsed.Unix() < 0 || parsed.Unix() > maxSeconds {
		return moment{}, false
	}
	return moment{parsed.Unix(), int64(parsed.Nanosecond())}, true
}

// frameTime reads the time of a Fluent Bit record: msgpack extension 0 of
// eight bytes, a whole number or a float of seconds.
func frameTime(node []byte) (moment, bool) {
	m := moment{}
	h, ok := readHeader(node)
	switch {
	case !ok:
		return m, false
	case node[0] == fixExt8 && node[1] == 0 || node[0] == ext8 && node[1] == 8 && node[2] == 0:
		v := node[h.size+h.bytes-8:]
		m = moment{int64(binary.BigEndian.Uint32(v)), int64(binary.BigEndian.Uint32(v[4:]))}
	case node[0] == float32Code:
		m = momentOfFloat(float64(math.Float32frombits(binary.BigEndian.Uint32(node[1:]))))
	case node[0] == float64Code:
		m = momentOfFloat(math.Float64frombits(binary.BigEndian.Uint64(node[1:])))
	case h.kind == kindNumber:
		m.seconds = integer(node)
	default:
		return m, false
	}
	ok = m.seconds >= 0 && m.seconds <= maxSeconds && m.nanoseconds >= 0 && m.nanoseconds < 1e9
	return m, ok
}

func momentOfFloat(f float64) moment {
	if !(f >= 0 && f <= maxSeconds+1) {
		return moment{seconds: -1}
	}
	whole, fraction := math.Modf(f)
	return moment{int64(whole), int64(fraction * 1e9)}
}

// appendTime appends m as Fluent Bit's event time.
func appendTime(dst []byte, m moment) []byte {
	dst = append(dst, fixExt8, 0)
	dst = binary.BigEndian.AppendUint32(dst, uint32(m.seconds))
	return binary.BigEndian.AppendUint32(dst, uint32(m.nanoseconds))
}

const timestampLen = len("2006-01-02T15:04:05.000Z")

// clock writes times as text. It keeps the last minute's, because the tuples
// of a record lie close together.
type clock struct {
	minute int64 // since 1970
	text   [timestampLen]byte
}

// write writes m in RFC 3339, UTC, with three fraction digits. m lies between
// 1970 and 2038.
func (c *clock) write(text *[timestampLen]byte, m moment) {
	minute, second := m.seconds/60, m.seconds%60
	if minute != c.minute || c.text[0] == 0 {
		c.minute = minute
		to := time.Unix(minute*60, 0).UTC().AppendFormat(c.text[:0], "2006-01-02T15:04:")
		copy(c.text[len(to):], "00.000Z")
	}
	*text = c.text
	const seconds, fraction = len("2006-01-02T15:04:"), len("2006-01-02T15:04:05.")
	text[seconds] += byte(second / 10)
	text[seconds+1] += byte(second % 10)
	if ms := m.nanoseconds / 1e6; ms > 0 {
		text[fraction] += byte(ms / 100)
		text[fraction+1] += byte(ms / 10 % 10)
		text[fraction+2] += byte(ms % 10)
	}
}
