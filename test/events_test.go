package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// event is a record as an output prints it: its fields in their order, for
// the order is a part of the mapping.
type event struct {
	// Date is the record's time; empty where it is the time of arrival,
	// which no test can know.
	Date string
	Body document
}

// document is a JSON object with its keys in order. Its values are strings,
// json.Numbers, booleans, nil, []any and document.
type document []member

type member struct {
	Key   string
	Value any
}

// parseEvent reads one line of the outputs stdout, http, …; the record's time
// stands under date.
func parseEvent(line string) (event, error) {
	d := json.NewDecoder(strings.NewReader(line))
	d.UseNumber()
	v, err := ordered(d)
	if err != nil {
		return event{}, fmt.Errorf("%w in %q", err, line)
	}
	body, ok := v.(document)
	if !ok {
		return event{}, fmt.Errorf("not an object: %q", line)
	}
	var e event
	for _, m := range body {
		if m.Key == "date" {
			e.Date, _ = m.Value.(string)
		} else {
			e.Body = append(e.Body, m)
		}
	}
	return e, nil
}

func parseEvents(t *testing.T, lines []string) (events []event) {
	t.Helper()
	for i, line := range lines {
		e, err := parseEvent(line)
		if err != nil {
			t.Fatalf("line %d: %v", i+1, err)
		}
		events = append(events, e)
	}
	return events
}

// ordered reads the next JSON value.
func ordered(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := ordered(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := d.Token()
		return list, err
	case json.Delim('{'):
		o := document{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := ordered(d)
			if err != nil {
				return nil, err
			}
			o = append(o, member{key.(string), v})
		}
		_, err := d.Token()
		return o, err
	}
	return token, nil
}

// MarshalJSON writes the object as it was read.
func (o document) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := e.Encode(m.Key); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := e.Encode(m.Value); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// at follows keys into an object; nil where there is nothing.
func (o document) at(keys ...string) any {
	for _, m := range o {
		if m.Key != keys[0] {
			continue
		}
		if len(keys) == 1 {
			return m.Value
		}
		if inner, ok := m.Value.(document); ok {
			return inner.at(keys[1:]...)
		}
	}
	return nil
}

// same compares whole events, and shows the first that differs. A date that
// want leaves open is not compared.
func same(t *testing.T, want, got []event) {
	t.Helper()
	for i := range max(len(want), len(got)) {
		switch {
		case i == len(got):
			t.Fatalf("%d events, want %d; the first missing is\n%s", len(got), len(want), want[i])
		case i == len(want):
			t.Fatalf("%d events, want %d; the first too many is\n%s", len(got), len(want), got[i])
		}
		g := got[i]
		if want[i].Date == "" {
			g.Date = ""
		}
		// Diff is slow, and there are thousands.
		if !reflect.DeepEqual(want[i], g) {
			t.Fatalf("event %d of %d, want %d (-want +got):\n%s\n%s", i, len(got), len(want), cmp.Diff(want[i], g), g)
		}
	}
}

// String is the event as an output prints it.
func (e event) String() string {
	body := e.Body
	if e.Date != "" {
		body = append(document{{"date", e.Date}}, body...)
	}
	line, err := json.Marshal(body)
	if err != nil {
		return err.Error()
	}
	return string(line)
}
