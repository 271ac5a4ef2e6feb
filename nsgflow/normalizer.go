package nsgflow

import (
	"bytes"
	"fmt"
	"strings"

	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// Counts says what a Normalizer has seen since it was made.
type Counts struct {
	Flows   [2][3]uint64 // tuples that became events, by Family and Decision
	Errors  uint64       // tuples and texts that do not parse
	Unknown uint64       // columns with a letter or number that no document names
	Foreign uint64       // records that are no flow logs
	Empty   uint64       // flow logs without a tuple

	// LastError is the newest error's text. It quotes its input, escaped.
	LastError string
}

// AllFlows is the number of tuples that became events.
func (c *Counts) AllFlows() (n uint64) {
	for _, family := range c.Flows {
		for _, decision := range family {
			n += decision
		}
	}
	return n
}

// Normalizer turns records that are flow logs into events. It keeps its
// buffers from one record to the next and is not safe for concurrent use.
type Normalizer struct {
	options    Options
	rows       []row             // of the schema, those that the options leave
	ours       map[string]bool   // top-level names of events
	plain      map[uint32]*forms // by their texts
	groups     map[uint64]*forms // by the hash of their texts
	kept       int               // bytes of texts and templates of all groups
	texts      uint32            // set of groupText that the rows use
	derives    bool              // some of them are not in the log as they are
	identifies bool              // the rows have an event id
	times      bool              // the rows have the record's time
	limit      int               // of the events of one record, in bytes; see outputLimit
	counts     Counts
	clock      clock

	json   jsonSource
	mpack  mpackSource
	pool   []*record // by depth
	source reader    // the one of the two that is being read

	// Of the source record at hand.
	frame      Frame
	body       []byte // its map; nil of a text on its own
	field      text   // name of the field that holds the text; nil: the body is the flow log
	text       text
	others     []byte // a map of what is not the flow log; valid iff separated
	othersLen  int
	around     []byte // the same for foreign records; valid iff surrounded
	surrounded bool
	separated  bool
	clash      bool   // others has a key that events have too
	lists      []list // that are open, the outermost first
	found      bool   // a flow log has been seen
	tooMuch    bool
	again      bool // foreign records have come out: see settle
	depth      int  // of settle
	damage     int  // where the text is damaged; -1

	// What was read last; see there.
	target, acl  resource
	region       region
	identity     identity
	communityIDs communityIDs
	mac          [17]byte

	out     []byte
	start   int // where the events of the record at hand begin in out
	event   event
	merger  msgpack.Merger
	probe   *Normalizer // see isAnother; nil until it is needed
	scratch []byte
}

// outputLimit bounds what one record may become. Every event keeps the other
// fields of its source record, so that a crafted record could otherwise
// become the square of its size.
const outputLimit = 1 << 30

// New makes a Normalizer.
func New(o Options) (*Normalizer, error) {
	if int(o.Schema) >= len(schemas) {
		return nil, fmt.Errorf("schema %d: there are %d", o.Schema, len(schemas))
	}
	n := &Normalizer{options: o, limit: outputLimit, groups: map[uint64]*forms{}, plain: map[uint32]*forms{}, ours: map[string]bool{}}
	for _, f := range schemas[o.Schema].fields {
		r := row{f, strings.Split(f.name, ".")}
		if f.name == timestampField {
			if o.TimestampKey == "" {
				continue
			}
			r.path = []string{o.TimestampKey}
		}
		if f.slot == slotMessage && !o.Original {
			continue
		}
		n.ours[r.path[0]] = true
		n.texts |= 1 << f.text
		n.derives = n.derives || f.text > textMAC
		n.identifies = n.identifies || f.slot == slotEventID
		n.times = n.times || f.slot == slotRecordTime
		n.rows = append(n.rows, r)
	}
	if o.Original {
		n.texts |= textsOfMessage
	}
	if IsEventName(o.TimestampKey) {
		return nil, fmt.Errorf("timestamp key %q: a name of the schema", o.TimestampKey)
	}
	return n, nil
}

// Counts returns what has been seen so far.
func (n *Normalizer) Counts() Counts { return n.counts }

// AppendRecord reads the msgpack map that b begins with, the body of a record.
// If it is a flow log or holds one, its events are appended to dst, framed as
// frame says, and changed is true. Else dst comes back as it was.
// size is the length of the map; 0 where it is damaged or cut off.
// dst must not overlap b. Memory behind b, up to its capacity, may be looked
// at, but does not count.
func (n *Normalizer) AppendRecord(dst, b []byte, frame Frame) (out []byte, size int, changed bool) {
	var l look
	n.look(&l, b)
	if l.size == 0 || l.deep || !l.structured && l.count == 0 || isEvent(l.event, b[:l.size]) {
		if l.size > 0 {
			n.counts.Foreign++
		}
		return dst, l.size, false
	}
	n.begin(dst, frame)
	n.body = b[:l.size]
	if l.structured {
		n.field = l.field
		n.mpack.reset(l.object)
		n.source = &n.mpack
		n.object()
		n.found = n.found || n.mpack.bad
	}
	for i := 0; i < l.count && !n.found; i++ {
		n.field = l.texts[i].field
		n.readText(l.texts[i].text)
	}
	again := n.again
	if out, changed = n.end(dst); changed && again && n.depth < maxAgain {
		out = n.settle(out, len(dst))
	}
	return out, l.size, changed
}

const maxAgain = 8

// settle looks again at the records that came out from start on: a map that
// stood in a list as a foreign one may be a flow log as a record of its own,
// by its message field, and the filter's next look would find it.
func (n *Normalizer) settle(out []byte, start int) []byte {
	limit := n.limit
	n.depth++
	defer func() { // also where a panic goes through: the filter lives on
		n.limit = limit
		n.depth--
	}()
	rest := bytes.Clone(out[start:])
	out = out[:start]
	for len(rest) > 0 {
		frame, p, _ := ReadFrame(rest)
		foreign := n.counts.Foreign
		n.limit = limit - (len(out) - start)
		after, size, changed := n.AppendRecord(out, rest[p:], frame)
		if changed {
			n.counts.Foreign--
			out = after
		} else {
			n.counts.Foreign = foreign
			out = append(out, rest[:p+size]...)
		}
		rest = rest[p+size:]
	}
	return out
}

// AppendText reads JSON text like the string in a record's message field:
// AppendRecord of a record that has no other fields; see there.
func (n *Normalizer) AppendText(dst, text []byte, frame Frame) (out []byte, changed bool) {
	n.begin(dst, frame)
	n.body, n.field = nil, messageField
	if mayBeFlowLog(text) {
		n.readText(text)
	}
	return n.end(dst)
}

var messageField = text("message")

func (n *Normalizer) begin(dst []byte, frame Frame) {
	n.frame, n.out, n.start = frame, dst, len(dst)
	n.field, n.text, n.separated = nil, nil, false
	n.surrounded = false
	n.lists = n.lists[:0]
	n.found, n.tooMuch, n.again, n.damage = false, false, false, -1
	n.json = jsonSource{}
	n.mpack.reset(nil)
}

func (n *Normalizer) end(dst []byte) (out []byte, changed bool) {
	switch {
	case n.mpack.bad:
		n.out = n.out[:n.start]
		n.remainder(n.text, n.mpack.fault)
	case !n.found:
		n.counts.Foreign++
		n.release()
		return dst, false
	case n.tooMuch:
		n.out = n.out[:n.start]
		n.remainder(n.text, fmt.Sprintf("more than %d bytes of events", n.limit))
	case n.damage >= 0:
		n.remainder(n.text[n.damage:], fmt.Sprintf("byte %d: %s", n.json.pos, n.json.fault))
	}
	out = n.out
	n.release()
	return out, true
}

// release lets go of the source record's memory, which is not ours, and of
// buffers that a large record has left.
func (n *Normalizer) release() {
	const kept = 1 << 20
	for _, r := range n.pool {
		r.reset()
	}
	e := &n.event
	*e = event{buffer: e.buffer[:0], opening: e.opening[:0], middle: e.middle[:0], time: e.time[:0]} // the rest points to what is not ours
	if cap(e.buffer)+cap(e.opening)+cap(e.middle)+cap(n.scratch)+cap(n.others)+cap(n.around)+cap(n.identity.buffer)+cap(n.mpack.numbers) > kept {
		e.buffer, e.opening, e.middle, n.scratch, n.others, n.identity.buffer, n.mpack.numbers = nil, nil, nil, nil, nil, nil, nil
		n.around = nil
		n.merger = msgpack.Merger{}
	}
	n.json = jsonSource{}
	n.mpack.reset(nil)
	n.body, n.text, n.field, n.frame, n.out = nil, nil, nil, Frame{}, nil
}
