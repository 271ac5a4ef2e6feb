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
