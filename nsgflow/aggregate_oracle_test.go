package nsgflow_test

import (
	"encoding/json"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// The oracle of aggregation groups the tuples of each record in a map, by a key
// of texts, and adds in big integers. It shares no code with the package.

// wantedTuple is a tuple with what its record says about it.
type wantedTuple struct {
	vnet           bool
	acl, rule, mac string
	state          string // the record's flow_state (NSG), for tuples without one
	text           string
	columns        []string
}

// wantedRecord is the tuples of a record that parse, in their order.
type wantedRecord []wantedTuple

// recordsIn are the flow log records in a tree, in the order of their ends.
func recordsIn(v any) (all []wantedRecord) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			all = append(all, recordsIn(e)...)
		}
	case object:
		for _, m := range v {
			if list, ok := m.value.([]any); ok && m.key == "records" {
				all = append(all, recordsIn(list)...)
			}
		}
		if r := recordOf(v); len(r) > 0 {
			all = append(all, r)
		}
	}
	return all
}

func (o object) value(key string) (value any) {
	for _, m := range o {
		if m.key == key {
			value = m.value
		}
	}
	return value
}

func (o object) text(key string) string {
	switch v := o.value(key).(type) {
	case string:
		return v
	case json.Number:
		return strings.TrimSuffix(v.String(), ".0")
	}
	return ""
}

var s5Columns = []string{"startTime", "sourceAddress", "destinationAddress", "sourcePort", "destinationPort", "transportProtocol",
	"deviceDirection", "deviceAction", "flowState", "packetsStoD", "bytesStoD", "packetsDtoS", "bytesDtoS"}

func recordOf(o object) (r wantedRecord) {
	for _, m := range o {
		family, _ := m.value.(object)
		for _, outer := range list[object](family.value("flows")) {
			switch m.key {
			case "properties":
				for _, inner := range list[object](outer.value("flows")) {
					t := wantedTuple{rule: outer.text("rule"), mac: o.text("macAddress"), state: o.text("flow_state")}
					if t.mac == "" {
						t.mac = inner.text("mac")
					}
					r.addAll(t, inner)
				}
			case "flowRecords":
				for _, inner := range list[object](outer.value("flowGroups")) {
					r.addAll(wantedTuple{vnet: true, acl: outer.text("aclID"), rule: inner.text("rule"), mac: o.text("macAddress")}, inner)
				}
			}
		}
	}
	flows := flowsOf(o)
	unrolled := len(flows) > 0 && flows[len(flows)-1].key == "flowTuple"
	t := wantedTuple{rule: o.text("rule"), mac: o.text("macAddress")}
	t.vnet = o.text("operationName") == "FlowLogFlowEvent" || o.text("category") == "FlowLogFlowEvent" ||
		len(flows) > 0 && o.last("flowLogVersion")+o.last("flowLogGUID")+o.last("aclID") != "" ||
		unrolled && o.last("flowLogResourceID")+o.last("targetResourceID") != ""
	if t.vnet {
		t.acl = o.text("aclID")
	} else {
		t.state = o.text("flow_state")
	}
	r.addFlattened(t, o, flows)
	if len(r) == 0 && len(flows) == 0 && o.has("nsgRuleName") && o.has("sourceAddress") {
		r.addDenormalised(t, o)
	}
	return r
}

// add adds a tuple, if it is one.
func (r *wantedRecord) add(t wantedTuple, v any) {
	var ok bool
	if t.text, ok = v.(string); ok && t.parse() {
		*r = append(*r, t)
	}
}

func (r *wantedRecord) addAll(t wantedTuple, inner object) {
	for _, v := range list[any](inner.value("flowTuples")) {
		r.add(t, v)
	}
}

// addFlattened adds the tuples of a flattened record. Where there is one, fields
// beside it override its columns, but not its text.
func (r *wantedRecord) addFlattened(t wantedTuple, o object, flows object) {
	for _, m := range flows {
		text, ok := m.value.(string)
		if !ok {
			continue
		}
		c := strings.Split(text, ",")
		for i, key := range []string{1: "source_addr", 2: "destination_addr", 3: "source_port", 4: "destination_port"} {
			if key != "" && len(flows) == 1 && o.has(key) && i < len(c) {
				c[i] = o.text(key)
			}
		}
		r.add(t, strings.Join(c, ","))
		if n := len(*r); n > 0 && len(flows) == 1 {
			(*r)[n-1].text = text
		}
	}
}

// addDenormalised adds the tuple of a record with a field for each column.
func (r *wantedRecord) addDenormalised(t wantedTuple, o object) {
	t.rule, t.mac = o.text("nsgRuleName"), o.text("mac")
	var c []string
	for _, key := range s5Columns {
		c = append(c, o.text(key))
	}
	if !t.vnet && strings.Join(c[8:], "") == "" {
		c = c[:8] // version 1
	}
	r.add(t, strings.Join(c, ","))
}

func list[T any](v any) (all []T) {
	elements, _ := v.([]any)
	for _, e := range elements {
		if e, ok := e.(T); ok {
			all = append(all, e)
		}
	}
	return all
}

var counterText = regexp.MustCompile(`^[0-9]{0,18}$`)

// parse splits the text, and says whether it is a tuple. Columns become those
// of a VNet tuple: 7 the state, 8 the encryption code, and 13 the decision.
func (t *wantedTuple) parse() bool {
	c := strings.Split(t.text, ",")
	if !t.vnet && len(c) < 8 || t.vnet && len(c) < 9 {
		return false
	}
	c = append(c, make([]string, 14)...)[:13]
	at, err := strconv.ParseInt(c[0], 10, 64)
	if n, ok := wholeFloat(c[0]); ok {
		at, err = n, nil
	}
	if at < 1e11 {
		at *= 1000
	}
	if err != nil || at < 0 || at >= 1<<31*1000 || len(c[0]) > 18 && !strings.ContainsAny(c[0], ".eE") {
		return false
	}
	c[0] = strconv.FormatInt(at, 10)
	for _, i := range []int{1, 2} {
		if a, err := netip.ParseAddr(c[i]); err != nil || a.Zone() != "" {
			return false
		}
	}
	for _, i := range []int{3, 4} {
		if n, err := strconv.ParseUint(c[i], 10, 16); err != nil || len(c[i]) > 5 {
			return false
		} else {
			c[i] = strconv.FormatUint(n, 10)
		}
	}
	for _, counter := range c[9:] {
		if !counterText.MatchString(counter) {
			return false
		}
	}
	t.columns = append(c, t.setDecision(c))
	if number, ok := map[string]string{"T": "6", "U": "17"}[c[5]]; ok {
		t.columns[5] = number
	}
	return true
}

// setDecision is the decision in words. It moves state and code to the columns
// of VNet tuples.
func (t *wantedTuple) setDecision(c []string) (decision string) {
	nsgLayout := !t.vnet || (c[5] == "T" || c[5] == "U") && (c[7] == "A" || c[7] == "D") && len(c[8]) < 2 && strings.Contains("BCE", c[8])
	if nsgLayout {
		decision = map[string]string{"A": "accept", "D": "reject"}[c[7]]
		c[7], c[8] = c[8], ""
		return decision
	}
	return map[string]string{"B": "accept", "C": "accept", "E": "accept", "D": "reject"}[c[7]]
}
