package nsgflow

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/tidwall/gjson"
)

// event is what templates fill their gaps from.
type event struct {
	rec   *record
	group *group
	tuple *tuple
	flow  Flow
	when  moment

	texts   [textCount]text   // of the group, as they came
	packed  [textCount][]byte // the same as msgpack strings
	present uint32            // set of groupText
	size    int               // of all in packed
	buffer  []byte            // holds packed

	composed []byte // the message's JSON up to what differs between the group's tuples
	verbatim text   // the whole message; nil: composed

	err *TupleError // valid iff it is the event of a tuple that failed
}

// emit writes the events of a record.
func (n *Normalizer) emit(r *record) {
	in := r.shapes
	if len(n.lists) > 0 {
		in = shapeBlob
	}
	n.flush(in)
	if n.identifies {
		n.identity.begin(r, n.nodeText)
	}
	for i := range r.groups {
		g := &r.groups[i]
		if g.from == g.to {
			continue
		}
		n.beginGroup(r, i)
		tuples := r.of(g)
		for k := range tuples {
			if n.emitTuple(&tuples[k]); n.tooMuch {
				return
			}
		}
	}
	if len(r.tuples) == 0 {
		n.counts.Empty++
	}
}

// beginGroup takes up a group: all that its events share is made ready here.
func (n *Normalizer) beginGroup(r *record, place int) {
	e := &n.event
	g := &r.groups[place]
	*e = event{rec: r, group: g, buffer: e.buffer[:0], composed: e.composed[:0]}
	n.readTexts(r, g)
	switch {
	case !n.options.Original:
	case g.place == placeFlattened && g.to-g.from == 1 && r.whole != nil:
		e.verbatim = validText(r.whole)
	default:
		e.compose()
	}
	if n.identifies {
		n.identity.beginGroup(place, e.texts[textACL], e.texts[textRule], e.texts[textMAC])
	}
}

// slotsOfFlows are those that every flow has.
const slotsOfFlows = 1<<slotMessage | 1<<slotEventID | 1<<slotTimestamp | 1<<slotSourceIP | 1<<slotSourcePort |
	1<<slotDestinationIP | 1<<slotDestinationPort | 1<<slotRelatedIP

const slotsOfErrors = 1<<slotTimestamp | 1<<slotEventID | 1<<slotTuple | 1<<slotError

func (n *Normalizer) emitTuple(t *tuple) {
	e := &n.event
	e.tuple = t
	if !n.readTuple(t) {
		n.emitError(t)
		return
	}
	n.counts.Unknown += uint64(e.flow.Unknown)
	f := &e.flow
	n.counts.Flows[f.Family][f.Decision]++
	e.when = momentOf(f.Time)
	form := form{
		variant: variant{family: f.Family, decision: f.Decision, state: f.State,
			direction: f.Direction, encryption: f.Encryption, protocol: f.Protocol, addresses: f.addresses()},
		texts: e.present,
		slots: slotsOfFlows,
	}
	for i, c := range [4]Counter{f.Source.Packets, f.Source.Bytes, f.Destination.Packets, f.Destination.Bytes} {
		if c >= 0 {
			form.slots |= 1 << counterSlots[i]
		}
	}
	if f.Source.Bytes >= 0 && f.Destination.Bytes >= 0 {
		form.slots |= 1 << slotBytes
	}
	if f.Source.Packets >= 0 && f.Destination.Packets >= 0 {
		form.slots |= 1 << slotPackets
	}
	if len(f.encryption) > 0 {
		form.slots |= 1 << slotEncryption
	}
	if f.hasCommunityID() {
		form.slots |= 1 << slotCommunityID
	}
	n.write(form, len(t.text))
}

var counterSlots = [4]slot{slotSourcePackets, slotSourceBytes, slotDestinationPackets, slotDestinationBytes}

// readTuple reads t into the event's flow; if it does not parse, err says why.
func (n *Normalizer) readTuple(t *tuple) bool {
	e := &n.event
	e.err = nil
	g := e.group
	if want := wanted[g.place]; t.other {
		e.err = wrongType(n.path(t), want, n.nodeText(t))
		return false
	}
	line, comma := t.text, tupleFine
	if e.rec.line != nil && g.place >= placeFlattened {
		line, comma = e.rec.line, int(e.rec.comma)
	}
	bad := e.flow.parse(g.family, line)
	if comma != tupleFine && (bad == tupleFine || bad > comma) {
		bad = comma // the columns behind it are not those that the record has
	}
	if bad != tupleFine {
		e.err = n.tupleError(t, line, bad)
	}
	return bad == tupleFine
}

// emitError writes the event of a tuple that does not parse.
func (n *Normalizer) emitError(t *tuple) {
	e := &n.event
	n.fail(e.err.Error())
	if n.options.DropErrors {
		return
	}
	e.when = n.errorTime(t)
	n.write(form{
		variant: variant{family: e.group.family, failed: true},
		texts:   e.present,
		slots:   slotsOfErrors,
	}, len(t.text)+len(n.counts.LastError))
}

// errorTime is the tuple's time if that parses, else the record's, else the
// source record's.
func (n *Normalizer) errorTime(t *tuple) moment {
	if !t.other {
		seconds, p := digits(t.text, 0)
		if ms, ok := millis(seconds); ok && p > 0 && ended(t.text, p) {
			return momentOf(ms)
		}
	}
	if m, ok := recordTime(n.event.rec.fields[fieldTime]); ok {
		return m
	}
	if m, ok := frameTime(n.frame.time()); ok {
		return m
	}
	return moment{}
}

// write writes an event of a form. extra are the bytes of its tuple.
func (n *Normalizer) write(f form, extra int) {
	t := n.template(f)
	e := &n.event
	others := 0
	if n.options.ReserveData {
		others = len(n.others)
	}
	const values = 256 // the frame, the time as text, numbers, addresses
	n.out = slices.Grow(n.out, len(n.frame.Metadata)+others+t.size+2*e.size+len(e.composed)+len(e.verbatim)+6*extra+values)

	var when [10]byte
	out := n.frame.append(n.out, appendTime(when[:0], e.when))
	switch {
	case others == 0 || n.othersLen == 0:
		out = appendMapHeader(out, t.keys)
		out = n.fill(out, t)
	case !n.clash:
		out = appendMapHeader(out, t.keys+n.othersLen)
		out = n.fill(out, t)
		out = append(out, n.others[othersHeader:]...)
	default:
		body := appendMapHeader(n.scratch[:0], t.keys)
		n.scratch = n.fill(body, t)
		out = n.merger.append(out, n.scratch, n.others)
	}
	n.out = out
	n.bound()
}

// maxTemplates bounds the memory for templates: real logs need a few dozen,
// crafted ones could ask for all combinations of protocols and states.
const maxTemplates = 4096

func (n *Normalizer) template(f form) *template {
	t := n.templates[f]
	if t == nil {
		if len(n.templates) >= maxTemplates {
			clear(n.templates)
		}
		t = newTemplate(n.rows, f)
		n.templates[f] = t
	}
	return t
}

// fill appends the entries of an event's map.
func (n *Normalizer) fill(out []byte, t *template) []byte {
	e := &n.event
	for i := range t.pieces {
		p := &t.pieces[i]
		out = append(out, p.ready...)
		switch p.slot {
		case slotNone:
			out = append(out, e.packed[p.text]...)
		case slotMessage:
			out = e.appendMessage(out)
		case slotTimestamp:
			out = append(out, byte(fixStr|timestampLen))
			out = n.clock.append(out, e.when)
		case slotSourceIP:
			out = appendAddress(out, e.flow.Source.text)
		case slotSourcePort:
			out = appendUint(out, uint64(e.flow.Source.Port))
		case slotSourcePackets:
			out = appendUint(out, uint64(e.flow.Source.Packets))
		case slotSourceBytes:
			out = appendUint(out, uint64(e.flow.Source.Bytes))
		case slotDestinationIP:
			out = appendAddress(out, e.flow.Destination.text)
		case slotDestinationPort:
			out = appendUint(out, uint64(e.flow.Destination.Port))
		case slotDestinationPackets:
			out = appendUint(out, uint64(e.flow.Destination.Packets))
		case slotDestinationBytes:
			out = appendUint(out, uint64(e.flow.Destination.Bytes))
		case slotRelatedIP:
			out = e.appendRelated(out)
		case slotEncryption:
			out = appendText(out, e.flow.encryption)
		case slotEventID:
			out = n.identity.append(append(out, fixStr|eventIDLen), e.tuple.index, n.tupleText())
		case slotBytes:
			out = appendUint(out, uint64(e.flow.Source.Bytes+e.flow.Destination.Bytes))
		case slotPackets:
			out = appendUint(out, uint64(e.flow.Source.Packets+e.flow.Destination.Packets))
		case slotCommunityID:
			out = appendCommunityID(append(out, fixStr|communityIDLen), &e.flow)
		case slotTuple:
			out = appendText(out, n.tupleText())
		case slotError:
			out = appendString(out, n.counts.LastError)
		}
	}
	return append(out, t.tail...)
}

// appendAddress appends an address as the tuple has it: at most 45 bytes.
func appendAddress(dst []byte, a text) []byte {
	return append(appendStringHeader(dst, len(a)), a...)
}

func (e *event) appendRelated(dst []byte) []byte {
	if e.flow.Source.Addr == e.flow.Destination.Addr {
		return appendAddress(append(dst, fixArray|1), e.flow.Source.text)
	}
	dst = appendAddress(append(dst, fixArray|2), e.flow.Source.text)
	return appendAddress(dst, e.flow.Destination.text)
}

// tupleText is the tuple as text: of a node of another type its JSON.
func (n *Normalizer) tupleText() text {
	if n.event.tuple.other {
		return n.nodeText(n.event.tuple)
	}
	return n.event.tuple.text
}

func (n *Normalizer) nodeText(t *tuple) text { return n.source.appendJSON(nil, t.text) }

// compose begins the flattened JSON of the group's flows.
func (e *event) compose() {
	r := e.rec
	b := append(e.composed, '{')
	add := func(key string, t text) {
		if t != nil {
			b = appendMember(b, key, t)
		}
	}
	add("time", r.fields[fieldTime])
	if e.group.family == NSG {
		add("macAddress", e.texts[textMAC])
		add("resourceId", r.fields[fieldResourceID])
		add("operationName", r.fields[fieldOperation])
		add("version", e.texts[textVersion])
		add("rule", e.texts[textRule])
	} else {
		if v := r.fields[fieldFlowLogVersion]; isNumber(v) {
			b = append(append(append(b, `"flowLogVersion":`...), v...), ',')
		} else {
			add("flowLogVersion", v)
		}
		add("flowLogGUID", r.fields[fieldFlowLogGUID])
		add("macAddress", e.texts[textMAC])
		add("operationName", r.fields[fieldOperation])
		add("flowLogResourceID", r.fields[fieldFlowLogResourceID])
		add("targetResourceID", r.fields[fieldTargetResourceID])
		add("aclID", e.texts[textACL])
		add("rule", e.texts[textRule])
	}
	e.composed = b
}

// appendMember appends a member of an object and a comma.
func appendMember(dst []byte, key string, t text) []byte {
	dst = append(append(append(dst, '"'), key...), '"', ':')
	return append(appendJSONText(dst, t), ',')
}

// appendJSONText appends t as a JSON string.
func appendJSONText(dst []byte, t text) []byte {
	if plainEnd(t, 0) == len(t) {
		return append(append(append(dst, '"'), t...), '"')
	}
	return gjson.AppendJSONString(dst, string(t))
}

// flowStates are the members between the composed part and the tuple.
var flowStates = [...]string{
	Begin:    `"flow_state":"begin",`,
	Continue: `"flow_state":"continue",`,
	End:      `"flow_state":"end",`,
	Deny:     ``,
}

// appendMessage appends the flattened JSON of the flow.
func (e *event) appendMessage(dst []byte) []byte {
	if e.verbatim != nil {
		return append(appendStringHeader(dst, len(e.verbatim)), e.verbatim...)
	}
	const before, after = `"flow.0":"`, `"}`
	state := ""
	if e.group.family == NSG {
		state = flowStates[e.flow.State]
		if e.flow.State == StateAbsent && e.texts[textFlowState] != nil {
			state = string(appendMember(nil, "flow_state", e.texts[textFlowState]))
		}
	}
	t := e.tuple.text
	if !e.tuple.plain {
		quoted := gjson.AppendJSONString(nil, string(t))
		t = quoted[1 : len(quoted)-1]
	}
	dst = appendStringHeader(dst, len(e.composed)+len(state)+len(before)+len(t)+len(after))
	dst = append(dst, e.composed...)
	dst = append(dst, state...)
	dst = append(dst, before...)
	dst = append(dst, t...)
	return append(dst, after...)
}

// layered says whether the tuples stand in the two lists of a layout.
func (g *group) layered() bool { return g.place < placeFlattened }

// wanted is the type that a place asks for.
var wanted = [...]string{
	placeTuple: "a string", placeOuter: "an object", placeList: "an array", placeInner: "an object",
	placeTuples: "an array", placeFlattened: "a string", placeColumns: "a string",
}

// path leads to the node of a tuple, for messages.
func (n *Normalizer) path(t *tuple) string {
	var b []byte
	for i, l := range n.lists {
		switch {
		case i > 0 || n.source != &n.json:
			b = appendIndex(append(b, "records"...), l.index)
		case l.index > 0: // one of several values that a text has side by side
			b = appendIndex(b, l.index)
		default:
			continue
		}
		b = append(b, '.')
	}
	g := n.event.group
	layout := layouts[g.family]
	switch g.place {
	case placeFlattened:
		return string(strconv.AppendUint(append(b, "flow."...), uint64(t.index), 10))
	case placeColumns:
		if len(b) > 0 {
			b = b[:len(b)-1]
		}
		return string(b)
	}
	b = appendIndex(append(b, layout.path...), g.i)
	if g.place == placeOuter {
		return string(b)
	}
	b = append(append(b, '.'), layout.list...)
	if g.place == placeList {
		return string(b)
	}
	b = appendIndex(b, g.j)
	if g.place == placeInner {
		return string(b)
	}
	b = append(b, ".flowTuples"...)
	if g.place == placeTuples {
		return string(b)
	}
	return string(appendIndex(b, t.index))
}

func appendIndex(dst []byte, i uint32) []byte { return fmt.Appendf(dst, "[%d]", i) }

// overrideKeys are the fields that override a column, by column.
var overrideKeys = [...]string{1: "source_addr", 2: "destination_addr", 3: "source_port", 4: "destination_port"}

// tupleError says why line does not parse. A column that is a field of its
// own is named as that field, and whole.
func (n *Normalizer) tupleError(t *tuple, line text, bad int) *TupleError {
	e := &n.event
	path := n.path(t)
	r := e.rec
	switch {
	case e.group.place == placeColumns:
		return &TupleError{Path: path, Column: bad, Value: string(r.columns[bad])}
	case r.line != nil && e.group.place == placeFlattened && bad < len(r.override) && r.override[bad] != nil:
		path = path[:len(path)-len("flow.")-len(strconv.Itoa(int(t.index)))] + overrideKeys[bad]
		return &TupleError{Path: path, Column: bad, Value: string(r.override[bad])}
	}
	return newTupleError(path, e.group.family, line, bad)
}
