package outputs

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/child"
	"fluent-bit-nsgflow/test/internal/event"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/needs"
	"fluent-bit-nsgflow/test/internal/textfile"
)

const kafkaTopic = "azure-flow-logs"

// kafkaBroker is a broker in this process, and a consumer of its topic.
func kafkaBroker(t *testing.T) receiver {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, kafkaTopic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return kafkaConsumer(t, kafkaTopic, cluster.ListenAddrs()...)
}

// kafkaConsumer reads a topic from its beginning.
func kafkaConsumer(t *testing.T, topic string, brokers ...string) receiver {
	t.Helper()
	consumer, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic), kgo.UnknownTopicRetries(-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(consumer.Close)
	var c collector
	go func() {
		for {
			fetches := consumer.PollFetches(context.Background())
			if fetches.IsClientClosed() {
				return
			}
			fetches.EachRecord(func(r *kgo.Record) {
				if n := strings.Count(string(r.Value), `"@timestamp":`); n != 1 {
					t.Errorf("%d fields @timestamp in %s", n, r.Value)
				}
				e, err := event.Parse(string(r.Value))
				if err != nil {
					t.Error(err)
				}
				c.add(e)
			})
		}
	}()
	return receiver{env: []string{"KAFKA_BROKERS=" + strings.Join(brokers, ",")}, received: c.all}
}

// startKafka is a real Kafka of one node.
func startKafka(t *testing.T) (broker string) {
	t.Helper()
	needs.Programs(t, "mvn", "javac")
	classpath, err := mavenClasspath(t, "test/outputs/kafka/pom.xml")
	if err != nil {
		t.Skipf("skipped: Maven has no Kafka: %v", err)
	}
	folder := t.TempDir()
	var ports [2]string
	for i := range ports {
		port, err := azure.FreePort()
		if err != nil {
			t.Fatal(err)
		}
		ports[i] = fmt.Sprint(port)
	}
	node := exec.Command("java", "-Xmx512m", "-cp", classpath, textfile.Path("test/outputs/kafka/KafkaBroker.java"), folder, ports[0], ports[1])
	var log bytes.Buffer
	node.Stderr = &log
	output, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	child.Start(t, node)
	for lines := bufio.NewScanner(output); lines.Scan(); {
		if lines.Text() == "ready" {
			go io.Copy(io.Discard, output)
			return "127.0.0.1:" + ports[0]
		}
	}
	t.Fatalf("Kafka did not start:\n%s", log.String())
	return ""
}

// What is sent to a real Kafka is in its topic, and what is in a topic is read.
func TestKafka(t *testing.T) {
	broker := startKafka(t)
	events := event.Undated(event.Read(t, "test/cases/nsg_v2/expected.ndjson"))
	flowLogs := textfile.Lines(textfile.Read(t, "nsgflow/testdata/ecs/nsg_v2.input.json"))
	read := event.Read(t, "nsgflow/testdata/ecs/nsg_v2.expected.ndjson")
	// The releases are done with before the node ends.
	t.Run("to and from", func(t *testing.T) {
		fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
			r.Has(t, "kafka")
			topic := kafkaTopic + "-" + r.Version
			root := fluentbit.Stage(t)
			textfile.Write(t, root, "flow-logs/sample.json", textfile.Read(t, "conf/samples/nsg_v2.json"))
			change(t, root, "kafka.conf", "Topics           "+kafkaTopic, "Topics           "+topic)
			event.Same(t, events, kafkaConsumer(t, topic, broker).from(t, r, root, "kafka.conf", len(events)))
			if r.Before(2, 1) {
				return // it comes without a Kafka input
			}
			produce(t, "flow-logs-"+r.Version, flowLogs, broker)
			root = fluentbit.Stage(t)
			env := []string{"KAFKA_BROKERS=" + broker, "KAFKA_TOPIC=flow-logs-" + r.Version, "KAFKA_GROUP=agents-" + r.Version}
			a := r.Start(t, root, env, "-c", "etc/eventhubs-kafka.conf")
			a.Until("the events", func() bool { return len(a.Printed()) >= len(read) })
			a.Stop()
			event.Same(t, read, a.Printed())
		})
	})
}

// produce puts messages into a topic.
func produce(t *testing.T, topic string, messages []string, brokers ...string) {
	t.Helper()
	producer, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.DefaultProduceTopic(topic), kgo.AllowAutoTopicCreation())
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	for _, message := range messages {
		if err := producer.ProduceSync(context.Background(), kgo.StringRecord(message)).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}
