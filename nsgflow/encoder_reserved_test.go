package nsgflow

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
	"fluent-bit-nsgflow/test/contexts"
)

const reservedFlows = `{"records":[{"time":"2025-03-04T09:00:41.3718205Z","macAddress":"000D3AF1C27E","category":"NetworkSecurityGroupFlowEvent","resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/N","operationName":"NetworkSecurityGroupFlowEvents","properties":{"Version":2,"flows":[{"rule":"UserRule_A","flows":[{"mac":"000D3AF1C27E","flowTuples":["1741078809,203.0.113.24,10.20.0.4,51844,443,T,I,A,E,14,2236,17,19408","1741078810,203.0.113.25,10.20.0.4,51845,443,T,I,D,B,,,,","1741078810,203.0.113.25,nowhere,51845,443,T,I,D,B,,,,"]}]}]}},` +
	`{"time":"2025-03-04T09:00:47.0921184Z","flowLogVersion":4,"macAddress":"000D3AF1C27E","category":"FlowLogFlowEvent","operationName":"FlowLogFlowEvent","targetResourceID":"/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v","flowRecords":{"flows":[{"aclID":"unspecified","flowGroups":[{"rule":"DefaultRule_D","flowTuples":["1741078812345,10.20.0.4,198.51.100.7,49310,443,6,O,D,NX,0,0,0,0","1741078812345,10.20.0.4,198.51.100.7,49310,443,1,O,B,NX,0,0,0,0"]}]}]}}]}`

// Whatever a source record has beside its flow log, an event with reserved
// fields is the merger's map of the event without them and of the fields.
func TestReservedFieldsAreMerged(t *testing.T) {
	t.Parallel()
	WithoutRaceDetector(t)
	r := rand.New(rand.NewPCG(1, 2))
	var normalizers [][2]*Normalizer // without and with reserve_data
	for schema := range schemas {
		for _, context := range []Context{nil, contexts.Open(t, contexts.All)} {
			var pair [2]*Normalizer
			for keep := range pair {
				o := DefaultOptions(Schema(schema))
				o.ReserveData, o.Context = keep == 1, context
				n, err := New(o)
				if err != nil {
					t.Fatal(err)
				}
				pair[keep] = n
			}
			normalizers = append(normalizers, pair)
		}
	}
	rounds := 1500
	if testing.Short() {
		rounds = 300
	}
	for range rounds {
		fields, count := randomFields(r, 0)
		for _, pair := range normalizers {
			checkMerged(t, pair, reservedFlows, fields, count)
		}
	}
	// More templates than are kept.
	var tuples []string
	for protocol := range 2 * maxEdited {
		tuples = append(tuples, fmt.Sprintf(`"1741078812345,10.20.0.4,198.51.100.7,49310,443,%d,O,D,NX,0,0,0,0"`, protocol))
	}
	many := strings.Replace(reservedFlows, `"1741078812345,10.20.0.4,198.51.100.7,49310,443,6,O,D,NX,0,0,0,0"`, strings.Join(tuples, ","), 1)
	for _, size := range []int{1, 1 << 10} {
		value := msgpack.AppendString(msgpack.AppendString(msgpack.AppendMapHeader(nil, 1), "x"), strings.Repeat("y", size))
		for _, pair := range normalizers {
			checkMerged(t, pair, many, append(msgpack.AppendString(nil, "event"), value...), 1)
		}
	}
}

// checkMerged compares events without and with reserved fields.
func checkMerged(t *testing.T, normalizers [2]*Normalizer, text string, fields []byte, count int) {
	t.Helper()
	body := msgpack.AppendMapHeader(nil, count+1)
	body = msgpack.AppendString(msgpack.AppendString(body, "message"), text)
	body = append(body, fields...)
	theirs := append(msgpack.AppendMapHeader(nil, count), fields...)
	frame := Frame{Time: []byte{1}}
	bare, _, _ := normalizers[0].AppendRecord(nil, body, frame)
	got, _, _ := normalizers[1].AppendRecord(nil, body, frame)
	var merger msgpack.Merger
	var want []byte
	for len(bare) > 0 {
		// A frame is an array of two: the time and the event.
		event, rest := msgpack.Cut(bare)
		_, at, ok := readFrame(event)
		if !ok {
			t.Fatalf("no frame: %q", event)
		}
		want = append(want, event[:at]...)
		want = merger.Append(want, event[at:], theirs)
		bare = rest
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("fields %.200q:\n got %.2000q\nwant %.2000q", fields, got, want)
	}
}

// randomFields are entries of a map, with keys that events have at this level
// and others.
func randomFields(r *rand.Rand, level int) (entries []byte, count int) {
	keys := [][]string{
		{"azure", "event", "host", "log", "source", "rule", "tags", "observer", "related", "action", "cloud", "@timestamp", "threat", "unmapped", "src_endpoint",
			"enrichments", "DstHostname", "azure.flow.source.class", "AdditionalFields", "destination"},
		{"storage", "flow_log", "kind", "name", "ip", "file", "resource", "provider", "subscription_id", "x", "geo", "domain", "hosts", "origin", "target", "ingress", "enrichments", "vpc_uid", "flow_type"},
		{"account", "version", "id", "name", "source", "hop", "threat", "flow_type", "zone"},
	}[level]
	r.Shuffle(len(keys), func(i, k int) { keys[i], keys[k] = keys[k], keys[i] })
	for _, key := range keys[:r.IntN(4)] {
		entries = msgpack.AppendString(entries, key)
		count++
		switch {
		case level < 2 && r.IntN(3) > 0:
			below, n := randomFields(r, level+1)
			entries = append(msgpack.AppendMapHeader(entries, n), below...)
		case r.IntN(2) == 0:
			entries = msgpack.AppendString(entries, fmt.Sprint("text ", r.IntN(100)))
		default:
			entries = append(entries, 0x93, 1, 2, 3)
		}
	}
	return entries, count
}
