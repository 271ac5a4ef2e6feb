package nsgflow

import (
	"bytes"
	"unsafe"

	"github.com/zeebo/xxh3"
)

// templates are those of groups that have the same texts, or, before those have
// come twice, of groups that have texts of the same kinds.
type templates struct {
	list        []keyedTemplate
	present     uint32 // set of groupValue
	specialized bool
	texts       []byte // packed, to tell them from others; valid iff specialized
}

type keyedTemplate struct {
	key eventKey
	*template
}

func (ts *templates) find(key eventKey) *template {
	for i := range ts.list {
		if ts.list[i].key == key {
			return ts.list[i].template
		}
	}
	return nil
}

func (ts *templates) add(key eventKey, t *template) {
	if len(ts.list) >= maxTemplates {
		ts.list = ts.list[:0]
	}
	ts.list = append(ts.list, keyedTemplate{key, t})
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
}

func newTemplateCache() *templateCache {
	return &templateCache{general: map[uint32]*templates{}, groups: map[uint64]*templates{}}
}

// find finds the templates for a group.
func (c *templateCache) find(g *groupValues) {
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

// keep makes room for something of a size that is kept with a group.
func (c *templateCache) keep(size int) {
	const overhead = 512 // of a group or a template, without its pieces
	if c.kept += size + overhead; c.kept > maxKept {
		clear(c.groups)
		c.kept = size + overhead
	}
}

// generalFor are the templates that have texts as variable parts.
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

// template finds the template for an event of the group at hand.
func (e *encoder) template(key eventKey) *template {
	if t := e.group.templates.find(key); t != nil {
		return t
	}
	return e.newTemplate(e.group.templates, key)
}

func (e *encoder) newTemplate(ts *templates, key eventKey) *template {
	if !ts.specialized {
		t := newTemplate(e.table.rows, key.features(ts.present))
		ts.add(key, t)
		return t
	}
	general := e.templates.generalFor(ts.present)
	t := general.find(key)
	if t == nil {
		t = e.newTemplate(general, key)
	}
	t = t.specialize(&e.group.packed)
	if e.table.original && key&keyFailed == 0 {
		t.message = e.group.appendConstant(nil, e.event.flow.State)
	}
	e.templates.keep(t.size + len(t.message) + len(t.pieces)*int(unsafe.Sizeof(piece{})))
	ts.add(key, t)
	return t
}
