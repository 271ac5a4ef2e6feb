package schemas_test

import (
	"path/filepath"
	"strings"
	"testing"

	"fluent-bit-nsgflow/test/internal/textfile"
	"fluent-bit-nsgflow/test/schemas"
)

// examples are the worked examples by case and schema, "nsg.asim".
func examples(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, file := range textfile.Glob(t, "nsgflow/testdata/examples/*.expected.ndjson") {
		name := strings.TrimSuffix(filepath.Base(file), ".expected.ndjson")
		if schemas.Of(schemaOf(name)) != nil {
			found[name] = textfile.Read(t, file)
		}
	}
	return found
}

func schemaOf(name string) string { return strings.TrimPrefix(filepath.Ext(name), ".") }

func parse(t *testing.T, line string) schemas.Event {
	t.Helper()
	event, err := schemas.Parse(line)
	if err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	return event
}

func TestExamples(t *testing.T) {
	all := examples(t)
	if len(all) < 10 {
		t.Errorf("%d examples, want 3 a schema and an error", len(all))
	}
	for name, line := range all {
		if err := schemas.Of(schemaOf(name))(parse(t, line)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// merged is an event with a JSON Merge Patch (RFC 7396): null takes a field away.
func merged(event, patch schemas.Event) schemas.Event {
	for name, value := range patch {
		inner, isObject := value.(map[string]any)
		own, hasObject := event[name].(map[string]any)
		switch {
		case value == nil:
			delete(event, name)
		case isObject && hasObject:
			event[name] = merged(own, inner)
		default:
			event[name] = value
		}
	}
	return event
}

// Each way in which others got such events wrong, and some more.
var broken = []struct{ example, patch, complaint string }{
	// asim: the table
	{"nsg.asim", `{"EventSchema":"NetworkSession"}`, "EventSchema: not a column"},
	{"nsg.asim", `{"message":"flow"}`, "message: not a column"},
	{"nsg.asim", `{"_ResourceId":"/subscriptions/x"}`, "_ResourceId: not a column"},
	{"nsg.asim", `{"SrcPortNumber":"51844"}`, "SrcPortNumber: \"51844\" is no int\nSrcPortNumber: \"51844\" is no int for the tester"},
	{"aggregate.asim", `{"EventCount":2147483648}`, "EventCount: 2147483648 is no int\nEventCount: 2147483648 is no int for the tester"},
	{"nsg.asim", `{"SrcBytes":2236.5,"NetworkBytes":null}`, "SrcBytes: 2236.5 is no long\nSrcBytes: 2236.5 is no long for the tester"},
	{"nsg.asim", `{"AdditionalFields":"{}"}`, "AdditionalFields.FlowLogKind: nothing\nAdditionalFields: \"{}\" is no dynamic\nAdditionalFields: \"{}\" is no dynamic for the tester"},
	{"nsg.asim", `{"TimeGenerated":1741078809}`, "TimeGenerated: 1741078809 is no datetime\nTimeGenerated: 1741078809 is no datetime for the tester\nTimeGenerated: 1741078809, want \"2025-03-04T09:00:09.000Z\""},
	// asim: the tester
	{"nsg.asim", `{"EventVendor":null}`, "EventVendor: mandatory, and empty"},
	{"nsg.asim", `{"EventProduct":"Azure NSG flows"}`, `EventProduct: "Azure NSG flows" is not in the tester's list`},
	{"nsg.asim", `{"EventType":"Connection"}`, `EventType: "Connection" is not in the tester's list`},
	{"nsg.asim", `{"DvcIdType":null}`, "DvcIdType: goes with DvcId"},
	{"nsg.asim", `{"DvcId":null,"Dvc":"NSGFlow"}`, "DvcIdType: goes with DvcId"},
	{"nsg.asim", `{"DvcMacAddr":"000D3AF1C27E","DstMacAddr":"000D3AF1C27E"}`, "DstMacAddr: \"000D3AF1C27E\" is no MAC address\nDvcMacAddr: \"000D3AF1C27E\" is no MAC address"},
	{"nsg.asim", `{"NetworkProtocol":"tcp"}`, `NetworkProtocol: "tcp" is no NetworkProtocol`},
	{"nsg.asim", `{"NetworkProtocol":"IPV6-ICMP"}`, `NetworkProtocol: "IPV6-ICMP" is no NetworkProtocol`},
	{"nsg.asim", `{"NetworkDirection":"inbound","DstMacAddr":null}`, `NetworkDirection: "inbound" is not in the tester's list`},
	{"nsg.asim", `{"DvcHostname":"web_nsg"}`, `DvcHostname: "web_nsg" is no Hostname`},
	{"nsg.asim", `{"SrcIpAddr":"203.0.113.999","NetworkProtocolVersion":null}`, "IpAddr: \"203.0.113.999\" is no IP Address\nSrcIpAddr: \"203.0.113.999\" is no IP Address"},
	// asim: among the fields
	{"nsg.asim", `{"EventResult":"Failure"}`, `EventResult: "Failure", want "Success"`},
	{"vnet.asim", `{"EventSeverity":"Informational"}`, `EventSeverity: "Informational", want "Low"`},
	{"nsg.asim", `{"DvcAction":null}`, "EventResult: \"Success\", want \"NA\""},
	{"nsg.asim", `{"NetworkBytes":2236}`, "NetworkBytes: 2236, want 21644"},
	{"nsg.asim", `{"DstPackets":null}`, "NetworkPackets: 31, want nothing"},
	{"nsg.asim", `{"SrcMacAddr":"00:0D:3A:F1:C2:7E"}`, `SrcMacAddr: "00:0D:3A:F1:C2:7E", want ""`},
	{"nsg.asim", `{"EventEndTime":"2025-03-04T09:00:10.000Z"}`, `EventEndTime: "2025-03-04T09:00:10.000Z", want "2025-03-04T09:00:09.000Z"`},
	{"nsg.asim", `{"EventEndTime":null}`, "EventEndTime: missing"},
	{"nsg.asim", `{"EventOriginalUid":null}`, "EventOriginalUid: missing"},
	{"aggregate.asim", `{"NetworkDuration":10}`, "NetworkDuration: 10, want 10231"},
	{"nsg.asim", `{"NetworkProtocolVersion":"IPv6"}`, `NetworkProtocolVersion: "IPv6", want "IPv4"`},
	{"nsg.asim", `{"AdditionalFields":{"Colour":"red"}}`, "AdditionalFields.Colour: not one of them"},
	{"aggregate.asim", `{"AdditionalFields":{"Begin":"1"}}`, "AdditionalFields.Begin: \"1\" is no integer\nAdditionalFields.Begin: missing"},
	{"nsg.asim", `{"Dvc":null}`, `Dvc: "", want "/SUBSCRIPTIONS/3D1F6A52-7C0B-4E8D-9B24-5A60C8E1F703/RESOURCEGROUPS/SHOP-PROD/PROVIDERS/MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/WEB-NSG"`},
	{"nsg.asim", `{"Dvc":""}`, "Dvc: \"\", want \"/SUBSCRIPTIONS/3D1F6A52-7C0B-4E8D-9B24-5A60C8E1F703/RESOURCEGROUPS/SHOP-PROD/PROVIDERS/MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/WEB-NSG\"\nDvc: empty"},
	{"nsg.asim", `{"Dvc":"web-nsg"}`, `Dvc: "web-nsg", want "/SUBSCRIPTIONS/3D1F6A52-7C0B-4E8D-9B24-5A60C8E1F703/RESOURCEGROUPS/SHOP-PROD/PROVIDERS/MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/WEB-NSG"`},
	{"nsg.asim", `{"DvcId":"","Dvc":"NSGFlow"}`, "DvcId: empty\nDvcIdType: goes with DvcId"},
	{"nsg.asim", `{"DvcSubscriptionId":""}`, "DvcSubscriptionId: empty"},
	{"nsg.asim", `{"SrcPortNumber":65536}`, "SrcPortNumber: 65536"},
	{"nsg.asim", `{"EventCount":3}`, "EventCount: 3, want 1"},
	{"aggregate.asim", `{"AdditionalFields":{"AggregatedBy":null}}`, "AdditionalFields.Begin: 1, want nothing\nAdditionalFields.Continue: 1, want nothing\nAdditionalFields.Denied: 0, want nothing\nAdditionalFields.DstPorts: 1, want nothing\nAdditionalFields.End: 1, want nothing\nAdditionalFields.SrcPorts: 2, want nothing\nEventCount: 3, want 1\nEventEndTime: \"2025-03-04T09:00:12.345Z\", want \"2025-03-04T09:00:02.114Z\"\nNetworkDuration: 10231, want nothing"},
	{"aggregate.asim", `{"AdditionalFields":{"Begin":null}}`, "AdditionalFields.Begin: missing"},
	{"aggregate.asim", `{"AdditionalFields":{"Denied":1}}`, "EventCount: 3, of 4 with a state"},
	{"aggregate.asim", `{"AdditionalFields":{"SrcPorts":4}}`, "AdditionalFields.SrcPorts: 4 of 3 tuples"},
	{"aggregate.asim", `{"EventEndTime":"2025-03-04T09:00:01.000Z","NetworkDuration":0}`, "EventEndTime: \"2025-03-04T09:00:01.000Z\", before the start\nNetworkDuration: 0, want -1114"},
	{"nsg.asim", `{"EventSchemaVersion":"0.2.6"}`, `EventSchemaVersion: "0.2.6", want "0.2.7"`},
	{"nsg.asim", `{"NetworkProtocol":null}`, "NetworkProtocol: missing"},
	{"nsg.asim", `{"AdditionalFields":{"ProtocolNumber":6}}`, `AdditionalFields.ProtocolNumber: 6, with the keyword "TCP"`},
	{"nsg.asim", `{"NetworkProtocol":null,"AdditionalFields":{"ProtocolNumber":6}}`, `AdditionalFields.ProtocolNumber: 6, with the keyword ""`},
	{"nsg.asim", `{"EventStartTime":"yesterday","EventEndTime":"yesterday","TimeGenerated":null}`, "EventEndTime: \"yesterday\" is no datetime\nEventEndTime: \"yesterday\" is no datetime for the tester\nEventStartTime: \"yesterday\" is no datetime\nEventStartTime: \"yesterday\" is no datetime for the tester\nTimeGenerated: \"yesterday\" is no datetime for the tester"},
	{"nsg.asim", `{"AdditionalFields":{"RecordTime":"04/03/2025"}}`, `AdditionalFields.RecordTime: "04/03/2025" is no time`},
	{"nsg.asim", `{"EventOriginalSubType":"E"}`, `EventOriginalSubType: "E"`},
	{"nsg.asim", `{"NetworkSessionId":"1:"}`, `NetworkSessionId: "1:"`},
	{"nsg.asim", `{"EventMessage":"column 3"}`, `AdditionalFields.Original: missing
DstBytes: in an error
DstIpAddr: in an error
DstMacAddr: in an error
DstPackets: in an error
DstPortNumber: in an error
DvcAction: in an error
EventResult: "Success", want "NA"
NetworkBytes: in an error
NetworkDirection: in an error
NetworkPackets: in an error
NetworkProtocol: in an error
NetworkProtocolVersion: in an error
NetworkSessionId: in an error
SrcBytes: in an error
SrcIpAddr: in an error
SrcPackets: in an error
SrcPortNumber: in an error`},

	// ocsf: the schema
	{"nsg.ocsf", `{"connection_info":{"direction_id":null,"direction":null},"observation_point_id":null,"dst_endpoint":{"mac":null}}`,
		"at '/connection_info': missing property 'direction_id'"},
	{"nsg.ocsf", `{"dst_endpoint":{"mac":"000D3AF1C27E"}}`, `at '/dst_endpoint/mac': '000D3AF1C27E' does not match pattern '^([0-9A-Fa-f]{2}[:-]){5}([0-9A-Fa-f]{2})$'`},
	{"nsg.ocsf", `{"date":1741078809}`, "at '': additional properties 'date' not allowed"},
	{"nsg.ocsf", `{"src_endpoint":{"port":"51844"}}`, "at '/src_endpoint/port': got string, want integer"},
	{"nsg.ocsf", `{"time":"2025-03-04T09:00:09Z","end_time":null}`, "at '/time': got string, want integer\nend_time: nothing, want \"2025-03-04T09:00:09Z\""},
	{"nsg.ocsf", `{"time":1741078809000.5,"end_time":null}`, "at '/time': got number, want integer\nend_time: nothing, want 1741078809000.5"},
	{"nsg.ocsf", `{"cloud":{"account":{"uid":null}}}`, "at '/cloud/account': 'anyOf' failed\nat '/cloud/account': missing property 'name'\nat '/cloud/account': missing property 'uid'"},
	{"nsg.ocsf", `{"class_uid":4002}`, "class_uid: 4002, want 0 or 4001"},
	{"error.ocsf", `{"traffic":{"bytes":1}}`, "at '': additional properties 'traffic' not allowed"},
	// ocsf: what that cannot say
	{"nsg.ocsf", `{"type_uid":400106,"type_name":"Network Activity: Traffic"}`, "type_uid: 400106, want 400102"},
	{"nsg.ocsf", `{"activity_name":"Reset"}`, `activity_name: "Reset", want "Close"`},
	{"nsg.ocsf", `{"activity_name":null}`, `activity_name: "", want "Close"`},
	{"nsg.ocsf", `{"connection_info":{"direction":"ingress"}}`, `connection_info.direction: "ingress", want "Inbound"`},
	{"vnet.ocsf", `{"disposition":"Dropped"}`, `disposition: "Dropped", want "Blocked"`},
	{"nsg.ocsf", `{"cloud":{"account":{"type":"Azure"}}}`, `cloud.account.type: "Azure", want "Azure Subscription"`},
	{"nsg.ocsf", `{"traffic":{"bytes":2236}}`, "traffic.bytes: 2236, want 21644"},
	{"nsg.ocsf", `{"traffic":{"packets_in":null}}`, "traffic.packets: 31, want nothing"},
	{"nsg.ocsf", `{"observables":[]}`, "observables: 0, want 2"},
	{"nsg.ocsf", `{"src_endpoint":{"ip":"203.0.113.25"}}`, `observables[0].value: "203.0.113.24", want "203.0.113.25"`},
	{"nsg.ocsf", `{"src_endpoint":{"mac":"00-0D-3A-F1-C2-7E"}}`, `src_endpoint.mac: "00-0D-3A-F1-C2-7E", want nothing`},
	{"nsg.ocsf", `{"observation_point_id":1}`, "observation_point_id: 1, want 2"},
	{"vnet.ocsf", `{"activity_id":6,"activity_name":"Traffic","type_uid":400106,"type_name":"Network Activity: Traffic"}`, "activity_id: 6, with action_id 2"},
	{"vnet.ocsf", `{"status_id":1,"status":"Success"}`, "status_id, action_id, disposition_id: [1 2 2]"},
	{"aggregate.ocsf", `{"duration":10}`, "duration: 10, want 10231"},
	{"aggregate.ocsf", `{"count":null}`, "count: 0, of 3 with a state\nunmapped.aggregate.begin: 1 of 0 tuples\nunmapped.aggregate.continue: 1 of 0 tuples\nunmapped.aggregate.destination_ports: 1 of 0 tuples\nunmapped.aggregate.end: 1 of 0 tuples\nunmapped.aggregate.source_ports: 2 of 0 tuples"},
	{"aggregate.ocsf", `{"count":2}`, "count: 2, of 3 with a state"},
	{"aggregate.ocsf", `{"unmapped":{"aggregate":{"denied":1}}}`, "count: 3, of 4 with a state"},
	{"aggregate.ocsf", `{"unmapped":{"aggregate":{"end":-1}}}`, "unmapped.aggregate.end: -1\nunmapped.aggregate.end: -1 of 3 tuples"},
	{"aggregate.ocsf", `{"unmapped":{"aggregate":{"begin":null}}}`, "unmapped.aggregate.begin: missing"},
	{"aggregate.ocsf", `{"unmapped":{"aggregate":{"key":null}}}`, "unmapped.aggregate.begin: 1, want nothing\nunmapped.aggregate.continue: 1, want nothing\nunmapped.aggregate.denied: 0, want nothing\nunmapped.aggregate.destination_ports: 1, want nothing\nunmapped.aggregate.end: 1, want nothing\nunmapped.aggregate.source_ports: 2, want nothing"},
	{"nsg.ocsf", `{"time":1741078809,"end_time":1741078809}`, "time: 1741078809 is in seconds"},
	{"nsg.ocsf", `{"metadata":{"logged_time":1741078841}}`, "metadata.logged_time: 1741078841 is in seconds"},
	{"nsg.ocsf", `{"connection_info":{"protocol_name":"udp"}}`, `connection_info.protocol_name: "udp", want "tcp"`},
	{"nsg.ocsf", `{"connection_info":{"protocol_name":null}}`, `connection_info.protocol_name: "", want "tcp"`},
	{"nsg.ocsf", `{"connection_info":{"protocol_num":null}}`, "connection_info.protocol_name: \"tcp\", want \"\"\nconnection_info.protocol_num: missing"},
	{"nsg.ocsf", `{"connection_info":{"protocol_num":null,"protocol_name":null}}`, "connection_info.protocol_num: missing"},
	{"nsg.ocsf", `{"unmapped":{"colour":"red"}}`, "unmapped.colour: not one of ours"},
	{"nsg.ocsf", `{"unmapped":{"system_id":7}}`, "unmapped.system_id: 7"},
	{"nsg.ocsf", `{"unmapped":{"encryption":{"colour":"red"}}}`, "unmapped.encryption.colour: not one of ours"},
	{"nsg.ocsf", `{"unmapped":{"flow_state":"begin"}}`, `unmapped.flow_state: "begin", with activity_id 2`},
	{"nsg.ocsf", `{"unmapped":{"flow_state":null}}`, `unmapped.flow_state: "", with activity_id 2`},
	{"vnet.ocsf", `{"unmapped":{"flow_state":"denied"}}`, `unmapped.flow_state: "denied"`},
	{"nsg.ocsf", `{"metadata":{"profiles":null}}`, "metadata.profiles: nothing"},
	{"nsg.ocsf", `{"metadata":{"profiles":["cloud"]}}`, "metadata.profiles: [cloud]"},
	{"nsg.ocsf", `{"traffic":{"bytes_in":-1,"bytes":2235}}`, "traffic.bytes_in: -1"},
	{"nsg.ocsf", `{"policy":{"name":""}}`, "policy.name: empty"},
	{"nsg.ocsf", `{"start_time":1741078809000}`, "start_time: 1741078809000, want nothing"},
	{"nsg.ocsf", `{"metadata":{"version":"1.7.0"}}`, `metadata.version: "1.7.0", want "1.8.0"`},
	{"nsg.ocsf", `{"metadata":{"uid":null}}`, "metadata.uid: missing"},
	{"error.ocsf", `{"raw_data":null}`, "raw_data: missing"},
	{"error.ocsf", `{"type_uid":0,"type_name":"Base Event: Unknown"}`, "type_uid: 0, want 99"},

	// otel: the registry
	{"nsg.otel", `{"network.protocl":"tcp"}`, "network.protocl: not in the registry"},
	{"nsg.otel", `{"event.name":"azure.flow"}`, "event.name: deprecated"},
	{"nsg.otel", `{"source.port":"51844"}`, "body: source: \"203.0.113.24:51844\", want \"203.0.113.24\"\nsource.port: a text, want int"},
	{"nsg.otel", `{"azure.flow.source.bytes":2236.0,"azure.flow.bytes":null}`, "azure.flow.source.bytes: the number 2236.0, want int"},
	{"nsg.otel", `{"cloud.account.id":7}`, "cloud.account.id: the number 7, want string"},
	{"nsg.otel", `{"cloud":{"region":"westeurope"}}`, "cloud: not in the registry"},
	{"nsg.otel", `{"azure.flow.state":""}`, "azure.flow.state: empty"},
	{"nsg.otel", `{"body":null}`, "body: \"\", want action, protocol, source > destination\nbody: missing"},
	{"nsg.otel", `{"body":{"text":"x"}}`, "body: \"\", want action, protocol, source > destination\nbody: an object, want string\nbody: missing"},
	{"nsg.otel", `{"azure.flow.colour":"red"}`, "azure.flow.colour: not one of ours"},
	{"nsg.otel", `{"azure.flow.source.colour":"red"}`, "azure.flow.source.colour: not one of ours"},
	{"nsg.otel", `{"azure.flow.start":"1741078809"}`, `azure.flow.start: "1741078809"`},
	{"nsg.otel", `{"azure.flow.log.time":"04/03/2025"}`, `azure.flow.log.time: "04/03/2025" is no time`},
	{"nsg.otel", `{"azure.flow.direction":"ingress"}`, `azure.flow.direction: "ingress"`},
	{"nsg.otel", `{"azure.flow.state":"E"}`, `azure.flow.state: "E"`},
	{"nsg.otel", `{"azure.flow.action":"drop"}`, "azure.flow.action: \"drop\"\nbody: action: \"Allow\", want \"\""},
	{"nsg.otel", `{"azure.flow.community_id":"1:"}`, `azure.flow.community_id: "1:"`},
	{"nsg.otel", `{"source.port":65536,"body":"Allow tcp 203.0.113.24:65536 > 10.20.0.4:443"}`, "source.port: 65536"},
	{"nsg.otel", `{"azure.flow.source.bytes":-1,"azure.flow.bytes":19407}`, "azure.flow.source.bytes: -1"},
	// otel: among the fields
	{"nsg.otel", `{"azure.flow.protocol_number":17}`, `network.transport: "tcp", want "udp"`},
	{"nsg.otel", `{"azure.flow.protocol_number":null}`, `network.transport: "tcp", want ""`},
	{"nsg.otel", `{"azure.flow.protocol_number":null,"network.transport":null}`, `body: protocol: "tcp", want "unknown"`},
	{"nsg.otel", `{"azure.flow.aggregate.tuples":1}`, "azure.flow.aggregate.tuples: 1, want nothing"},
	{"nsg.otel", `{"azure.flow.aggregate.begin":1}`, "azure.flow.aggregate.begin: 1, want nothing"},
	{"aggregate.otel", `{"azure.flow.aggregate.tuples":null}`, "azure.flow.aggregate.begin: 1 of 0 tuples\nazure.flow.aggregate.continue: 1 of 0 tuples\nazure.flow.aggregate.destination_ports: 1 of 0 tuples\nazure.flow.aggregate.end: 1 of 0 tuples\nazure.flow.aggregate.source_ports: 2 of 0 tuples\nazure.flow.aggregate.tuples: 0, of 3 with a state"},
	{"aggregate.otel", `{"azure.flow.aggregate.denied":1}`, "azure.flow.aggregate.tuples: 3, of 4 with a state"},
	{"aggregate.otel", `{"azure.flow.aggregate.source_ports":4}`, "azure.flow.aggregate.source_ports: 4 of 3 tuples"},
	{"aggregate.otel", `{"azure.flow.start":null}`, `azure.flow.start, azure.flow.end: "", "2025-03-04T09:00:12.345Z" in an aggregate`},
	{"aggregate.otel", `{"azure.flow.end":"2025-03-04T09:00:01.000Z"}`, `azure.flow.end: "2025-03-04T09:00:01.000Z", before the start`},
	{"error.otel", `{"azure.flow.direction":"inbound"}`, "azure.flow.direction: in an error"},
	{"error.otel", `{"network.transport":"tcp"}`, "network.transport: in an error"},
	{"error.otel", `{"source.port":443}`, "source.port: in an error"},
	{"nsg.otel", `{"body":"Deny tcp 203.0.113.24:51844 > 10.20.0.4:443"}`, `body: action: "Deny", want "Allow"`},
	{"nsg.otel", `{"body":"Allow 6 203.0.113.24:51844 > 10.20.0.4:443"}`, `body: protocol: "6", want "tcp"`},
	{"nsg.otel", `{"body":"Allow tcp 203.0.113.24 > 10.20.0.4:443"}`, `body: source: "203.0.113.24", want "203.0.113.24:51844"`},
	{"nsg.otel", `{"azure.flow.bytes":1}`, "azure.flow.bytes: 1, want 21644"},
	{"nsg.otel", `{"network.type":"ipv6"}`, `network.type: "ipv6", want "ipv4"`},
	{"nsg.otel", `{"SeverityNumber":9}`, "SeverityNumber: 9, want nothing"},
	{"nsg.otel", `{"log.record.uid":null}`, "log.record.uid: missing"},
}

func TestBrokenEvents(t *testing.T) {
	lines := examples(t)
	for _, b := range broken {
		event := merged(parse(t, lines[b.example]), parse(t, b.patch))
		err := schemas.Of(schemaOf(b.example))(event)
		if err == nil {
			t.Errorf("%s with %s: passes", b.example, b.patch)
		} else if err.Error() != b.complaint {
			t.Errorf("%s with %s:\n%v\nwant\n%s", b.example, b.patch, err, b.complaint)
		}
	}
}
