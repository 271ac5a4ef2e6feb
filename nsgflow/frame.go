package nsgflow

import (
	"encoding/binary"

	"fluent-bit-nsgflow/nsgflow/internal/jsontext"
	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// Frame is what surrounds the body of a Fluent Bit record. Events get the
// framing of the record that they come from.
type Frame struct {
	// Time is the record's time, a msgpack value: extension 0 of eight
	// bytes (seconds, nanoseconds), an integer or a float of seconds.
	// nil: 1970.
	Time []byte
	// Metadata is the msgpack map of [[time, metadata], body], the form
	// that hosts use since 2.1. nil: the older [time, body].
	Metadata []byte
}

// readFrame reads what stands before the body of the record that b begins
// with, and where the body begins. ok is false where that is no record, or
// damaged; hosts stop there too.
func readFrame(b []byte) (f Frame, body int, ok bool) {
	p, ok := pair(b, 0)
	if !ok {
		return f, 0, false
	}
	inner, hasMetadata := pair(b, p)
	if hasMetadata {
		p = inner
	}
	if f.Time, p, ok = value(b, p); !ok {
		return f, 0, false
	}
	if hasMetadata {
		if f.Metadata, p, ok = value(b, p); !ok {
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

// value is the msgpack value at p.
func value(b []byte, p int) (v []byte, next int, ok bool) {
	size, _, ok := msgpack.Skip(b[p:])
	return b[p : p+size : p+size], p + size, ok
}

// isGroupMarker says whether the record is the start or the end of a group of
// records (Fluent Bit 3.1 and later), which have -1 and -2 seconds as time.
func (f *Frame) isGroupMarker() bool {
	t := f.Time
	if len(t) > 0 && t[0] == msgpack.FixExt8 {
		return t[1] == 0 && binary.BigEndian.Uint32(t[2:]) >= 0xFFFFFFFE
	}
	h, ok := msgpack.ReadHeader(t)
	return ok && h.Kind == jsontext.Number && t[0] != msgpack.Float32Code && t[0] != msgpack.Float64Code &&
		(msgpack.Integer(t) == -1 || msgpack.Integer(t) == -2)
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
