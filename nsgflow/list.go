package nsgflow

import (
	"bytes"

	"fluent-bit-nsgflow/nsgflow/internal/jsontext"
)

// list is a list of records that is open: the array of a records key, or the
// sequence of values that a text is.
type list struct {
	start   mark
	nodes   nodes  // as it was at start
	index   uint32 // of the record at hand
	found   bool   // a flow log is in it
	foreign uint32 // foreign records passed while there was none: see flush
}

// readText reads a text, a sequence of records.
func (n *Normalizer) readText(t text) {
	n.text, n.damage = t, -1
	n.json.reset(t)
	n.source = &n.json
	if isEnvelope(t) {
		n.found = true
		n.counts.Empty++
		return
	}
	if bytes.HasPrefix(t, byteOrderMark) {
		n.json.pos = len(byteOrderMark)
	}
	n.readList(nodes{})
}

// readList reads a list of records up to its end. It says whether there was a
// flow log in it.
func (n *Normalizer) readList(it nodes) (found bool) {
	s := n.source
	n.lists = append(n.lists, list{start: s.mark(), nodes: it})
	depth := len(n.lists) - 1
	for it, ok := s.record(it); ok && !n.tooMuch; it, ok = s.record(it) {
		start := s.offset()
		isFlowLog := false
		if s.kind() == jsontext.Object {
			isFlowLog = n.object()
		} else {
			s.skip()
		}
		if s.failed() {
			n.damaged(start)
			break
		}
		if !isFlowLog {
			n.foreign(depth, s.since(start))
		}
		found = found || isFlowLog
		n.lists[depth].index++
	}
	n.lists = n.lists[:depth]
	return found
}

// object reads the object that comes next and writes its events. It says
// whether it was a flow log.
func (n *Normalizer) object() (isFlowLog bool) {
	s := n.source
	depth := len(n.lists)
	for len(n.pool) <= depth {
		n.pool = append(n.pool, &record{})
	}
	r := n.pool[depth]
	r.reset()
	start := s.offset()
	for it, ok := s.more(s.open()); ok; it, ok = s.more(it) {
		key := s.key()
		e := lookUp(key)
		if e.role != roleRecords || s.kind() != jsontext.Array {
			r.read(s, key, e)
			continue
		}
		if n.readList(s.open()) {
			isFlowLog = true
			r.shapes |= shapeBlob
		}
		if s.spent() {
			break
		}
	}
	if s.failed() {
		if isFlowLog {
			n.damaged(s.offset())
		}
		return isFlowLog
	}
	if r.finish() {
		isFlowLog = true
		if s == reader(&n.json) {
			r.whole = s.since(start)
		}
		n.emit(r)
	}
	return isFlowLog
}

// damaged notes where a text is damaged: at the innermost record that is, or
// behind the last one of a list. What stands before it counts.
func (n *Normalizer) damaged(at int) {
	if n.damage >= 0 {
		return
	}
	n.damage = at
	if n.found || n.json.fault != faultDepth && holdsFlowLog(n.text) {
		n.flush(0)
	}
}

// holdsFlowLog says of a text that does not parse whether it was a flow log.
func holdsFlowLog(t text) bool {
	for _, key := range []string{`"flowTuples"`, `"flowRecords"`, `"nsgRuleName"`} {
		if bytes.Contains(t, []byte(key)) {
			return true
		}
	}
	for {
		i := bytes.Index(t, []byte(`"flow.`))
		if i < 0 {
			return false
		}
		t = t[i+1:]
		if end := bytes.IndexByte(t, '"'); end > 0 {
			if _, ok := flowIndex(t[:end]); ok {
				return true
			}
		}
	}
}

// foreign takes a record of a list that is no flow log.
func (n *Normalizer) foreign(depth int, node []byte) {
	if l := &n.lists[depth]; !l.found {
		l.foreign++
		return
	}
	n.emitForeign(node)
}

// flush is called for each flow log, before its first event. The foreign
// records that stand before the first one of a list become records of their
// own: only now is it known that the list has one. in: see separate.
func (n *Normalizer) flush(in shapes) {
	n.found = true
	n.separate(in)
	if len(n.lists) == 0 || n.lists[len(n.lists)-1].found {
		return // and so have the lists around it
	}
	s := n.source
	here := s.mark()
	for i := range n.lists {
		l := &n.lists[i]
		l.found = true
		s.back(l.start)
		it, ok := s.record(l.nodes)
		for ; ok && l.foreign > 0; l.foreign-- {
			n.emitForeign(s.skip())
			it, ok = s.record(it)
		}
	}
	s.back(here)
}
