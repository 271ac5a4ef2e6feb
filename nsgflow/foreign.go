package nsgflow

import "fluent-bit-nsgflow/nsgflow/internal/msgpack"

// appendForeign writes a foreign record that stands beside flow logs as a
// record of its own. A text goes into the field that the flow log came from, a
// map becomes the body. It keeps the time, the metadata and the other fields of
// the source record.
func (n *Normalizer) appendForeign(value []byte) {
	if isEnvelope(value) {
		n.counts.Empty++
		return
	}
	d, e := &n.document, &n.encoder
	body := e.scratch[:0]
	switch {
	case d.isText:
		body = msgpack.AppendMapHeader(body, 1)
		body = msgpack.AppendText(body, n.reserved.field)
		body = msgpack.AppendText(body, value)
	case msgpack.IsMap(value):
		body = append(body, value...)
	default:
		field := n.reserved.field
		if field == nil {
			field = recordsField
		}
		body = msgpack.AppendMapHeader(body, 1)
		body = msgpack.AppendText(body, field)
		body = append(append(body, msgpack.FixArray|1), value...)
	}
	e.scratch = body
	fields := n.reserved.forForeign(n.isFlowLog)
	e.grow(aroundBody + len(e.frame.Metadata) + len(body) + len(fields))
	start := len(e.out)
	e.out = e.frame.append(e.out, e.frame.time())
	bodyStart := len(e.out)
	e.out = e.merger.Append(e.out, body, fields)
	if d.isText || !n.offer(start, bodyStart, len(fields)) {
		n.counts.Foreign++
	}
}

var recordsField = []byte("records")

// aroundBody is more than the frame of a record takes, without its metadata, and
// the header of a map.
const aroundBody = 32

// maxDepth is how deep foreign records may lie in each other and still be offered.
const maxDepth = 8

// offer looks whether the foreign record that has been written last, from start
// on, is a flow log now that it is a record of its own: by its message field
// for instance. The filter's next look would find that. If so, its events take
// its place. So many bytes of it are fields of the source record.
func (n *Normalizer) offer(start, body, fields int) bool {
	e := &n.encoder
	n.again += againFactor * fields
	if n.depth == maxDepth || n.overLimit() {
		return false
	}
	inner := n.innerNormalizer()
	inner.encoder.room = e.room
	inner.mostOutput = n.limit - n.again - (start - e.start - e.listed)
	inner.counts = Counts{}
	record := append([]byte(nil), e.out[body:]...)
	inner.again = 0
	out, _, changed := inner.AppendRecord(e.out[:start], record, e.frame)
	n.again += inner.again
	if !changed {
		return false
	}
	e.out = out
	e.listed += inner.encoder.listed
	n.counts.Add(inner.counts)
	return true
}

// isFlowLog says whether a field makes a record a flow log, with what the others
// say about it.
func (n *Normalizer) isFlowLog(key []byte, value []byte) bool {
	// The body itself, and the fields behind the one that was read, have been
	// looked at before.
	if n.options.Key != "" || n.reserved.field != nil && string(n.reserved.field) != "message" {
		return false
	}
	var d detection
	d.detectEntry(key, value, n.options.Key)
	if !d.structured && d.count == 0 {
		return false
	}
	alone := append(msgpack.AppendText(msgpack.AppendMapHeader(nil, 3), key), value...)
	alone = msgpack.AppendString(msgpack.AppendString(alone, "category"), n.reserved.category)
	alone = msgpack.AppendString(msgpack.AppendString(alone, "rule"), n.reserved.rule)
	inner := n.innerNormalizer()
	inner.encoder.room = nil // its output is thrown away, what room gives stays for a while
	_, _, changed := inner.AppendRecord(nil, alone, Frame{})
	return changed
}

// innerNormalizer has the same options. Most Normalizers never need it.
func (n *Normalizer) innerNormalizer() *Normalizer {
	if n.inner == nil {
		n.inner, _ = New(n.options) // n was made with the same
		n.inner.depth = n.depth + 1
		n.inner.encoder.templates = n.encoder.templates // one bound for the memory of all
		n.inner.encoder.context = n.encoder.context
		n.inner.factor = n.factor
	}
	return n.inner
}

// appendDamaged writes the source record with rest in the place of its text,
// and with the reason. rest is nil of a structured record.
func (n *Normalizer) appendDamaged(rest []byte, reason string) {
	n.counts.addError(reason)
	e, r := &n.encoder, &n.reserved
	body := e.scratch[:0]
	if rest == nil {
		body = msgpack.AppendMapHeader(body, 2)
	} else {
		body = msgpack.AppendMapHeader(body, 3)
		body = msgpack.AppendText(body, r.field)
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
	e.scratch = body
	e.grow(aroundBody + len(e.frame.Metadata) + len(body) + len(r.body))
	e.out = e.frame.append(e.out, e.frame.time())
	if r.body == nil {
		e.out = append(e.out, body...)
		return
	}
	e.out = e.merger.Append(e.out, body, r.body)
}
