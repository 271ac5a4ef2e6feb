package main

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/nsgflow/storage"
)

func TestInputRecord(t *testing.T) {
	const text = `{"flow.0":"1607984156,192.0.2.4,198.51.100.7,36422,443,T,O,A","rule":"r"}`
	record := storage.Record{
		Text: []byte(text), Account: "flowlogs", Path: "https://flowlogs.blob.core.windows.net/logs/a/PT1H.json",
		Container: "logs", Blob: "a/PT1H.json", Offset: 5_000_000_000,
	}
	var chunk bytes.Buffer
	if err := encodeRecord(msgpack.NewEncoder(&chunk), &record, arrival); err != nil {
		t.Fatal(err)
	}
	head := binary.BigEndian.AppendUint32([]byte("\x92\xd7\x00"), uint32(arrival.Unix()))
	head = binary.BigEndian.AppendUint32(head, uint32(arrival.Nanosecond()))
	if !bytes.HasPrefix(chunk.Bytes(), head) {
		t.Fatalf("head of %q, want %q", chunk.Bytes(), head)
	}
	var got map[string]any
	if err := msgpack.Unmarshal(chunk.Bytes()[len(head):], &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"message": text,
		"log":     map[string]any{"file": map[string]any{"path": record.Path}, "offset": uint64(5_000_000_000)},
		"azure": map[string]any{"storage": map[string]any{
			"account": map[string]any{"name": "flowlogs"}, "container": map[string]any{"name": "logs"}, "blob": map[string]any{"name": "a/PT1H.json"}}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}

	// The filter makes an event of it that keeps where it comes from.
	events, changed, _ := testFilter(t, nsgflow.SchemaECS).run(chunk.Bytes(), nil)
	if !changed || !bytes.Contains(events, []byte("192.0.2.4")) || !bytes.Contains(events, []byte(record.Path)) {
		t.Errorf("changed %v: %q", changed, events)
	}
}

// An agent that uses the filter alone has the input in the same object: that
// must not start anything by itself.
func TestInputSleepsUntilItIsUsed(t *testing.T) {
	time.Sleep(50 * time.Millisecond)
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for _, of := range []string{"Azure", "bbolt", "nsgflow/storage", "net/http", "ugorji"} {
		if bytes.Contains(stacks, []byte(of)) {
			t.Errorf("a goroutine of %s:\n%s", of, stacks)
		}
	}
}
