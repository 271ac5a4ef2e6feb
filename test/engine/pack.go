package engine

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// Framing is how a release lays out a record in a chunk.
type Framing int

const (
	New Framing = iota // [[time, metadata], body], from 2.1 on
	Old                // [time, body]
)

// Pack makes a chunk of JSON lines, as tail does with a JSON parser: one
// record a line, its keys in their order.
func Pack(framing Framing, at time.Time, lines []byte) ([]byte, error) {
	var chunk []byte
	for number, line := range bytes.Split(lines, []byte("\n")) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.UseNumber()
		body, err := packValue(decoder)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number+1, err)
		}
		chunk = append(chunk, record(framing, at, body)...)
	}
	return chunk, nil
}

// PackText makes a chunk of texts, as tail does without a parser: one record
// each, the text in the field key.
func PackText(framing Framing, at time.Time, key string, texts ...string) []byte {
	var chunk []byte
	for _, text := range texts {
		body, _ := msgpack.Marshal(map[string]string{key: text})
		chunk = append(chunk, record(framing, at, body)...)
	}
	return chunk
}

func record(framing Framing, at time.Time, body []byte) []byte {
	const fixext8, typeEventTime, array2, emptyMap = 0xd7, 0x00, 0x92, 0x80
	event := []byte{fixext8, typeEventTime}
	event = binary.BigEndian.AppendUint32(event, uint32(at.Unix()))
	event = binary.BigEndian.AppendUint32(event, uint32(at.Nanosecond()))
	if framing == New {
		event = append(append([]byte{array2}, event...), emptyMap)
	}
	return append(append([]byte{array2}, event...), body...)
}

// packValue packs the next JSON value. A map's length stands before its keys,
// so each is packed aside.
func packValue(decoder *json.Decoder) ([]byte, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Delim:
		return packNested(decoder, token)
	case json.Number:
		if n, err := token.Int64(); err == nil {
			return pack(func(e *msgpack.Encoder) error { return e.EncodeInt(n) }), nil
		}
		f, err := token.Float64()
		return pack(func(e *msgpack.Encoder) error { return e.EncodeFloat64(f) }), err
	default:
		return pack(func(e *msgpack.Encoder) error { return e.Encode(token) }), nil
	}
}

func packNested(decoder *json.Decoder, open json.Delim) ([]byte, error) {
	var values []byte
	count := 0
	for ; decoder.More(); count++ {
		value, err := packValue(decoder)
		if err != nil {
			return nil, err
		}
		values = append(values, value...)
	}
	if _, err := decoder.Token(); err != nil {
		return nil, err
	}
	head := pack(func(e *msgpack.Encoder) error { return e.EncodeArrayLen(count) })
	if open == '{' {
		head = pack(func(e *msgpack.Encoder) error { return e.EncodeMapLen(count / 2) })
	}
	return append(head, values...), nil
}

func pack(encode func(*msgpack.Encoder) error) []byte {
	var b bytes.Buffer
	encode(msgpack.NewEncoder(&b))
	return b.Bytes()
}

// Record is one record of a chunk. Metadata is empty in the old framing.
type Record struct {
	Framing  Framing
	Time     time.Time
	Metadata json.RawMessage
	Body     json.RawMessage // keys in their order
}

// Unpack reads the records of a chunk. It takes what an output of Fluent Bit
// takes, and nothing else: strings are str, times are EventTime or numbers.
func Unpack(chunk []byte) ([]Record, error) {
	var records []Record
	reader := bytes.NewReader(chunk)
	decoder := msgpack.NewDecoder(reader)
	for reader.Len() > 0 {
		r, err := unpackRecord(decoder)
		if err != nil {
			return records, fmt.Errorf("record %d: %w", len(records), err)
		}
		records = append(records, r)
	}
	return records, nil
}

// Lines are the bodies of a chunk's records, one JSON object a line.
func Lines(chunk []byte) ([]byte, error) {
	records, err := Unpack(chunk)
	var lines []byte
	for _, r := range records {
		lines = append(append(lines, r.Body...), '\n')
	}
	return lines, err
}

func unpackRecord(d *msgpack.Decoder) (r Record, err error) {
	if n, err := d.DecodeArrayLen(); err != nil || n != 2 {
		return r, fmt.Errorf("array of %d: %w", n, err)
	}
	code, err := d.PeekCode()
	if err != nil {
		return r, err
	}
	r.Framing = Old
	if code == 0x92 {
		r.Framing = New
		d.DecodeArrayLen()
	}
	if r.Time, err = unpackTime(d); err != nil {
		return r, err
	}
	if r.Framing == New {
		if r.Metadata, err = unpackValue(d, nil); err != nil {
			return r, err
		}
	}
	r.Body, err = unpackValue(d, nil)
	return r, err
}

func unpackTime(d *msgpack.Decoder) (time.Time, error) {
	code, err := d.PeekCode()
	if err != nil {
		return time.Time{}, err
	}
	if code != 0xd7 && code != 0xc7 {
		f, err := d.DecodeFloat64()
		return time.Unix(0, int64(f*1e9)), err
	}
	id, size, err := d.DecodeExtHeader()
	if err != nil || id != 0 || size != 8 {
		return time.Time{}, fmt.Errorf("time of extension type %d, %d bytes: %w", id, size, err)
	}
	var b [8]byte
	err = d.ReadFull(b[:])
	return time.Unix(int64(binary.BigEndian.Uint32(b[:])), int64(binary.BigEndian.Uint32(b[4:]))), err
}

// unpackValue appends the next value as JSON.
func unpackValue(d *msgpack.Decoder, to []byte) ([]byte, error) {
	code, err := d.PeekCode()
	if err != nil {
		return to, err
	}
	switch {
	case code&0xf0 == 0x80 || code == 0xde || code == 0xdf:
		n, err := d.DecodeMapLen()
		return unpackNested(d, to, n, '{', '}', err)
	case code&0xf0 == 0x90 || code == 0xdc || code == 0xdd:
		n, err := d.DecodeArrayLen()
		return unpackNested(d, to, n, '[', ']', err)
	case code >= 0xc4 && code <= 0xc9 || code >= 0xd4 && code <= 0xd8:
		return to, fmt.Errorf("value of format %#x: hosts print neither bin nor ext", code)
	}
	value, err := d.DecodeInterface()
	if err != nil {
		return to, err
	}
	if f, ok := value.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
		value = nil
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err = encoder.Encode(value)
	return append(to, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...), err
}

func unpackNested(d *msgpack.Decoder, to []byte, count int, open, end byte, err error) ([]byte, error) {
	to = append(to, open)
	for i := 0; i < count && err == nil; i++ {
		if i > 0 {
			to = append(to, ',')
		}
		to, err = unpackValue(d, to)
		if open == '{' && err == nil {
			to, err = unpackValue(d, append(to, ':'))
		}
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return append(to, end), err
}
