package nsgflow

import "encoding/binary"

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
	h, ok := readHeader(b[p:])
	return p + h.size, ok && h.kind == kindArray && h.nodes == 2
}

func node(b []byte, p int) (n []byte, next int, ok bool) {
	size, _, ok := SkipMsgpack(b[p:])
	return b[p : p+size : p+size], p + size, ok
}

// IsGroupMarker says whether the record is the start or the end of a group of
// records (Fluent Bit 3.1 and later), which have -1 and -2 seconds as time.
func (f *Frame) IsGroupMarker() bool {
	t := f.Time
	if len(t) == 0 {
		return false
	}
	if h, _ := readHeader(t); h.kind == kindNumber && t[0] != float32Code && t[0] != float64Code {
		return integer(t) == -1 || integer(t) == -2
	}
	return t[0] == fixExt8 && t[1] == 0 && binary.BigEndian.Uint32(t[2:]) >= 0xFFFFFFFE
}

// append appends what stands before the body of a record.
func (f *Frame) append(dst []byte, when []byte) []byte {
	return f.appendMetadata(append(f.appendHeaders(dst), when...))
}

// appendAt is append with another time.
func (f *Frame) appendAt(dst []byte, when moment) []byte {
	return f.appendMetadata(appendTime(f.appendHeaders(dst), when))
}

func (f *Frame) appendHeaders(dst []byte) []byte {
	if f.Metadata == nil {
		return append(dst, fixArray|2)
	}
	return append(dst, fixArray|2, fixArray|2)
}

func (f *Frame) appendMetadata(dst []byte) []byte {
	if len(f.Metadata) == 1 { // an empty map, as nearly all are
		return append(dst, f.Metadata[0])
	}
	return append(dst, f.Metadata...)
}

var epoch = appendTime(nil, moment{})

// time is the record's time, as it came.
func (f *Frame) time() []byte {
	if f.Time == nil {
		return epoch
	}
	return f.Time
}
