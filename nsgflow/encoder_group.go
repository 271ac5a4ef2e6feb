package nsgflow

import (
	"fluent-bit-nsgflow/nsgflow/internal/azure"
	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// groupValues are what the events of a group share.
type groupValues struct {
	family Family
	values [groupCount][]byte // as they came
	packed [groupCount][]byte // the same as msgpack strings
	// present is a set of groupValue: those that are valid in packed.
	present uint32
	size    int               // of all in packed
	buffer  []byte            // holds packed
	time    []byte            // the record's time as a msgpack string; empty if it is none
	written msgpack.EventTime // the same; valid iff time is not empty

	templates *templates // for these texts

	// Parts of the last group's resource ids and MAC: see "Caches" in doc.go.
	target, acl, flowLog azure.Resource
	mac, macColon        [17]byte
}

// labels are the ACL (VNet), the rule and the MAC of a group.
func (r *record) labels(g *group) (acl, rule, mac []byte) {
	f := &r.fields
	rule, mac = f[fieldRule], f[fieldMAC]
	switch {
	case g.family == VNet && g.layered():
		return g.outer, g.inner, mac
	case g.family == VNet:
		return f[fieldACL], rule, mac
	case !g.layered():
		return nil, rule, mac
	case mac == nil:
		mac = g.inner // records had none of their own before 2019
	}
	return nil, g.outer, mac
}

// collect finds the texts of a group, those that the table has fields for.
func (gv *groupValues) collect(r *record, g *group, table *table) {
	gv.family = g.family
	t := &gv.values
	f := &r.fields
	*t = [groupCount][]byte{
		groupOperation: f[fieldOperation],
		groupSystemID:  f[fieldSystemID],
	}
	t[groupACL], t[groupRule], t[groupMAC] = r.labels(g)
	if g.family == NSG {
		t[groupResource] = f[fieldResourceID]
		t[groupVersion] = r.version()
		t[groupFlowLogVersion] = t[groupVersion]
		t[groupFlowState] = f[fieldFlowState]
	} else {
		t[groupResource] = f[fieldTargetResourceID]
		t[groupFlowLogVersion] = f[fieldFlowLogVersion]
		t[groupFlowLogResource] = f[fieldFlowLogResourceID]
		t[groupGUID] = f[fieldFlowLogGUID]
	}
	if table.derives {
		gv.derive(table.groups)
	}
	gv.time = gv.time[:0]
	if table.times {
		if at, ok := recordTime(f[fieldTime]); ok {
			gv.time, gv.written = msgpack.AppendText(gv.time, f[fieldTime]), at
		}
	}
}

// pack makes packed of the texts that are wanted.
func (gv *groupValues) pack(wanted uint32) {
	gv.present, gv.size, gv.buffer = 0, 0, gv.buffer[:0]
	for i, t := range gv.values {
		if t == nil || wanted&(1<<i) == 0 {
			continue
		}
		from := len(gv.buffer)
		gv.buffer = msgpack.AppendText(gv.buffer, t)
		gv.packed[i] = gv.buffer[from:len(gv.buffer):len(gv.buffer)]
		gv.size += len(gv.packed[i])
		gv.present |= 1 << i
	}
}

// derive adds what follows from the texts of the log, as far as it is wanted.
func (gv *groupValues) derive(wanted uint32) {
	t := &gv.values
	target := gv.target.Parse(t[groupResource])
	t[groupAccount] = target.Account
	if t[groupAccount] == nil && t[groupACL] != nil {
		// An NSG lies in the subscription of what it protects.
		t[groupAccount] = gv.acl.Parse(t[groupACL]).Account
	}
	t[groupSubscription] = target.Subscription
	t[groupResourceGroup] = target.Group
	t[groupResourceProvider] = target.Provider
	t[groupResourceName] = target.Name
	t[groupObserver] = target.LowerName
	t[groupRuleClass] = azure.RuleClass(t[groupRule])
	nsg := target
	if gv.family == VNet {
		nsg = gv.acl.Parse(t[groupACL])
	}
	t[groupRuleset], t[groupRulesetName] = nsg.LowerName, nsg.Name
	t[groupRegion] = gv.flowLog.Parse(t[groupFlowLogResource]).Region
	if number, ok := azure.ParseMAC(t[groupMAC]); ok {
		mac := azure.AppendMAC(gv.mac[:0], number)
		if t[groupMACForm] = mac; wanted&(1<<groupMACColon) != 0 {
			t[groupMACColon] = azure.AppendColons(gv.macColon[:0], mac)
		}
	} else {
		t[groupMACOdd] = t[groupMAC]
	}
}

// release lets go of the source record's memory.
func (gv *groupValues) release() {
	gv.values, gv.packed = [groupCount][]byte{}, [groupCount][]byte{}
	gv.templates = nil
}
