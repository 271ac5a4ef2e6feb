package nsgflow

import (
	"encoding/binary"

	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

const othersHeader = 5 // a map header of four bytes' count, filled in last

// separate makes others: a map of what is not the flow log in the source
// record. in are the shapes of a flow log that is the body itself.
func (n *Normalizer) separate(in shapes) {
	if n.separated {
		return
	}
	n.separated, n.clash = true, false
	n.others, n.othersLen = appendSome(n.others[:0], n.body, func(key text, _ []byte) bool {
		if n.field != nil && string(key) == string(n.field) || n.field == nil && lookUp(key).shapes&in != 0 {
			return false
		}
		n.clash = n.clash || n.ours[string(key)]
		return true
	})
}

// appendSome appends to dst, which is empty, a map of those entries of object
// that want wants. object may be nil.
func appendSome(dst, object []byte, want func(key text, value []byte) bool) (some []byte, count int) {
	dst = append(dst, msgpack.Map32, 0, 0, 0, 0)
	var rest []byte
	left := 0
	if object != nil {
		rest, left = msgpack.Entries(object)
	}
	for range left {
		entry := rest
		key, after := msgpack.Cut(rest)
		value, after := msgpack.Cut(after)
		rest = after
		name, _ := msgpack.StringOf(key)
		if want(name, value) {
			dst = append(dst, entry[:len(entry)-len(rest)]...)
			count++
		}
	}
	binary.BigEndian.PutUint32(dst[1:], uint32(count))
	return dst, count
}

// separateForeign makes around, which is others without a field that is a
// flow log as well and has not been looked at. The events keep it; a foreign
// record out of the same list must not, or the filter would take it for that
// flow log at the next look, once for each such record.
func (n *Normalizer) separateForeign() {
	if n.surrounded {
		return
	}
	n.surrounded = true
	if n.othersLen == 0 || n.options.Key != "" || n.field != nil && string(n.field) != "message" {
		n.around = append(n.around[:0], n.others...)
		return
	}
	n.around, _ = appendSome(n.around[:0], n.others, func(key text, value []byte) bool { return !n.isAnother(key, value) })
}

// isAnother says whether a field alone makes a record a flow log.
func (n *Normalizer) isAnother(key text, value []byte) bool {
	var l look
	n.glance(&l, key, value)
	if !l.structured && l.count == 0 {
		return false
	}
	if n.probe == nil {
		n.probe, _ = New(n.options) // n was made with the same
	}
	alone := append(msgpack.AppendText(msgpack.AppendMapHeader(nil, 1), key), value...)
	_, _, changed := n.probe.AppendRecord(nil, alone, Frame{})
	return changed
}

// emitForeign writes a record of a list that is no flow log as a record of
// its own: its text in the field that the list's text came from, or its map
// as the body.
func (n *Normalizer) emitForeign(node []byte) {
	if n.source == &n.json && isEnvelope(node) {
		n.counts.Empty++
		return
	}
	n.separateForeign()
	n.counts.Foreign++
	n.again = n.again || n.source == &n.mpack && msgpack.IsMap(node)
	body := n.scratch[:0]
	switch {
	case n.source == &n.json:
		body = msgpack.AppendMapHeader(body, 1)
		body = msgpack.AppendText(body, n.field)
		body = msgpack.AppendText(body, node)
	case msgpack.IsMap(node):
		body = append(body, node...)
	default:
		body = msgpack.AppendMapHeader(body, 1)
		body = msgpack.AppendString(body, "records")
		body = append(append(body, msgpack.FixArray|1), node...)
	}
	n.scratch = body
	n.out = n.frame.append(n.out, n.frame.time())
	n.out = n.merger.Append(n.out, body, n.around)
	n.bound()
}

// remainder writes the source record with rest in the place of its text, and
// with the reason.
func (n *Normalizer) remainder(rest text, reason string) {
	n.fail(reason)
	body := n.scratch[:0]
	if n.text == nil {
		body = msgpack.AppendMapHeader(body, 2)
	} else {
		body = msgpack.AppendMapHeader(body, 3)
		body = msgpack.AppendText(body, n.field)
		body = msgpack.AppendText(body, rest)
	}
	body = msgpack.AppendString(body, "event")
	body = msgpack.AppendMapHeader(body, 1)
	body = msgpack.AppendString(body, "kind")
	body = msgpack.AppendString(body, "pipeline_error")
	body = msgpack.AppendString(body, "error")
	body = msgpack.AppendMapHeader(body, 1)
	body = msgpack.AppendString(body, "message")
	body = msgpack.AppendString(body, reason)
	n.scratch = body
	n.out = n.frame.append(n.out, n.frame.time())
	if n.body == nil {
		n.out = append(n.out, body...)
		return
	}
	n.out = n.merger.Append(n.out, body, n.body)
}

func (n *Normalizer) fail(reason string) {
	n.counts.Errors++
	n.counts.LastError = reason
}

// bound stops the reading of a record that becomes too much.
func (n *Normalizer) bound() {
	if len(n.out)-n.start > n.limit {
		n.tooMuch = true
	}
}
