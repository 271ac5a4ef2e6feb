package msgpack

import (
	"slices"

	"fluent-bit-nsgflow/nsgflow/internal/jsontext"
)

// Reader reads a sequence of msgpack values whose extent Skip has checked, and
// that Skip does not call deep. It moves forward only. After an error every
// method is a no-op and returns its zero value.
type Reader struct {
	b      []byte
	pos    int
	depth  int
	levels [1 + jsontext.MaxDepth]level // that are open, from the second on
	texts  []byte                       // of numbers and of JSON
	err    error                        // what is wrong at pos, once something is
}

const errDamaged = jsontext.Error("damaged msgpack")

type level struct {
	left   int // elements or entries to come
	object bool
}

// Reset starts with other bytes.
func (r *Reader) Reset(b []byte) {
	r.b, r.pos, r.depth, r.err = b, 0, 0, nil
	r.texts = r.texts[:0]
}

// Release lets go of what Reset was given. It returns the bytes of memory for
// texts that it keeps.
func (r *Reader) Release() (kept int) {
	r.Reset(nil)
	return cap(r.texts)
}

// At says where the reader is, and what is wrong there, if something is.
func (r *Reader) At() (offset int, err error) { return r.pos, r.err }

// Fail makes the reader fail at the place where it is.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *Reader) header() (h Header) {
	if r.err == nil {
		var ok bool
		if h, ok = ReadHeader(r.b[r.pos:]); !ok {
			r.Fail(errDamaged)
		}
	}
	return h
}

// Kind is the kind of the value that comes next.
func (r *Reader) Kind() jsontext.Kind { return r.header().Kind }

// Open enters the array or object that comes next.
func (r *Reader) Open() {
	h := r.header()
	if r.err != nil {
		return
	}
	if r.depth >= jsontext.MaxDepth {
		r.Fail(jsontext.ErrDepth)
		return
	}
	r.pos += h.Size
	r.depth++
	l := level{left: h.Values, object: h.Kind == jsontext.Object}
	if l.object {
		l.left /= 2
	}
	r.levels[r.depth] = l
}

// OpenList is Open: a list of records is well formed in msgpack.
func (r *Reader) OpenList() { r.Open() }

// Next moves to the next element of an array, or to the value of the next
// entry of an object, whose key it returns: nil of one that is not a string.
// ok is false where there is none.
func (r *Reader) Next() (key []byte, ok bool) {
	l := &r.levels[r.depth]
	if r.err != nil {
		return nil, false
	}
	if r.depth == 0 { // the sequence
		return nil, r.pos < len(r.b)
	}
	if l.left == 0 {
		r.depth--
		return nil, false
	}
	l.left--
	if !l.object {
		return nil, true
	}
	if key, ok = r.str(); !ok {
		r.Skip()
	}
	return key, r.err == nil
}

// str reads the string that comes next; ok is false where it is none. It keeps the
// capacity of the bytes that are read: the tuple parser looks behind a short one.
func (r *Reader) str() (text []byte, ok bool) {
	h := r.header()
	if h.Kind != jsontext.String {
		return nil, false
	}
	from := r.pos + h.Size
	r.pos = from + h.Bytes
	return r.b[from:r.pos], true
}

// Text reads a string or a number as text. Anything else is passed over and
// gives nil, as does the empty string.
func (r *Reader) Text() []byte {
	switch r.Kind() {
	case jsontext.String:
		if text, _ := r.str(); len(text) > 0 {
			return text
		}
		return nil
	case jsontext.Number:
		from := len(r.texts)
		r.texts = AppendNumber(r.texts, r.Skip())
		return r.texts[from:len(r.texts):len(r.texts)]
	}
	r.Skip()
	return nil
}

// JSON passes over the value that comes next and returns it as JSON text.
func (r *Reader) JSON() []byte {
	value := r.Skip()
	if r.err != nil {
		return nil
	}
	from := len(r.texts)
	r.texts, _ = AppendJSON(r.texts, value)
	return r.texts[from:len(r.texts):len(r.texts)]
}

// Values appends the elements of the array that comes next to dst. It stops
// where dst has more than most elements. others is how many are no strings.
func (r *Reader) Values(dst []jsontext.Value, most int) (all []jsontext.Value, others int) {
	h := r.header()
	r.pos += h.Size
	// The array is there, so that each element has a byte at least.
	dst = slices.Grow(dst, max(0, min(h.Values, most+1-len(dst))))
	for left := h.Values; left > 0 && r.err == nil && len(dst) <= most; left-- {
		var v jsontext.Value
		var ok bool
		if v.Text, ok = r.str(); !ok {
			v.Text, v.Other = r.JSON(), true
			others++
		}
		dst = append(dst, v)
	}
	return dst, others
}

// Skip passes over the value that comes next and returns its bytes.
func (r *Reader) Skip() []byte {
	if r.err != nil {
		return nil
	}
	n, _, ok := Skip(r.b[r.pos:])
	if !ok {
		r.Fail(errDamaged)
		return nil
	}
	r.pos += n
	return r.b[r.pos-n : r.pos : r.pos]
}
