package nsgflow_test

import (
	"encoding/json"
	"testing"

	"fluent-bit-nsgflow/nsgflow"
)

// A flow in JSON says in words what its letters mean.
func TestFlowAsJSON(t *testing.T) {
	flow, err := nsgflow.ParseTuple(nsgflow.NSG, "1607984156,10.0.0.4,192.0.2.7,36422,443,T,O,A,E,1,74,,")
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(flow)
	want := `{"Family":"nsg","Time":1607984156000,"Source":{"Addr":"10.0.0.4","Port":36422,"Packets":1,"Bytes":74},` +
		`"Destination":{"Addr":"192.0.2.7","Port":443,"Packets":-1,"Bytes":-1},"Protocol":"tcp","Direction":"outbound","Decision":"allowed","State":"end",` +
		`"Encryption":"absent","EncryptionCode":"","Unknown":0,"Rule":"","Resource":"","MAC":""}`
	if err != nil || string(got) != want {
		t.Errorf("%v\n got %s\nwant %s", err, got, want)
	}
	options, err := json.Marshal(struct {
		S nsgflow.Schema
		A nsgflow.Aggregate
	}{nsgflow.SchemaECS, nsgflow.AggregateService})
	if err != nil || string(options) != `{"S":"ecs","A":"service"}` {
		t.Errorf("%s, %v", options, err)
	}
}
