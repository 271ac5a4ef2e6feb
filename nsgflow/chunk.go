package nsgflow

import (
	"encoding/binary"

	"fluent-bit-nsgflow/nsgflow/internal/jsontext"
	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// Frame is what surrounds the body of a Fluent Bit record. Events get the
// framing of the record that they come from.
type Frame struct {
	// Time is the record's time, a msgpack node: extension 0 of eight
	// bytes (seconds, nanoseconds), an integer or a float of seconds.
	// nil: 1970.
	Time []byte
	// Metadata is the msgpack map of [[time, metadata], body], the form
	// that hosts use since 2.1. nil: the older [time, body].
	Metadata []byte
}

// ReadFrame reads what stands before the body of the record that b begins
// with, and where the body begins. ok is false where that is no record, or
// damaged; hosts stop there too.
func ReadFrame(b []byte) (f Frame, body int, ok bool) {
	p, ok := pair(b, 0)
	if !ok {
		return f, 0, false
	}
	inner, hasMetadata := pair(b, p)
	if hasMetadata {
		p = inner
	}
	if f.Time, p, ok = node(b, p); !ok {
		return f, 0, false
	}
	if hasMetadata {
		if f.Metadata, p, ok = node(b, p); !ok {
			return f, 0, false
		}
	}
	return f, p, true
}

// pair reads the header of an array of two at p, which hosts write in one, in
// three or (2.2, for instance) in five bytes.
func pair(b []byte, p int) (next int, ok bool) {
	h, ok := msgpack.ReadHeader(b[p:])
	return p + h.Size, ok && h.Kind == jsontext.Array && h.Values == 2
}

func node(b []byte, p int) (n []byte, next int, ok bool) {
	size, _, ok := msgpack.Skip(b[p:])
	return b[p : p+size : p+size], p + size, ok
}

// IsGroupMarker says whether the record is the start or the end of a group of
// records (Fluent Bit 3.1 and later), which have -1 and -2 seconds as time.
func (f *Frame) IsGroupMarker() bool {
	t := f.Time
	if len(t) == 0 {
		return false
	}
	if h, _ := msgpack.ReadHeader(t); h.Kind == jsontext.Number && t[0] != msgpack.Float32Code && t[0] != msgpack.Float64Code {
		return msgpack.Integer(t) == -1 || msgpack.Integer(t) == -2
	}
	return t[0] == msgpack.FixExt8 && t[1] == 0 && binary.BigEndian.Uint32(t[2:]) >= 0xFFFFFFFE
}

// append appends what stands before the body of a record.
func (f *Frame) append(dst []byte, when []byte) []byte {
	return f.appendMetadata(append(f.appendHeaders(dst), when...))
}

// appendAt is append with another time.
func (f *Frame) appendAt(dst []byte, when msgpack.EventTime) []byte {
	return f.appendMetadata(msgpack.AppendTime(f.appendHeaders(dst), when))
}

func (f *Frame) appendHeaders(dst []byte) []byte {
	if f.Metadata == nil {
		return append(dst, msgpack.FixArray|2)
	}
	return append(dst, msgpack.FixArray|2, msgpack.FixArray|2)
}

func (f *Frame) appendMetadata(dst []byte) []byte {
	if len(f.Metadata) == 1 { // an empty map, as nearly all are
		return append(dst, f.Metadata[0])
	}
	return append(dst, f.Metadata...)
}

var epoch = msgpack.AppendTime(nil, msgpack.EventTime{})

// time is the record's time, as it came.
func (f *Frame) time() []byte {
	if f.Time == nil {
		return epoch
	}
	return f.Time
}

// SkipMsgpack returns the length of the msgpack value that b begins with, and
// whether it is nested deeper than 64 levels. ok is false where the value is
// damaged or cut off. It needs no memory, whatever the headers declare.
func SkipMsgpack(b []byte) (n int, deep, ok bool) { return msgpack.Skip(b) }

// AppendJSON appends the msgpack value that b begins with as JSON text, and
// returns the bytes behind it. Binary data becomes base64 text, Fluent Bit's
// event time a number of seconds, any other extension null. Below 64 levels,
// and where b is cut off, it writes null.
func AppendJSON(dst, b []byte) (text, rest []byte) { return msgpack.AppendJSON(dst, b) }
