package nsgflow

import "strconv"

// sekoia is the documented event of the Azure Network Watcher integration:
// names and values as its page has them.
var sekoia = []field{
	{"message", "match_only_text", inFlows, each(slotMessage), "the flattened JSON of this one flow: as it came, or composed"},
	{"@timestamp", "date", inAll, each(slotTimestamp), "tuple time, RFC 3339 UTC, three fraction digits"},
	{"event.kind", "keyword", inAll, of(eventKind), "`event`; `pipeline_error` for a tuple that does not parse"},
	{"event.category", "[]keyword", inFlows, always([]string{"network"}), "`[\"network\"]`"},
	{"event.code", "keyword", inAll, textOf(textOperation), "`operationName`"},
	{"event.action", "keyword", inFlows, of(action), "allowed `accept`, denied `reject`"},
	{"event.type", "[]keyword", inFlows, of(sekoiaType), "NSG `[\"allowed\"]`, `[\"denied\"]`; VNet `B` `[\"start\"]`, `C` `[\"info\"]`, `E` `[\"end\"]`, `D` `[\"denied\"]`"},
	{"event.original", "keyword", inError, each(slotTuple), "the tuple"},
	{"error.message", "match_only_text", inError, each(slotError), "path, column and value"},
	{"rule.name", "keyword", inAll, textOf(textRule), "`rule`"},
	{"action.type", "keyword", inFlows, textOf(textRule), "`rule`"},
	{"action.target", "keyword", inFlows, always("network-traffic"), "`network-traffic`"},
	{"action.properties[].OperationName", "keyword", inFlows, textOf(textOperation), "`operationName`"},
	{"action.properties[].FlowState", "keyword", inFlows, of(stateWord).or(textFlowState), "`begin`, `continue`, `end` (VNet also `deny`) of the tuple, else the record's `flow_state`"},
	{"action.properties[].Version", "keyword", inNSG, textOf(textVersion), "the record's `version`, else `properties.Version`"},
	{"action.properties[].FlowEncryption", "keyword", inVNet, each(slotEncryption), "encryption code of the tuple"},
	{"action.name", "keyword", inFlows, of(action), "= `event.action`"},
	{"host.name", "keyword", inAll, textOf(textResource), "NSG `resourceId`, VNet `targetResourceID`"},
	{"network.transport", "keyword", inFlows, of(transport), "name of the protocol"},
	{"network.direction", "keyword", inFlows, of(direction), "`I` `inbound`, `O` `outbound`"},
	{"network.iana_number", "keyword", inVNet, of(ianaNumber), "number of the protocol, as text"},
	{"source.ip", "ip", inFlows, each(slotSourceIP), "tuple column 1"},
	{"source.address", "keyword", inFlows, each(slotSourceIP), "= `source.ip`"},
	{"source.port", "long", inFlows, each(slotSourcePort), "tuple column 3"},
	{"source.packets", "long", inFlows, each(slotSourcePackets), "tuple column 9"},
	{"source.bytes", "long", inFlows, each(slotSourceBytes), "tuple column 10"},
	{"source.mac", "keyword", inNSG, textOf(textMAC), "`macAddress`, else the `mac` beside the tuples"},
	{"destination.ip", "ip", inFlows, each(slotDestinationIP), "tuple column 2"},
	{"destination.address", "keyword", inFlows, each(slotDestinationIP), "= `destination.ip`"},
	{"destination.port", "long", inFlows, each(slotDestinationPort), "tuple column 4"},
	{"destination.packets", "long", inFlows, each(slotDestinationPackets), "tuple column 11"},
	{"destination.bytes", "long", inFlows, each(slotDestinationBytes), "tuple column 12"},
	{"observer.mac", "keyword", inVNet, textOf(textMAC), "`macAddress`"},
	{"related.ip", "[]ip", inFlows, each(slotRelatedIP), "source and destination, without repetition"},
}

func eventKind(v variant) any {
	if v.failed {
		return "pipeline_error"
	}
	return "event"
}

func action(v variant) any {
	return [...]string{DecisionUnknown: "", Allowed: "accept", Denied: "reject"}[v.decision]
}

func sekoiaType(v variant) any {
	switch {
	case v.decision == Denied:
		return []string{"denied"}
	case v.decision == DecisionUnknown:
		return ""
	case v.family == NSG:
		return []string{"allowed"}
	}
	return []string{map[State]string{Begin: "start", Continue: "info", End: "end"}[v.state]}
}

func stateWord(v variant) any {
	switch v.state {
	case StateAbsent:
		return nil
	case StateUnknown:
		return ""
	}
	return v.state.String()
}

func direction(v variant) any {
	if v.direction == DirectionUnknown {
		return ""
	}
	return v.direction.String()
}

func transport(v variant) any { return v.protocol.Name() }

func ianaNumber(v variant) any {
	if v.protocol == ProtocolUnknown {
		return ""
	}
	return strconv.Itoa(int(v.protocol))
}
