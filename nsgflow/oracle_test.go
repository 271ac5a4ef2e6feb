package nsgflow_test

import (
	"encoding/json"
	"io"
	"regexp"
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
	o, ok := e.(object)
	if !ok {
		return sum
	}
	var rule, source bool
	for _, m := range o {
		switch list, isList := m.value.([]any); {
		case m.key == "records" && isList:
			if inner := count(list); inner.found {
				sum.found = true
				sum.tuples += inner.tuples
				sum.foreign = append(sum.foreign, inner.foreign...)
			}
		case m.key == "properties":
			sum.add(countFlows(m.value, "flows"))
		case m.key == "flowRecords":
			sum.add(countFlows(m.value, "flowGroups"))
		case flowKey.MatchString(m.key):
			sum.add(1, true)
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

// countFlows counts below properties or flowRecords. A node of a wrong type
// counts as one tuple that does not parse.
func countFlows(v any, inner string) (tuples int, found bool) {
	o, _ := v.(object)
	for _, m := range o {
		if list, ok := m.value.([]any); ok && m.key == "flows" {
			found = true
			tuples += countBelow(list, inner, "flowTuples")
		}
	}
	return tuples, found
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
