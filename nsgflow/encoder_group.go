package nsgflow

import "fluent-bit-nsgflow/nsgflow/internal/msgpack"

// groupTexts are the texts that the events of a group share.
type groupTexts struct {
	family Family
	texts  [textCount]text   // as they came
	packed [textCount][]byte // the same as msgpack strings
	// present is a set of groupText: those that are valid in packed.
	present uint32
	size    int    // of all in packed
	buffer  []byte // holds packed
	time    []byte // the record's time as a msgpack string; empty if it is none

	templates *templates // for these texts

	// What was read last; see there.
	target, acl resource
	region      region
	mac         [17]byte
}

// read finds the texts of a group, those that the table has fields for.
func (gt *groupTexts) read(r *record, g *group, table *table) {
	gt.family = g.family
	t := &gt.texts
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
	if table.derives {
		gt.derive()
	}
	gt.time = gt.time[:0]
	if table.times {
		if _, ok := recordTime(f[fieldTime]); ok {
			gt.time = msgpack.AppendText(gt.time, f[fieldTime])
		}
	}
	gt.pack(table.texts)
}

// pack makes packed of the texts that are wanted.
func (gt *groupTexts) pack(wanted uint32) {
	gt.present, gt.size, gt.buffer = 0, 0, gt.buffer[:0]
	for i, t := range gt.texts {
		if t == nil || wanted&(1<<i) == 0 {
			continue
		}
		from := len(gt.buffer)
		gt.buffer = msgpack.AppendText(gt.buffer, t)
		gt.packed[i] = gt.buffer[from:len(gt.buffer):len(gt.buffer)]
		gt.size += len(gt.packed[i])
		gt.present |= 1 << i
	}
}

// derive adds what follows from the texts of the log.
func (gt *groupTexts) derive() {
	t := &gt.texts
	target := gt.target.parse(t[textResource])
	t[textAccount] = target.account
	if t[textAccount] == nil && t[textACL] != nil {
		// An NSG lies in the subscription of what it protects.
		t[textAccount] = gt.acl.parse(t[textACL]).account
	}
	t[textSubscription] = target.subscription
	t[textResourceGroup] = target.group
	t[textResourceProvider] = target.provider
	t[textResourceName] = target.name
	t[textRuleClass] = ruleClass(t[textRule])
	if t[textACL] == nil {
		t[textRuleset] = target.name
	} else {
		t[textRuleset] = gt.acl.parse(t[textACL]).name
	}
	t[textRegion] = gt.region.parse(t[textFlowLogResource])
	if mac, ok := appendMAC(gt.mac[:0], t[textMAC]); ok {
		t[textMACForm] = mac
	} else {
		t[textMACOdd] = t[textMAC]
	}
}

// release lets go of the source record's memory.
func (gt *groupTexts) release() {
	gt.texts, gt.packed = [textCount]text{}, [textCount][]byte{}
	gt.templates = nil
}
