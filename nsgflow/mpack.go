package nsgflow

import (
	"fluent-bit-nsgflow/nsgflow/internal/jsontext"
	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// mpackSource reads a msgpack node whose extent SkipMsgpack has checked.
type mpackSource struct {
	b     []byte
	pos   int
	bad   bool
	fault string // why, where it was refused

	numbers []byte // texts of numbers
}

func (s *mpackSource) refuse(what string) { s.bad, s.fault = true, what }

func (s *mpackSource) reset(b []byte) { *s = mpackSource{b: b, numbers: s.numbers[:0]} }

func (s *mpackSource) offset() int                  { return s.pos }
func (s *mpackSource) mark() mark                   { return mark{pos: s.pos} }
func (s *mpackSource) back(m mark)                  { s.pos = m.pos }
func (s *mpackSource) record(n nodes) (nodes, bool) { return s.more(n) }
func (s *mpackSource) since(p int) []byte           { return s.b[p:s.pos:s.pos] }
func (s *mpackSource) spent() bool                  { return false }
func (s *mpackSource) failed() bool                 { return s.bad }

func (s *mpackSource) header() (h msgpack.Header) {
	if !s.bad {
		var ok bool
		h, ok = msgpack.ReadHeader(s.b[s.pos:])
		s.bad = !ok
	}
	return h
}

func (s *mpackSource) kind() jsontext.Kind { return s.header().Kind }

func (s *mpackSource) open() nodes {
	h := s.header()
	s.pos += h.Size
	if h.Kind == jsontext.Object {
		return nodes{left: h.Values / 2}
	}
	return nodes{left: h.Values}
}

func (s *mpackSource) more(n nodes) (nodes, bool) {
	ok := s.next(&n)
	return n, ok
}

func (s *mpackSource) next(n *nodes) bool {
	if n.left == 0 || s.bad {
		return false
	}
	n.left--
	return true
}

// str reads the string that comes next; ok is false where it is none.
func (s *mpackSource) str() (t text, ok bool) {
	h := s.header()
	if h.Kind != jsontext.String {
		return nil, false
	}
	from := s.pos + h.Size
	s.pos = from + h.Bytes
	return s.b[from:s.pos], true
}

func (s *mpackSource) key() []byte {
	t, ok := s.str()
	if !ok {
		s.skip()
	}
	return t
}

func (s *mpackSource) scalar() []byte {
	if t, ok := s.str(); ok {
		return emptyIsNil(t)
	}
	if s.kind() == jsontext.Number {
		from := len(s.numbers)
		s.numbers = msgpack.AppendNumber(s.numbers, s.skip())
		return s.numbers[from:len(s.numbers):len(s.numbers)]
	}
	s.skip()
	return nil
}

func (s *mpackSource) tuple() (t tuple) {
	var ok bool
	if t.text, ok = s.str(); !ok {
		t.text, t.other = s.skip(), true
	}
	return t
}

func (s *mpackSource) tuples(dst []tuple) []tuple {
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

func (s *mpackSource) skip() []byte {
	if s.bad {
		return nil
	}
	n, _, ok := msgpack.Skip(s.b[s.pos:])
	if !ok {
		s.bad = true
		return nil
	}
	s.pos += n
	return s.b[s.pos-n : s.pos : s.pos]
}

func (s *mpackSource) appendJSON(dst, node []byte) []byte {
	dst, _ = msgpack.AppendJSON(dst, node)
	return dst
}
