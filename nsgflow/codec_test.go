package nsgflow_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"fluent-bit-nsgflow/nsgflow"

	"github.com/vmihailenco/msgpack/v5"
)

// packed is the msgpack of the JSON value that text begins with, keys in
// their order, as Fluent Bit's JSON parser makes it.
func packed(t testing.TB, text string) []byte {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var b bytes.Buffer
	if err := packNext(d, &b); err != nil {
		t.Fatalf("%v in %.200q", err, text)
	}
	return b.Bytes()
}

// packNext leaves room for the largest header in front of an object, whose
// length is known only behind it.
func packNext(d *json.Decoder, b *bytes.Buffer) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	e := msgpack.NewEncoder(b)
	switch token := token.(type) {
	case json.Delim:
		var inner bytes.Buffer
		n := 0
		for ; d.More(); n++ {
			if err := packNext(d, &inner); err != nil {
				return err
			}
		}
		if _, err := d.Token(); err != nil {
			return err
		}
		if token == '{' {
			err = e.EncodeMapLen(n / 2)
		} else {
			err = e.EncodeArrayLen(n)
		}
		b.Write(inner.Bytes())
		return err
	case json.Number:
		if n, err := token.Int64(); err == nil {
			return e.EncodeInt(n)
		}
		f, err := token.Float64()
		if err != nil {
			return err
		}
		return e.EncodeFloat64(f)
	default:
		return e.Encode(token)
	}
}

// out is a record that came out. Body and Metadata are JSON, keys in their order.
type out struct {
	Time     string // seconds.nanoseconds, or the JSON of a time that is no EventTime
	Metadata string // empty in the old framing
	Body     string
}

// unpacked reads records as strictly as a host and its outputs do: strings
// are str and UTF-8, a map's keys are strings.
func unpacked(chunk []byte) (records []out, err error) {
	r := bytes.NewReader(chunk)
	d := msgpack.NewDecoder(r)
	for r.Len() > 0 {
		o, err := unpackRecord(d)
		if err != nil {
			return records, fmt.Errorf("record %d: %w", len(records), err)
		}
		records = append(records, o)
	}
	return records, nil
}

func unpackRecord(d *msgpack.Decoder) (o out, err error) {
	if n, err := d.DecodeArrayLen(); err != nil || n != 2 {
		return o, fmt.Errorf("array of %d: %v", n, err)
	}
	c, err := d.PeekCode()
	if err != nil {
		return o, err
	}
	framed := c == 0x92
	if framed {
		_, _ = d.DecodeArrayLen()
	}
	if o.Time, err = unpackTime(d); err != nil {
		return o, err
	}
	if framed {
		var b strings.Builder
		if err = unpackNext(d, &b); err != nil {
			return o, err
		}
		o.Metadata = b.String()
	}
	if c, err = d.PeekCode(); err != nil || c&0xf0 != 0x80 && c != 0xde && c != 0xdf {
		return o, fmt.Errorf("body of code %#x: %v", c, err)
	}
	var b strings.Builder
	err = unpackNext(d, &b)
	o.Body = b.String()
	return o, err
}

func unpackTime(d *msgpack.Decoder) (string, error) {
	c, err := d.PeekCode()
	if err != nil {
		return "", err
	}
	if c != 0xd7 && c != 0xc7 {
		var b strings.Builder
		err := unpackNext(d, &b)
		return b.String(), err
	}
	id, n, err := d.DecodeExtHeader()
	if err != nil || id != 0 || n != 8 {
		return "", fmt.Errorf("time of extension %d, %d bytes: %v", id, n, err)
	}
	var v [8]byte
	if err := d.ReadFull(v[:]); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d.%09d", binary.BigEndian.Uint32(v[:]), binary.BigEndian.Uint32(v[4:])), nil
}

func unpackNext(d *msgpack.Decoder, b *strings.Builder) error {
	c, err := d.PeekCode()
	if err != nil {
		return err
	}
	n, open, end := 0, byte(0), byte(0)
	switch {
	case c&0xf0 == 0x80 || c == 0xde || c == 0xdf:
		n, err = d.DecodeMapLen()
		n, open, end = 2*n, '{', '}'
	case c&0xf0 == 0x90 || c == 0xdc || c == 0xdd:
		n, err = d.DecodeArrayLen()
		open, end = '[', ']'
	case c >= 0xc4 && c <= 0xc9 || c >= 0xd4 && c <= 0xd8:
		return fmt.Errorf("code %#x: outputs write neither bin nor ext", c)
	default:
		return unpackScalar(d, b)
	}
	b.WriteByte(open)
	for i := 0; i < n && err == nil; i++ {
		switch {
		case open == '{' && i%2 == 1:
			b.WriteByte(':')
		case i > 0:
			b.WriteByte(',')
		}
		err = unpackNext(d, b)
	}
	b.WriteByte(end)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

func unpackScalar(d *msgpack.Decoder, b *strings.Builder) error {
	v, err := d.DecodeInterface()
	if err != nil {
		return err
	}
	switch x := v.(type) {
	case string:
		if !utf8.ValidString(x) {
			return fmt.Errorf("not UTF-8: %q", x)
		}
		if plain := func(r rune) bool { return r >= ' ' && r < 0x7f && r != '"' && r != '\\' }; !strings.ContainsFunc(x, func(r rune) bool { return !plain(r) }) {
			b.WriteString(`"` + x + `"`)
			return nil
		}
	case int8, int16, int32, int64, uint8, uint16, uint32, uint64:
		fmt.Fprint(b, x)
		return nil
	case float32:
		v = float64(x)
	}
	if f, ok := v.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
		v = nil
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	err = e.Encode(v)
	b.Write(bytes.TrimSuffix(text.Bytes(), []byte("\n")))
	return err
}

func newNormalizer(t testing.TB, changes ...func(*nsgflow.Options)) *nsgflow.Normalizer {
	t.Helper()
	o := nsgflow.DefaultOptions(nsgflow.SchemaSekoia)
	for _, change := range changes {
		change(&o)
	}
	n, err := nsgflow.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// arrival is the time of source records: it shows where no flow's time is known.
var arrival = time.Date(2024, 5, 6, 7, 8, 9, 123_456_789, time.UTC)

const arrivalText = "1714979289.123456789"

// eventTime is a time as hosts write it.
func eventTime(at time.Time) []byte {
	b := binary.BigEndian.AppendUint32([]byte{0xd7, 0}, uint32(at.Unix()))
	return binary.BigEndian.AppendUint32(b, uint32(at.Nanosecond()))
}

// source is the frame of a record that has just come in.
var source = nsgflow.Frame{Time: eventTime(arrival), Metadata: []byte{0x80}}

// reading is a form in which a flow log reaches a Normalizer.
type reading struct {
	name string
	read func(t testing.TB, n *nsgflow.Normalizer, flowLog string) (chunk []byte, changed bool)
}

var asText = reading{"text", func(_ testing.TB, n *nsgflow.Normalizer, flowLog string) ([]byte, bool) {
	return n.AppendText(nil, []byte(flowLog), source)
}}

var asMap = reading{"map", func(t testing.TB, n *nsgflow.Normalizer, flowLog string) ([]byte, bool) {
	return appendBody(t, n, packed(t, flowLog))
}}

// under is the text in a field of a record that has nothing else.
func under(field string) reading {
	return reading{field, func(t testing.TB, n *nsgflow.Normalizer, flowLog string) ([]byte, bool) {
		body, err := msgpack.Marshal(map[string]string{field: flowLog})
		if err != nil {
			t.Fatal(err)
		}
		return appendBody(t, n, body)
	}}
}

func appendBody(t testing.TB, n *nsgflow.Normalizer, body []byte) ([]byte, bool) {
	chunk, size, changed := n.AppendRecord(nil, body, source)
	if size != len(body) {
		t.Fatalf("a body of %d bytes has size %d", len(body), size)
	}
	if !changed && chunk != nil {
		t.Fatalf("unchanged, but %d bytes", len(chunk))
	}
	return chunk, changed
}

// records reads a flow log and gives what came out.
func (r reading) records(t testing.TB, n *nsgflow.Normalizer, flowLog string) []out {
	t.Helper()
	chunk, _ := r.read(t, n, flowLog)
	records, err := unpacked(chunk)
	if err != nil {
		t.Fatalf("%s: %v\n%.300q", r.name, err, chunk)
	}
	return records
}
