package jsontext

import (
	"bytes"
	"unsafe"

	"github.com/tidwall/gjson"
)

// Reader reads a text that is a sequence of values. It moves forward only.
// After an error every method is a no-op and returns its zero value.
//
// The text itself, and what OpenList enters, are lists of records. Those need
// not be well formed between their records: tools that follow a growing blob
// leave out its head or its tail, begin with a comma or end with one.
type Reader struct {
	text      []byte
	pos       int
	depth     int
	objects   uint64 // a bit for each open level, the innermost lowest: it is an object
	begun     uint64 // an element of it has been read
	lists     uint64 // it is a list of records
	listEnded bool   // a list of records has ended just now
	err       error  // what is wrong at pos, once something is
}

// Reset starts with another text. A byte-order mark in front is passed over.
func (r *Reader) Reset(text []byte) {
	*r = Reader{text: text}
	if bytes.HasPrefix(text, ByteOrderMark) {
		r.pos = len(ByteOrderMark)
	}
}

// ByteOrderMark may stand in front of a text.
var ByteOrderMark = []byte("\xef\xbb\xbf")

// At says where the reader is, and what is wrong there, if something is.
func (r *Reader) At() (offset int, err error) { return r.pos, r.err }

// Fail makes the reader fail at the place where it is.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// Error says what is wrong with a text.
type Error string

func (e Error) Error() string { return string(e) }

const (
	errEnd     = Error("unexpected end")
	errValue   = Error("a value expected")
	errKey     = Error("a key expected")
	errColon   = Error("a colon expected")
	errComma   = Error("a comma or a closing bracket expected")
	errString  = Error("a string that is not valid JSON")
	errBracket = Error("a closing bracket of the other kind")

	// ErrDepth is the error of a text that is nested too deep.
	ErrDepth = Error("nested deeper than 64 levels")
)

// orEnd is err, or errEnd where the text ends.
func (r *Reader) orEnd(err error) error {
	if r.pos >= len(r.text) {
		return errEnd
	}
	return err
}

// peek is the next byte that is not white space, 0 at the end.
func (r *Reader) peek() byte {
	for r.pos < len(r.text) {
		c := r.text[r.pos]
		if c > ' ' || c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c
		}
		r.pos++
	}
	return 0
}

// Kind is the kind of the value that comes next.
func (r *Reader) Kind() Kind {
	switch c := r.peek(); {
	case r.err != nil:
		return Other
	case c == '"':
		return String
	case c == '{':
		return Object
	case c == '[':
		return Array
	case c == '-' || c-'0' <= 9:
		return Number
	}
	return Other
}

// Open enters the array or object that comes next.
func (r *Reader) Open() {
	if r.err != nil {
		return
	}
	if r.depth >= MaxDepth {
		r.Fail(ErrDepth)
		return
	}
	r.depth++
	r.objects = r.objects<<1 | isObject(r.text[r.pos])
	r.begun <<= 1
	r.lists <<= 1
	r.pos++
}

// OpenList enters the array that comes next as a list of records.
func (r *Reader) OpenList() {
	r.Open()
	r.lists |= 1
}

// isObject is 1 for '{' and '}', which are 0x7b and 0x7d, and 0 for '[' and
// ']', which are 0x5b and 0x5d.
func isObject(bracket byte) uint64 { return uint64(bracket >> 5 & 1) }

// leave leaves the innermost level.
func (r *Reader) leave() {
	r.depth--
	r.objects >>= 1
	r.begun = r.begun>>1 | 1
	r.lists >>= 1
}

// Next moves to the next element of an array, or to the value of the next
// entry of an object, whose key it returns. ok is false where there is none:
// the reader is past the end of the array or object then.
func (r *Reader) Next() (key []byte, ok bool) {
	switch {
	case r.err != nil:
		return nil, false
	case r.depth == 0 || r.lists&1 != 0:
		return nil, r.nextRecord()
	case r.listEnded:
		r.listEnded = false
		if r.atEnd() {
			r.leave()
			return nil, false
		}
	}
	if !r.nextElement() {
		return nil, false
	}
	if r.objects&1 == 0 {
		return nil, true
	}
	key = r.key()
	return key, r.err == nil
}

func (r *Reader) nextElement() bool {
	if p := r.pos + 1; r.begun&1 != 0 && p < len(r.text) && r.text[p] == '"' && r.text[p-1] == ',' {
		r.pos = p
		return true
	}
	end := byte(']')
	if r.objects&1 != 0 {
		end = '}'
	}
	c := r.peek()
	if c == end {
		r.pos++
		r.leave()
		return false
	}
	if r.begun&1 != 0 {
		if c != ',' {
			r.Fail(r.orEnd(errComma))
			return false
		}
		r.pos++
		if r.peek() == end {
			r.Fail(errValue)
			return false
		}
	}
	r.begun |= 1
	return true
}

func (r *Reader) key() []byte {
	if r.peek() != '"' {
		r.Fail(r.orEnd(errKey))
		return nil
	}
	k, _ := r.str()
	if r.peek() != ':' {
		r.Fail(r.orEnd(errColon))
		return nil
	}
	r.pos++
	r.peek()
	return k
}

// str reads the string that comes next. plain: see Value. A plain string keeps the
// capacity of the text: the tuple parser looks at bytes behind a short one.
func (r *Reader) str() (text []byte, plain bool) {
	start := r.pos + 1
	end := PlainEnd(r.text, start)
	if end < len(r.text) && r.text[end] == '"' {
		r.pos = end + 1
		return r.text[start:end], true
	}
	return r.oddString(end), false
}

// oddString reads a string that has something else at end.
func (r *Reader) oddString(end int) []byte {
	raw := r.text[r.pos:r.skipString(end)]
	if r.err != nil {
		return nil
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	// gjson makes U+FFFD of halves of surrogate pairs. It has to be given a
	// string; that is used here only, while raw does not change.
	return []byte(gjson.Parse(unsafe.String(&raw[0], len(raw))).Str)
}

// Text reads a string or a number as text. Anything else is passed over and
// gives nil, as does the empty string. A number with a fraction of zero loses
// that: 2.0 is 2.
func (r *Reader) Text() []byte {
	switch r.Kind() {
	case String:
		if text, _ := r.str(); len(text) > 0 {
			return text
		}
		return nil
	case Number:
		return integral(r.Skip())
	}
	r.Skip()
	return nil
}

func integral(number []byte) []byte {
	if i := bytes.IndexByte(number, '.'); i > 0 && len(bytes.Trim(number[i+1:], "0")) == 0 {
		return number[:i]
	}
	return number
}

// JSON passes over the value that comes next and returns it as JSON text.
func (r *Reader) JSON() []byte { return r.Skip() }

// Values appends the elements of the array that comes next to dst. It stops
// where dst has more than most elements. others is how many are no strings.
func (r *Reader) Values(dst []Value, most int) (all []Value, others int) {
	r.Open()
	for r.err == nil && len(dst) <= most && r.nextElement() {
		var v Value
		if r.peek() == '"' {
			v.Text, v.Plain = r.str()
		} else {
			v.Text, v.Other = r.Skip(), true
			others++
		}
		dst = append(dst, v)
	}
	return dst, others
}
