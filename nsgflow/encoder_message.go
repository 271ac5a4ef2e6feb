package nsgflow

import (
	"fluent-bit-nsgflow/nsgflow/internal/jsontext"
	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// The original of a flow is the JSON of a flattened record. Three parts make it:
// the prefix with the record's time, what is constant for the group and the
// tuple's state, and the tuple.

// groupValuesOfMessage are those that the constant part is made of.
const groupValuesOfMessage = 1<<groupOperation | 1<<groupRule | 1<<groupVersion | 1<<groupFlowState | 1<<groupResource | 1<<groupMAC |
	1<<groupFlowLogVersion | 1<<groupFlowLogResource | 1<<groupGUID | 1<<groupACL

// message is the original of the events of a group, but for the tuple.
type message struct {
	rawJSON  []byte // the whole message; nil: it is composed
	prefix   []byte // its beginning
	constant []byte // its constant part, where the template has none; empty: not made yet
	state    State  // that constant is for
}

// beginGroup takes up a group. A flattened record with one flow is kept as it
// came.
func (m *message) beginGroup(r *record, g *group) {
	m.rawJSON, m.constant = nil, m.constant[:0]
	if g.level == levelFlattened && g.to-g.from == 1 && r.unrolled == 0 && r.rawJSON != nil {
		m.rawJSON = msgpack.ValidUTF8(r.rawJSON)
		return
	}
	m.prefix = append(m.prefix[:0], '{')
	if t := r.fields[fieldTime]; t != nil {
		m.prefix = appendMember(m.prefix, "time", t)
	}
}

// release lets go of the source record's memory.
func (m *message) release() {
	m.rawJSON, m.prefix, m.constant = nil, m.prefix[:0], m.constant[:0]
}

// appendConstant appends the constant part: the members between the time and the
// tuple, and the tuple's key.
func (gv *groupValues) appendConstant(b []byte, state State) []byte {
	t := &gv.values
	add := func(key string, v groupValue) {
		if t[v] != nil {
			b = appendMember(b, key, t[v])
		}
	}
	if gv.family == NSG {
		add("macAddress", groupMAC)
		add("resourceId", groupResource)
		add("operationName", groupOperation)
		add("version", groupVersion)
		add("rule", groupRule)
		b = append(b, flowStates[state]...)
		if state == StateAbsent {
			add("flow_state", groupFlowState)
		}
	} else {
		if v := t[groupFlowLogVersion]; jsontext.IsNumber(v) {
			b = append(append(append(b, `"flowLogVersion":`...), v...), ',')
		} else {
			add("flowLogVersion", groupFlowLogVersion)
		}
		add("flowLogGUID", groupGUID)
		add("macAddress", groupMAC)
		add("operationName", groupOperation)
		add("flowLogResourceID", groupFlowLogResource)
		add("targetResourceID", groupResource)
		add("aclID", groupACL)
		add("rule", groupRule)
	}
	return append(b, `"flow.0":"`...)
}

// appendMember appends a member of an object and a comma.
func appendMember(dst []byte, key string, t []byte) []byte {
	dst = append(append(append(dst, '"'), key...), '"', ':')
	return append(jsontext.AppendString(dst, t), ',')
}

// flowStates are the members for the state of an NSG tuple.
var flowStates = [...]string{
	Begin:    `"flow_state":"begin",`,
	Continue: `"flow_state":"continue",`,
	End:      `"flow_state":"end",`,
	Deny:     ``,
}

// appendMessage appends the flattened JSON of the flow. constant is that of the
// template; nil: there is none yet.
func (e *encoder) appendMessage(dst, constant []byte) []byte {
	m := &e.message
	if m.rawJSON != nil {
		return append(msgpack.AppendStringHeader(dst, len(m.rawJSON)), m.rawJSON...)
	}
	if constant == nil {
		if state := e.event.flow.State; len(m.constant) == 0 || m.state != state {
			m.constant, m.state = e.group.appendConstant(m.constant[:0], state), state
		}
		constant = m.constant
	}
	if g := e.event.aggregate; g != nil && g.tuples > 1 {
		return e.appendMessages(dst, constant)
	}
	t := jsonOf(e.event.tuple)
	dst = msgpack.AppendStringHeader(dst, len(m.prefix)+len(constant)+len(t)+len(messageEnd))
	dst = append(dst, m.prefix...)
	dst = append(dst, constant...)
	dst = append(dst, t...)
	return append(dst, messageEnd...)
}

// messageEnd stands behind the last tuple.
const messageEnd = `"}`

// jsonOf is the text of a tuple as it stands between quotes.
func jsonOf(tuple *tuple) []byte {
	t := tuple.Text
	if !tuple.Plain && jsontext.PlainEnd(t, 0) < len(t) {
		quoted := jsontext.AppendString(nil, t)
		t = quoted[1 : len(quoted)-1]
	}
	return t
}
