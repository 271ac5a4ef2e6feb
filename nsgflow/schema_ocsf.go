package nsgflow

// ocsf is Network Activity (class 4001) of the Open Cybersecurity Schema Framework
// 1.8.0 (https://schema.ocsf.io/1.8.0/classes/network_activity), with the profiles
// cloud and security_control. A tuple that does not parse is a Base Event (class 0):
// Network Activity demands an endpoint, and such a tuple has none to trust.
var ocsf = []field{
	{"@timestamp", "date", inAll, eachTuple(slotTimestamp), "tuple time"},
	{"activity_id", "integer", inAll, ofNumber(ocsfActivity), "denied `5`; allowed: `B` `1`, `E` `2`, else `6`; aggregated `6`, denied `5`; errors `99`"},
	{"activity_name", "keyword", inAll, ofFlow(ocsfActivityName), "`Refuse`, `Open`, `Close`, `Traffic`; errors `Parse error`"},
	{"category_uid", "integer", inFlows, always(4), "`4`"},
	{"category_uid", "integer", inError, always(0), "`0`"},
	{"category_name", "keyword", inFlows, constant("Network Activity"), "`Network Activity`"},
	{"category_name", "keyword", inError, constant("Uncategorized"), "`Uncategorized`"},
	{"class_uid", "integer", inFlows, always(4001), "`4001`"},
	{"class_uid", "integer", inError, always(0), "`0`"},
	{"class_name", "keyword", inFlows, constant("Network Activity"), "`Network Activity`"},
	{"class_name", "keyword", inError, constant("Base Event"), "`Base Event`"},
	{"type_uid", "integer", inAll, ofNumber(ocsfType), "`class_uid` × 100 + `activity_id`"},
	{"type_name", "keyword", inAll, ofFlow(ocsfTypeName), "`Network Activity: ` and `activity_name`; errors `Base Event: Other`"},
	{"severity_id", "integer", inAll, always(1), "`1`"},
	{"severity", "keyword", inAll, constant("Informational"), "`Informational`"},
	{"status_id", "integer", inAll, ofNumber(ocsfStatus), "allowed `1`, denied `2`, else `0`; errors `2`"},
	{"status", "keyword", inAll, ofFlow(ocsfStatusName), "`Success`, `Failure`, `Unknown`"},
	{"status_detail", "keyword", inError, eachTuple(slotError), "path, column and value"},
	{"action_id", "integer", inFlows, ofNumber(ocsfDecision), "allowed `1`, denied `2`, else `0`"},
	{"action", "keyword", inFlows, ofFlow(ocsfAction), "`Allowed`, `Denied`, `Unknown`"},
	{"disposition_id", "integer", inFlows, ofNumber(ocsfDecision), "allowed `1`, denied `2`, else `0`"},
	{"disposition", "keyword", inFlows, ofFlow(ocsfDisposition), "`Allowed`, `Blocked`, `Unknown`"},
	{"time", "long", inAll, eachTuple(slotTimeMS), "tuple time, in milliseconds since 1970; aggregated: of the earliest tuple"},
	{"start_time", "long", inFlows, eachTuple(slotTimeMS).when(hasStart), "of an allowed `B`; aggregated: of the earliest tuple"},
	{"end_time", "long", inFlows, eachTuple(slotTimeMS).when(ends), "of an `E`"},
	{"end_time", "long", inAggregated, eachTuple(slotEndMS), "of the latest tuple"},
	{"duration", "long", inAggregated, eachTuple(slotDurationMS), "milliseconds from `start_time` to `end_time`"},
	{"count", "long", inAggregated, eachTuple(slotTuples), "how many tuples"},
	{"metadata.version", "keyword", inAll, constant("1.8.0"), "`1.8.0`"},
	{"metadata.profiles", "[]keyword", inAll, constant("cloud", "security_control"), "`[\"cloud\",\"security_control\"]`"},
	{"metadata.product.name", "keyword", inAll, constant(ocsfProduct), "`Azure Network Watcher`"},
	{"metadata.product.vendor_name", "keyword", inAll, constant("Microsoft"), "`Microsoft`"},
	{"metadata.product.feature.name", "keyword", inAll, ofFlow(ocsfFeature), "`NSG flow logs`, `Virtual network flow logs`"},
	{"metadata.uid", "keyword", inAll, eachTuple(slotEventID), "event id: the same whenever the record is read"},
	{"metadata.event_code", "keyword", inAll, ofGroup(groupOperation), "`operationName`"},
	{"metadata.log_name", "keyword", inAll, ofFlow(category), "the category: `NetworkSecurityGroupFlowEvent`, `FlowLogFlowEvent`"},
	{"metadata.log_source", "keyword", inAll, ofGroup(groupFlowLogResource), "`flowLogResourceID`"},
	{"metadata.log_version", "keyword", inAll, ofGroup(groupFlowLogVersion), "`version`, `properties.Version`, `flowLogVersion`"},
	{"metadata.logged_time", "long", inAll, eachTuple(slotRecordTimeMS), "`time`, in milliseconds since 1970"},
	{"metadata.reporter.name", "keyword", inAll, ofGroup(groupResourceName), "name of the NSG or the target"},
	{"metadata.reporter.uid", "keyword", inAll, ofGroup(groupResource), "NSG `resourceId`, VNet `targetResourceID`"},
	{"cloud.provider", "keyword", inAll, constant("Azure"), "`Azure`"},
	{"cloud.account.uid", "keyword", inAll, ofGroup(groupAccount), "subscription id of the NSG or the target, else of `aclID`; lower case"},
	{"cloud.account.type_id", "integer", inAll, always(13).with("cloud.account.uid", groupAccount), "`13`, with the uid"},
	{"cloud.account.type", "keyword", inAll, constant("Azure Subscription").with("cloud.account.uid", groupAccount), "`Azure Subscription`"},
	{"cloud.account.name", "keyword", inAll | inContext, ofGroup(groupAccountName), "name of the subscription"},
	{"cloud.zone", "keyword", inAll | inContext, ofGroup(groupZone), "zone of the VM of the record's NIC"},
	{"cloud.region", "keyword", inAll, ofGroup(groupRegion), "from `NETWORKWATCHER_<REGION>` in `flowLogResourceID`, lower case"},
	{"firewall_rule.name", "keyword", inAll, ofGroup(groupRule), "`rule`"},
	{"firewall_rule.category", "keyword", inAll, ofGroup(groupRuleClass), "`default`, `user`, `platform`, from the name's prefix"},
	{"policy.name", "keyword", inAll, ofGroup(groupRulesetName), "name of the NSG"},
	{"policy.uid", "keyword", inAll, ofGroup(groupResource).when(isNSG), "NSG `resourceId`"},
	{"policy.uid", "keyword", inAll, ofGroup(groupACL).when(isVNet), "VNet `aclID`"},
	{"observation_point_id", "integer", inFlows, ofNumber(ocsfObservationPoint), "the NIC's side: outbound `1` (source), inbound `2` (destination)"},
	{"connection_info.direction_id", "integer", inFlows, ofNumber(ocsfDirection), "`I` `1`, `O` `2`, else `0`"},
	{"connection_info.direction", "keyword", inFlows, ofFlow(ocsfDirectionName), "`Inbound`, `Outbound`, `Unknown`"},
	{"connection_info.protocol_num", "integer", inFlows, ofNumber(protocolNumber), "number of the protocol"},
	{"connection_info.protocol_name", "keyword", inFlows, ofFlow(transport), "its name"},
	{"connection_info.protocol_ver_id", "integer", inFlows, ofNumber(ocsfVersion), "`4`, `6`"},
	{"connection_info.community_uid", "keyword", inFlows, eachTuple(slotCommunityID), "Community ID"},
	{"src_endpoint.ip", "ip", inFlows, eachTuple(slotSourceIP), "tuple column 1"},
	{"src_endpoint.port", "integer", inFlows, eachTuple(slotSourcePort), "tuple column 3"},
	{"src_endpoint.mac", "keyword", inFlows, ofGroup(groupMACForm).when(outbound), "MAC of the NIC, of an outbound flow"},
	{"dst_endpoint.ip", "ip", inFlows, eachTuple(slotDestinationIP), "tuple column 2"},
	{"dst_endpoint.port", "integer", inFlows, eachTuple(slotDestinationPort), "tuple column 4"},
	{"dst_endpoint.mac", "keyword", inFlows, ofGroup(groupMACForm).when(inbound), "MAC of the NIC, of an inbound flow"},
	{"traffic.bytes", "long", inFlows, eachTuple(slotBytes), "sum of both sides, where both are known"},
	{"traffic.bytes_out", "long", inFlows, eachTuple(slotSourceBytes), "tuple column 10: source to destination"},
	{"traffic.bytes_in", "long", inFlows, eachTuple(slotDestinationBytes), "tuple column 12: destination to source"},
	{"traffic.packets", "long", inFlows, eachTuple(slotPackets), "sum of both sides, where both are known"},
	{"traffic.packets_out", "long", inFlows, eachTuple(slotSourcePackets), "tuple column 9"},
	{"traffic.packets_in", "long", inFlows, eachTuple(slotDestinationPackets), "tuple column 11"},
	{"observables", "[]object", inFlows, eachTuple(slotObservables), "`name`, `type`, `type_id` and `value` of `src_endpoint.ip` and `dst_endpoint.ip`"},
	{"raw_data", "keyword", inFlows, eachTuple(slotMessage), "the flattened JSON of this one flow, with `original on`"},
	{"raw_data", "keyword", inError, eachTuple(slotTuple), "the tuple"},
	{"unmapped.flow_state", "keyword", inFlows, ofFlow(stateWord).unless(stateAbsent, groupFlowState), "`begin`, `continue`, `end`, `deny`"},
	{"unmapped.flow_log_guid", "keyword", inAll, ofGroup(groupGUID), "`flowLogGUID`"},
	{"unmapped.system_id", "keyword", inAll, ofGroup(groupSystemID), "`systemId`"},
	{"unmapped.mac", "keyword", inAll, ofGroup(groupMACOdd), "a MAC that is not twelve hex digits"},
	{"unmapped.encryption.code", "keyword", inVNet, eachTuple(slotEncryption), "encryption code of the tuple"},
	{"unmapped.encryption.status", "keyword", inVNet, ofFlow(encryptionStatus), "the code in words"},
	{"unmapped.aggregate.key", "keyword", inAggregated, ofFlow(aggregatedBy), "what the tuples have in common: `connection`, `service`, `host`"},
	{"unmapped.aggregate.begin", "long", inAggregated, eachTuple(slotBegin), "how many tuples are beginnings of allowed flows"},
	{"unmapped.aggregate.continue", "long", inAggregated, eachTuple(slotContinue), "how many are reports in between"},
	{"unmapped.aggregate.end", "long", inAggregated, eachTuple(slotEnds), "how many are ends"},
	{"unmapped.aggregate.denied", "long", inAggregated, eachTuple(slotDenied), "how many are denied"},
	{"unmapped.aggregate.source_ports", "long", inAggregated, eachTuple(slotSourcePorts), "how many different source ports"},
	{"unmapped.aggregate.destination_ports", "long", inAggregated, eachTuple(slotDestinationPorts), "how many different destination ports: many show a scan"},
}

const ocsfProduct = "Azure Network Watcher"

// Activities of class 4001, and Other of any class.
const (
	ocsfOpen    = 1
	ocsfClose   = 2
	ocsfRefuse  = 5 // not Fail, which is a time-out; not Reset, which ends what was open
	ocsfTraffic = 6
	ocsfOther   = 99
)

func ocsfActivity(v variant) int {
	switch {
	case v.failed:
		return ocsfOther
	case v.decision == Denied:
		return ocsfRefuse
	case v.decision == Allowed && begins(v):
		return ocsfOpen
	case v.decision == Allowed && ends(v):
		return ocsfClose
	}
	return ocsfTraffic
}

func ocsfActivityName(v variant) string {
	return map[int]string{ocsfOpen: "Open", ocsfClose: "Close", ocsfRefuse: "Refuse", ocsfTraffic: "Traffic", ocsfOther: "Parse error"}[ocsfActivity(v)]
}

func ocsfType(v variant) int {
	if v.failed {
		return ocsfOther
	}
	return 400100 + ocsfActivity(v)
}

func ocsfTypeName(v variant) string {
	if v.failed {
		return "Base Event: Other"
	}
	return "Network Activity: " + ocsfActivityName(v)
}

// ocsfStatus is that of the connection: that the firewall has worked is in the action
// and the disposition.
func ocsfStatus(v variant) int {
	if v.failed {
		return 2
	}
	return ocsfDecision(v)
}

func ocsfStatusName(v variant) string {
	return [...]string{"Unknown", "Success", "Failure"}[ocsfStatus(v)]
}

func ocsfDecision(v variant) int {
	return [...]int{DecisionUnknown: 0, Allowed: 1, Denied: 2}[v.decision]
}

func ocsfAction(v variant) string {
	return [...]string{DecisionUnknown: "Unknown", Allowed: "Allowed", Denied: "Denied"}[v.decision]
}

func ocsfDisposition(v variant) string {
	return [...]string{DecisionUnknown: "Unknown", Allowed: "Allowed", Denied: "Blocked"}[v.decision]
}

func ocsfFeature(v variant) string {
	return [...]string{NSG: "NSG flow logs", VNet: "Virtual network flow logs"}[v.family]
}

func category(v variant) string {
	return [...]string{NSG: "NetworkSecurityGroupFlowEvent", VNet: "FlowLogFlowEvent"}[v.family]
}

func isNSG(v variant) bool  { return v.family == NSG }
func isVNet(v variant) bool { return v.family == VNet }

func ocsfObservationPoint(v variant) int {
	return [...]int{DirectionUnknown: -1, Outbound: 1, Inbound: 2}[v.direction]
}

func ocsfDirection(v variant) int {
	return [...]int{DirectionUnknown: 0, Inbound: 1, Outbound: 2}[v.direction]
}

func ocsfDirectionName(v variant) string {
	return [...]string{DirectionUnknown: "Unknown", Inbound: "Inbound", Outbound: "Outbound"}[v.direction]
}

func ocsfVersion(v variant) int {
	return [...]int{addressesMixed: -1, addressesIPv4: 4, addressesIPv6: 6}[v.addresses]
}
