package nsgflow

import "github.com/tidwall/gjson"

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
