package nsgflow

import (
	"time"
	"unsafe"

	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// eventTimeOf is a flow's time as Fluent Bit keeps it.
func eventTimeOf(milliseconds int64) msgpack.EventTime {
	return msgpack.EventTime{Seconds: milliseconds / 1000, Nanoseconds: milliseconds % 1000 * 1e6}
}

// recordTime reads a record's time field. Only times from 1970 to 2038 count:
// later ones make some hosts drop the record, 4.0 the rest of its chunk.
func recordTime(t []byte) (msgpack.EventTime, bool) {
	if len(t) < len("2006-01-02T15:04:05Z") || len(t) > longestTime {
		return msgpack.EventTime{}, false
	}
	// The string is not kept: a Time holds none, and the error is dropped.
	parsed, err := time.Parse(time.RFC3339Nano, unsafe.String(unsafe.SliceData(t), len(t)))
	if err != nil || parsed.Unix() < 0 || parsed.Unix() > msgpack.MaxSeconds {
		return msgpack.EventTime{}, false
	}
	return msgpack.EventTime{Seconds: parsed.Unix(), Nanoseconds: int64(parsed.Nanosecond())}, true
}

// longestTime is more than any form of RFC 3339 takes with nine digits of a
// fraction. The parser's error has the whole text in it, and takes its time.
const longestTime = 64

const timestampLen = len("2006-01-02T15:04:05.000Z")

// clock writes times as text. It keeps the text of the last minute: the tuples of a
// record lie close together.
type clock struct {
	minute int64                  // since 1970
	packed [1 + timestampLen]byte // of minute, as a string; all zero: none yet
}

// append appends t as a string in RFC 3339, UTC, with three fraction digits. t
// lies between 1970 and 2038.
func (c *clock) append(dst []byte, t msgpack.EventTime) []byte {
	minute, second := t.Seconds/60, t.Seconds%60
	if minute != c.minute || c.packed[0] == 0 {
		c.setMinute(minute)
	}
	const seconds, fraction = 1 + len("2006-01-02T15:04:"), 1 + len("2006-01-02T15:04:05.")
	text := c.packed
	text[seconds] += byte(second / 10)
	text[seconds+1] += byte(second % 10)
	if ms := t.Nanoseconds / 1e6; ms > 0 {
		text[fraction] += byte(ms / 100)
		text[fraction+1] += byte(ms / 10 % 10)
		text[fraction+2] += byte(ms % 10)
	}
	return append(dst, text[:]...)
}

func (c *clock) setMinute(minute int64) {
	c.minute = minute
	c.packed[0] = msgpack.FixStr | byte(timestampLen)
	to := time.Unix(minute*60, 0).UTC().AppendFormat(c.packed[:1], "2006-01-02T15:04:")
	copy(c.packed[len(to):], "00.000Z")
}
