package test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"fluent-bit-nsgflow/test/azure"
)

// azureOutputs are the shipped configurations that read from Azure Storage.
var azureOutputs = map[string]func(*testing.T) receiver{
	"azure.yaml": standardOutput,
	"azure-es.conf": func(t *testing.T) receiver {
		var stream dataStream
		server := stream.serve(t)
		return receiver{env: credentials("ES", server.URL), received: func(*agent) []event { return stream.events() }}
	},
	"azure-opensearch.conf": func(t *testing.T) receiver {
		var stream dataStream
		server := stream.serve(t)
		return receiver{env: credentials("OPENSEARCH", server.URL), received: func(*agent) []event { return stream.events() }}
	},
	"azure-http.conf": intakeServer,
}

// Every shipped configuration delivers what stands in the storage account,
// all of it and nothing else.
func TestAzureConfigurations(t *testing.T) {
	t.Parallel()
	inEveryRelease(t, func(t *testing.T, r release) {
		storage := azure.NewStorage(t)
		w := newWriter(t, storage)
		w.minute()
		for name, output := range azureOutputs {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				if r.before(2, 1) && filepath.Ext(name) == ".yaml" {
					t.Skipf("skipped: Fluent Bit %s reads no plugins_file from YAML", r.version)
				}
				root := stageInput(t, r)
				to := output(t)
				a := r.start(t, root, append(to.env, storage.Environment...), "-c", "etc/"+name)
				a.until("the events", func() bool { return len(to.received(a)) >= len(w.tuples) })
				a.stop()
				got := flowsOf(to.received(a))
				for tuple := range w.tuples {
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

func flowsOf(events []event) map[string]int {
	flows := map[string]int{}
	for _, e := range events {
		flows[fmt.Sprint(e.Body.at("azure", "flow_log", "kind"), " ", e.Body.at("source", "ip"), " ", e.Body.at("source", "port"))]++
	}
	return flows
}

// Event Hubs speaks Kafka: Fluent Bit's own input in front of the filter.
func TestEventHubs(t *testing.T) {
	t.Parallel()
	const topic = "flow-logs"
	want := parseEvents(t, lines(read(t, "../nsgflow/testdata/ecs/nsg_v2.expected.ndjson")))
	inEveryRelease(t, func(t *testing.T, r release) {
		if r.before(2, 1) {
			t.Skipf("skipped: Fluent Bit %s comes without a Kafka input", r.version)
		}
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, topic))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cluster.Close)
		brokers := strings.Join(cluster.ListenAddrs(), ",")
		producer, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.DefaultProduceTopic(topic))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(producer.Close)
		for _, line := range lines(read(t, "../nsgflow/testdata/ecs/nsg_v2.input.json")) {
			if err := producer.ProduceSync(context.Background(), kgo.StringRecord(line)).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		root := stage(t)
		env := []string{"KAFKA_BROKERS=" + brokers, "KAFKA_TOPIC=" + topic, "KAFKA_GROUP=agents"}
		a := r.start(t, root, env, "-c", filepath.Join("etc", "eventhubs-kafka.conf"))
		a.until("the events", func() bool { return len(a.printed()) >= len(want) })
		a.stop()
		same(t, want, a.printed())
	})
}
