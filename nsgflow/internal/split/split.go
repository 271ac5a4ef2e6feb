// Package split takes records out of the text of a blob as it comes, piece by
// piece.
package split

import (
	"bytes"
)

// Splitter finds the records in the bytes of a blob as they come: it follows
// brackets outside of strings and looks at nothing else.
type Splitter struct {
	buf   []byte
	base  int64 // place in the blob of buf[0]
	pos   int   // scanned up to here
	start int   // of what is open
	state state
	depth int // valid iff state is inRecord or inString

	file  bool   // made by NewFile
	lists string // of a file: what closes the list that is open, "" between lists
}

type state uint8

const (
	atHead   state = iota // `{"records":[` may follow
	between               // commas, blanks, the end of the array
	inRecord              // outside strings
	inString
	inRubbish // bytes that cannot begin a record, up to one that can
)

// New begins at a place between two records, or at the head of the blob.
func New(at int64) *Splitter {
	c := &Splitter{base: at, state: between}
	if at == 0 {
		c.state = atHead
	}
	return c
}

// Feed adds the bytes that follow, which are the Splitter's from now on. Records
// cut earlier stay valid: what is added to what is open stands behind them.
func (s *Splitter) Feed(piece []byte) {
	keep := s.pos
	if s.Open() {
		keep = s.start
	}
	if rest := s.buf[keep:]; len(rest) > 0 {
		piece = append(rest, piece...)
	}
	s.buf, s.base, s.pos, s.start = piece, s.base+int64(keep), s.pos-keep, 0
}

// Next is the next whole record and its place in the blob. It reports false
// where more bytes are needed.
func (s *Splitter) Next() (text []byte, offset int64, ok bool) {
	for s.pos < len(s.buf) {
		switch s.state {
		case atHead:
			n, known := head(s.buf[s.pos:])
			if !known {
				return nil, 0, false
			}
			s.pos += n
			s.state = between
		case between:
			if s.file {
				n, known := s.list()
				if !known {
					return nil, 0, false
				}
				if s.pos += n; n > 0 {
					continue
				}
			}
			s.begin()
		case inRubbish:
			if i := bytes.IndexByte(s.buf[s.pos:], '{'); i >= 0 {
				end := s.rubbishBefore(s.pos + i)
				s.nest(end)
				return s.take(end)
			}
			s.pos = len(s.buf)
		case inString:
			s.skipString()
		case inRecord:
			if s.skipTokens() {
				if s.lists == behindList { // no record: the other fields of a blob
					s.take(s.pos)
					s.lists = ""
					continue
				}
				return s.take(s.pos)
			}
		}
	}
	return nil, 0, false
}

// Open tells whether something has begun that is not cut yet.
func (s *Splitter) Open() bool { return s.state >= inRecord }

// Rest is what is open, OpenAt its place, and End that behind the last byte.
func (s *Splitter) Rest() []byte  { return s.buf[s.start:] }
func (s *Splitter) OpenAt() int64 { return s.base + int64(s.start) }
func (s *Splitter) End() int64    { return s.base + int64(len(s.buf)) }

// Give hands on what is open up to a place in the blob, as it is, and
// goes on there as between two records.
func (s *Splitter) Give(to int64) (text []byte, offset int64) {
	text, offset, _ = s.take(int(to - s.base))
	return text, offset
}

// Back goes on at an earlier place as between two records.
func (s *Splitter) Back(to int64) { s.pos = int(to - s.base) }

func (s *Splitter) take(end int) (text []byte, offset int64, ok bool) {
	text, offset = s.buf[s.start:end:end], s.OpenAt()
	s.pos, s.start, s.state, s.depth = end, end, between, 0
	return text, offset, true
}

func (s *Splitter) begin() {
	switch s.buf[s.pos] {
	case ' ', '\t', '\r', '\n', ',', ']', '}':
		s.pos++
	case '{', '[':
		s.start, s.state, s.depth = s.pos, inRecord, 1
		s.pos++
	default:
		s.start, s.state = s.pos, inRubbish
	}
}

// skipString goes behind the closing quote, if it is there.
func (s *Splitter) skipString() {
	i := bytes.IndexByte(s.buf[s.pos:], '"')
	if i < 0 {
		s.pos = len(s.buf)
		return
	}
	quote := s.pos + i
	s.pos = quote + 1
	escape := quote
	for escape > s.start && s.buf[escape-1] == '\\' {
		escape--
	}
	if (quote-escape)%2 == 0 {
		s.state = inRecord
	}
}

// skipTokens goes up to the next string, and reports whether the record ended
// before it.
func (s *Splitter) skipTokens() bool {
	for i, b := range s.buf[s.pos:] {
		switch b {
		case '"':
			s.pos += i + 1
			s.state = inString
			return false
		case '{', '[':
			s.depth++
		case '}', ']':
			s.depth--
			if s.depth == 0 {
				s.pos += i + 1
				return true
			}
		}
	}
	s.pos = len(s.buf)
	return false
}

// mark is what files have that went through Windows tools.
const mark = "\ufeff"

var headTokens = []string{"{", `"records"`, ":", "["}

// head is the length of the beginning of a blob, 0 where it begins otherwise.
// known is false where the bytes do not tell yet.
func head(text []byte) (n int, known bool) {
	if len(text) < len(mark) && bytes.HasPrefix([]byte(mark), text) {
		return 0, false
	}
	rest := bytes.TrimPrefix(text, []byte(mark))
	begin := len(text) - len(rest)
	for _, token := range headTokens {
		rest = bytes.TrimLeft(rest, " \t\r\n")
		if !bytes.HasPrefix(rest, []byte(token)) {
			if bytes.HasPrefix([]byte(token), rest) {
				return 0, false
			}
			return begin, true
		}
		rest = rest[len(token):]
	}
	return len(text) - len(rest), true
}
