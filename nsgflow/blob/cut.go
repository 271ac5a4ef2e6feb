package blob

import "bytes"

// maxRecord bounds what is held of one record that does not end. Azure cuts
// its records at about 32 KB.
const maxRecord = 16 << 20

// cutter finds the records in the bytes of a blob as they come: it follows
// brackets outside of strings and looks at nothing else.
type cutter struct {
	buf   []byte
	base  int64 // place in the blob of buf[0]
	pos   int   // scanned up to here
	start int   // of what is open
	state state
	depth int // valid iff state is inRecord or inString
}

type state uint8

const (
	atHead   state = iota // `{"records":[` may follow
	between               // commas, blanks, the end of the array
	inRecord              // outside strings
	inString
	inRubbish // bytes that cannot begin a record, up to one that can
)

// newCutter begins at a place between two records, or at the head of the blob.
func newCutter(at int64) *cutter {
	c := &cutter{base: at, state: between}
	if at == 0 {
		c.state = atHead
	}
	return c
}

// feed adds the bytes that follow, which are the cutter's from now on. Records
// cut earlier stay valid.
func (c *cutter) feed(piece []byte) {
	keep := c.pos
	if c.open() {
		keep = c.start
	}
	if rest := c.buf[keep:]; len(rest) > 0 {
		piece = append(rest[:len(rest):len(rest)], piece...)
	}
	c.buf, c.base, c.pos, c.start = piece, c.base+int64(keep), c.pos-keep, 0
}

// next is the next whole record and its place in the blob. It reports false
// where more bytes are needed.
func (c *cutter) next() (text []byte, offset int64, ok bool) {
	for c.pos < len(c.buf) {
		switch c.state {
		case atHead:
			n, known := head(c.buf[c.pos:])
			if !known {
				return nil, 0, false
			}
			c.pos += n
			c.state = between
		case between:
			c.begin()
		case inRubbish:
			if i := bytes.IndexByte(c.buf[c.pos:], '{'); i >= 0 {
				return c.take(c.pos + i)
			}
			c.pos = len(c.buf)
		case inString:
			c.skipString()
		case inRecord:
			if c.skipTokens() {
				return c.take(c.pos)
			}
		}
	}
	return nil, 0, false
}

// open tells whether something has begun that is not cut yet.
func (c *cutter) open() bool { return c.state >= inRecord }

// rest is what is open, openAt its place, and end that behind the last byte.
func (c *cutter) rest() []byte  { return c.buf[c.start:] }
func (c *cutter) openAt() int64 { return c.base + int64(c.start) }
func (c *cutter) end() int64    { return c.base + int64(len(c.buf)) }

// give hands on what is open up to a place in the blob, as it is, and
// goes on there as between two records.
func (c *cutter) give(to int64) (text []byte, offset int64) {
	text, offset, _ = c.take(int(to - c.base))
	return text, offset
}

// back goes on at an earlier place as between two records.
func (c *cutter) back(to int64) { c.pos = int(to - c.base) }

func (c *cutter) take(end int) (text []byte, offset int64, ok bool) {
	text, offset = c.buf[c.start:end:end], c.openAt()
	c.pos, c.start, c.state, c.depth = end, end, between, 0
	return text, offset, true
}

func (c *cutter) begin() {
	switch c.buf[c.pos] {
	case ' ', '\t', '\r', '\n', ',', ']', '}':
		c.pos++
	case '{', '[':
		c.start, c.state, c.depth = c.pos, inRecord, 1
		c.pos++
	default:
		c.start, c.state = c.pos, inRubbish
	}
}

// skipString goes behind the closing quote, if it is there.
func (c *cutter) skipString() {
	i := bytes.IndexByte(c.buf[c.pos:], '"')
	if i < 0 {
		c.pos = len(c.buf)
		return
	}
	quote := c.pos + i
	c.pos = quote + 1
	escape := quote
	for escape > c.start && c.buf[escape-1] == '\\' {
		escape--
	}
	if (quote-escape)%2 == 0 {
		c.state = inRecord
	}
}

// skipTokens goes up to the next string, and reports whether the record ended
// before it.
func (c *cutter) skipTokens() bool {
	for i, b := range c.buf[c.pos:] {
		switch b {
		case '"':
			c.pos += i + 1
			c.state = inString
			return false
		case '{', '[':
			c.depth++
		case '}', ']':
			c.depth--
			if c.depth == 0 {
				c.pos += i + 1
				return true
			}
		}
	}
	c.pos = len(c.buf)
	return false
}

var headTokens = []string{"{", `"records"`, ":", "["}

// head is the length of the beginning of a blob, 0 where it begins otherwise.
// known is false where the bytes do not tell yet.
func head(text []byte) (n int, known bool) {
	const mark = "\ufeff" // files that went through Windows tools have it
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
