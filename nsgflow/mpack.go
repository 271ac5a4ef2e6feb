package nsgflow

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

func (s *mpackSource) header() (h header) {
	if !s.bad {
		var ok bool
		h, ok = readHeader(s.b[s.pos:])
		s.bad = !ok
	}
	return h
}

func (s *mpackSource) kind() kind { return s.header().kind }

func (s *mpackSource) open() nodes {
	h := s.header()
	s.pos += h.size
	if h.kind == kindObject {
		return nodes{left: h.nodes / 2}
	}
	return nodes{left: h.nodes}
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
	if h.kind != kindString {
		return nil, false
	}
	from := s.pos + h.size
	s.pos = from + h.bytes
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
	if s.kind() == kindNumber {
		from := len(s.numbers)
		s.numbers = appendNumber(s.numbers, s.skip())
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
	n, _, ok := SkipMsgpack(s.b[s.pos:])
	if !ok {
		s.bad = true
		return nil
	}
	s.pos += n
	return s.b[s.pos-n : s.pos : s.pos]
}

func (s *mpackSource) appendJSON(dst, node []byte) []byte {
	dst, _ = AppendJSON(dst, node)
	return dst
}
