package nsgflow

import (
	"bytes"

	"github.com/zeebo/xxh3"
)

// templates are those of groups that have the same texts, or, before those have
// come twice, of groups that have texts of the same kinds.
type templates struct {
	keys        []uint64    // of the variants, for list
	list        []*template // by variant
	present     uint32      // set of groupValue
	specialized bool
	texts       []byte // packed, to tell them from others; valid iff specialized
}

// of is the template with a key; nil where there is none yet.
func (ts *templates) of(key uint64) *template {
	for i := range ts.keys {
		if ts.keys[i] == key {
			return ts.list[i]
		}
	}
	return nil
}

func (ts *templates) add(key uint64, t *template) {
	if len(ts.list) >= maxTemplates {
		ts.keys, ts.list = ts.keys[:0], ts.list[:0]
	}
	ts.keys, ts.list = append(ts.keys, key), append(ts.list, t)
}

// What is kept is bounded: real logs have a few keys a group and some hundred
// bytes of texts, crafted ones could ask for all combinations of protocols and
// states, and for texts without end.
const (
	maxTemplates = 32       // of one group
	maxGeneral   = 256      // sets of texts
	maxTexts     = 64 << 10 // bytes of one group
	maxKept      = 32 << 20 // bytes of all groups and their templates
)

// templateCache keeps templates.
type templateCache struct {
	general map[uint32]*templates // by their texts
	groups  map[uint64]*templates // by the hash of their texts
	kept    int                   // bytes of texts and templates of all groups

	outlines outlines
}

func newTemplateCache() *templateCache {
	return &templateCache{general: map[uint32]*templates{}, groups: map[uint64]*templates{}, outlines: outlines{least: leastPatience}}
}

// use gives a group its templates.
func (c *templateCache) use(g *groupValues) {
	if len(g.buffer) > maxTexts {
		g.templates = c.generalFor(g.present)
		return
	}
	hash := xxh3.HashSeed(g.buffer, uint64(g.present))
	known := c.groups[hash]
	if known != nil && known.present == g.present && bytes.Equal(known.texts, g.buffer) {
		known.specialized = true
		g.templates = known
		return
	}
	c.keep(len(g.buffer))
	c.groups[hash] = &templates{present: g.present, texts: bytes.Clone(g.buffer)}
	g.templates = c.generalFor(g.present)
}

// keep counts something of a size that is kept with a group. At the limit, all
// groups are evicted.
func (c *templateCache) keep(size int) {
	const overhead = 512 // of a group or a template, without its fixed parts
	if c.kept += size + overhead; c.kept > maxKept {
		clear(c.groups)
		c.outlines.drop()
		c.kept = size + overhead
	}
}

// generalFor are the templates that have texts as dynamic parts.
func (c *templateCache) generalFor(present uint32) *templates {
	ts := c.general[present]
	if ts == nil {
		if len(c.general) >= maxGeneral {
			clear(c.general)
		}
		ts = &templates{present: present}
		c.general[present] = ts
	}
	return ts
}

// template is the template for the event at hand, whose variant has this key but
// for the record's time.
func (e *encoder) template(key uint64) *template {
	if len(e.group.time) > 0 {
		key |= hasTime
	}
	if t := e.group.templates.of(key); t != nil {
		return t
	}
	return e.newTemplate(e.group.templates, key)
}

func (e *encoder) newTemplate(ts *templates, key uint64) *template {
	v := e.event.variant(e.group.family, uint8(key))
	if !ts.specialized {
		t := newTemplate(&e.table, v, ts.present)
		ts.add(key, t)
		return t
	}
	general := e.templates.generalFor(ts.present)
	t := general.of(key)
	if t == nil {
		t = e.newTemplate(general, key)
	}
	t = t.specialize(&e.group.packed)
	if e.table.original && !v.failed {
		t.message = e.group.appendConstant(nil, e.event.flow.State)
	}
	e.templates.keep(t.bytes())
	ts.add(key, t)
	return t
}
