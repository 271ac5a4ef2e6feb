package nsgflow

import (
	"fluent-bit-nsgflow/nsgflow/internal/jsontext"
	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// The original of a flow is the JSON of a flattened record: the record's time,
// then what follows from the texts of the group and the tuple's state (the
// middle), then the tuple.

// textsOfMessage are those that the middle is made of.
const textsOfMessage = 1<<textOperation | 1<<textRule | 1<<textVersion | 1<<textFlowState | 1<<textResource | 1<<textMAC |
	1<<textFlowLogVersion | 1<<textFlowLogResource | 1<<textGUID | 1<<textACL

// message is the original of the events of a group, but for the tuple.
type message struct {
	rawJSON text   // the whole message; nil: it is composed
	prefix  []byte // its beginning
	middle  []byte // what follows, where the template has none: that of
	state   State  // this state; empty: of none
}

// beginGroup takes up a group. A flattened record with one flow is kept as it
// came.
func (m *message) beginGroup(r *record, g *group) {
	m.rawJSON, m.middle = nil, m.middle[:0]
	if g.level == levelFlattened && g.to-g.from == 1 && r.rawJSON != nil {
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
	m.rawJSON, m.prefix, m.middle = nil, m.prefix[:0], m.middle[:0]
}

// appendMiddle appends the members between the time and the tuple, and the
// tuple's key.
func (gt *groupTexts) appendMiddle(b []byte, state State) []byte {
	t := &gt.texts
	add := func(key string, text groupText) {
		if t[text] != nil {
			b = appendMember(b, key, t[text])
		}
	}
	if gt.family == NSG {
		add("macAddress", textMAC)
		add("resourceId", textResource)
		add("operationName", textOperation)
		add("version", textVersion)
		add("rule", textRule)
		b = append(b, flowStates[state]...)
		if state == StateAbsent {
			add("flow_state", textFlowState)
		}
	} else {
		if v := t[textFlowLogVersion]; jsontext.IsNumber(v) {
			b = append(append(append(b, `"flowLogVersion":`...), v...), ',')
		} else {
			add("flowLogVersion", textFlowLogVersion)
		}
		add("flowLogGUID", textGUID)
		add("macAddress", textMAC)
		add("operationName", textOperation)
		add("flowLogResourceID", textFlowLogResource)
		add("targetResourceID", textResource)
		add("aclID", textACL)
		add("rule", textRule)
	}
	return append(b, `"flow.0":"`...)
}

// appendMember appends a member of an object and a comma.
func appendMember(dst []byte, key string, t text) []byte {
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

// appendMessage appends the flattened JSON of the flow. middle is that of the
// template; nil: there is none yet.
func (e *encoder) appendMessage(dst, middle []byte) []byte {
	m := &e.message
	if m.rawJSON != nil {
		return append(msgpack.AppendStringHeader(dst, len(m.rawJSON)), m.rawJSON...)
	}
	if middle == nil {
		if state := e.event.flow.State; len(m.middle) == 0 || m.state != state {
			m.middle, m.state = e.group.appendMiddle(m.middle[:0], state), state
		}
		middle = m.middle
	}
	const after = `"}`
	t := e.event.tuple.Text
	if !e.event.tuple.Plain && jsontext.PlainEnd(t, 0) < len(t) {
		quoted := jsontext.AppendString(nil, t)
		t = quoted[1 : len(quoted)-1]
	}
	dst = msgpack.AppendStringHeader(dst, len(m.prefix)+len(middle)+len(t)+len(after))
	dst = append(dst, m.prefix...)
	dst = append(dst, middle...)
	dst = append(dst, t...)
	return append(dst, after...)
}
