package nsgflow

import (
	"slices"

	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// AppendChunk reads a chunk, which is a sequence of records [time, body] or
// [[time, metadata], body], as Fluent Bit hands it to a filter. If there is a
// flow log in it, changed is true, and the chunk that takes its place is
// appended to dst. Else dst comes back as it was.
//
// What is no flow log passes on byte for byte, and so does all from the first
// damage on. dst must not overlap chunk.
func (n *Normalizer) AppendChunk(dst, chunk []byte) (out []byte, changed bool) {
	out = dst
	n.encoder.progress = progress{size: len(chunk), start: len(dst)}
	n.beginContext()
	copied := 0 // chunk up to here is in out, as it was or as events
	for p := 0; p < len(chunk); {
		frame, body, ok := readFrame(chunk[p:])
		if !ok {
			break
		}
		if frame.isGroupMarker() {
			size, _, ok := msgpack.Skip(chunk[p+body:])
			if !ok {
				break
			}
			p += body + size
			continue
		}
		events, size, is := n.appendRecord(out, chunk[p+body:], frame, p+body)
		if size == 0 {
			break
		}
		if is {
			// What passed since the last events goes before these.
			out = slices.Insert(n.roomFor(events, p-copied), len(out), chunk[copied:p]...)
			copied, changed = p+body+size, true
		}
		p += body + size
	}
	if !changed {
		return dst, false
	}
	return append(n.roomFor(out, len(chunk)-copied), chunk[copied:]...), true
}

// roomFor is out with room for so many more bytes.
func (n *Normalizer) roomFor(out []byte, more int) []byte {
	if need := len(out) + more; need > cap(out) {
		return grown(out, need, 0, n.encoder.room)
	}
	return out
}

// AppendJSONLines appends the bodies of a chunk's records as JSON, each on a
// line of its own. Binary data becomes base64 text, Fluent Bit's event time a
// number of seconds, any other extension null. It stops where the chunk is
// damaged.
func AppendJSONLines(dst, chunk []byte) []byte {
	for len(chunk) > 0 {
		_, body, ok := readFrame(chunk)
		if !ok {
			break
		}
		size, _, ok := msgpack.Skip(chunk[body:])
		if !ok {
			break
		}
		dst, _ = msgpack.AppendJSON(dst, chunk[body:])
		dst = append(dst, '\n')
		chunk = chunk[body+size:]
	}
	return dst
}
