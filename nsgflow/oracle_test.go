package nsgflow_test

import (
	"encoding/json"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The oracle says by the mapping, section 1, what has to come out of a text,
// from a tree that encoding/json has read. It shares no code with the package.

// object is a JSON object with its members in order, and as often as they come.
type object []member

type member struct {
	key   string
	value any
}

// tally is what has to come out of a list of records.
type tally struct {
	found   bool  // a flow log is in it
	tuples  int   // events and error events
	foreign []any // elements that become records of their own, in order
}

var isWord = regexp.MustCompile(`^[0-9A-Za-z.+-]{2}$`)

// trees reads the values that a text has side by side. ok is false where
// encoding/json does not take the text, or where it is deeper than 64 levels.
func trees(text string) (values []any, ok bool) {
	d := json.NewDecoder(strings.NewReader(text))
	for {
		var raw json.RawMessage
		switch err := d.Decode(&raw); {
		case err == io.EOF:
			return values, true
		case err != nil:
			return nil, false
		}
		// Words side by side, 00 for instance, are none.
		if end := int(d.InputOffset()); end < len(text) && isWord.MatchString(text[end-1:end+1]) {
			return nil, false
		}
		inner := json.NewDecoder(strings.NewReader(string(raw)))
		inner.UseNumber()
		v, ok := tree(inner, 1)
		if !ok {
			return nil, false
		}
		values = append(values, v)
	}
}

func tree(d *json.Decoder, depth int) (v any, ok bool) {
	token, err := d.Token()
	if err != nil {
		return nil, false
	}
	open, nested := token.(json.Delim)
	if !nested {
		return token, true
	}
	if depth > 64 {
		return nil, false
	}
	list, members := []any{}, object{}
	for d.More() {
		v, ok := tree(d, depth+1)
		if !ok {
			return nil, false
		}
		if open == '[' {
			list = append(list, v)
			continue
		}
		key := v.(string)
		if v, ok = tree(d, depth+1); !ok {
			return nil, false
		}
		members = append(members, member{key, v})
	}
	if _, err := d.Token(); err != nil {
		return nil, false
	}
	if open == '[' {
		return list, true
	}
	return members, true
}

// count tallies the elements of a list of records.
func count(elements []any) (sum tally) {
	var own []tally
	for _, e := range elements {
		one := countElement(e)
		sum.found = sum.found || one.found
		own = append(own, one)
	}
	for i, e := range elements {
		switch {
		case own[i].found:
			sum.tuples += own[i].tuples
			sum.foreign = append(sum.foreign, own[i].foreign...)
		case sum.found:
			sum.foreign = append(sum.foreign, e)
		}
	}
	return sum
}

var flowKey = regexp.MustCompile(`^flow\.(0|[1-9][0-9]{0,8})$`)

func countElement(e any) (sum tally) {
	if list, ok := e.([]any); ok {
		if sum = count(list); !sum.found {
			return tally{}
		}
		return sum
	}
	o, ok := e.(object)
	if !ok {
		return sum
	}
	var rule, source bool
	if flows := flowsOf(o); len(flows) > 0 {
		sum.add(len(flows), true)
	}
	for family, inner := range map[string]string{"properties": "flows", "flowRecords": "flowGroups"} {
		if tuples, hasList, hasTuples := countFlows(o, family, inner); hasTuples || hasList && isNamed(o) {
			sum.add(tuples, true)
		}
	}
	for _, m := range o {
		switch list, isList := m.value.([]any); {
		case m.key == "records" && isList:
			if inner := count(list); inner.found {
				sum.found = true
				sum.tuples += inner.tuples
				sum.foreign = append(sum.foreign, inner.foreign...)
			}
		case m.key == "nsgRuleName":
			rule = true
		case m.key == "sourceAddress":
			source = true
		}
	}
	if !sum.found && rule && source {
		sum.add(1, true)
	}
	return sum
}

func (t *tally) add(tuples int, found bool) {
	t.tuples += tuples
	t.found = t.found || found
}

// flowsOf are the members of a flattened record that are tuples, in the order
// of N. The key flowTuple is one, behind the others, if there is anything of the
// layers around it.
func flowsOf(o object) (flows object) {
	number := func(m member) int {
		if m.key == "flowTuple" {
			return 1e9
		}
		n, _ := strconv.Atoi(strings.TrimPrefix(m.key, "flow."))
		return n
	}
	for _, m := range o {
		if flowKey.MatchString(m.key) || m.key == "flowTuple" {
			flows = append(flows, m)
		}
	}
	slices.SortStableFunc(flows, func(a, b member) int { return number(a) - number(b) })
	if len(flows) > 0 && flows[0].key == "flowTuple" && !isNamed(o) && o.last("rule", "nsgRuleName") == "" &&
		o.last("macAddress", "mac") == "" && o.last("aclID")+o.last("flowLogResourceID")+o.last("targetResourceID") == "" {
		return nil
	}
	return flows
}

// last is the text of the last member with one of these keys.
func (o object) last(keys ...string) string {
	for i := len(o) - 1; i >= 0; i-- {
		if slices.Contains(keys, o[i].key) {
			return o[i : i+1].text(o[i].key)
		}
	}
	return ""
}

// isNamed says whether category, operation or resource name a flow log.
func isNamed(o object) bool {
	for _, key := range []string{"category", "operationName"} {
		switch o.text(key) {
		case "NetworkSecurityGroupFlowEvent", "NetworkSecurityGroupFlowEvents", "FlowLogFlowEvent":
			return true
		}
	}
	return flowLogResource.MatchString(o.text("resourceId")) || flowLogResource.MatchString(o.text("flowLogResourceID"))
}

var flowLogResource = regexp.MustCompile(`(?i)/flowlogs/`)

// countFlows counts below properties or flowRecords. A node of a wrong type
// counts as one tuple that does not parse.
func countFlows(o object, family, inner string) (tuples int, hasList, hasTuples bool) {
	for _, m := range o {
		below, _ := m.value.(object)
		for _, flows := range below {
			if list, ok := flows.value.([]any); ok && flows.key == "flows" && m.key == family {
				hasList = true
				tuples += countBelow(list, inner, "flowTuples")
				hasTuples = hasTuples || haveTuples(list, inner)
			}
		}
	}
	return tuples, hasList, hasTuples
}

// haveTuples says whether there is a key flowTuples two lists deep.
func haveTuples(flows []any, inner string) bool {
	for _, outer := range list[object](flows) {
		for _, m := range outer {
			if m.key != inner {
				continue
			}
			for _, group := range list[object](m.value) {
				if group.has("flowTuples") {
					return true
				}
			}
		}
	}
	return false
}

func countBelow(list []any, keys ...string) (n int) {
	if len(keys) == 0 {
		return len(list)
	}
	for _, e := range list {
		o, ok := e.(object)
		if !ok {
			n++
		}
		for _, m := range o {
			if m.key != keys[0] {
				continue
			}
			if below, ok := m.value.([]any); ok {
				n += countBelow(below, keys[1:]...)
			} else {
				n++
			}
		}
	}
	return n
}

// isExact says whether all numbers of a tree are written as msgpack gives
// them back: whole numbers of 64 bits.
func isExact(v any) bool {
	switch v := v.(type) {
	case json.Number:
		n, err := v.Int64()
		return err == nil && strconv.FormatInt(n, 10) == v.String()
	case []any:
		for _, e := range v {
			if !isExact(e) {
				return false
			}
		}
	case object:
		for _, m := range v {
			if !isExact(m.value) {
				return false
			}
		}
	}
	return true
}

func (o object) has(keys ...string) bool {
	for _, m := range o {
		for _, key := range keys {
			if m.key == key {
				return true
			}
		}
	}
	return false
}
