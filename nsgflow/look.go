package nsgflow

import (
	"bytes"

	"fluent-bit-nsgflow/nsgflow/internal/jsontext"
	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// look is a first look at a record.
type look struct {
	size       int
	deep       bool
	structured bool         // object may be a flow log
	object     []byte       // the body, or the map in the field that is to be read
	field      text         // the name of that field; nil: the body
	event      []byte       // the value of "event"
	texts      [2]fieldText // that may be flow logs, in the order in which to try them
	count      int          // of texts
}

type fieldText struct{ field, text text }

// look looks at the map that b begins with. l is empty; its size stays 0 where
// b is damaged.
func (n *Normalizer) look(l *look, b []byte) {
	h, ok := msgpack.ReadHeader(b)
	if !ok || h.Kind != jsontext.Object {
		l.size, l.deep, _ = msgpack.Skip(b)
		return
	}
	p := h.Size
	for range h.Values / 2 {
		// A short text, as nearly all keys are, or else anything.
		var key text
		size, deepKey, ok := int(0), false, true
		if p < len(b) && b[p]&^31 == msgpack.FixStr && len(b)-p > int(b[p]&31) {
			size = 1 + int(b[p]&31)
			key = b[p+1 : p+size]
		} else if size, deepKey, ok = msgpack.Skip(b[p:]); ok {
			key, _ = msgpack.StringOf(b[p : p+size])
		}
		p += size
		size, deep := 0, false
		if p < len(b) {
			size = int(msgpack.FixedSizes[b[p]])
		}
		if size == 0 || size > len(b)-p {
			var sound bool
			size, deep, sound = msgpack.Skip(b[p:])
			ok = ok && sound
		}
		if !ok {
			return
		}
		l.deep = l.deep || deep || deepKey
		if mayMatter(key) || n.options.Key != "" {
			n.glance(l, key, b[p:p+size])
		}
		p += size
	}
	l.size = p
	if l.object == nil {
		l.object = b[:p]
	}
}

// glance is the look at one entry of a record.
func (n *Normalizer) glance(l *look, key text, value []byte) {
	if n.options.Key != "" && string(key) == n.options.Key {
		if msgpack.IsMap(value) {
			l.structured, l.object, l.field = true, value, key
		} else {
			l.consider(key, value)
		}
		return
	}
	e := lookUp(key)
	if e.role == roleEvent {
		l.event = value
	}
	if n.options.Key != "" {
		return
	}
	switch e.role {
	case roleText:
		l.consider(key, value)
	case roleRecords, roleProperties, roleFlowRecords, roleFlow:
		l.structured = true
	case roleField:
		l.structured = l.structured || e.field == fieldRule && e.shapes == shapeDenormalised
	}
}

func (l *look) consider(key text, value []byte) {
	t, ok := msgpack.StringOf(value)
	if !ok || !mayBeFlowLog(t) {
		return
	}
	switch {
	case l.count == 0:
		l.count = 1
		l.texts[0] = fieldText{key, t}
	case string(key) == string(l.texts[0].field): // twice: the last one counts
		l.texts[0].text = t
	default:
		l.count = 2
		l.texts[1] = fieldText{key, t}
		if string(key) == "message" {
			l.texts[0], l.texts[1] = l.texts[1], l.texts[0]
		}
	}
}

// mayBeFlowLog rules out most texts. Every shape has a key with "flow" in it,
// but for the denormalised one; escapes can hide either.
func mayBeFlowLog(t text) bool {
	return bytes.Contains(t, []byte("flow")) || bytes.Contains(t, []byte("nsgRuleName")) ||
		bytes.Contains(t, []byte(`\u`)) || isEnvelope(t)
}

// isEnvelope says whether a text is nothing but the head or the tail of a
// blob: Azure writes them as blocks of their own.
func isEnvelope(t text) bool {
	const longest = 64 // pretty-printed
	if len(t) > longest {
		return false
	}
	t = bytes.TrimPrefix(t, byteOrderMark)
	return isTokens(t, `{`, `"records"`, `:`, `[`) || isTokens(t, `]`, `}`)
}

// isTokens says whether t is the tokens with white space around them.
func isTokens(t text, tokens ...string) bool {
	const space = " \t\r\n"
	for _, token := range tokens {
		var ok bool
		if t, ok = bytes.CutPrefix(bytes.TrimLeft(t, space), []byte(token)); !ok {
			return false
		}
	}
	return len(bytes.TrimLeft(t, space)) == 0
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// isEvent recognises what this package has written, so that a filter that
// meets its own output leaves it alone. event is the value of that key.
func isEvent(event, body []byte) bool {
	if !msgpack.IsMap(event) {
		return false
	}
	kind, _ := msgpack.StringOf(msgpack.ValueOf(event, "kind"))
	switch string(kind) {
	case "event":
		return bytes.Equal(msgpack.ValueOf(event, "category"), categoryNetwork)
	case "pipeline_error":
		object := msgpack.ValueOf(body, "error")
		return msgpack.IsMap(object) && msgpack.ValueOf(object, "message") != nil
	}
	return false
}

var categoryNetwork = append([]byte{msgpack.FixArray | 1}, msgpack.AppendString(nil, "network")...)
