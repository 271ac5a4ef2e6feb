package nsgflow

import (
	"time"
	"unsafe"

	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

func momentOf(milliseconds int64) msgpack.EventTime {
	return msgpack.EventTime{Seconds: milliseconds / 1000, Nanoseconds: milliseconds % 1000 * 1e6}
}

// recordTime reads a record's time field. Only times from 1970 to 2038 count:
// later ones make some hosts drop the record, 4.0 the rest of its chunk.
func recordTime(t text) (msgpack.EventTime, bool) {
	// The error quotes its input; it is dropped here.
	parsed, err := time.Parse(time.RFC3339Nano, unsafe.String(unsafe.SliceData(t), len(t)))
	if err != nil || parsed.Unix() < 0 || parsed.Unix() > msgpack.MaxSeconds {
		return msgpack.EventTime{}, false
	}
	return msgpack.EventTime{Seconds: parsed.Unix(), Nanoseconds: int64(parsed.Nanosecond())}, true
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
func (c *clock) write(text *[timestampLen]byte, m msgpack.EventTime) {
	minute, second := m.Seconds/60, m.Seconds%60
	if minute != c.minute || c.text[0] == 0 {
		c.minute = minute
		to := time.Unix(minute*60, 0).UTC().AppendFormat(c.text[:0], "2006-01-02T15:04:")
		copy(c.text[len(to):], "00.000Z")
	}
	*text = c.text
	const seconds, fraction = len("2006-01-02T15:04:"), len("2006-01-02T15:04:05.")
	text[seconds] += byte(second / 10)
	text[seconds+1] += byte(second % 10)
	if ms := m.Nanoseconds / 1e6; ms > 0 {
		text[fraction] += byte(ms / 100)
		text[fraction+1] += byte(ms / 10 % 10)
		text[fraction+2] += byte(ms % 10)
	}
}
