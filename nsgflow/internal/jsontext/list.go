package jsontext

// nextRecord moves to the next record of a list.
func (r *Reader) nextRecord() bool {
	r.listEnded = false
	for {
		r.separators()
		switch c := r.peek(); {
		case r.pos == len(r.text):
			r.endList()
			return false
		case r.depth > 0 && c == ']':
			r.pos++
			r.endList()
			return false
		case r.depth == 0 && r.begun&1 != 0 && (c == ']' || c == '}'):
			r.pos++ // the tail of a blob whose head is missing
		default:
			r.begun |= 1
			return true
		}
	}
}

func (r *Reader) endList() {
	if r.depth > 0 {
		r.leave()
		r.listEnded = true
	}
}

// atEnd says whether the text ends here but for commas, as a blob that is still
// being written does.
func (r *Reader) atEnd() bool {
	here := r.pos
	r.separators()
	if r.pos == len(r.text) {
		return true
	}
	r.pos = here
	return false
}

// separators passes over white space and commas.
func (r *Reader) separators() {
	for r.peek() == ',' {
		r.pos++
	}
}
