package nsgflow

// ecs is the full event: ECS 9.4 (https://www.elastic.co/docs/reference/ecs),
// and below azure what that has no field for.
var ecs = []field{
	{"@timestamp", "date", inAll, eachTuple(slotTimestamp), "tuple time"},
	{"ecs.version", "keyword", inAll, constant("9.4.0"), "`9.4.0`"},
	{"event.kind", "keyword", inAll, ofFlow(eventKind), "`event`; `pipeline_error` for a tuple that does not parse"},
	{"event.category", "[]keyword", inFlows, constant("network"), "`[\"network\"]`"},
	{"event.type", "[]keyword", inFlows, ofFlowList(ecsType), "`connection`; `allowed` or `denied`; `start` for an allowed `B`, `end` for `E`, but not aggregated"},
	{"event.action", "keyword", inFlows, ofFlow(action), "allowed `accept`, denied `reject`"},
	{"event.outcome", "keyword", inFlows, ofFlow(outcome), "`success`: the rule was applied; `unknown` where the decision is"},
	{"event.code", "keyword", inAll, ofGroup(groupOperation), "`operationName`"},
	{"event.provider", "keyword", inAll, constant("Microsoft.Network"), "`Microsoft.Network`"},
	{"event.module", "keyword", inAll, constant("azure"), "`azure`"},
	{"event.dataset", "keyword", inAll, constant("azure.flow"), "`azure.flow`"},
	{"event.start", "date", inFlows, eachTuple(slotTimestamp).when(hasStart), "tuple time of an allowed `B`; aggregated: of the earliest tuple"},
	{"event.end", "date", inFlows, eachTuple(slotTimestamp).when(ends), "tuple time of an `E`"},
	{"event.end", "date", inAggregated, eachTuple(slotEnd), "time of the latest tuple"},
	{"event.duration", "long", inAggregated, eachTuple(slotDuration), "nanoseconds from `event.start` to `event.end`"},
	{"event.id", "keyword", inAll, eachTuple(slotEventID), "hash of the record and the tuple's place in it: the same whenever the record is read"},
	{"event.original", "keyword", inFlows, eachTuple(slotMessage), "the flattened JSON of this one flow, with `original on`"},
	{"event.original", "keyword", inError, eachTuple(slotTuple), "the tuple"},
	{"error.message", "match_only_text", inError, eachTuple(slotError), "path, column and value"},
	{"rule.name", "keyword", inAll, ofGroup(groupRule), "`rule`"},
	{"rule.category", "keyword", inAll, ofGroup(groupRuleClass), "`default`, `user`, `platform`, from the name's prefix"},
	{"rule.ruleset", "keyword", inAll, ofGroup(groupRuleset), "name of the NSG, from `resourceId` or from an `aclID` that is a resource id; lower case"},
	{"network.transport", "keyword", inFlows, ofFlow(transport), "name of the protocol"},
	{"network.iana_number", "keyword", inFlows, ofFlow(ianaNumber), "number of the protocol, as text"},
	{"network.type", "keyword", inFlows, ofFlow(networkType), "`ipv4`, `ipv6`; an address `::ffff:192.0.2.4` is one of IPv4"},
	{"network.direction", "keyword", inFlows, ofFlow(direction), "`I` `inbound`, `O` `outbound`"},
	{"network.bytes", "long", inFlows, eachTuple(slotBytes), "sum of both sides, where both are known"},
	{"network.packets", "long", inFlows, eachTuple(slotPackets), "sum of both sides, where both are known"},
	{"network.community_id", "keyword", inFlows, eachTuple(slotCommunityID), "Community ID v1, seed 0; not for icmp and ipv6-icmp, whose type and code the log lacks"},
	{"source.address", "keyword", inFlows, eachTuple(slotSourceIP), "tuple column 1"},
	{"source.ip", "ip", inFlows, eachTuple(slotSourceIP), "tuple column 1"},
	{"source.port", "long", inFlows, eachTuple(slotSourcePort), "tuple column 3"},
	{"source.packets", "long", inFlows, eachTuple(slotSourcePackets), "tuple column 9"},
	{"source.bytes", "long", inFlows, eachTuple(slotSourceBytes), "tuple column 10"},
	{"source.mac", "keyword", inFlows, ofGroup(groupMACForm).when(outbound), "MAC of the NIC, of an outbound flow"},
	{"destination.address", "keyword", inFlows, eachTuple(slotDestinationIP), "tuple column 2"},
	{"destination.ip", "ip", inFlows, eachTuple(slotDestinationIP), "tuple column 2"},
	{"destination.port", "long", inFlows, eachTuple(slotDestinationPort), "tuple column 4"},
	{"destination.packets", "long", inFlows, eachTuple(slotDestinationPackets), "tuple column 11"},
	{"destination.bytes", "long", inFlows, eachTuple(slotDestinationBytes), "tuple column 12"},
	{"destination.mac", "keyword", inFlows, ofGroup(groupMACForm).when(inbound), "MAC of the NIC, of an inbound flow"},
	{"related.ip", "[]ip", inFlows, eachTuple(slotRelatedIP), "source and destination, without repetition"},
	{"observer.type", "keyword", inAll, constant("firewall"), "`firewall`"},
	{"observer.vendor", "keyword", inAll, constant("Microsoft"), "`Microsoft`"},
	{"observer.product", "keyword", inAll, ofFlow(product), "`Azure NSG`, `Azure Virtual Network`"},
	{"observer.name", "keyword", inAll, ofGroup(groupObserver), "name of the NSG or of the target, lower case"},
	{"observer.mac", "[]keyword", inAll, ofGroup(groupMACForm), "MAC of the NIC, in the form of RFC 7042"},
	{"cloud.provider", "keyword", inAll, constant("azure"), "`azure`"},
	{"cloud.account.id", "keyword", inAll, ofGroup(groupAccount), "subscription id of the NSG or the target, else of `aclID`; lower case"},
	{"cloud.account.name", "keyword", inAll | inContext, ofGroup(groupAccountName), "name of the subscription"},
	{"cloud.availability_zone", "keyword", inAll | inContext, ofGroup(groupZone), "zone of the VM of the record's NIC"},
	{"cloud.instance.id", "keyword", inAll | inContext, ofGroup(groupInstanceID), "its id"},
	{"cloud.instance.name", "keyword", inAll | inContext, ofGroup(groupInstanceName), "its name"},
	{"cloud.machine.type", "keyword", inAll | inContext, ofGroup(groupMachineType), "its size"},
	{"cloud.region", "keyword", inAll, ofGroup(groupRegion), "from `NETWORKWATCHER_<REGION>` in `flowLogResourceID`, lower case"},
	{"cloud.service.name", "keyword", inAll, constant("Network Watcher"), "`Network Watcher`"},
	{"azure.subscription_id", "keyword", inAll, ofGroup(groupSubscription), "of the NSG, or of the target"},
	{"azure.resource.id", "keyword", inAll, ofGroup(groupResource), "NSG `resourceId`, VNet `targetResourceID`"},
	{"azure.resource.group", "keyword", inAll, ofGroup(groupResourceGroup), "its resource group"},
	{"azure.resource.provider", "keyword", inAll, ofGroup(groupResourceProvider), "its provider with its type"},
	{"azure.resource.name", "keyword", inAll, ofGroup(groupResourceName), "its name"},
	{"azure.flow_log.kind", "keyword", inAll, ofFlow(kindOfLog), "`nsg`, `vnet`"},
	{"azure.flow_log.version", "keyword", inAll, ofGroup(groupFlowLogVersion), "`version`, `properties.Version`, `flowLogVersion`"},
	{"azure.flow_log.guid", "keyword", inAll, ofGroup(groupGUID), "`flowLogGUID`"},
	{"azure.flow_log.resource_id", "keyword", inAll, ofGroup(groupFlowLogResource), "`flowLogResourceID`"},
	{"azure.flow_log.system_id", "keyword", inAll, ofGroup(groupSystemID), "`systemId`"},
	{"azure.flow_log.acl_id", "keyword", inAll, ofGroup(groupACL), "`aclID`"},
	{"azure.flow_log.time", "date", inAll, eachTuple(slotRecordTime), "`time`: when the record was written"},
	{"azure.flow_log.mac", "keyword", inAll, ofGroup(groupMACOdd), "a MAC that is not twelve hex digits"},
	{"azure.flow_log.state", "keyword", inFlows, ofFlow(stateWord).unless(stateAbsent, groupFlowState), "`begin`, `continue`, `end`, `deny`"},
	{"azure.flow_log.encryption.code", "keyword", inVNet, eachTuple(slotEncryption), "encryption code of the tuple"},
	{"azure.flow_log.encryption.status", "keyword", inVNet, ofFlow(encryptionStatus), "the code in words: `encrypted`, `unencrypted`, or `unencrypted:` with the reason"},
}

func ecsType(v variant) []string {
	types := []string{"connection"}
	switch v.decision {
	case Allowed:
		types = append(types, "allowed")
	case Denied:
		types = append(types, "denied")
	}
	switch {
	case begins(v):
		types = append(types, "start")
	case ends(v):
		types = append(types, "end")
	}
	return types
}

// begins: a denied NSG flow is D,B, which is not a beginning.
func begins(v variant) bool { return v.state == Begin && v.decision == Allowed && !aggregated(v) }

func ends(v variant) bool { return v.state == End && !aggregated(v) }

func hasStart(v variant) bool { return begins(v) || aggregated(v) }

func inbound(v variant) bool  { return v.direction == Inbound }
func outbound(v variant) bool { return v.direction == Outbound }

// outcome: a firewall that blocks has succeeded (ECS, "Firewall blocking a
// network connection").
func outcome(v variant) string {
	if v.decision == DecisionUnknown {
		return "unknown"
	}
	return "success"
}

func networkType(v variant) string {
	return [...]string{addressesMixed: "", addressesIPv4: "ipv4", addressesIPv6: "ipv6"}[v.addresses]
}

func product(v variant) string {
	return [...]string{NSG: "Azure NSG", VNet: "Azure Virtual Network"}[v.family]
}

func kindOfLog(v variant) string { return v.family.String() }

func encryptionStatus(v variant) string {
	if v.encryption <= EncryptionUnknown {
		return ""
	}
	return v.encryption.String()
}
