package nsgflow

import (
	"bytes"

	"fluent-bit-nsgflow/nsgflow/internal/jsontext"
	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// detection says whether a source record may be a flow log, and which value of it.
// It rules out nearly all foreign records by their keys, and reads no values.
type detection struct {
	size       int // of the record; 0: it is damaged
	deep       bool
	structured bool         // object may be a flow log
	object     candidate    // the body, or the map or array in the field that key names
	texts      [2]candidate // that may be flow logs, or arrays of some, in the order in which to try them
	count      int          // of texts
	marks      [markCount][]byte
}

// candidate is what may be a flow log: a text, or a msgpack map, or a msgpack
// array of such.
type candidate struct {
	field  []byte // that holds it; nil: it is the body
	value  []byte
	isText bool
}

// detect looks at the map that b begins with; where there is a key, at that
// field only. d must be the zero value.
func (d *detection) detect(b []byte, key string) {
	h, ok := msgpack.ReadHeader(b)
	if !ok || h.Kind != jsontext.Object {
		d.size, d.deep, _ = msgpack.Skip(b)
		return
	}
	p := h.Size
	for range h.Values / 2 {
		// Nearly all keys are short texts. Any other key is skipped as a value is.
		var name []byte
		size, deepKey, ok := int(0), false, true
		if p < len(b) && b[p]&^31 == msgpack.FixStr && len(b)-p > int(b[p]&31) {
			size = 1 + int(b[p]&31)
			name = b[p+1 : p+size]
		} else if size, deepKey, ok = msgpack.Skip(b[p:]); ok {
			name, _ = msgpack.StringOf(b[p : p+size])
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
		d.deep = d.deep || deep || deepKey
		if mayMatter(name) || key != "" {
			d.detectEntry(name, b[p:p+size], key)
		}
		p += size
	}
	d.size = p
	if d.object.value == nil {
		d.object.value = b[:p]
	}
}

// detectEntry looks at one entry of a record.
func (d *detection) detectEntry(name []byte, value []byte, key string) {
	if key != "" && string(name) == key {
		if msgpack.IsMap(value) || msgpack.IsArray(value) {
			d.structured, d.object = true, candidate{field: name, value: value}
		} else {
			d.detectText(name, value)
		}
		return
	}
	e := entryOf(name)
	if e.role == roleMark {
		d.marks[e.column] = value
	}
	if key != "" {
		return
	}
	switch e.role {
	case roleText:
		d.detectText(name, value)
	case roleRecords, roleProperties, roleFlowRecords, roleFlow:
		d.structured = true
	case roleField:
		d.structured = d.structured || e.field == fieldRule && e.shapes == shapeDenormalised
	}
}

func (d *detection) detectText(field []byte, value []byte) {
	c := candidate{field: field, value: value}
	if c.value, c.isText = msgpack.StringOf(value); !c.isText && msgpack.IsArray(value) {
		c.value = value
	}
	if c.value == nil || !mayBeFlowLog(c.value) {
		return
	}
	switch {
	case d.count == 0:
		d.count = 1
		d.texts[0] = c
	case string(field) == string(d.texts[0].field): // twice: the last one counts
		d.texts[0] = c
	default:
		d.count = 2
		d.texts[1] = c
		if string(field) == "message" {
			d.texts[0], d.texts[1] = d.texts[1], d.texts[0]
		}
	}
}

// found says whether there is anything that may be a flow log. b is the record.
func (d *detection) found(b []byte) bool {
	return d.size > 0 && !d.deep && (d.structured || d.count > 0) && !d.isEvent(b[:d.size])
}

// mayBeFlowLog rules out most texts. Every shape has a key with "flow" in it,
// but for the denormalised one. Escapes can hide either.
func mayBeFlowLog(t []byte) bool {
	return bytes.Contains(t, []byte("flow")) || bytes.Contains(t, []byte("nsgRuleName")) ||
		bytes.Contains(t, []byte(`\u`)) || isEnvelope(t)
}

// isEnvelope says whether a text is nothing but the head or the tail of a
// blob: Azure writes them as blocks of their own.
func isEnvelope(t []byte) bool {
	const longest = 64 // pretty-printed
	if len(t) > longest {
		return false
	}
	t = bytes.TrimPrefix(t, jsontext.ByteOrderMark)
	return isTokens(t, `{`, `"records"`, `:`, `[`) || isTokens(t, `]`, `}`)
}

// isTokens says whether t is the tokens with white space around them.
func isTokens(t []byte, tokens ...string) bool {
	const space = " \t\r\n"
	for _, token := range tokens {
		var ok bool
		if t, ok = bytes.CutPrefix(bytes.TrimLeft(t, space), []byte(token)); !ok {
			return false
		}
	}
	return len(bytes.TrimLeft(t, space)) == 0
}

// Marks are the keys by which the events of a schema are known.
const (
	markEvent    = iota // ecs, sekoia
	markProduct         // asim
	markMetadata        // ocsf
	markName            // otel
	markCount
)

// isEvent recognises what this package has written, so that a filter that
// meets its own output leaves it alone. One field is no proof: another one of the
// schema has to be there.
func (d *detection) isEvent(body []byte) bool {
	switch {
	case isText(d.marks[markProduct], asimProduct):
		return valueOf(body, "EventSchemaVersion") != nil
	case isText(valueOf(valueOf(d.marks[markMetadata], "product"), "name"), ocsfProduct):
		return valueOf(body, "type_uid") != nil
	case isText(d.marks[markName], otelFlow), isText(d.marks[markName], otelError):
		return valueOf(body, "log.record.uid") != nil
	}
	return isEventOfECS(d.marks[markEvent], body)
}

// isEventOfECS says so by the value of the key event.
func isEventOfECS(event, body []byte) bool {
	switch kind := valueOf(event, "kind"); {
	case isText(kind, "event"):
		return bytes.Equal(valueOf(event, "category"), categoryNetwork)
	case isText(kind, "pipeline_error"):
		return valueOf(valueOf(body, "error"), "message") != nil
	}
	return false
}

// valueOf is the value of a key, nil where there is none or object is no map.
func valueOf(object []byte, key string) []byte {
	if !msgpack.IsMap(object) {
		return nil
	}
	return msgpack.ValueOf(object, key)
}

// isText says whether value is this string.
func isText(value []byte, text string) bool {
	t, ok := msgpack.StringOf(value)
	return ok && string(t) == text
}

var categoryNetwork = append([]byte{msgpack.FixArray | 1}, msgpack.AppendString(nil, "network")...)
