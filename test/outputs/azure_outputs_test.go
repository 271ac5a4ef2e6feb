package outputs

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/internal/event"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/follow"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// azureOutputs are the shipped configurations that read from Azure Storage.
var azureOutputs = map[string]func(*testing.T) receiver{
	"azure.yaml":            standardOutput,
	"azure-es.conf":         dataStreamServer("ES"),
	"azure-opensearch.conf": dataStreamServer("OPENSEARCH"),
	"azure-http.conf":       intakeServer,
}

func dataStreamServer(prefix string) func(*testing.T) receiver {
	return func(t *testing.T) receiver {
		var stream dataStream
		server := stream.serve(t)
		return receiver{env: credentials(prefix, server.URL), received: func(*fluentbit.Agent) []event.Event { return stream.events() }}
	}
}

// Every shipped configuration delivers what stands in the storage account,
// all of it and nothing else.
func TestAzureConfigurations(t *testing.T) {
	t.Parallel()
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		storage := azure.NewStorage(t)
		w := follow.NewWriter(t, storage)
		w.Minute()
		for name, output := range azureOutputs {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				r.Reads(t, name)
				root := follow.Stage(t)
				to := output(t)
				a := r.Start(t, root, append(to.env, storage.Environment...), "-c", "etc/"+name)
				a.Until("the events", func() bool { return len(to.received(a)) >= len(w.Tuples) })
				a.Stop()
				got := flowsOf(to.received(a))
				for tuple := range w.Tuples {
					if got[flowOf(tuple)] != 1 {
						t.Errorf("%d events of tuple %s", got[flowOf(tuple)], tuple)
					}
					delete(got, flowOf(tuple))
				}
				for flow, n := range got {
					t.Errorf("%d events of %s, which was never written", n, flow)
				}
			})
		}
	})
}

// flowOf is what tells a tuple of a writer from all others, in an event of
// schema ecs as well: the source, for each family has its own form of time.
func flowOf(tuple string) string {
	column := strings.Split(tuple, ",")
	family := "nsg"
	if len(column[0]) > 10 {
		family = "vnet"
	}
	return family + " " + column[1] + " " + column[3]
}

func flowsOf(events []event.Event) map[string]int {
	flows := map[string]int{}
	for _, e := range events {
		flows[fmt.Sprint(e.Body.At("azure", "flow_log", "kind"), " ", e.Body.At("source", "ip"), " ", e.Body.At("source", "port"))]++
	}
	return flows
}

// Event Hubs speaks Kafka: Fluent Bit's own input in front of the filter.
func TestEventHubs(t *testing.T) {
	t.Parallel()
	const topic = "flow-logs"
	want := event.Read(t, "nsgflow/testdata/ecs/nsg_v2.expected.ndjson")
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		if r.Before(2, 1) {
			t.Skipf("skipped: Fluent Bit %s comes without a Kafka input", r.Version)
		}
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, topic))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cluster.Close)
		produce(t, topic, textfile.Lines(textfile.Read(t, "nsgflow/testdata/ecs/nsg_v2.input.json")), cluster.ListenAddrs()...)
		root := fluentbit.Stage(t)
		env := []string{"KAFKA_BROKERS=" + strings.Join(cluster.ListenAddrs(), ","), "KAFKA_TOPIC=" + topic, "KAFKA_GROUP=agents"}
		a := r.Start(t, root, env, "-c", filepath.Join("etc", "eventhubs-kafka.conf"))
		a.Until("the events", func() bool { return len(a.Printed()) >= len(want) })
		a.Stop()
		event.Same(t, want, a.Printed())
	})
}
