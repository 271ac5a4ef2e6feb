package nsgflow

// aggregateFields come last in ecs and sekoia: what only aggregated events have.
var aggregateFields = []field{
	{"azure.flow_log.aggregate.key", "keyword", inAggregated, ofFlow(aggregatedBy), "what the tuples have in common: `connection`, `service`, `host`"},
	{"azure.flow_log.aggregate.tuples", "long", inAggregated, eachTuple(slotTuples), "how many tuples"},
	{"azure.flow_log.aggregate.begin", "long", inAggregated, eachTuple(slotBegin), "how many of them are beginnings of allowed flows"},
	{"azure.flow_log.aggregate.continue", "long", inAggregated, eachTuple(slotContinue), "how many are reports in between"},
	{"azure.flow_log.aggregate.end", "long", inAggregated, eachTuple(slotEnds), "how many are ends"},
	{"azure.flow_log.aggregate.denied", "long", inAggregated, eachTuple(slotDenied), "how many are denied"},
	{"azure.flow_log.aggregate.source_ports", "long", inAggregated, eachTuple(slotSourcePorts), "how many different source ports in this record"},
	{"azure.flow_log.aggregate.destination_ports", "long", inAggregated, eachTuple(slotDestinationPorts), "how many different destination ports in this record: many show a scan"},
}

func aggregated(v variant) bool { return v.aggregate != AggregateOff }

func single(v variant) bool { return !aggregated(v) }

func aggregatedBy(v variant) string { return v.aggregate.String() }
