package nsgflow

import (
	"github.com/tidwall/gjson"

	"fluent-bit-nsgflow/nsgflow/internal/jsontext"
	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// The original of a flow is the JSON of a flattened record: the record's time,
// then what follows from the texts of the group and the tuple's state (the
// middle), then the tuple.

// textsOfMessage are those that the middle is made of.
const textsOfMessage = 1<<textOperation | 1<<textRule | 1<<textVersion | 1<<textFlowState | 1<<textResource | 1<<textMAC |
	1<<textFlowLogVersion | 1<<textFlowLogResource | 1<<textGUID | 1<<textACL

// openMessage begins the messages of a record.
func (e *event) openMessage() {
	e.opening = append(e.opening[:0], '{')
	if t := e.rec.fields[fieldTime]; t != nil {
		e.opening = appendMember(e.opening, "time", t)
	}
}

// appendMiddle appends the members between the time and the tuple, and the
// tuple's key.
func (e *event) appendMiddle(b []byte, state State) []byte {
	t := &e.texts
	add := func(key string, text groupText) {
		if t[text] != nil {
			b = appendMember(b, key, t[text])
		}
	}
	if e.group.family == NSG {
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
		if v := t[textFlowLogVersion]; isNumber(v) {
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
	return append(appendJSONText(dst, t), ',')
}

// appendJSONText appends t as a JSON string.
func appendJSONText(dst []byte, t text) []byte {
	if jsontext.PlainEnd(t, 0) == len(t) {
		return append(append(append(dst, '"'), t...), '"')
	}
	return gjson.AppendJSONString(dst, string(t))
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
func (e *event) appendMessage(dst, middle []byte) []byte {
	if e.verbatim != nil {
		return append(msgpack.AppendStringHeader(dst, len(e.verbatim)), e.verbatim...)
	}
	if middle == nil {
		if len(e.middle) == 0 || e.middleState != e.flow.State {
			e.middle, e.middleState = e.appendMiddle(e.middle[:0], e.flow.State), e.flow.State
		}
		middle = e.middle
	}
	const after = `"}`
	t := e.tuple.text
	if !e.tuple.plain && jsontext.PlainEnd(t, 0) < len(t) {
		quoted := gjson.AppendJSONString(nil, string(t))
		t = quoted[1 : len(quoted)-1]
	}
	dst = msgpack.AppendStringHeader(dst, len(e.opening)+len(middle)+len(t)+len(after))
	dst = append(dst, e.opening...)
	dst = append(dst, middle...)
	dst = append(dst, t...)
	return append(dst, after...)
}
