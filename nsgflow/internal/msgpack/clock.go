package msgpack

import "time"

const timestampLen = len("2006-01-02T15:04:05.000Z")

// Clock writes times as text. It keeps the text of the last minute: the tuples of a
// record lie close together.
type Clock struct {
	minute int64                  // since 1970
	packed [1 + timestampLen]byte // of minute, as a string; all zero: none yet
}

// Append appends t as a string in RFC 3339, UTC, with three fraction digits. t
// lies between 1970 and 2038.
func (c *Clock) Append(dst []byte, t EventTime) []byte {
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

func (c *Clock) setMinute(minute int64) {
	c.minute = minute
	c.packed[0] = FixStr | byte(timestampLen)
	to := time.Unix(minute*60, 0).UTC().AppendFormat(c.packed[:1], "2006-01-02T15:04:")
	copy(c.packed[len(to):], "00.000Z")
}
