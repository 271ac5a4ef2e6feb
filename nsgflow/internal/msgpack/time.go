package msgpack

import (
	"encoding/binary"
	"math"

	"fluent-bit-nsgflow/nsgflow/internal/jsontext"
)

// EventTime is a time as Fluent Bit keeps it.
type EventTime struct {
	Seconds     int64 // since 1970
	Nanoseconds int64
}

// Milliseconds are those since 1970.
func (t EventTime) Milliseconds() int64 { return t.Seconds*1000 + t.Nanoseconds/1e6 }

// MaxSeconds is 2038-01-19. Some releases of Fluent Bit drop a record with a
// later time, 4.0 drops the rest of its chunk too.
const MaxSeconds = 1<<31 - 1

// ReadTime reads the time of a Fluent Bit record: extension 0 of eight bytes,
// a whole number or a float of seconds. ok is false for anything else, and for
// times before 1970 or after 2038.
func ReadTime(value []byte) (t EventTime, ok bool) {
	h, ok := ReadHeader(value)
	switch {
	case !ok:
		return t, false
	case value[0] == FixExt8 && value[1] == 0 || value[0] == Ext8 && value[1] == 8 && value[2] == 0:
		v := value[h.Size+h.Bytes-8:]
		t = EventTime{int64(binary.BigEndian.Uint32(v)), int64(binary.BigEndian.Uint32(v[4:]))}
	case value[0] == Float32Code:
		t = timeOfFloat(float64(math.Float32frombits(binary.BigEndian.Uint32(value[1:]))))
	case value[0] == Float64Code:
		t = timeOfFloat(math.Float64frombits(binary.BigEndian.Uint64(value[1:])))
	case h.Kind == jsontext.Number:
		t.Seconds = Integer(value)
	default:
		return t, false
	}
	ok = t.Seconds >= 0 && t.Seconds <= MaxSeconds && t.Nanoseconds >= 0 && t.Nanoseconds < 1e9
	return t, ok
}

func timeOfFloat(f float64) EventTime {
	if !(f >= 0 && f <= MaxSeconds+1) {
		return EventTime{Seconds: -1}
	}
	whole, fraction := math.Modf(f)
	return EventTime{int64(whole), int64(fraction * 1e9)}
}

// AppendTime appends t as Fluent Bit's extension 0.
func AppendTime(dst []byte, t EventTime) []byte {
	dst = append(dst, FixExt8, 0)
	dst = binary.BigEndian.AppendUint32(dst, uint32(t.Seconds))
	return binary.BigEndian.AppendUint32(dst, uint32(t.Nanoseconds))
}
