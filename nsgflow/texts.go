package nsgflow

import "fluent-bit-nsgflow/nsgflow/internal/msgpack"

// readTexts finds the texts that the events of a group share.
func (n *Normalizer) readTexts(r *record, g *group) {
	e := &n.event
	t := &e.texts
	f := &r.fields
	*t = [textCount]text{
		textOperation: f[fieldOperation],
		textRule:      f[fieldRule],
		textMAC:       f[fieldMAC],
		textSystemID:  f[fieldSystemID],
	}
	if g.family == NSG {
		t[textResource] = f[fieldResourceID]
		t[textVersion] = r.version()
		t[textFlowLogVersion] = t[textVersion]
		t[textFlowState] = f[fieldFlowState]
		if g.layered() {
			t[textRule] = g.outer
			if t[textMAC] == nil {
				t[textMAC] = g.inner // records had none of their own before 2019
			}
		}
	} else {
		t[textResource] = f[fieldTargetResourceID]
		t[textFlowLogVersion] = f[fieldFlowLogVersion]
		t[textFlowLogResource] = f[fieldFlowLogResourceID]
		t[textGUID] = f[fieldFlowLogGUID]
		t[textACL] = f[fieldACL]
		if g.layered() {
			t[textRule], t[textACL] = g.inner, g.outer
		}
	}
	if n.derives {
		n.deriveTexts()
	}
	e.present, e.size, e.time = 0, 0, e.time[:0]
	if n.times {
		if _, ok := recordTime(f[fieldTime]); ok {
			e.time = msgpack.AppendText(e.time, f[fieldTime])
		}
	}
	for i := range t {
		if t[i] == nil || n.texts&(1<<i) == 0 {
			continue
		}
		from := len(e.buffer)
		e.buffer = msgpack.AppendText(e.buffer, t[i])
		e.packed[i] = e.buffer[from:len(e.buffer):len(e.buffer)]
		e.size += len(e.packed[i])
		e.present |= 1 << i
	}
}

// deriveTexts adds what follows from the texts of the log.
func (n *Normalizer) deriveTexts() {
	t := &n.event.texts
	target := n.target.parse(t[textResource])
	t[textAccount] = target.account
	if t[textAccount] == nil && t[textACL] != nil {
		// An NSG lies in the subscription of what it protects.
		t[textAccount] = n.acl.parse(t[textACL]).account
	}
	t[textSubscription] = target.subscription
	t[textResourceGroup] = target.group
	t[textResourceProvider] = target.provider
	t[textResourceName] = target.name
	t[textRuleClass] = ruleClass(t[textRule])
	if t[textACL] == nil {
		t[textRuleset] = target.name
	} else {
		t[textRuleset] = n.acl.parse(t[textACL]).name
	}
	t[textRegion] = n.region.parse(t[textFlowLogResource])
	if mac, ok := appendMAC(n.mac[:0], t[textMAC]); ok {
		t[textMACForm] = mac
	} else {
		t[textMACOdd] = t[textMAC]
	}
}
