package jsontext

import (
	"bytes"
	"unicode/utf8"
)

// skipString passes over the rest of a string, from p on, and returns the place
// behind its closing quote.
func (r *Reader) skipString(p int) int {
	for p = PlainEnd(r.text, p); p < len(r.text); p = PlainEnd(r.text, p) {
		switch c := r.text[p]; {
		case c == '"':
			r.pos = p + 1
			return p + 1
		case c >= utf8.RuneSelf:
			p++
		case c == '\\':
			n := escapeLen(r.text[p:])
			if n == 0 {
				r.pos = p
				r.Fail(errString)
				return p
			}
			p += n
		default: // control characters must be escaped
			r.pos = p
			r.Fail(errString)
			return p
		}
	}
	r.pos = len(r.text)
	r.Fail(errEnd)
	return r.pos
}

// escapeLen is the length of the escape that b begins with, 0 if it is none.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	if b[1] != 'u' {
		if bytes.IndexByte([]byte(`"\/bfnrt`), b[1]) < 0 {
			return 0
		}
		return 2
	}
	if len(b) < 6 {
		return 0
	}
	for _, c := range b[2:6] {
		if c-'0' > 9 && (c|0x20)-'a' > 5 {
			return 0
		}
	}
	return 6
}

// Skip passes over any value. The kinds of the open brackets are the bits of
// one word, which is what MaxDepth allows.
func (r *Reader) Skip() []byte {
	r.peek()
	start := r.pos
	var objects uint64 // bit d: the bracket at depth d is that of an object
	base := r.depth
	for r.err == nil {
		// A value.
		switch c := r.peek(); {
		case c == '"':
			r.skipString(r.pos + 1)
		case c == '{' || c == '[':
			if r.depth >= MaxDepth {
				r.Fail(ErrDepth)
				return nil
			}
			objects = objects<<1 | isObject(c)
			r.depth++
			r.pos++
			if r.peek() == c+2 {
				break // an empty one: its end is looked at below
			}
			if c == '{' {
				r.skipKey()
			}
			continue
		default:
			r.skipWord(c)
		}
		objects = r.skipClosing(objects, base)
		if r.depth == base {
			break
		}
		if r.err == nil {
			r.pos++ // the comma
			if objects&1 == 1 {
				r.skipKey()
			}
		}
	}
	if r.err != nil {
		return nil
	}
	return r.text[start:r.pos]
}

// skipClosing passes over the brackets that close behind a value, down to the
// depth base or to a comma, and returns the kinds of those that are still open.
func (r *Reader) skipClosing(objects uint64, base int) (open uint64) {
	for r.depth > base && r.err == nil {
		switch c := r.peek(); {
		case c == ',':
			return objects
		case c != ']' && c != '}':
			r.Fail(r.orEnd(errComma))
		case isObject(c) != objects&1:
			r.Fail(errBracket)
		default:
			objects >>= 1
			r.depth--
			r.pos++
		}
	}
	return objects
}

func (r *Reader) skipKey() {
	if r.peek() != '"' {
		r.Fail(r.orEnd(errKey))
		return
	}
	r.skipString(r.pos + 1)
	if r.err == nil && r.peek() != ':' {
		r.Fail(r.orEnd(errColon))
		return
	}
	r.pos++
}

// skipWord passes over a number, true, false or null.
func (r *Reader) skipWord(c byte) {
	start := r.pos
	for r.pos < len(r.text) && wordByte(r.text[r.pos]) {
		r.pos++
	}
	word := r.text[start:r.pos]
	switch string(word) {
	case "true", "false", "null":
		return
	}
	if !IsNumber(word) {
		r.pos = start
		r.Fail(r.orEnd(errValue))
	}
}

func wordByte(c byte) bool {
	return c-'0' <= 9 || (c|0x20)-'a' <= 25 || c == '-' || c == '+' || c == '.'
}

// IsNumber says whether b is a number by the grammar of RFC 8259.
func IsNumber(b []byte) bool {
	b = bytes.TrimPrefix(b, []byte{'-'})
	whole := len(b) - len(trimDigits(b))
	if whole == 0 || whole > 1 && b[0] == '0' {
		return false
	}
	b = b[whole:]
	if len(b) > 0 && b[0] == '.' {
		rest := trimDigits(b[1:])
		if len(rest) == len(b)-1 {
			return false
		}
		b = rest
	}
	if len(b) > 0 && b[0]|0x20 == 'e' {
		b = b[1:]
		if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
			b = b[1:]
		}
		rest := trimDigits(b)
		if len(rest) == len(b) {
			return false
		}
		b = rest
	}
	return len(b) == 0
}

func trimDigits(b []byte) []byte {
	for len(b) > 0 && b[0]-'0' <= 9 {
		b = b[1:]
	}
	return b
}
