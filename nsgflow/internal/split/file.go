package split

import "bytes"

// What closes a list: of a blob, of an array, and of a blob whose list has ended.
const (
	ofBlob     = "]}"
	ofArray    = "]"
	behindList = "}"
)

// mostHead bounds blanks in what may be a head.
const mostHead = 64 << 10

// separators stand between records: blanks anywhere, what closes a list behind one.
const (
	blanks     = ", \t\r\n"
	separators = blanks + ofBlob
)

// NewFile begins at the head of a file, in which blobs, arrays of records and single
// records may stand one after the other.
func NewFile() *Splitter { return &Splitter{state: between, file: true} }

// list is the length of what opens or closes a list here, 0 where neither does.
// known is false where the bytes do not tell yet.
func (s *Splitter) list() (n int, known bool) {
	rest := s.buf[s.pos:]
	switch first := rest[0]; {
	case s.lists != "" && first == s.lists[0]:
		s.lists = s.lists[1:]
		return 1, true
	case s.lists == behindList && first == '"':
		s.start, s.state, s.depth = s.pos, inString, 1
		return 1, true
	case s.lists == behindList && first == '{': // the closing bracket is missing
		s.lists = ""
	case s.lists != "":
		return 0, true
	case first == '[':
		s.lists = ofArray
		return 1, true
	}
	if rest[0] != '{' && rest[0] != mark[0] {
		return 0, true
	}
	if n, known = head(rest); !known && len(rest) > mostHead {
		return 0, true
	}
	if n > 0 && rest[n-1] == '[' {
		s.lists = ofBlob
	}
	return n, known
}

// InList tells whether a list has begun that is not closed yet.
func (s *Splitter) InList() bool { return s.lists != "" }

// Finish is what is open at the end of a file, as it is. It is said to be cut off
// where the file ends inside a list or a value.
func (s *Splitter) Finish() (text []byte, offset int64, ok, cutOff bool) {
	cutOff = s.pos < len(s.buf) // maybe a head
	if ok = s.Open(); ok {
		cutOff = s.state != inRubbish
		text, offset, _ = s.take(s.rubbishBefore(len(s.buf)))
		for s.pos < len(s.buf) && s.lists != "" && bytes.IndexByte([]byte(separators), s.buf[s.pos]) >= 0 {
			if s.buf[s.pos] == s.lists[0] {
				s.lists = s.lists[1:]
			}
			s.pos++
		}
	}
	return text, offset, ok, cutOff || s.lists != ""
}

// mostNested bounds lists in lists.
const mostNested = 64

// nest opens a list in that of a file, which rubbish up to a place ends with: such as
// 1,[ in front of a record.
func (s *Splitter) nest(end int) {
	if s.lists != "" && len(s.lists) < mostNested && s.buf[end-1] == '[' {
		s.lists = ofArray + s.lists
	}
}

// rubbishBefore is the end of rubbish before a place: what closes the list of a file
// is none, and brackets close nothing where no list is open.
func (s *Splitter) rubbishBefore(end int) int {
	if !s.file || s.state != inRubbish {
		return end
	}
	behind := separators
	if s.lists == "" {
		behind = blanks
	}
	return s.start + len(bytes.TrimRight(s.buf[s.start:end], behind))
}
