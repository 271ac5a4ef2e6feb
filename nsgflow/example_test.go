package nsgflow_test

import (
	"bytes"
	"fmt"
	"time"

	"fluent-bit-nsgflow/nsgflow"
)

func ExampleParseTuple() {
	flow, err := nsgflow.ParseTuple(nsgflow.NSG, "1607984156,10.0.0.4,192.0.2.7,36422,443,T,O,A,E,1,74,1,74")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(time.UnixMilli(flow.Time).UTC().Format(time.RFC3339))
	fmt.Println(flow.Source.Addr, "to", flow.Destination.Addr, "port", flow.Destination.Port, flow.Protocol.Name())
	fmt.Println("allowed:", flow.Decision == nsgflow.Allowed, "bytes:", flow.Source.Bytes+flow.Destination.Bytes)
	// Output:
	// 2020-12-14T22:15:56Z
	// 10.0.0.4 to 192.0.2.7 port 443 tcp
	// allowed: true bytes: 148
}

func ExampleParseTuple_error() {
	_, err := nsgflow.ParseTuple(nsgflow.NSG, "1607984156,10.0.0.4,192.0.2.7,70000,443,T,O,A")
	fmt.Println(err)
	// Output:
	// column 3 (source port): "70000"
}

func ExampleFlows() {
	text := `{"records":[{"resourceId":"/A/NSG","macAddress":"000D3AF1C27E","properties":{"flows":[{"rule":"UserRule_dns","flows":[{"flowTuples":[
		"1607984156,10.0.0.4,192.0.2.53,36422,53,U,O,A,E,1,74,1,90",
		"1607984157,10.0.0.4,192.0.2.53,70000,53,U,O,A"]}]}]}}]}`
	for flow, err := range nsgflow.Flows([]byte(text)) {
		if err != nil {
			fmt.Println("error:", err)
			continue
		}
		fmt.Println(flow.Family, flow.Rule, flow.MAC, flow.Source.Addr, flow.Direction, flow.Decision, flow.State, flow.Protocol)
	}
	// Output:
	// nsg UserRule_dns 000D3AF1C27E 10.0.0.4 outbound allowed end udp
	// error: records[0].properties.flows[0].flows[0].flowTuples[1]: column 3 (source port): "70000"
}

func ExampleNormalizer_AppendText() {
	n, err := nsgflow.New(nsgflow.DefaultOptions(nsgflow.SchemaSekoia))
	if err != nil {
		fmt.Println(err)
		return
	}
	text := `{"operationName":"NetworkSecurityGroupFlowEvents","rule":"UserRule_dns","flow.0":"1607984156,10.0.0.4,192.0.2.53,36422,53,U,O,A"}`
	events, isFlowLog := n.AppendText(nil, []byte(text), nsgflow.Frame{})
	fmt.Println(isFlowLog)
	fmt.Printf("%s", nsgflow.AppendJSONLines(nil, events))
	// Output:
	// true
	// {"message":"{\"operationName\":\"NetworkSecurityGroupFlowEvents\",\"rule\":\"UserRule_dns\",\"flow.0\":\"1607984156,10.0.0.4,192.0.2.53,36422,53,U,O,A\"}","@timestamp":"2020-12-14T22:15:56.000Z","event":{"kind":"event","category":["network"],"code":"NetworkSecurityGroupFlowEvents","action":"accept","type":["allowed"]},"rule":{"name":"UserRule_dns"},"action":{"type":"UserRule_dns","target":"network-traffic","properties":[{"OperationName":"NetworkSecurityGroupFlowEvents"}],"name":"accept"},"network":{"transport":"udp","direction":"outbound"},"source":{"ip":"10.0.0.4","address":"10.0.0.4","port":36422},"destination":{"ip":"192.0.2.53","address":"192.0.2.53","port":53},"related":{"ip":["10.0.0.4","192.0.2.53"]}}
}

// The same flow as a log record of OpenTelemetry: its names are flat.
func ExampleNormalizer_AppendText_otel() {
	options := nsgflow.DefaultOptions(nsgflow.SchemaOTel)
	options.ExcludeFields = []string{"body", "azure"} // an object stands for all below it
	n, err := nsgflow.New(options)
	if err != nil {
		fmt.Println(err)
		return
	}
	text := `{"operationName":"NetworkSecurityGroupFlowEvents","rule":"UserRule_dns","flow.0":"1607984156,10.0.0.4,192.0.2.53,36422,53,U,O,A"}`
	events, _ := n.AppendText(nil, []byte(text), nsgflow.Frame{})
	fmt.Printf("%s", nsgflow.AppendJSONLines(nil, events))
	// Output:
	// {"otel.event.name":"azure.flow","log.record.uid":"LvqrFhYL6pbXtpmxi4G2CA","cloud.provider":"azure","security_rule.name":"UserRule_dns","security_rule.category":"user","network.transport":"udp","network.type":"ipv4","source.address":"10.0.0.4","source.port":36422,"destination.address":"192.0.2.53","destination.port":53}
}

// The fields of a schema, as columns of a table.
func ExampleSchema_Fields() {
	for _, f := range nsgflow.SchemaASIM.Fields()[:3] {
		fmt.Printf("%s %s, of %s: %s\n", f.Name, f.Type, f.In, f.Doc)
	}
	// Output:
	// TimeGenerated date, of all: tuple time; aggregated: of the earliest tuple
	// EventVendor keyword, of all: `Microsoft`
	// EventProduct keyword, of all: `NSGFlow`, of both families: the value that Microsoft's tester takes
}

// A filter hands over the chunks of its host.
func ExampleNormalizer_AppendChunk() {
	n, err := nsgflow.New(nsgflow.DefaultOptions(nsgflow.SchemaECS))
	if err != nil {
		fmt.Println(err)
		return
	}
	// Two records [time, body]: {"flow.0": "…"} and {"a": "b"}.
	chunk := []byte("\x92\x01\x81\xa6flow.0\xd9\x301607984156,10.0.0.4,192.0.2.7,36422,443,T,O,D,B," + "\x92\x02\x81\xa1a\xa1b")
	out, changed := n.AppendChunk(nil, chunk)
	counts := n.Counts()
	fmt.Println("changed:", changed, "flows:", counts.AllFlows(), "foreign records:", counts.Foreign)
	lines := bytes.Split(nsgflow.AppendJSONLines(nil, out), []byte("\n"))
	fmt.Printf("%s\n%s\n", lines[0][:66], lines[1])
	// Output:
	// changed: true flows: 1 foreign records: 1
	// {"@timestamp":"2020-12-14T22:15:56.000Z","ecs":{"version":"9.4.0"}
	// {"a":"b"}
}

func ExampleParseSchema() {
	schema, err := nsgflow.ParseSchema("ECS")
	fmt.Println(schema, err)
	// Output:
	// ecs <nil>
}
