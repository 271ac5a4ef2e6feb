package nsgflow

// ecs is the full event: ECS 9.4 (https://www.elastic.co/docs/reference/ecs),
// and below azure what that has no field for.
var ecs = []field{
	{"@timestamp", "date", inAll, each(slotTimestamp), "tuple time"},
	{"ecs.version", "keyword", inAll, always("9.4.0"), "`9.4.0`"},
	{"event.kind", "keyword", inAll, of(eventKind), "`event`; `pipeline_error` for a tuple that does not parse"},
	{"event.category", "[]keyword", inFlows, always([]string{"network"}), "`[\"network\"]`"},
	{"event.type", "[]keyword", inFlows, of(ecsType), "`connection`; `allowed` or `denied`; `start` for an allowed `B`, `end` for `E`"},
	{"event.action", "keyword", inFlows, of(action), "allowed `accept`, denied `reject`"},
	{"event.outcome", "keyword", inFlows, of(outcome), "`success`: the rule was applied; `unknown` where the decision is"},
	{"event.code", "keyword", inAll, textOf(textOperation), "`operationName`"},
	{"event.provider", "keyword", inAll, always("Microsoft.Network"), "`Microsoft.Network`"},
	{"event.module", "keyword", inAll, always("azure"), "`azure`"},
	{"event.dataset", "keyword", inAll, always("azure.flow"), "`azure.flow`"},
	{"event.start", "date", inFlows, each(slotTimestamp).when(begins), "tuple time of an allowed `B`"},
	{"event.end", "date", inFlows, each(slotTimestamp).when(ends), "tuple time of an `E`"},
	{"event.id", "keyword", inAll, each(slotEventID), "hash of the record and the tuple's place in it: the same whenever the record is read"},
	{"event.original", "keyword", inFlows, each(slotMessage), "the flattened JSON of this one flow, with `original on`"},
	{"event.original", "keyword", inError, each(slotTuple), "the tuple"},
	{"error.message", "match_only_text", inError, each(slotError), "path, column and value"},
	{"rule.name", "keyword", inAll, textOf(textRule), "`rule`"},
	{"rule.category", "keyword", inAll, textOf(textRuleClass), "`default`, `user`, `platform`, from the name's prefix"},
	{"rule.ruleset", "keyword", inAll, textOf(textRuleset), "name of the NSG, from `resourceId` or from an `aclID` that is a resource id"},
	{"network.transport", "keyword", inFlows, of(transport), "name of the protocol"},
	{"network.iana_number", "keyword", inFlows, of(ianaNumber), "number of the protocol, as text"},
	{"network.type", "keyword", inFlows, of(networkType), "`ipv4`, `ipv6`"},
	{"network.direction", "keyword", inFlows, of(direction), "`I` `inbound`, `O` `outbound`"},
	{"network.bytes", "long", inFlows, each(slotBytes), "sum of both sides, where both are known"},
	{"network.packets", "long", inFlows, each(slotPackets), "sum of both sides, where both are known"},
	{"network.community_id", "keyword", inFlows, each(slotCommunityID), "Community ID v1, seed 0; not for icmp and ipv6-icmp, whose type and code the log lacks"},
	{"source.address", "keyword", inFlows, each(slotSourceIP), "tuple column 1"},
	{"source.ip", "ip", inFlows, each(slotSourceIP), "tuple column 1"},
	{"source.port", "long", inFlows, each(slotSourcePort), "tuple column 3"},
	{"source.packets", "long", inFlows, each(slotSourcePackets), "tuple column 9"},
	{"source.bytes", "long", inFlows, each(slotSourceBytes), "tuple column 10"},
	{"source.mac", "keyword", inFlows, textOf(textMACForm).when(outbound), "MAC of the NIC, of an outbound flow"},
	{"destination.address", "keyword", inFlows, each(slotDestinationIP), "tuple column 2"},
	{"destination.ip", "ip", inFlows, each(slotDestinationIP), "tuple column 2"},
	{"destination.port", "long", inFlows, each(slotDestinationPort), "tuple column 4"},
	{"destination.packets", "long", inFlows, each(slotDestinationPackets), "tuple column 11"},
	{"destination.bytes", "long", inFlows, each(slotDestinationBytes), "tuple column 12"},
	{"destination.mac", "keyword", inFlows, textOf(textMACForm).when(inbound), "MAC of the NIC, of an inbound flow"},
	{"related.ip", "[]ip", inFlows, each(slotRelatedIP), "source and destination, without repetition"},
	{"observer.type", "keyword", inAll, always("firewall"), "`firewall`"},
	{"observer.vendor", "keyword", inAll, always("Microsoft"), "`Microsoft`"},
	{"observer.product", "keyword", inAll, of(product), "`Azure NSG`, `Azure Virtual Network`"},
	{"observer.name", "keyword", inAll, textOf(textResourceName), "name of the NSG or of the target"},
	{"observer.mac", "[]keyword", inAll, textOf(textMACForm), "MAC of the NIC, in the form of RFC 7042"},
	{"cloud.provider", "keyword", inAll, always("azure"), "`azure`"},
	{"cloud.account.id", "keyword", inAll, textOf(textAccount), "subscription id of the NSG or the target, else of `aclID`; lower case"},
	{"cloud.region", "keyword", inAll, textOf(textRegion), "from `NETWORKWATCHER_<REGION>` in `flowLogResourceID`, lower case"},
	{"cloud.service.name", "keyword", inAll, always("Network Watcher"), "`Network Watcher`"},
	{"azure.subscription_id", "keyword", inAll, textOf(textSubscription), "of the NSG, or of the target"},
	{"azure.resource.id", "keyword", inAll, textOf(textResource), "NSG `resourceId`, VNet `targetResourceID`"},
	{"azure.resource.group", "keyword", inAll, textOf(textResourceGroup), "its resource group"},
	{"azure.resource.provider", "keyword", inAll, textOf(textResourceProvider), "its provider with its type"},
	{"azure.resource.name", "keyword", inAll, textOf(textResourceName), "its name"},
	{"azure.flow_log.kind", "keyword", inAll, of(kindOfLog), "`nsg`, `vnet`"},
	{"azure.flow_log.version", "keyword", inAll, textOf(textFlowLogVersion), "`version`, `properties.Version`, `flowLogVersion`"},
	{"azure.flow_log.guid", "keyword", inAll, textOf(textGUID), "`flowLogGUID`"},
	{"azure.flow_log.resource_id", "keyword", inAll, textOf(textFlowLogResource), "`flowLogResourceID`"},
	{"azure.flow_log.system_id", "keyword", inAll, textOf(textSystemID), "`systemId`"},
	{"azure.flow_log.acl_id", "keyword", inAll, textOf(textACL), "`aclID`"},
	{"azure.flow_log.time", "date", inAll, each(slotRecordTime), "`time`: when the record was written"},
	{"azure.flow_log.mac", "keyword", inAll, textOf(textMACOdd), "a MAC that is not twelve hex digits"},
	{"azure.flow_log.state", "keyword", inFlows, of(stateWord).or(textFlowState), "`begin`, `continue`, `end`, `deny`"},
	{"azure.flow_log.encryption.code", "keyword", inVNet, each(slotEncryption), "encryption code of the tuple"},
	{"azure.flow_log.encryption.status", "keyword", inVNet, of(encryptionStatus), "the code in words: `encrypted`, `unencrypted`, or `unencrypted:` with the reason"},
}

func ecsType(v variant) any {
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
func begins(v variant) bool { return v.state == Begin && v.decision == Allowed }

func ends(v variant) bool { return v.state == End }

func inbound(v variant) bool  { return v.direction == Inbound }
func outbound(v variant) bool { return v.direction == Outbound }

// outcome: a firewall that blocks has succeeded (ECS, "Firewall blocking a
// network connection").
func outcome(v variant) any {
	if v.decision == DecisionUnknown {
		return "unknown"
	}
	return "success"
}

func networkType(v variant) any {
	return [...]string{addressesMixed: "", addressesIPv4: "ipv4", addressesIPv6: "ipv6"}[v.addresses]
}

func product(v variant) any {
	return [...]string{NSG: "Azure NSG", VNet: "Azure Virtual Network"}[v.family]
}

func kindOfLog(v variant) any { return v.family.String() }

func encryptionStatus(v variant) any {
	if v.encryption <= EncryptionUnknown {
		return ""
	}
	return v.encryption.String()
}
