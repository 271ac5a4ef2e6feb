package outputs

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/internal/event"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/textfile"
	"fluent-bit-nsgflow/test/schemas"
)

// The rule declares nothing that the table has not, in the table's types, and goes
// into the table.
func TestSentinelTemplate(t *testing.T) {
	of := schemas.ASIMColumns()
	for name, typ := range declaredColumns(t, nativeTable) {
		if typ != of[name] {
			t.Errorf("%s is declared as %q, the column is %q", name, typ, of[name])
		}
	}
	template := readDeployment(t, nativeTable.template)
	if len(template.Resources) != 1 || template.Resources[0].Type != "Microsoft.Insights/dataCollectionRules" {
		t.Errorf("resources %+v", template.Resources)
	}
	flow := template.Resources[0].Properties.DataFlows[0]
	if len(flow.Streams) != 1 || flow.Streams[0] != "Custom-"+nativeTable.table || flow.OutputStream != "Microsoft-"+nativeTable.table {
		t.Errorf("the flow is %+v", flow)
	}
	if flow.TransformKQL != "source | where isnotempty(EventType)" {
		t.Errorf("the transformation is %s", flow.TransformKQL)
	}
}

// excludedIn are the fields that a configuration leaves out.
func excludedIn(t *testing.T, conf string) []string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^ *exclude_fields +(\S+)$`).FindStringSubmatch(textfile.Read(t, "conf/"+conf))
	return strings.Split(found[1], ",")
}

// Each flow, and each tuple that does not parse, is a row with the fields of its
// event, but for those that the file leaves out.
func TestSentinel(t *testing.T) {
	t.Parallel()
	blobs := []string{"ecs/nsg_v2", "ecs/nsg_v1", "ecs/vnet_states", "ecs/errors", "ecs/protocols", "ecs/macs", "examples/vnet"}
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		storage := azure.NewStorage(t)
		log := azure.NewFlowLog(t, storage.NSG, azure.NSGName("GATE-NSG", 1, azure.ThisHour))
		var input strings.Builder
		for _, name := range blobs {
			var blob struct{ Records []json.RawMessage }
			if err := json.Unmarshal([]byte(timed(textfile.Read(t, "nsgflow/testdata/"+name+".input.json"))), &blob); err != nil {
				t.Fatal(err)
			}
			for _, record := range blob.Records {
				log.Grow(string(record))
				input.Write(record)
				input.WriteByte('\n')
			}
		}
		var want []event.Event
		for _, e := range r.Events(t, "asim", input.String()) {
			judge(t, "asim", e)
			row := e.Body
			for _, field := range excludedIn(t, nativeTable.conf) {
				row = row.Without(strings.Split(field, ".")...)
			}
			want = append(want, event.Event{Body: row})
		}
		a, to := startAzureMonitor(t, r, nativeTable, storage)
		to.getsAll(a, len(want))
		event.Same(t, want, to.all(a))
	})
}

// judge holds an event against its schema.
func judge(t *testing.T, schema string, e event.Event) {
	t.Helper()
	line, err := json.Marshal(e.Body)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := schemas.Parse(string(line))
	if err != nil {
		t.Fatal(err)
	}
	if err := schemas.Of(schema)(whole); err != nil {
		t.Errorf("%v in %s", err, line)
	}
}

// A backlog of the largest events that there can be comes in calls that the API
// takes.
func TestSentinelCalls(t *testing.T) {
	t.Parallel()
	largestCalls(t, nativeTable)
}

// largestCalls has a backlog of what makes most of a record's bytes: ids and rules
// are as long as Azure allows, tuples as short as they come, and a record has as
// many as Azure puts into one. Smaller records come many at a time.
func largestCalls(t *testing.T, into ingested) {
	t.Helper()
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		storage := azure.NewStorage(t)
		rows := 0
		for i, record := range longRecords {
			log := azure.NewFlowLog(t, storage.NSG, azure.NSGName(fmt.Sprint("GATE-", i), 1, azure.ThisHour))
			most := mostTuples(record)
			for _, tuples := range []int{most, most, most / 2, most / 2, 100, 100, 100, 20, 20, 20, 20, 20, 20, 20} {
				log.Grow(record(tuples))
				rows += tuples
			}
		}
		a, to := startAzureMonitor(t, r, into, storage)
		to.getsAll(a, rows)
	})
}

// longRecords are records by how many tuples they have: of version 1, of version 2
// with and without the columns of counters, and of virtual networks.
var longRecords = []func(tuples int) string{
	longNSG("1741078809,1.1.1.1,2.2.2.2,1,1,T,O,A"),
	longNSG("1741078809,fd00::1,fd00::2,1,1,T,O,A"),
	longNSG("1741078809,1.1.1.1,2.2.2.2,1,1,U,O,A,B"),
	longNSG("1741078809,1.1.1.1,2.2.2.2,1,1,U,O,D,B"),
	longNSG("1741078809,1.1.1.1,2.2.2.2,1,1,T,O,A,B,,,,"),
	longNSG("1741078809,1.1.1.1,2.2.2.2,1,1,T,O,A,C,1,1,1,1"),
	longVNet("1741078812345,1.1.1.1,2.2.2.2,1,1,6,O,B,X,0,0,0,0"),
	longVNet("1741078812345,1.1.1.1,2.2.2.2,1,1,6,O,C,X,1,1,1,1"),
	longVNet("1741078812345,fd00::1,fd00::2,1,1,6,O,C,X,1,1,1,1"),
}

// mostTuples is how many make a record as long as Azure writes one.
func mostTuples(record func(tuples int) string) int {
	const longest = 32 << 10
	one := len(record(2)) - len(record(1))
	return 1 + (longest-len(record(1)))/one
}

// Names as long as Azure allows: resource groups 90, scale sets 64, network
// resources 80.
var (
	longGroup    = strings.Repeat("g", 90)
	longScaleSet = strings.Repeat("s", 64)
	longName     = strings.Repeat("n", 80)
)

func longID(kind string) string {
	return "/SUBSCRIPTIONS/3D1F6A52-7C0B-4E8D-9B24-5A60C8E1F703/RESOURCEGROUPS/" + longGroup + "/PROVIDERS/MICROSOFT." + kind + "/" + longName
}

func repeated(tuples int, tuple string) string {
	return strings.TrimSuffix(strings.Repeat(`"`+tuple+`",`, tuples), ",")
}

func longNSG(tuple string) func(tuples int) string {
	return func(tuples int) string {
		return `{"time":"2025-03-04T09:00:41.3718205Z","systemId":"6e0b41c7-95d2-4c83-8f1e-2ab7d09c4e35","macAddress":"000D3AF1C27E","category":"NetworkSecurityGroupFlowEvent",` +
			`"resourceId":"` + longID("NETWORK/NETWORKSECURITYGROUPS") + `","operationName":"NetworkSecurityGroupFlowEvents","properties":{"Version":2,"flows":[{"rule":"UserRule_` + longName + `",` +
			`"flows":[{"mac":"000D3AF1C27E","flowTuples":[` + repeated(tuples, tuple) + `]}]}]}}`
	}
}

// longVNet has the target with the longest id, a NIC of a scale set.
func longVNet(tuple string) func(tuples int) string {
	target := longID("Compute/virtualMachineScaleSets/" + longScaleSet + "/virtualMachines/0/networkInterfaces")
	return func(tuples int) string {
		return `{"time":"2025-03-04T09:00:47.0921184Z","flowLogVersion":4,"flowLogGUID":"b7f29c54-0d8e-4a61-93f7-c15e8a2d6b40","macAddress":"000D3AF1C27E","category":"FlowLogFlowEvent",` +
			`"flowLogResourceID":"` + longID("NETWORK/NETWORKWATCHERS/NETWORKWATCHER_SWITZERLANDNORTH/FLOWLOGS") + `","targetResourceID":"` + target + `","operationName":"FlowLogFlowEvent",` +
			`"flowRecords":{"flows":[{"aclID":"` + longID("Network/networkSecurityGroups") + `","flowGroups":[{"rule":"UserRule_` + longName + `",` +
			`"flowTuples":[` + repeated(tuples, tuple) + `]}]}]}}`
	}
}
