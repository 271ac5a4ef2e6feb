package nsgflow_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"fluent-bit-nsgflow/nsgflow"

	"github.com/vmihailenco/msgpack/v5"
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

func ExampleNormalizer_AppendText() {
	n, err := nsgflow.New(nsgflow.DefaultOptions(nsgflow.SchemaSekoia))
	if err != nil {
		fmt.Println(err)
		return
	}
	text := `{"records":[{"resourceId":"/A/NSG","operationName":"NetworkSecurityGroupFlowEvents","properties":{"Version":1,"flows":[{"rule":"UserRule_dns","flows":[{"mac":"000D3AF1C27E","flowTuples":["1607984156,10.0.0.4,192.0.2.53,36422,53,U,O,A"]}]}]}}]}`
	events, isFlowLog := n.AppendText(nil, []byte(text), nsgflow.Frame{})
	fmt.Println(isFlowLog)

	// Each event is [time, body], as Fluent Bit has it.
	d := msgpack.NewDecoder(bytes.NewReader(events))
	d.DecodeArrayLen()
	d.Skip()
	body, err := d.DecodeMap()
	if err != nil {
		fmt.Println(err)
		return
	}
	pretty, _ := json.MarshalIndent(map[string]any{
		"event":   body["event"],
		"network": body["network"],
		"rule":    body["rule"],
		"source":  body["source"],
	}, "", "  ")
	fmt.Println(string(pretty))
	// Output:
	// true
	// {
	//   "event": {
	//     "action": "accept",
	//     "category": [
	//       "network"
	//     ],
	//     "code": "NetworkSecurityGroupFlowEvents",
	//     "kind": "event",
	//     "type": [
	//       "allowed"
	//     ]
	//   },
	//   "network": {
	//     "direction": "outbound",
	//     "transport": "udp"
	//   },
	//   "rule": {
	//     "name": "UserRule_dns"
	//   },
	//   "source": {
	//     "address": "10.0.0.4",
	//     "ip": "10.0.0.4",
	//     "mac": "000D3AF1C27E",
	//     "port": 36422
	//   }
	// }
}
