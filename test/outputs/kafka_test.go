package outputs

import (
	"context"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"fluent-bit-nsgflow/test/internal/event"
)

// kafkaBroker is a broker in this process, and a consumer of its topic.
func kafkaBroker(t *testing.T) receiver {
	const topic = "azure-flow-logs"
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	brokers := cluster.ListenAddrs()
	consumer, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic))
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
