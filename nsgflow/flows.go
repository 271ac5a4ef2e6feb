package nsgflow

import "iter"

// Flows goes through the flows of a text in any shape of a flow log: a blob, a
// record, a flattened or a denormalised one. A text that is no flow log has
// none, and foreign records beside flow logs are passed over.
//
// For a tuple that does not parse, the error is a *TupleError. Where the text
// itself does not parse, it is a *TextError, and the last. The Flow is empty
// then.
func Flows(text []byte) iter.Seq2[Flow, error] {
	return func(yield func(Flow, error) bool) {
		var d document
		var group groupValues
		var flow parsedTuple
		d.reset(candidate{value: text[:len(text):len(text)], isText: true})
		for d.next() {
			r := d.record
			if r == nil {
				continue
			}
			for i := range r.groups {
				g := &r.groups[i]
				group.collect(r, g, &table{})
				rule, resource, mac := string(group.values[groupRule]), string(group.values[groupResource]), string(group.values[groupMAC])
				for k := range g.count() {
					line, comma := r.lineOf(g, k)
					var f Flow
					err := error(nil)
					if bad := min(flow.parse(g.family, line), comma); bad != noColumn {
						err = d.tupleError(g, k, bad)
					} else {
						f = flow.complete()
						f.Rule, f.Resource, f.MAC = rule, resource, mac
					}
					if !yield(f, err) {
						return
					}
				}
			}
		}
		if at, err := d.reader.At(); err != nil && d.found {
			yield(Flow{}, &TextError{at, err.Error()})
		}
	}
}
