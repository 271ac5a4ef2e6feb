package nsgflow

import (
	"bytes"
	"unicode/utf8"

	"fluent-bit-nsgflow/nsgflow/internal/jsontext"
)

// skipString passes over the rest of a string, from p on, and returns the place behind its closing quote.
func (s *jsonSource) skipString(p int) int {
	for p = jsontext.PlainEnd(s.text, p); p < len(s.text); p = jsontext.PlainEnd(s.text, p) {
		switch c := s.text[p]; {
		case c == '"':
			s.pos = p + 1
			return p + 1
		case c >= utf8.RuneSelf:
			p++
		case c == '\\':
			n := escapeLen(s.text[p:])
			if n == 0 {
				s.pos = p
				s.fail(faultString)
				return p
			}
			p += n
		default: // control characters must be escaped
			s.pos = p
			s.fail(faultString)
			return p
		}
	}
	s.pos = len(s.text)
	s.fail(faultEnd)
	return s.pos
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

// skip passes over any value. The kinds of the open brackets are the bits of
// one word, which is what jsontext.MaxDepth allows.
func (s *jsonSource) skip() []byte {
	s.peek()
	start := s.pos
	var objects uint64 // bit d: the bracket at depth d is that of an object
	base := s.depth
	for s.fault == "" {
		// A value.
		switch c := s.peek(); {
		case c == '"':
			s.skipString(s.pos + 1)
		case c == '{' || c == '[':
			if s.depth >= jsontext.MaxDepth {
				s.fail(faultDepth)
				return nil
			}
			objects = objects<<1 | uint64(c>>5&1) // '{' is 0x7b, '[' 0x5b
			s.depth++
			s.pos++
			if s.peek() == c+2 {
				break // an empty one: its end is looked at below
			}
			if c == '{' {
				s.skipKey()
			}
			continue
		default:
			s.skipWord(c)
		}
		// What follows a value: brackets that close, then a comma.
		for s.depth > base && s.fault == "" {
			c := s.peek()
			if c == ',' {
				break
			}
			if c != ']' && c != '}' {
				s.fail(s.orEnd(faultComma))
				return nil
			}
			if uint64(c>>5&1) != objects&1 {
				s.fail(faultBracket)
				return nil
			}
			objects >>= 1
			s.depth--
			s.pos++
		}
		if s.depth == base {
			break
		}
		if s.fault == "" {
			s.pos++ // the comma
			if objects&1 == 1 {
				s.skipKey()
			}
		}
	}
	if s.fault != "" {
		return nil
	}
	return s.text[start:s.pos]
}

func (s *jsonSource) skipKey() {
	if s.peek() != '"' {
		s.fail(s.orEnd(faultKey))
		return
	}
	s.skipString(s.pos + 1)
	if s.fault == "" && s.peek() != ':' {
		s.fail(s.orEnd(faultColon))
		return
	}
	s.pos++
}

// skipWord passes over a number, true, false or null.
func (s *jsonSource) skipWord(c byte) {
	start := s.pos
	for s.pos < len(s.text) && wordByte(s.text[s.pos]) {
		s.pos++
	}
	word := s.text[start:s.pos]
	switch string(word) {
	case "true", "false", "null":
		return
	}
	if !isNumber(word) {
		s.pos = start
		s.fail(s.orEnd(faultValue))
	}
}

func wordByte(c byte) bool {
	return c-'0' <= 9 || (c|0x20)-'a' <= 25 || c == '-' || c == '+' || c == '.'
}

// isNumber says whether b is a number by the grammar of RFC 8259.
func isNumber(b []byte) bool {
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
