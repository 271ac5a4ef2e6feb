package nsgflow

import "strings"

// asim is a row of the table ASimNetworkSessionLogs of Microsoft Sentinel: Network
// Session 0.2.7 of the Advanced Security Information Model
// (https://learn.microsoft.com/azure/sentinel/normalization-schema-network), without
// what the table has no column for. The built-in parser adds that.
var asim = []field{
	{"TimeGenerated", "date", inAll, eachTuple(slotTimestamp), "tuple time; aggregated: of the earliest tuple"},
	{"EventVendor", "keyword", inAll, constant("Microsoft"), "`Microsoft`"},
	{"EventProduct", "keyword", inAll, constant(asimProduct), "`NSGFlow`, of both families: the value that Microsoft's tester takes"},
	{"EventProductVersion", "keyword", inAll, ofGroup(groupFlowLogVersion), "`version`, `properties.Version`, `flowLogVersion`"},
	{"EventSchemaVersion", "keyword", inAll, constant("0.2.7"), "`0.2.7`"},
	{"EventType", "keyword", inAll, constant("Flow"), "`Flow`"},
	{"EventCount", "integer", inAll, always(1).when(single), "`1`"},
	{"EventCount", "integer", inAggregated, eachTuple(slotTuples), "how many tuples"},
	{"EventStartTime", "date", inAll, eachTuple(slotTimestamp), "= `TimeGenerated`"},
	{"EventEndTime", "date", inAll, eachTuple(slotTimestamp).when(single), "= `TimeGenerated`"},
	{"EventEndTime", "date", inAggregated, eachTuple(slotEnd), "time of the latest tuple"},
	{"EventResult", "keyword", inAll, ofFlow(asimResult), "allowed `Success`, denied `Failure`, else `NA`"},
	{"EventSeverity", "keyword", inAll, ofFlow(asimSeverity), "denied `Low`, else `Informational`"},
	{"EventOriginalUid", "keyword", inAll, eachTuple(slotEventID), "event id: the same whenever the record is read"},
	{"EventOriginalType", "keyword", inAll, ofGroup(groupOperation), "`operationName`"},
	{"EventOriginalSubType", "keyword", inFlows, ofFlow(stateWord).unless(stateAbsent, groupFlowState), "`begin`, `continue`, `end`, `deny`"},
	{"EventMessage", "keyword", inError, eachTuple(slotError), "path, column and value"},
	{"Dvc", "keyword", inAll, ofGroup(groupResource), "= `DvcId`"},
	{"Dvc", "keyword", inAll, constant(asimProduct).whereNo(groupResource), "`NSGFlow`, where there is no `DvcId`"},
	{"DvcId", "keyword", inAll, ofGroup(groupResource), "NSG `resourceId`, VNet `targetResourceID`"},
	{"DvcIdType", "keyword", inAll, constant("AzureResourceId").with("DvcId", groupResource), "`AzureResourceId`, with `DvcId`"},
	{"DvcSubscriptionId", "keyword", inAll, ofGroup(groupAccount), "subscription id of the NSG or the target, else of `aclID`; lower case"},
	{"DvcMacAddr", "keyword", inAll, ofGroup(groupMACColon), "MAC of the NIC, with colons"},
	{"DvcAction", "keyword", inFlows, ofFlow(asimAction), "`Allow`, `Deny`"},
	{"NetworkRuleName", "keyword", inAll, ofGroup(groupRule), "`rule`"},
	{"NetworkProtocol", "keyword", inFlows, ofFlow(ianaKeyword), "the protocol's keyword, in IANA's spelling"},
	{"NetworkProtocolVersion", "keyword", inFlows, ofFlow(asimVersion), "`IPv4`, `IPv6`"},
	{"NetworkDirection", "keyword", inFlows, ofFlow(asimDirection), "`I` `Inbound`, `O` `Outbound`"},
	{"NetworkSessionId", "keyword", inFlows, eachTuple(slotCommunityID), "Community ID"},
	{"NetworkDuration", "integer", inAggregated, eachTuple(slotDurationInt), "milliseconds from the earliest to the latest tuple; at most 2147483647"},
	{"NetworkBytes", "long", inFlows, eachTuple(slotBytes), "sum of both sides, where both are known"},
	{"NetworkPackets", "long", inFlows, eachTuple(slotPackets), "sum of both sides, where both are known"},
	{"SrcIpAddr", "keyword", inFlows, eachTuple(slotSourceIP), "tuple column 1"},
	{"SrcPortNumber", "integer", inFlows, eachTuple(slotSourcePort), "tuple column 3"},
	{"SrcPackets", "long", inFlows, eachTuple(slotSourcePackets), "tuple column 9"},
	{"SrcBytes", "long", inFlows, eachTuple(slotSourceBytes), "tuple column 10"},
	{"SrcMacAddr", "keyword", inFlows, ofGroup(groupMACColon).when(outbound), "MAC of the NIC, of an outbound flow"},
	{"DstIpAddr", "keyword", inFlows, eachTuple(slotDestinationIP), "tuple column 2"},
	{"DstPortNumber", "integer", inFlows, eachTuple(slotDestinationPort), "tuple column 4"},
	{"DstPackets", "long", inFlows, eachTuple(slotDestinationPackets), "tuple column 11"},
	{"DstBytes", "long", inFlows, eachTuple(slotDestinationBytes), "tuple column 12"},
	{"DstMacAddr", "keyword", inFlows, ofGroup(groupMACColon).when(inbound), "MAC of the NIC, of an inbound flow"},
	{"AdditionalFields.FlowLogKind", "keyword", inAll, ofFlow(kindOfLog), "`nsg`, `vnet`"},
	{"AdditionalFields.FlowLogGuid", "keyword", inAll, ofGroup(groupGUID), "`flowLogGUID`"},
	{"AdditionalFields.FlowLogResourceId", "keyword", inAll, ofGroup(groupFlowLogResource), "`flowLogResourceID`"},
	{"AdditionalFields.AclId", "keyword", inAll, ofGroup(groupACL), "`aclID`"},
	{"AdditionalFields.RuleClass", "keyword", inAll, ofGroup(groupRuleClass), "`default`, `user`, `platform`, from the rule's prefix"},
	{"AdditionalFields.Ruleset", "keyword", inAll, ofGroup(groupRulesetName), "name of the NSG, from `resourceId` or from an `aclID` that is a resource id"},
	{"AdditionalFields.Region", "keyword", inAll, ofGroup(groupRegion), "from `NETWORKWATCHER_<REGION>` in `flowLogResourceID`, lower case"},
	{"AdditionalFields.SystemId", "keyword", inAll, ofGroup(groupSystemID), "`systemId`"},
	{"AdditionalFields.RecordTime", "date", inAll, eachTuple(slotRecordTime), "`time`: when the record was written"},
	{"AdditionalFields.MacAddress", "keyword", inAll, ofGroup(groupMACOdd), "a MAC that is not twelve hex digits"},
	{"AdditionalFields.ProtocolNumber", "integer", inFlows, ofNumber(protocolNumber).when(hasNoKeyword), "number of a protocol that has no keyword"},
	{"AdditionalFields.EncryptionCode", "keyword", inVNet, eachTuple(slotEncryption), "encryption code of the tuple"},
	{"AdditionalFields.EncryptionStatus", "keyword", inVNet, ofFlow(encryptionStatus), "the code in words"},
	{"AdditionalFields.Original", "keyword", inFlows, eachTuple(slotMessage), "the flattened JSON of this one flow, with `original on`"},
	{"AdditionalFields.Original", "keyword", inError, eachTuple(slotTuple), "the tuple"},
	{"AdditionalFields.AggregatedBy", "keyword", inAggregated, ofFlow(aggregatedBy), "what the tuples have in common: `connection`, `service`, `host`"},
	{"AdditionalFields.Begin", "long", inAggregated, eachTuple(slotBegin), "how many tuples are beginnings of allowed flows"},
	{"AdditionalFields.Continue", "long", inAggregated, eachTuple(slotContinue), "how many are reports in between"},
	{"AdditionalFields.End", "long", inAggregated, eachTuple(slotEnds), "how many are ends"},
	{"AdditionalFields.Denied", "long", inAggregated, eachTuple(slotDenied), "how many are denied"},
	{"AdditionalFields.SrcPorts", "long", inAggregated, eachTuple(slotSourcePorts), "how many different source ports"},
	{"AdditionalFields.DstPorts", "long", inAggregated, eachTuple(slotDestinationPorts), "how many different destination ports: many show a scan"},
}

// asimProduct is the value that Microsoft's tester takes for both families.
const asimProduct = "NSGFlow"

func asimResult(v variant) string {
	return [...]string{DecisionUnknown: "NA", Allowed: "Success", Denied: "Failure"}[v.decision]
}

func asimSeverity(v variant) string {
	if v.decision == Denied {
		return "Low"
	}
	return "Informational"
}

func asimAction(v variant) string {
	return [...]string{DecisionUnknown: "", Allowed: "Allow", Denied: "Deny"}[v.decision]
}

func asimVersion(v variant) string {
	return [...]string{addressesMixed: "", addressesIPv4: "IPv4", addressesIPv6: "IPv6"}[v.addresses]
}

func asimDirection(v variant) string {
	return [...]string{DirectionUnknown: "", Inbound: "Inbound", Outbound: "Outbound"}[v.direction]
}

func hasNoKeyword(v variant) bool { return v.protocol.Name() == "" }

// protocolNumber is IANA's; below 0 where it is unknown.
func protocolNumber(v variant) int { return int(v.protocol) }

// ianaKeyword is the protocol's keyword as IANA's list spells it, which ASIM's
// tester compares letter by letter.
func ianaKeyword(v variant) string {
	if keyword, ok := mixedKeywords[v.protocol]; ok {
		return keyword
	}
	return strings.ToUpper(v.protocol.Name())
}

// mixedKeywords are those that are not all in capitals, or have more beside them.
var mixedKeywords = map[Protocol]string{
	4: "IPv4", 13: "ARGUS (deprecated)", 41: "IPv6", 43: "IPv6-Route", 44: "IPv6-Frag", 53: "SWIPE (deprecated)", 55: "Min-IPv4", 58: "IPv6-ICMP", 59: "IPv6-NoNxt",
	60: "IPv6-Opts", 90: "Sprite-RPC", 95: "MICP (deprecated)", 108: "IPComp", 110: "Compaq-Peer", 111: "IPX-in-IP", 122: "SM (deprecated)", 124: "ISIS over IPv4",
	135: "Mobility Header", 136: "UDPLite", 137: "MPLS-in-IP", 138: "manet", 140: "Shim6", 143: "Ethernet", 146: "Homa",
}
