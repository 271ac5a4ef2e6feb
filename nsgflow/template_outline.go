package nsgflow

import (
	"fluent-bit-nsgflow/nsgflow/internal/enrich"
	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// What a context adds has few outlines: the near end is nearly always the NIC's own
// address, and what is known of far ends comes in a few sets of entries. So a template of a
// group may have others beside it, each for an outline: all that a context adds is constant
// in them but the texts of the far end.
//
// Only templates that are in use all the time pay: with many NICs, to fetch some more KB
// from memory takes longer than to put an event together. So there are few, and who comes
// often comes first.

// outlined is a template beside another one, for this outline.
type outlined struct {
	outline  enrich.Outline
	template *template
}

// outlines are all such templates.
type outlines struct {
	round    uint64      // of the outlines: see enrich.Writer.Round
	owners   []*template // that have some beside them
	bytes    int         // of all
	patience int         // how many events of a template come before one is made for the next
	least    int         // that patience is
}

const (
	maxOutlined   = 8       // beside one template
	maxOutlines   = 1 << 20 // bytes of all
	leastPatience = 16      // a template takes as long as some ten events
	mostPatience  = 1 << 16
)

// outlinedOf is the template for the event at hand: t, or one beside it.
func (e *encoder) outlinedOf(t *template) *template {
	outline, ok := e.context.Outline()
	if !ok {
		return t
	}
	for i := range t.outlined {
		if t.outlined[i].outline == outline {
			return t.outlined[i].template
		}
	}
	if e.group.templates.specialized && e.templates.outlines.isDue(t, e.context.Round()) {
		made := t.withOutline(e.context)
		e.templates.outlines.add(t, outlined{outline, made})
		return made
	}
	return t
}

// isDue counts an event of t that has no outline of those beside it, and says whether a
// template is to be made for it.
func (o *outlines) isDue(t *template, round uint64) bool {
	if o.round != round {
		o.drop()
		o.round, o.patience = round, max(o.patience/2, o.least)
	}
	if t.missed++; t.missed <= o.patience || len(t.outlined) == maxOutlined {
		return false
	}
	t.missed = 0
	return true
}

// add adds a template to those beside t. Where that makes too many, it is the only one.
func (o *outlines) add(t *template, more outlined) {
	size := more.template.bytes() + more.outline.Bytes()
	if o.bytes += size; o.bytes > maxOutlines {
		o.drop()
		o.bytes, o.patience = size, min(2*o.patience, mostPatience)
	}
	if len(t.outlined) == 0 {
		o.owners = append(o.owners, t)
	}
	t.outlined = append(t.outlined, more)
}

// drop lets go of all.
func (o *outlines) drop() {
	for _, t := range o.owners {
		t.outlined, t.missed = nil, 0
	}
	clear(o.owners)
	o.owners, o.bytes = o.owners[:0], 0
}

// withOutline makes the template for events that have the outline of the flow at hand. It
// takes no reserved fields.
func (t *template) withOutline(c *enrich.Writer) *template {
	var w templateWriter
	w.t.keys, w.t.message, w.t.hasContext = t.keys+c.Count(enrich.OpenEvent), t.message, true
	for i := range t.pieces {
		p := &t.pieces[i]
		w.constant = append(w.constant, p.constant...)
		switch {
		case p.slot == slotOpen:
			w.constant = msgpack.AppendMapHeader(w.constant, int(p.count)+c.Count(p.opening))
			w.writeContext(c, p.opening)
		case i < len(t.pieces)-1:
			w.end(p.group, p.slot)
		}
	}
	w.writeContext(c, enrich.OpenEvent)
	w.end(groupNone, slotNone)
	return &w.t
}

// writeContext writes the entries that an object gets.
func (w *templateWriter) writeContext(c *enrich.Writer, o enrich.Opening) {
	if w.constant = c.AppendFixed(w.constant, o); c.HasFar(o) {
		w.endOpening(slotFar, o, 0)
	}
}
