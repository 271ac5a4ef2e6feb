package nsgflow_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// brief is what matters of a record that came out of hostile input: its kind,
// its time, and what it says.
func brief(t testing.TB, o out) string {
	t.Helper()
	var body struct {
		Message *string
		Event   struct{ Kind string }
		Error   struct{ Message string }

		EventProduct, EventMessage string // asim

		Class  *int   `json:"class_uid"` // ocsf
		Detail string `json:"status_detail"`

		Name string `json:"otel.event.name"` // otel
		Text string `json:"body"`
	}
	if err := json.Unmarshal([]byte(o.Body), &body); err != nil {
		return "foreign " + o.Body
	}
	switch {
	case body.EventProduct == "NSGFlow" && body.EventMessage == "" || body.Class != nil && *body.Class == 4001 || body.Name == "azure.flow":
		return "event " + o.Time
	case body.EventProduct == "NSGFlow":
		return "error " + o.Time + " " + body.EventMessage
	case body.Class != nil && body.Detail != "":
		return "error " + o.Time + " " + body.Detail
	case body.Name == "azure.flow.error":
		return "error " + o.Time + " " + body.Text
	case body.Event.Kind == "event":
		return "event " + o.Time
	case body.Event.Kind == "pipeline_error" && body.Message != nil:
		return "rest " + body.Error.Message + ": " + *body.Message
	case body.Event.Kind == "pipeline_error":
		return "error " + o.Time + " " + body.Error.Message
	}
	return "foreign " + o.Body
}

const (
	goodTuple = "1607984156,192.0.2.4,198.51.100.7,36422,443,T,O,A,E,1,74,1,74"
	goodEvent = "event 1607984156.000000000"
	atRecord  = "error 1607984159.250000000 " // the time of records of nsg and vnet
	atTuple   = "error 1607984156.000000000 "
	atSource  = "error " + arrivalText + " "
	inTuple   = "properties.flows[0].flows[0].flowTuples[0]: "
	inVNet    = "flowRecords.flows[0].flowGroups[0].flowTuples[0]: "
)

// nsg is an NSG record whose tuples are the JSON given.
func nsg(tuples string) string {
	return `{"time":"2020-12-14T22:15:59.25Z","properties":{"flows":[{"rule":"r","flows":[{"mac":"m","flowTuples":[` + tuples + `]}]}]}}`
}

func vnet(tuples string) string {
	return `{"time":"2020-12-14T22:15:59.25Z","flowRecords":{"flows":[{"aclID":"a","flowGroups":[{"rule":"r","flowTuples":[` + tuples + `]}]}]}}`
}

// hostile is the table of bad input, and exactly what comes of it.
var hostile = []struct {
	name  string
	input string
	want  []string // brief; nil: the record is foreign
	text  bool     // it has no structured form, or one that is something else
}{
	// Columns.
	{"no column", nsg(`""`), []string{atRecord + inTuple + `1 columns, at least 8 expected: ""`}, false},
	{"one column", nsg(`"1607984156"`), []string{atTuple + inTuple + `1 columns, at least 8 expected: "1607984156"`}, false},
	{"seven columns", nsg(`"1607984156,192.0.2.4,198.51.100.7,1,2,T,O"`), []string{atTuple + inTuple + `7 columns, at least 8 expected: "1607984156,192.0.2.4,198.51.100.7,1,2,T,O"`}, false},
	{"nine columns", nsg(`"1607984156,192.0.2.4,198.51.100.7,1,2,T,O,A,C"`), []string{goodEvent}, false},
	{"twelve columns", nsg(`"1607984156,192.0.2.4,198.51.100.7,1,2,T,O,A,C,1,2,3"`), []string{goodEvent}, false},
	{"fourteen columns", nsg(`"` + goodTuple + `,x"`), []string{goodEvent}, false},
	{"500 columns", nsg(`"` + goodTuple + strings.Repeat(",", 487) + `"`), []string{goodEvent}, false},
	{"VNet, eight columns", vnet(`"1607984156,192.0.2.4,198.51.100.7,1,2,6,O,B"`), []string{atTuple + inVNet + `8 columns, at least 9 expected: "1607984156,192.0.2.4,198.51.100.7,1,2,6,O,B"`}, false},
	{"VNet, nine columns", vnet(`"1607984156,192.0.2.4,198.51.100.7,1,2,6,O,B,NX"`), []string{goodEvent}, false},
	// Times.
	{"no time", nsg(`",192.0.2.4,198.51.100.7,1,2,T,O,A"`), []string{atRecord + inTuple + `column 0 (time): ""`}, false},
	{"negative time", nsg(`"-1,192.0.2.4,198.51.100.7,1,2,T,O,A"`), []string{atRecord + inTuple + `column 0 (time): "-1"`}, false},
	{"time with a fraction", nsg(`"1607984156.5,192.0.2.4,198.51.100.7,1,2,T,O,A"`), []string{atRecord + inTuple + `column 0 (time): "1607984156.5"`}, false},
	{"year 99999", nsg(`"3093527980800,192.0.2.4,198.51.100.7,1,2,T,O,A"`), []string{atRecord + inTuple + `column 0 (time): "3093527980800"`}, false},
	{"time of 30 digits", nsg(`"100000000000000000000000000000,192.0.2.4,198.51.100.7,1,2,T,O,A"`), []string{atRecord + inTuple + `column 0 (time): "100000000000000000000000000000"`}, false},
	{"first second", nsg(`"0,192.0.2.4,198.51.100.7,1,2,T,O,A"`), []string{"event 0.000000000"}, false},
	{"last second", nsg(`"2147483647,192.0.2.4,198.51.100.7,1,2,T,O,A"`), []string{"event 2147483647.000000000"}, false},
	{"a second too late", nsg(`"2147483648,192.0.2.4,198.51.100.7,1,2,T,O,A"`), []string{atRecord + inTuple + `column 0 (time): "2147483648"`}, false},
	{"last millisecond", nsg(`"2147483647999,192.0.2.4,198.51.100.7,1,2,T,O,A"`), []string{"event 2147483647.999000000"}, false},
	{"a millisecond too late", nsg(`"2147483648000,192.0.2.4,198.51.100.7,1,2,T,O,A"`), []string{atRecord + inTuple + `column 0 (time): "2147483648000"`}, false},
	{"first number of milliseconds", nsg(`"100000000000,192.0.2.4,198.51.100.7,1,2,T,O,A"`), []string{"event 100000000.000000000"}, false},
	{"last number of seconds", nsg(`"99999999999,192.0.2.4,198.51.100.7,1,2,T,O,A"`), []string{atRecord + inTuple + `column 0 (time): "99999999999"`}, false},
	{"no time anywhere", `{"flow.0":"x"}`, []string{atSource + `flow.0: 1 columns, at least 8 expected: "x"`}, false},
	{"the record's year is 99999", `{"time":"99999-01-01T00:00:00Z","flow.0":"x"}`, []string{atSource + `flow.0: 1 columns, at least 8 expected: "x"`}, false},
	{"the record's year is 2039", `{"time":"2039-01-01T00:00:00Z","flow.0":"x"}`, []string{atSource + `flow.0: 1 columns, at least 8 expected: "x"`}, false},
	{"the record's year is 1969", `{"time":"1969-12-31T23:59:59Z","flow.0":"x"}`, []string{atSource + `flow.0: 1 columns, at least 8 expected: "x"`}, false},
	// Addresses, ports, counters.
	{"a zone", nsg(`"1607984156,fe80::1%eth0,198.51.100.7,1,2,T,O,A"`), []string{atTuple + inTuple + `column 1 (source ip): "fe80::1%eth0"`}, false},
	{"a network", nsg(`"1607984156,192.0.2.4,198.51.100.0/24,1,2,T,O,A"`), []string{atTuple + inTuple + `column 2 (destination ip): "198.51.100.0/24"`}, false},
	{"an octet too large", nsg(`"1607984156,192.0.2.256,198.51.100.7,1,2,T,O,A"`), []string{atTuple + inTuple + `column 1 (source ip): "192.0.2.256"`}, false},
	{"an octet with a zero before it", nsg(`"1607984156,192.0.2.04,198.51.100.7,1,2,T,O,A"`), []string{atTuple + inTuple + `column 1 (source ip): "192.0.2.04"`}, false},
	{"three octets", nsg(`"1607984156,192.0.2,198.51.100.7,1,2,T,O,A"`), []string{atTuple + inTuple + `column 1 (source ip): "192.0.2"`}, false},
	{"five octets", nsg(`"1607984156,192.0.2.4.5,198.51.100.7,1,2,T,O,A"`), []string{atTuple + inTuple + `column 1 (source ip): "192.0.2.4.5"`}, false},
	{"no address", nsg(`"1607984156,192.0.2.4,,1,2,T,O,A"`), []string{atTuple + inTuple + `column 2 (destination ip): ""`}, false},
	{"IPv4 in IPv6", nsg(`"1607984156,::ffff:192.0.2.4,2001:DB8::1,1,2,T,O,A"`), []string{goodEvent}, false},
	{"port 70000", nsg(`"1607984156,192.0.2.4,198.51.100.7,70000,2,T,O,A"`), []string{atTuple + inTuple + `column 3 (source port): "70000"`}, false},
	{"port 65536", nsg(`"1607984156,192.0.2.4,198.51.100.7,1,65536,T,O,A"`), []string{atTuple + inTuple + `column 4 (destination port): "65536"`}, false},
	{"port with a sign", nsg(`"1607984156,192.0.2.4,198.51.100.7,+1,2,T,O,A"`), []string{atTuple + inTuple + `column 3 (source port): "+1"`}, false},
	{"no port", nsg(`"1607984156,192.0.2.4,198.51.100.7,1,,T,O,A"`), []string{atTuple + inTuple + `column 4 (destination port): ""`}, false},
	{"white space", nsg(`"1607984156,192.0.2.4, 198.51.100.7,1,2,T,O,A"`), []string{atTuple + inTuple + `column 2 (destination ip): " 198.51.100.7"`}, false},
	{"negative counter", nsg(`"1607984156,192.0.2.4,198.51.100.7,1,2,T,O,A,E,-1,2,3,4"`), []string{atTuple + inTuple + `column 9 (packets source to destination): "-1"`}, false},
	{"counter in words", nsg(`"1607984156,192.0.2.4,198.51.100.7,1,2,T,O,A,E,1,2,3,x"`), []string{atTuple + inTuple + `column 12 (bytes destination to source): "x"`}, false},
	{"counter of 30 digits", nsg(`"1607984156,192.0.2.4,198.51.100.7,1,2,T,O,A,E,1,100000000000000000000000000000,3,4"`), []string{atTuple + inTuple + `column 10 (bytes source to destination): "100000000000000000000000000000"`}, false},
	{"NUL", nsg(`"1607984156,192.0.2.4,198.51.100.7,1,2\u0000,T,O,A"`), []string{atTuple + inTuple + `column 4 (destination port): "2\x00"`}, false},
	{"a forged log line", nsg(`"1607984156,192.0.2.4\n[error] no,198.51.100.7,1,2,T,O,A"`), []string{atTuple + inTuple + `column 1 (source ip): "192.0.2.4\n[error] no"`}, false},
	{"a long value", nsg(`"1607984156,` + strings.Repeat("x", 1000) + `,198.51.100.7,1,2,T,O,A"`), []string{atTuple + inTuple + `column 1 (source ip): "` + strings.Repeat("x", 128) + `"...`}, false},
	{"unknown letters", nsg(`"1607984156,192.0.2.4,198.51.100.7,1,2,X,,Allowed,\u0000,,,,"`), []string{goodEvent}, false},
	{"unknown numbers", vnet(`"1607984156,192.0.2.4,198.51.100.7,1,2,256,O,7,NX_NEW,,,,"`), []string{goodEvent}, false},
	// Types.
	{"tuples of every type", nsg(`null,true,1.5,["a"],{"a":"b"},"` + goodTuple + `"`), []string{
		atRecord + inTuple + `not a string: "null"`,
		atRecord + `properties.flows[0].flows[0].flowTuples[1]: not a string: "true"`,
		atRecord + `properties.flows[0].flows[0].flowTuples[2]: not a string: "1.5"`,
		atRecord + `properties.flows[0].flows[0].flowTuples[3]: not a string: "[\"a\"]"`,
		atRecord + `properties.flows[0].flows[0].flowTuples[4]: not a string: "{\"a\":\"b\"}"`,
		goodEvent,
	}, false},
	{"flowTuples is a string", `{"properties":{"flows":[{"flows":[{"flowTuples":"` + goodTuple + `"}]}]}}`, []string{atSource + `properties.flows[0].flows[0].flowTuples: not an array: ` + fmt.Sprintf("%q", `"`+goodTuple+`"`)}, false},
	{"flowTuples is null", `{"properties":{"flows":[{"flows":[{"flowTuples":null}]}]}}`, []string{atSource + `properties.flows[0].flows[0].flowTuples: not an array: "null"`}, false},
	{"an inner flow is a number", `{"properties":{"flows":[{"flows":[7,{"flowTuples":["` + goodTuple + `"]}]}]}}`, []string{atSource + `properties.flows[0].flows[0]: not an object: "7"`, goodEvent}, false},
	{"inner flows is an object", `{"properties":{"flows":[{"flows":{}},{"flows":[{"flowTuples":["` + goodTuple + `"]}]}]}}`, []string{atSource + `properties.flows[0].flows: not an array: "{}"`, goodEvent}, false},
	{"an outer flow is a string", `{"category":"NetworkSecurityGroupFlowEvent","properties":{"flows":["x"]}}`, []string{atSource + `properties.flows[0]: not an object: "\"x\""`}, false},
	{"VNet, a group is a boolean", `{"flowRecords":{"flows":[{"flowGroups":[false]}]},"operationName":"FlowLogFlowEvent"}`, []string{atSource + `flowRecords.flows[0].flowGroups[0]: not an object: "false"`}, false},
	{"VNet, groups are null", `{"flowLogResourceID":"/s/providers/Microsoft.Network/networkWatchers/w/FLOWLOGS/l","flowRecords":{"flows":[{"flowGroups":null}]}}`, []string{atSource + `flowRecords.flows[0].flowGroups: not an array: "null"`}, false},
	{"flow.N is a number", `{"flow.0":5,"flow.1":"` + goodTuple + `"}`, []string{atSource + `flow.0: not a string: "5"`, goodEvent}, false},
	{"flow.N is an object", `{"flow.0":{}}`, []string{atSource + `flow.0: not a string: "{}"`}, false},
	{"an override that does not parse", `{"flow.0":"` + goodTuple + `","source_port":"x"}`, []string{atTuple + `source_port: column 3 (source port): "x"`}, false},
	{"an override with a comma", `{"flow.0":"` + goodTuple + `","source_addr":"192.0.2.4,198.51.100.7"}`, []string{atTuple + `source_addr: column 1 (source ip): "192.0.2.4,198.51.100.7"`}, false},
	{"an override is an array", `{"flow.0":"` + goodTuple + `","destination_addr":[1]}`, []string{atTuple + `destination_addr: column 2 (destination ip): "[1]"`}, false},
	{"an override is null", `{"flow.0":"` + goodTuple + `","destination_addr":null}`, []string{goodEvent}, false},
	{"S5 without its columns", `{"nsgRuleName":"r","sourceAddress":"192.0.2.4"}`, []string{atSource + `column 0 (time): ""`}, false},
	{"S5, null for everything", `{"nsgRuleName":null,"sourceAddress":null}`, []string{atSource + `column 0 (time): ""`}, false},
	{"S5, an address with a comma", `{"nsgRuleName":"r","startTime":1607984156,"sourceAddress":"192.0.2.4,198.51.100.7","sourcePort":1,"destinationPort":2}`, []string{atTuple + `column 1 (source ip): "192.0.2.4,198.51.100.7"`}, false},
	{"S5, a port is an object", `{"records":[{"nsgRuleName":"r","startTime":1607984156,"sourceAddress":"192.0.2.4","destinationAddress":"198.51.100.7","sourcePort":{},"destinationPort":2}]}`, []string{atTuple + `records[0]: column 3 (source port): "{}"`}, false},
	{"properties is an array", `{"properties":[{"flows":[]}]}`, nil, false},
	{"properties.flows is an object", `{"properties":{"flows":{"flowTuples":["` + goodTuple + `"]}}}`, nil, false},
	{"flowRecords is an array", `{"flowRecords":[{"flows":[]}]}`, nil, false},
	{"records is an object", `{"records":{"flow.0":"` + goodTuple + `"}}`, nil, false},
	{"an array of records", `[{"flow.0":"` + goodTuple + `"},{"flow.0":""}]`, []string{goodEvent, atSource + `[1].flow.0: 1 columns, at least 8 expected: ""`}, true},
	{"an array of arrays", `[[{"flow.0":""},7],[{"a":1},{"records":[[{"flow.0":""}]]}]]`, []string{
		atSource + `[0][0].flow.0: 1 columns, at least 8 expected: ""`, `foreign {"message":"7"}`,
		`foreign {"message":"{\"a\":1}"}`, atSource + `[1][1].records[0][0].flow.0: 1 columns, at least 8 expected: ""`}, true},
	{"an array behind a record", `{"flow.0":"` + goodTuple + `"}[{"flow.0":""}`, []string{goodEvent, atSource + `[1][0].flow.0: 1 columns, at least 8 expected: ""`}, true},
	{"an array that is cut", `[{"flow.0":"` + goodTuple + `"},{"flow.0":"1607`, []string{goodEvent, `rest byte 91: unexpected end: {"flow.0":"1607`}, true},
	{"an array of something else", `[{"flow":1},"flow.0",["flow.0"]]`, nil, true},
	{"an array of something else beside flow logs", `{"records":[["flow.0"],{"flow.0":"` + goodTuple + `"}]}`, []string{`foreign {"message":"[\"flow.0\"]"}`, goodEvent}, true},
	{"arrays of 100 levels", strings.Repeat("[", 100) + `{"flow.0":"` + goodTuple + `"}` + strings.Repeat("]", 100), nil, true},
	// Unrolled: the one tuple under flowTuple.
	{"a tuple and its rule", `{"rule":"r","flowTuple":"` + goodTuple + `"}`, []string{goodEvent}, false},
	{"a tuple and its operation", `{"flowTuple":"` + goodTuple + `","category":"NetworkSecurityGroupFlowEvent"}`, []string{goodEvent}, false},
	{"a flowTuple without more", `{"flowTuple":"` + goodTuple + `","a":1}`, nil, false},
	{"a flowTuple of another kind", `{"macAddress":"m","flowTuple":["` + goodTuple + `"]}`, []string{atSource + `flowTuple: not a string: "[\"` + goodTuple + `\"]"`}, false},
	{"a flowTuple that does not parse", `{"records":[{"targetResourceID":"t","flowTuple":"1607984156,1,2"}]}`, []string{atTuple + `records[0].flowTuple: 3 columns, at least 9 expected: "1607984156,1,2"`}, false},
	{"a flowTuple and flow.N", `{"flowTuple":"x","flow.1":"` + goodTuple + `"}`, []string{goodEvent, atSource + `flowTuple: 1 columns, at least 8 expected: "x"`}, false},
	{"an override of a flowTuple", `{"rule":"r","flowTuple":"` + goodTuple + `","source_port":"x"}`, []string{atTuple + `source_port: column 3 (source port): "x"`}, false},
	{"a flowTuple that is cut", `{"rule":"r","flowTuple":"1607`, []string{`rest byte 29: unexpected end: {"rule":"r","flowTuple":"1607`}, true},
	// Numbers that were kept as floating-point ones.
	{"a time as Java writes it", `{"flow.0":"1.607984156E9,192.0.2.4,198.51.100.7,1,2,T,O,A"}`, []string{goodEvent}, false},
	{"milliseconds as Java writes them", `{"flow.0":"1.607984156E12,192.0.2.4,198.51.100.7,1,2,T,O,A"}`, []string{goodEvent}, false},
	{"a time with a fraction of zero", `{"flow.0":"1607984156.0,192.0.2.4,198.51.100.7,1,2,T,O,A"}`, []string{goodEvent}, false},
	{"S5, numbers as Java writes them", `{"nsgRuleName":"r","startTime":1.607984156E9,"sourceAddress":"192.0.2.4","destinationAddress":"198.51.100.7","sourcePort":5.1844E4,"destinationPort":443.0,"transportProtocol":"6.0","packetsStoD":"1.2E1","bytesStoD":1e0}`, []string{goodEvent}, true},
	{"S5, a port with a fraction", `{"nsgRuleName":"r","startTime":1607984156,"sourceAddress":"192.0.2.4","destinationAddress":"198.51.100.7","sourcePort":5.18445E3,"destinationPort":2}`, []string{atTuple + `column 3 (source port): "5.18445E3"`}, true},
	{"no exponent", `{"flow.0":"1.607984156E,192.0.2.4,198.51.100.7,1,2,T,O,A"}`, []string{atSource + `flow.0: column 0 (time): "1.607984156E"`}, false},
	{"a small fraction", `{"flow.0":"1.6079841561E9,192.0.2.4,198.51.100.7,1,2,T,O,A"}`, []string{atSource + `flow.0: column 0 (time): "1.6079841561E9"`}, false},
	{"an exponent too large", `{"flow.0":"1E18,192.0.2.4,198.51.100.7,1,2,T,O,A"}`, []string{atSource + `flow.0: column 0 (time): "1E18"`}, false},
	{"a point only", `{"flow.0":"1607984156.,192.0.2.4,198.51.100.7,1,2,T,O,A"}`, []string{atSource + `flow.0: column 0 (time): "1607984156."`}, false},
	{"a negative exponent", `{"flow.0":"16079841560E-1,192.0.2.4,198.51.100.7,1,2,T,O,A"}`, []string{atSource + `flow.0: column 0 (time): "16079841560E-1"`}, false},
	{"texts where records should be", `{"records":["{\"flow.0\":\"` + goodTuple + `\"}",["flow.0"]]}`, nil, false},
	// Others have flows of their own.
	{"steps of a checkout", `{"level":"error","msg":"payment failed","properties":{"flows":[{"name":"checkout","steps":[1,2]}]}}`, nil, false},
	{"flows of no kind", `{"properties":{"flows":[]}}`, nil, false},
	{"VNet, flows of no kind", `{"flowRecords":{"flows":[1,[],{"flowGroups":[{"rule":"r"}]}]}}`, nil, false},
	{"flowTuples in another place", `{"properties":{"flows":[{"flowTuples":["` + goodTuple + `"]}]}}`, nil, false},
	{"flowGroups of an NSG", `{"properties":{"flows":[{"flowGroups":[{"flowTuples":["` + goodTuple + `"]}]}]}}`, nil, false},
	{"another operation", `{"operationName":"NetworkSecurityGroupCounters","category":"FlowLog","resourceId":"/s/flowLog","properties":{"flows":[["x"]]}}`, nil, false},
	{"an operation, and another one", `{"operationName":"FlowLogFlowEvent","operationName":7,"properties":{"flows":[["x"]]}}`, nil, false},
	{"flows of no kind in a blob", `{"records":[{"properties":{"flows":[{"name":"checkout"}]}},{"flow.0":"` + goodTuple + `"}]}`,
		[]string{`foreign {"message":"{\"properties\":{\"flows\":[{\"name\":\"checkout\"}]}}"}`, goodEvent}, true},
	{"flows of no kind beside a flow", `{"properties":{"flows":[7,{"name":"checkout"}]},"flow.0":"` + goodTuple + `"}`, []string{goodEvent}, false},
	{"flows of no kind beside flows", `{"properties":{"flows":[7]},"flowRecords":{"flows":[8,{"flowGroups":[{"flowTuples":[]}]}]}}`, []string{atSource + `flowRecords.flows[0]: not an object: "8"`}, false},
	{"flows of no kind before flows", `{"flowRecords":{"flows":[8]},"properties":{"flows":[7,{"flows":[{"flowTuples":["` + goodTuple + `"]}]},9]}}`,
		[]string{atSource + `properties.flows[0]: not an object: "7"`, goodEvent, atSource + `properties.flows[2]: not an object: "9"`}, false},
	{"one half of S5", `{"nsgRuleName":"r","sourceAddres":"192.0.2.4"}`, nil, false},
	{"keys that only look like it", `{"flow.":"` + goodTuple + `","flow.00":1,"flow.1000000000":2,"flow.-1":3,"Flow.0":4,"flow.0 ":5}`, nil, false},
	{"every field of the wrong type", `{"time":[],"systemId":{},"macAddress":7,"category":null,"resourceId":true,"operationName":[1],"properties":{"Version":{},"flows":[{"rule":["r"],"flows":[{"mac":{},"flowTuples":["` + goodTuple + `"]}]}]}}`, []string{goodEvent}, false},
	// No flow.
	{"no flows", `{"operationName":"NetworkSecurityGroupFlowEvents","properties":{"flows":[]}}`, []string{}, false},
	{"no flows, of a resource", `{"properties":{"flows":[]},"resourceId":"/s/networkWatchers/w/flowLogs/l"}`, []string{}, false},
	{"no tuples", nsg(""), []string{}, false},
	{"VNet, no groups", `{"category":"FlowLogFlowEvent","flowRecords":{"flows":[{"flowGroups":[]}]}}`, []string{}, false},
	{"a record without flows in a blob", `{"records":[{"category":"FlowLogFlowEvent","properties":{"flows":[]}},{"a":1}]}`, []string{`foreign {"message":"{\"a\":1}"}`}, true},
	{"an empty blob", `{"records":[]}`, nil, false},
	{"a head", `{"records":[`, []string{}, true},
	{"a tail with white space", "]\n}\n", []string{}, true},
	{"a head behind a flow log", `{"flow.0":"` + goodTuple + `"},{"records":[`, []string{goodEvent}, true},
	{"not quite a head", `{"rec ords":[`, nil, true},
	{"not quite a tail", `]}}`, nil, true},
	// Damaged text.
	{"not JSON", `at flow.0 "flow.x" we stopped`, nil, true},
	{"not JSON, but a flow log's key", `at "flow.0": we stopped`, []string{`rest byte 0: a value expected: at "flow.0": we stopped`}, true},
	{"NUL bytes around", "\x00{\"flow.0\":\"" + goodTuple + "\"}\x00", []string{"rest byte 0: a value expected: \x00{\"flow.0\":\"" + goodTuple + "\"}\x00"}, true},
	{"a control character in a string", "{\"flow.0\":\"" + goodTuple + "\",\"a\":\"\n\"}", []string{"rest byte 79: a string that is not valid JSON: {\"flow.0\":\"" + goodTuple + "\",\"a\":\"\n\"}"}, true},
	{"an escape that JSON lacks", `{"flow.0":"\x41"}`, []string{`rest byte 11: a string that is not valid JSON: {"flow.0":"\x41"}`}, true},
	{"a key without a value", `{"flow.0":}`, []string{`rest byte 10: a value expected: {"flow.0":}`}, true},
	{"a comma too many in a record", `{"flow.0":"` + goodTuple + `",}`, []string{`rest byte 74: a value expected: {"flow.0":"` + goodTuple + `",}`}, true},
	{"a comma missing", `{"flow.0":"` + goodTuple + `" "a":1}`, []string{`rest byte 74: a comma or a closing bracket expected: {"flow.0":"` + goodTuple + `" "a":1}`}, true},
	{"a bracket of the other kind", `{"flow.0":"` + goodTuple + `"]`, []string{`rest byte 73: a comma or a closing bracket expected: {"flow.0":"` + goodTuple + `"]`}, true},
	{"a number that JSON lacks", `{"flow.0":"` + goodTuple + `","a":01}`, []string{`rest byte 78: a value expected: {"flow.0":"` + goodTuple + `","a":01}`}, true},
	{"the second of three records", `{"records":[{"flow.0":"` + goodTuple + `"},{"flow.0":x},{"flow.0":"` + goodTuple + `"}]}`, []string{goodEvent, `rest byte 97: a value expected: {"flow.0":x},{"flow.0":"` + goodTuple + `"}]}`}, true},
	{"behind a blob", `{"records":[{"flow.0":"` + goodTuple + `"}]} and more`, []string{goodEvent, `rest byte 89: a value expected: and more`}, true},
	{"a foreign element before the damage", `{"records":[{"a":1},{"flow.0":tru`, []string{`foreign {"message":"{\"a\":1}"}`, `rest byte 30: a value expected: {"flow.0":tru`}, true},
	{"invalid UTF-8 in a key and a value", "{\"rule\":\"\xff\",\"\xfe\":1,\"flow.0\":\"" + goodTuple + "\"}", []string{goodEvent}, true},
	{"invalid UTF-8 in the rest", "{\"flow.0\":\"\xff", []string{"rest byte 12: unexpected end: {\"flow.0\":\"\uFFFD"}, true},
	// Valid JSON that asks for care.
	{"a member behind records", `{"records":[{"flow.0":"` + goodTuple + `"}],"a":1}`, []string{goodEvent}, true},
	{"a foreign list before a list of flow logs", `{"records":[{"a":"b"}],"records":[{"flow.0":"` + goodTuple + `"}]}`, []string{goodEvent}, true},
	{"skipped strings of every kind", `{"a":"b","c":["d",{"e":"\\","f\u0067":""}],"flow.0":"` + goodTuple + `","z":"é\""}`, []string{goodEvent}, false},
	{"commas between records", `,,{"flow.0":"` + goodTuple + `"} , {"flow.0":"` + goodTuple + `"}{"flow.0":"` + goodTuple + `"},`, []string{goodEvent, goodEvent, goodEvent}, true},
	{"a list without its tail", `{"records":[{"flow.0":"` + goodTuple + `"},`, []string{goodEvent}, true},
	{"a list without its head", `{"flow.0":"` + goodTuple + `"}]}`, []string{goodEvent}, true},
}

func TestHostile(t *testing.T) {
	for _, row := range hostile {
		t.Run(row.name, func(t *testing.T) {
			for _, r := range []reading{asText, under("message"), asMap} {
				if r.name == asMap.name && row.text {
					continue
				}
				var got []string
				chunk, changed := r.read(t, newNormalizer(t), row.input)
				if changed {
					got = []string{}
				}
				records, err := unpacked(chunk)
				if err != nil {
					t.Fatalf("%s: %v", r.name, err)
				}
				for _, o := range records {
					got = append(got, brief(t, o))
				}
				if diff := cmp.Diff(row.want, got); diff != "" {
					t.Errorf("%s: %.300s\n%s", r.name, row.input, diff)
				}
			}
		})
	}
}
