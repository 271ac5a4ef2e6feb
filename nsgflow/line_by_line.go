package nsgflow

import (
	"bytes"

	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// lineByLine recognises a pretty-printed flow log that comes line by line, as Fluent
// Bit's tail reads it: the line that opens a list of tuples, and behind it a
// tuple in quotes. Either may stand in some other log; one behind the other do not.
type lineByLine struct {
	field []byte // that had the first of the two, in the record before; empty: none had
}

// longestLine is more than a line with a tuple has, with its indentation.
const longestLine = 256

// first looks at a record that detection took for a flow log. The line is none: it
// is damaged.
func (p *lineByLine) first(d *detection) {
	p.field = p.field[:0]
	if c := d.texts[0]; d.count > 0 && c.isText && len(c.value) <= longestLine && isTokens(c.value, `"flowTuples"`, `:`, `[`) {
		p.field = append(p.field, c.field...)
	}
}

// second says whether the record behind the first one completes the two.
func (p *lineByLine) second(body []byte) bool {
	text, ok := msgpack.StringOf(msgpack.ValueOf(body, string(p.field)))
	p.field = p.field[:0]
	if !ok || len(text) > longestLine {
		return false
	}
	text = bytes.TrimSuffix(bytes.TrimSpace(text), []byte(","))
	text, open := bytes.CutPrefix(text, []byte(`"`))
	text, closed := bytes.CutSuffix(text, []byte(`"`))
	var t parsedTuple
	return open && closed && t.parseColumns(NSG, text) == noColumn // VNet tuples have these columns, too
}
