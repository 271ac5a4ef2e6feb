package nsgflow

import "strconv"

// sekoia is the documented event of the Azure Network Watcher integration:
// names and values as its page has them.
var sekoia = []field{
	{"message", "match_only_text", inFlows, eachTuple(slotMessage), "the flattened JSON of this one flow: as it came, or composed"},
	{"@timestamp", "date", inAll, eachTuple(slotTimestamp), "tuple time, RFC 3339 UTC, three fraction digits"},
	{"event.kind", "keyword", inAll, ofFlow(eventKind), "`event`; `pipeline_error` for a tuple that does not parse"},
	{"event.category", "[]keyword", inFlows, constant("network"), "`[\"network\"]`"},
	{"event.code", "keyword", inAll, ofGroup(groupOperation), "`operationName`"},
	{"event.action", "keyword", inFlows, ofFlow(action), "allowed `accept`, denied `reject`"},
	{"event.type", "[]keyword", inFlows, ofFlowList(sekoiaType), "NSG `[\"allowed\"]`, `[\"denied\"]`; VNet `B` `[\"start\"]`, `C` `[\"info\"]`, `E` `[\"end\"]`, `D` `[\"denied\"]`. Aggregated: `connection`; `allowed` or `denied`"},
	{"event.start", "date", inAggregated, eachTuple(slotTimestamp), "time of the earliest tuple"},
	{"event.end", "date", inAggregated, eachTuple(slotEnd), "time of the latest tuple"},
	{"event.original", "keyword", inError, eachTuple(slotTuple), "the tuple"},
	{"error.message", "match_only_text", inError, eachTuple(slotError), "path, column and value"},
	{"rule.name", "keyword", inAll, ofGroup(groupRule), "`rule`"},
	{"action.type", "keyword", inFlows, ofGroup(groupRule), "`rule`"},
	{"action.target", "keyword", inFlows, constant("network-traffic"), "`network-traffic`"},
	{"action.properties[].OperationName", "keyword", inFlows, ofGroup(groupOperation), "`operationName`"},
	{"action.properties[].FlowState", "keyword", inFlows, ofFlow(stateWord).unless(stateAbsent, groupFlowState), "`begin`, `continue`, `end` (VNet also `deny`) of the tuple, else the record's `flow_state`"},
	{"action.properties[].Version", "keyword", inNSG, ofGroup(groupVersion), "the record's `version`, else `properties.Version`"},
	{"action.properties[].FlowEncryption", "keyword", inVNet, eachTuple(slotEncryption), "encryption code of the tuple"},
	{"action.name", "keyword", inFlows, ofFlow(action), "= `event.action`"},
	{"host.name", "keyword", inAll, ofGroup(groupResource), "NSG `resourceId`, VNet `targetResourceID`"},
	{"network.transport", "keyword", inFlows, ofFlow(transport), "name of the protocol"},
	{"network.direction", "keyword", inFlows, ofFlow(direction), "`I` `inbound`, `O` `outbound`"},
	{"network.iana_number", "keyword", inVNet, ofFlow(ianaNumber), "number of the protocol, as text"},
	{"source.ip", "ip", inFlows, eachTuple(slotSourceIP), "tuple column 1"},
	{"source.address", "keyword", inFlows, eachTuple(slotSourceIP), "= `source.ip`"},
	{"source.port", "long", inFlows, eachTuple(slotSourcePort), "tuple column 3"},
	{"source.packets", "long", inFlows, eachTuple(slotSourcePackets), "tuple column 9"},
	{"source.bytes", "long", inFlows, eachTuple(slotSourceBytes), "tuple column 10"},
	{"source.mac", "keyword", inNSG, ofGroup(groupMAC), "`macAddress`, else the `mac` beside the tuples"},
	{"destination.ip", "ip", inFlows, eachTuple(slotDestinationIP), "tuple column 2"},
	{"destination.address", "keyword", inFlows, eachTuple(slotDestinationIP), "= `destination.ip`"},
	{"destination.port", "long", inFlows, eachTuple(slotDestinationPort), "tuple column 4"},
	{"destination.packets", "long", inFlows, eachTuple(slotDestinationPackets), "tuple column 11"},
	{"destination.bytes", "long", inFlows, eachTuple(slotDestinationBytes), "tuple column 12"},
	{"observer.mac", "keyword", inVNet, ofGroup(groupMAC), "`macAddress`"},
	{"related.ip", "[]ip", inFlows, eachTuple(slotRelatedIP), "source and destination, without repetition"},
}

func eventKind(v variant) string {
	if v.failed {
		return "pipeline_error"
	}
	return "event"
}

func action(v variant) string {
	return [...]string{DecisionUnknown: "", Allowed: "accept", Denied: "reject"}[v.decision]
}

func sekoiaType(v variant) []string {
	switch {
	case aggregated(v):
		return ecsType(v)
	case v.decision == Denied:
		return []string{"denied"}
	case v.decision == DecisionUnknown:
		return nil
	case v.family == NSG || v.state == StateAbsent:
		return []string{"allowed"}
	}
	return []string{map[State]string{Begin: "start", Continue: "info", End: "end"}[v.state]}
}

func stateAbsent(v variant) bool { return v.state == StateAbsent }

func stateWord(v variant) string {
	if v.state <= StateAbsent {
		return ""
	}
	return v.state.String()
}

func direction(v variant) string {
	if v.direction == DirectionUnknown {
		return ""
	}
	return v.direction.String()
}

func transport(v variant) string { return v.protocol.Name() }

func ianaNumber(v variant) string {
	if v.protocol == ProtocolUnknown {
		return ""
	}
	return strconv.Itoa(int(v.protocol))
}
