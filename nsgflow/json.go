package nsgflow

import (
	"bytes"
	"unsafe"

	"fluent-bit-nsgflow/nsgflow/internal/jsontext"

	"github.com/tidwall/gjson"
)

// jsonSource reads JSON text. It checks all that it passes over, without
// recursion: gjson, which walks text as well, takes damaged text for good.
type jsonSource struct {
	text  []byte
	pos   int
	depth int
	fault string // what is wrong at pos, once something is
}

func (s *jsonSource) reset(text []byte) { *s = jsonSource{text: text} }

func (s *jsonSource) offset() int  { return s.pos }
func (s *jsonSource) mark() mark   { return mark{s.pos, s.depth, s.fault} }
func (s *jsonSource) back(m mark)  { s.pos, s.depth, s.fault = m.pos, m.depth, m.fault }
func (s *jsonSource) failed() bool { return s.fault != "" }

func (s *jsonSource) since(p int) []byte { return s.text[p:s.pos:s.pos] }

// record moves to the next record of a list, which need not be well formed
// between its records: readers that follow a growing blob leave out its head
// or its tail, begin with a comma or end with one.
func (s *jsonSource) record(n nodes) (nodes, bool) {
	for s.fault == "" {
		s.separators()
		switch c := s.peek(); {
		case s.pos == len(s.text):
			return n, false
		case c == n.close && c != 0:
			s.pos++
			s.depth--
			return n, false
		case n.close == 0 && n.begun && (c == ']' || c == '}'):
			s.pos++ // the tail of a blob whose head is missing
		default:
			n.begun = true
			return n, true
		}
	}
	return n, false
}

func (s *jsonSource) spent() bool {
	here := s.pos
	s.separators()
	if s.pos == len(s.text) {
		return true
	}
	s.pos = here
	return false
}

// separators passes over white space and commas.
func (s *jsonSource) separators() {
	for s.peek() == ',' {
		s.pos++
	}
}

func (s *jsonSource) refuse(what string) { s.fail(what) }

func (s *jsonSource) fail(what string) {
	if s.fault == "" {
		s.fault = what
	}
}

const (
	faultEnd     = "unexpected end"
	faultValue   = "a value expected"
	faultKey     = "a key expected"
	faultColon   = "a colon expected"
	faultComma   = "a comma or a closing bracket expected"
	faultString  = "a string that is not valid JSON"
	faultBracket = "a closing bracket of the other kind"
	faultDepth   = "nested deeper than 64 levels"
	faultMany    = "more than 2097152 tuples in one record"
)

// peek is the next byte that is not white space, 0 at the end.
func (s *jsonSource) peek() byte {
	for s.pos < len(s.text) {
		c := s.text[s.pos]
		if c > ' ' || c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c
		}
		s.pos++
	}
	return 0
}

func (s *jsonSource) kind() jsontext.Kind {
	switch c := s.peek(); {
	case s.fault != "":
		return jsontext.Other
	case c == '"':
		return jsontext.String
	case c == '{':
		return jsontext.Object
	case c == '[':
		return jsontext.Array
	case c == '-' || c-'0' <= 9:
		return jsontext.Number
	}
	return jsontext.Other
}

func (s *jsonSource) open() nodes {
	s.depth++
	if s.depth > jsontext.MaxDepth {
		s.fail(faultDepth)
		return nodes{}
	}
	c := s.text[s.pos]
	s.pos++
	return nodes{close: c + 2} // '[' and ']', '{' and '}' are two apart
}

func (s *jsonSource) more(n nodes) (nodes, bool) {
	ok := s.next(&n)
	return n, ok
}

func (s *jsonSource) next(n *nodes) bool {
	if s.fault != "" {
		return false
	}
	if p := s.pos + 1; n.begun && p < len(s.text) && s.text[p] == '"' && s.text[p-1] == ',' {
		s.pos = p
		return true
	}
	c := s.peek()
	if c == n.close {
		s.pos++
		s.depth--
		return false
	}
	if n.begun {
		if c != ',' {
			s.fail(s.orEnd(faultComma))
			return false
		}
		s.pos++
		if s.peek() == n.close {
			s.fail(faultValue)
			return false
		}
	}
	n.begun = true
	return true
}

// orEnd is the fault what, or faultEnd where the text ends.
func (s *jsonSource) orEnd(what string) string {
	if s.pos >= len(s.text) {
		return faultEnd
	}
	return what
}

func (s *jsonSource) key() []byte {
	if s.peek() != '"' {
		s.fail(s.orEnd(faultKey))
		return nil
	}
	k, _ := s.str()
	if s.peek() != ':' {
		s.fail(s.orEnd(faultColon))
		return nil
	}
	s.pos++
	s.peek()
	return k
}

// str reads the string that comes next. plain: see tuple.
func (s *jsonSource) str() (text []byte, plain bool) {
	start := s.pos + 1
	end := jsontext.PlainEnd(s.text, start)
	if end < len(s.text) && s.text[end] == '"' {
		s.pos = end + 1
		return s.text[start:end], true
	}
	return s.oddString(end), false
}

// oddString reads a string that has something else at end.
func (s *jsonSource) oddString(end int) text {
	raw := s.text[s.pos:s.skipString(end)]
	if s.fault != "" {
		return nil
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	// gjson makes U+FFFD of halves of surrogate pairs.
	unescaped := gjson.Parse(unsafe.String(&raw[0], len(raw))).Str
	return []byte(unescaped)
}

func (s *jsonSource) scalar() []byte {
	switch s.kind() {
	case jsontext.String:
		text, _ := s.str()
		return emptyIsNil(text)
	case jsontext.Number:
		return integral(s.skip())
	}
	s.skip()
	return nil
}

func emptyIsNil(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// integral writes a number with a fraction of zero without it, as 2.0.
func integral(number []byte) []byte {
	if i := bytes.IndexByte(number, '.'); i > 0 && len(bytes.Trim(number[i+1:], "0")) == 0 {
		return number[:i]
	}
	return number
}

func (s *jsonSource) tuple() (t tuple) {
	if s.peek() == '"' {
		t.text, t.plain = s.str()
	} else {
		t.text, t.other = s.skip(), true
	}
	return t
}

func (s *jsonSource) tuples(dst []tuple) []tuple {
	n := s.open()
	for i := uint32(0); s.next(&n); i++ {
		t := s.tuple()
		t.index = i
		dst = append(dst, t)
		if len(dst) > maxTuples {
			s.refuse(faultMany)
		}
	}
	return dst
}

func (s *jsonSource) appendJSON(dst, node []byte) []byte { return append(dst, node...) }
