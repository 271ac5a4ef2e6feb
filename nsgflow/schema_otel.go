package nsgflow

// otel is a log record of OpenTelemetry: its body, and attributes of the semantic
// conventions 1.44.0 (https://opentelemetry.io/docs/specs/semconv/registry/attributes/),
// with azure.flow.* for what these have no name for. Fluent Bit's output opentelemetry
// makes one attribute of each key at the top, so that names are keys with dots.
var otel = []field{
	{"@timestamp", "date", inAll, eachTuple(slotTimestamp), "tuple time"},
	{"body", "keyword", inFlows, eachTuple(slotSummary), "the flow in a line: `Allow tcp 203.0.113.24:51844 > 10.20.0.4:443`"},
	{"body", "keyword", inError, eachTuple(slotError), "path, column and value"},
	{"SeverityNumber", "integer", inError, always(17), "`17`"},
	{"SeverityText", "keyword", inError, constant("ERROR"), "`ERROR`"},
	{"otel.event.name", "keyword", inAll, ofFlow(otelEventName), "`azure.flow`; `azure.flow.error` for a tuple that does not parse"},
	{"log.record.uid", "keyword", inAll, eachTuple(slotEventID), "event id: the same whenever the record is read"},
	{"log.record.original", "keyword", inFlows, eachTuple(slotMessage), "the flattened JSON of this one flow, with `original on`"},
	{"log.record.original", "keyword", inError, eachTuple(slotTuple), "the tuple"},
	{"error.type", "keyword", inError, constant("azure.flow.parse"), "`azure.flow.parse`"},
	{"cloud.provider", "keyword", inAll, constant("azure"), "`azure`"},
	{"cloud.account.id", "keyword", inAll, ofGroup(groupAccount), "subscription id of the NSG or the target, else of `aclID`; lower case"},
	{"cloud.region", "keyword", inAll, ofGroup(groupRegion), "from `NETWORKWATCHER_<REGION>` in `flowLogResourceID`, lower case"},
	{"cloud.resource_id", "keyword", inAll, ofGroup(groupResource), "NSG `resourceId`, VNet `targetResourceID`"},
	{"azure.resource_group.name", "keyword", inAll, ofGroup(groupResourceGroup), "its resource group"},
	{"azure.operation.name", "keyword", inAll, ofGroup(groupOperation), "`operationName`"},
	{"security_rule.name", "keyword", inAll, ofGroup(groupRule), "`rule`"},
	{"security_rule.category", "keyword", inAll, ofGroup(groupRuleClass), "`default`, `user`, `platform`, from the name's prefix"},
	{"security_rule.ruleset.name", "keyword", inAll, ofGroup(groupRulesetName), "name of the NSG, from `resourceId` or from an `aclID` that is a resource id"},
	{"network.transport", "keyword", inFlows, ofFlow(transport), "name of the protocol"},
	{"network.type", "keyword", inFlows, ofFlow(networkType), "`ipv4`, `ipv6`"},
	{"source.address", "keyword", inFlows, eachTuple(slotSourceIP), "tuple column 1"},
	{"source.port", "integer", inFlows, eachTuple(slotSourcePort), "tuple column 3"},
	{"destination.address", "keyword", inFlows, eachTuple(slotDestinationIP), "tuple column 2"},
	{"destination.port", "integer", inFlows, eachTuple(slotDestinationPort), "tuple column 4"},
	{"azure.flow.action", "keyword", inFlows, ofFlow(otelAction), "`allow`, `deny`"},
	{"azure.flow.direction", "keyword", inFlows, ofFlow(direction), "`I` `inbound`, `O` `outbound`"},
	{"azure.flow.state", "keyword", inFlows, ofFlow(stateWord).unless(stateAbsent, groupFlowState), "`begin`, `continue`, `end`, `deny`"},
	{"azure.flow.protocol_number", "integer", inFlows, ofNumber(protocolNumber), "number of the protocol"},
	{"azure.flow.community_id", "keyword", inFlows, eachTuple(slotCommunityID), "Community ID"},
	{"azure.flow.bytes", "long", inFlows, eachTuple(slotBytes), "sum of both sides, where both are known"},
	{"azure.flow.packets", "long", inFlows, eachTuple(slotPackets), "sum of both sides, where both are known"},
	{"azure.flow.source.bytes", "long", inFlows, eachTuple(slotSourceBytes), "tuple column 10"},
	{"azure.flow.source.packets", "long", inFlows, eachTuple(slotSourcePackets), "tuple column 9"},
	{"azure.flow.destination.bytes", "long", inFlows, eachTuple(slotDestinationBytes), "tuple column 12"},
	{"azure.flow.destination.packets", "long", inFlows, eachTuple(slotDestinationPackets), "tuple column 11"},
	{"azure.flow.encryption.code", "keyword", inVNet, eachTuple(slotEncryption), "encryption code of the tuple"},
	{"azure.flow.encryption.status", "keyword", inVNet, ofFlow(encryptionStatus), "the code in words"},
	{"azure.flow.mac", "keyword", inAll, ofGroup(groupMACForm), "MAC of the NIC, in the form of RFC 7042"},
	{"azure.flow.mac", "keyword", inAll, ofGroup(groupMACOdd), "a MAC that is not twelve hex digits, as it is"},
	{"azure.flow.start", "date", inFlows, eachTuple(slotTimestamp).when(hasStart), "tuple time of an allowed `B`; aggregated: of the earliest tuple"},
	{"azure.flow.end", "date", inFlows, eachTuple(slotTimestamp).when(ends), "tuple time of an `E`"},
	{"azure.flow.end", "date", inAggregated, eachTuple(slotEnd), "time of the latest tuple"},
	{"azure.flow.log.kind", "keyword", inAll, ofFlow(kindOfLog), "`nsg`, `vnet`"},
	{"azure.flow.log.version", "keyword", inAll, ofGroup(groupFlowLogVersion), "`version`, `properties.Version`, `flowLogVersion`"},
	{"azure.flow.log.guid", "keyword", inAll, ofGroup(groupGUID), "`flowLogGUID`"},
	{"azure.flow.log.resource_id", "keyword", inAll, ofGroup(groupFlowLogResource), "`flowLogResourceID`"},
	{"azure.flow.log.system_id", "keyword", inAll, ofGroup(groupSystemID), "`systemId`"},
	{"azure.flow.log.acl_id", "keyword", inAll, ofGroup(groupACL), "`aclID`"},
	{"azure.flow.log.time", "date", inAll, eachTuple(slotRecordTime), "`time`: when the record was written"},
	{"azure.flow.aggregate.key", "keyword", inAggregated, ofFlow(aggregatedBy), "what the tuples have in common: `connection`, `service`, `host`"},
	{"azure.flow.aggregate.tuples", "long", inAggregated, eachTuple(slotTuples), "how many tuples"},
	{"azure.flow.aggregate.begin", "long", inAggregated, eachTuple(slotBegin), "how many of them are beginnings of allowed flows"},
	{"azure.flow.aggregate.continue", "long", inAggregated, eachTuple(slotContinue), "how many are reports in between"},
	{"azure.flow.aggregate.end", "long", inAggregated, eachTuple(slotEnds), "how many are ends"},
	{"azure.flow.aggregate.denied", "long", inAggregated, eachTuple(slotDenied), "how many are denied"},
	{"azure.flow.aggregate.source_ports", "long", inAggregated, eachTuple(slotSourcePorts), "how many different source ports"},
	{"azure.flow.aggregate.destination_ports", "long", inAggregated, eachTuple(slotDestinationPorts), "how many different destination ports: many show a scan"},
}

const (
	otelFlow  = "azure.flow"
	otelError = "azure.flow.error"
)

func otelEventName(v variant) string {
	if v.failed {
		return otelError
	}
	return otelFlow
}

func otelAction(v variant) string {
	return [...]string{DecisionUnknown: "", Allowed: "allow", Denied: "deny"}[v.decision]
}
