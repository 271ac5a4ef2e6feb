// Package event reads events as outputs write them, with the order of their
// fields, which is a part of the mapping, and compares them.
package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fluent-bit-nsgflow/test/internal/textfile"
)

// Forms of time: what outputs print as iso8601, and @timestamp in events.
const (
	PrintedTime = "2006-01-02T15:04:05.000000Z"
	OwnTime     = "2006-01-02T15:04:05.000Z"
)

// Event is a record as an output prints it.
type Event struct {
	// Date is the record's time; empty where it is the time of arrival,
	// which no test can know.
	Date string
	Body Document
}

// Document is a JSON object with its keys in order. Its values are strings,
// json.Numbers, booleans, nil, []any and Document.
type Document []Member

// Member is a field of an object.
type Member struct {
	Key   string
	Value any
}

// Parse reads one line of the outputs stdout, http, …; the record's time
// stands under date.
func Parse(line string) (Event, error) {
	d := json.NewDecoder(strings.NewReader(line))
	d.UseNumber()
	v, err := ordered(d)
	if err != nil {
		return Event{}, fmt.Errorf("%w in %q", err, line)
	}
	body, ok := v.(Document)
	if !ok {
		return Event{}, fmt.Errorf("not an object: %q", line)
	}
	var e Event
	for _, m := range body {
		if m.Key == "date" {
			e.Date, _ = m.Value.(string)
		} else {
			e.Body = append(e.Body, m)
		}
	}
	return e, nil
}

// ParseAll reads the lines of a text.
func ParseAll(t testing.TB, text string) (events []Event) {
	t.Helper()
	for i, line := range textfile.Lines(text) {
		e, err := Parse(line)
		if err != nil {
			t.Fatalf("line %d: %v", i+1, err)
		}
		events = append(events, e)
	}
	return events
}

// Read reads the lines of a file.
func Read(t testing.TB, name string) []Event {
	t.Helper()
	return ParseAll(t, textfile.Read(t, name))
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
		o := Document{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := ordered(d)
			if err != nil {
				return nil, err
			}
			o = append(o, Member{key.(string), v})
		}
		_, err := d.Token()
		return o, err
	}
	return token, nil
}

// MarshalJSON writes the object as it was read.
func (o Document) MarshalJSON() ([]byte, error) {
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

// At follows keys into an object; nil where there is nothing.
func (o Document) At(keys ...string) any {
	for _, m := range o {
		if m.Key != keys[0] {
			continue
		}
		if len(keys) == 1 {
			return m.Value
		}
		if inner, ok := m.Value.(Document); ok {
			return inner.At(keys[1:]...)
		}
	}
	return nil
}

// Text is the string in a field; empty where there is none.
func (o Document) Text(keys ...string) string {
	text, _ := o.At(keys...).(string)
	return text
}

// Without is a copy that lacks a field.
func (o Document) Without(keys ...string) (left Document) {
	for _, m := range o {
		if inner, ok := m.Value.(Document); ok && m.Key == keys[0] && len(keys) > 1 {
			m.Value = inner.Without(keys[1:]...)
		} else if m.Key == keys[0] {
			continue
		}
		left = append(left, m)
	}
	return left
}

// Undated are events as outputs send them that do not print a record's time.
func Undated(events []Event) (out []Event) {
	for _, e := range events {
		out = append(out, Event{Body: e.Body})
	}
	return out
}

// Same compares whole events, and shows the first that differs. A date that
// want leaves open is not compared.
func Same(t testing.TB, want, got []Event) {
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
func (e Event) String() string {
	body := e.Body
	if e.Date != "" {
		body = append(Document{{"date", e.Date}}, body...)
	}
	line, err := json.Marshal(body)
	if err != nil {
		return err.Error()
	}
	return string(line)
}
