package nsgflow

import "encoding/binary"

const othersHeader = 5 // a map header of four bytes' count, filled in last

// separate makes others and around: maps of what is not the flow log in the
// source record. in are the shapes of a flow log that is the body itself.
func (n *Normalizer) separate(in shapes) {
	if n.separated {
		return
	}
	n.separated, n.clash, n.othersLen, n.aroundLen = true, false, 0, 0
	n.others = append(n.others[:0], map32, 0, 0, 0, 0)
	n.around = append(n.around[:0], map32, 0, 0, 0, 0)
	if n.body == nil {
		return
	}
	rest, count := entriesOf(n.body)
	for range count {
		entry := rest
		node, after := cut(rest)
		value, after := cut(after)
		rest = after
		entry = entry[:len(entry)-len(rest)]
		key, _ := stringOf(node)
		if n.field != nil && string(key) == string(n.field) || n.field == nil && lookUp(key).shapes&in != 0 {
			continue
		}
		n.clash = n.clash || n.ours[string(key)]
		n.others = append(n.others, entry...)
		n.othersLen++
		if !n.mayBeAnother(key, value) {
			n.around = append(n.around, entry...)
			n.aroundLen++
		}
	}
	binary.BigEndian.PutUint32(n.others[1:], uint32(n.othersLen))
	binary.BigEndian.PutUint32(n.around[1:], uint32(n.aroundLen))
}

// mayBeAnother says whether a field beside the flow log may be a flow log as
// well, one that has not been looked at. The events keep it; a foreign record
// out of the same list must not, or the filter would take it for that flow
// log at the next look, once for each such record.
func (n *Normalizer) mayBeAnother(key text, value []byte) bool {
	if n.options.Key != "" || n.field != nil && string(n.field) != "message" {
		return false
	}
	var l look
	n.glance(&l, key, value)
	return l.structured || l.count > 0
}

// emitForeign writes a record of a list that is no flow log as a record of
// its own: its text in the field that the list's text came from, or its map
// as the body.
func (n *Normalizer) emitForeign(node []byte) {
	n.counts.Foreign++
	n.again = n.again || n.source == &n.mpack && isMap(node)
	body := n.scratch[:0]
	switch {
	case n.source == &n.json:
		body = appendMapHeader(body, 1)
		body = appendText(body, n.field)
		body = appendText(body, node)
	case isMap(node):
		body = append(body, node...)
	default:
		body = appendMapHeader(body, 1)
		body = appendString(body, "records")
		body = append(append(body, fixArray|1), node...)
	}
	n.scratch = body
	n.out = n.frame.append(n.out, n.frame.time())
	if n.aroundLen == 0 {
		n.out = append(n.out, body...)
	} else {
		n.out = n.merger.append(n.out, body, n.around)
	}
	n.bound()
}

// remainder writes the source record with rest in the place of its text, and
// with the reason.
func (n *Normalizer) remainder(rest text, reason string) {
	n.fail(reason)
	body := n.scratch[:0]
	if n.text == nil {
		body = appendMapHeader(body, 2)
	} else {
		body = appendMapHeader(body, 3)
		body = appendText(body, n.field)
		body = appendText(body, rest)
	}
	body = appendString(body, "event")
	body = appendMapHeader(body, 1)
	body = appendString(body, "kind")
	body = appendString(body, "pipeline_error")
	body = appendString(body, "error")
	body = appendMapHeader(body, 1)
	body = appendString(body, "message")
	body = appendString(body, reason)
	n.scratch = body
	n.out = n.frame.append(n.out, n.frame.time())
	if n.body == nil {
		n.out = append(n.out, body...)
		return
	}
	n.out = n.merger.append(n.out, body, n.body)
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
