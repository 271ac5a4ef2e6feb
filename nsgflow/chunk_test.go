package nsgflow_test

import (
	"bytes"
	"testing"
	"time"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/test/engine"

	"github.com/google/go-cmp/cmp"
)

const (
	chunkFlowLog = `{"records":[{"flow.0":"1607984156,192.0.2.4,198.51.100.7,36422,443,T,O,A","rule":"r"},{"flow.0":"x"}]}`
	chunkForeign = `{"remote":"192.0.2.44","path":"/flows","code":200}`
	emptyLog     = `{"records":[{"category":"FlowLogFlowEvent","flowRecords":{"flows":[]}}]}`
)

// Headers as hosts write them, each in front of a body.
const (
	newFrame      = "\x92\x92\xd7\x00\x66\x38\x81\x69\x07\x5b\xcd\x15\x80"
	oldFrame      = "\x92\xd7\x00\x66\x38\x81\x69\x07\x5b\xcd\x15"
	longFrame     = "\xdd\x00\x00\x00\x02\xdd\x00\x00\x00\x02\xd7\x00\x66\x38\x81\x69\x07\x5b\xcd\x15\x80" // 2.2
	metadataFrame = "\x92\x92\xd7\x00\x66\x38\x81\x69\x07\x5b\xcd\x15\x81\xa1m\x81\xa1n\xc4\x02\x00\xff"
	uintFrame     = "\x92\xce\x66\x38\x81\x69"
	floatFrame    = "\x92\xcb\x41\xd9\x8e\x20\x5a\x60\x00\x00"
	startMarker   = "\x92\x92\xd7\x00\xff\xff\xff\xff\x00\x00\x00\x00\x81\xa1g\x01"
	endMarker     = "\x92\x92\xd7\x00\xff\xff\xff\xfe\x00\x00\x00\x00\x80"
	startAsNumber = "\x92\x92\xff\x80"
)

func bodyOf(t testing.TB, json string) string {
	t.Helper()
	chunk, err := engine.Pack(engine.Old, arrival, []byte(json))
	if err != nil {
		t.Fatal(err)
	}
	return string(chunk[len(oldFrame):])
}

func newChunkNormalizer(t testing.TB, schema nsgflow.Schema) *nsgflow.Normalizer {
	t.Helper()
	n, err := nsgflow.New(nsgflow.DefaultOptions(schema))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// chunkEvents are what chunkFlowLog becomes in a frame of so much metadata.
func chunkEvents(t testing.TB, frame, metadata string) string {
	t.Helper()
	n, err := nsgflow.New(nsgflow.DefaultOptions(nsgflow.SchemaSekoia))
	if err != nil {
		t.Fatal(err)
	}
	f := nsgflow.Frame{Time: []byte(frame)}
	if metadata != "" {
		f.Metadata = []byte(metadata)
	}
	out, _, _ := n.AppendRecord(nil, []byte(bodyOf(t, chunkFlowLog)), f)
	if len(out) == 0 {
		t.Fatal("no events")
	}
	return string(out)
}

func TestChunks(t *testing.T) {
	const (
		eventTime = "\xd7\x00\x66\x38\x81\x69\x07\x5b\xcd\x15"
		empty     = "\x80"
	)
	flow, other, none := bodyOf(t, chunkFlowLog), bodyOf(t, chunkForeign), bodyOf(t, emptyLog)
	inNew, inOld := chunkEvents(t, eventTime, empty), chunkEvents(t, eventTime, "")
	for _, row := range []struct {
		name  string
		chunk string
		want  string // "unchanged": the host keeps its own
	}{
		{"nothing", "", "unchanged"},
		{"foreign records", newFrame + other + oldFrame + other, "unchanged"},
		{"a flow log", newFrame + flow, inNew},
		{"the old framing", oldFrame + flow, inOld},
		{"long headers of arrays", longFrame + flow + longFrame + other, inNew + longFrame + other},
		{"both framings", oldFrame + flow + newFrame + flow, inOld + inNew},
		{"metadata", metadataFrame + flow + metadataFrame + other,
			chunkEvents(t, eventTime, "\x81\xa1m\x81\xa1n\xc4\x02\x00\xff") + metadataFrame + other},
		{"foreign records all around", newFrame + other + newFrame + flow + newFrame + other + oldFrame + other + newFrame + flow + newFrame + other,
			newFrame + other + inNew + newFrame + other + oldFrame + other + inNew + newFrame + other},
		{"time as a number", uintFrame + flow + uintFrame + other, chunkEvents(t, uintFrame[1:], "") + uintFrame + other},
		{"time as a float", floatFrame + other + floatFrame + flow, floatFrame + other + chunkEvents(t, floatFrame[1:], "")},
		{"a group", startMarker + empty + newFrame + flow + newFrame + other + endMarker + empty,
			startMarker + empty + inNew + newFrame + other + endMarker + empty},
		{"a group of foreign records", startMarker + empty + newFrame + other + endMarker + empty, "unchanged"},
		{"markers that look like flow logs", startMarker + flow + newFrame + flow + endMarker + flow + startAsNumber + flow,
			startMarker + flow + inNew + endMarker + flow + startAsNumber + flow},
		{"a flow log without flows", newFrame + none, ""},
		{"the same between others", newFrame + other + newFrame + none + newFrame + other, newFrame + other + newFrame + other},
		{"bodies that are no maps", newFrame + "\x91\xa6flow.0" + newFrame + "\xc0" + newFrame + flow, newFrame + "\x91\xa6flow.0" + newFrame + "\xc0" + inNew},
		{"an array of three", newFrame + flow + "\x93" + oldFrame[1:] + flow + newFrame + flow, inNew + "\x93" + oldFrame[1:] + flow + newFrame + flow},
		{"no array", newFrame + flow + "\xc0" + newFrame + flow, inNew + "\xc0" + newFrame + flow},
		{"an unused code", newFrame + flow + newFrame + "\xc1" + newFrame + flow, inNew + newFrame + "\xc1" + newFrame + flow},
		{"a body of four billion", newFrame + flow + newFrame + "\xdf\xff\xff\xff\xff" + newFrame + flow, inNew + newFrame + "\xdf\xff\xff\xff\xff" + newFrame + flow},
	} {
		t.Run(row.name, func(t *testing.T) {
			chunk := []byte(row.chunk)
			out, changed := newChunkNormalizer(t, nsgflow.SchemaSekoia).AppendChunk(nil, chunk)
			got := string(out)
			if !changed {
				if out != nil {
					t.Errorf("unchanged, but %q", out)
				}
				got = "unchanged"
			}
			if got != row.want {
				t.Errorf("got  %q\nwant %q", got, row.want)
			}
			if string(chunk) != row.chunk {
				t.Error("the chunk was written to")
			}
			again, changed := newChunkNormalizer(t, nsgflow.SchemaSekoia).AppendChunk(nil, out)
			if changed {
				t.Errorf("the second time it became %q", again)
			}
		})
	}
}

// A chunk cut at any byte: what stands before the record that is cut is
// normalised, and the rest passes on as it is.
func TestCutChunk(t *testing.T) {
	first, second := newFrame+bodyOf(t, chunkForeign), newFrame+bodyOf(t, chunkFlowLog)
	chunk := first + second + second
	in := chunkEvents(t, newFrame[2:12], "\x80")
	for cut := range len(chunk) + 1 {
		want := chunk[:cut]
		switch {
		case cut == len(chunk):
			want = first + in + in
		case cut >= len(first+second):
			want = first + in + chunk[len(first+second):cut]
		}
		out, changed := newChunkNormalizer(t, nsgflow.SchemaSekoia).AppendChunk(nil, []byte(chunk[:cut]))
		if !changed {
			out = []byte(chunk[:cut])
		}
		if string(out) != want {
			t.Fatalf("cut at %d: got %q, want %q", cut, out, want)
		}
	}
}

// An instance gives the same for a chunk whatever came before it.
func TestBuffersAreReused(t *testing.T) {
	n := newChunkNormalizer(t, nsgflow.SchemaSekoia)
	chunk := []byte(newFrame + bodyOf(t, chunkForeign) + newFrame + bodyOf(t, chunkFlowLog))
	first, _ := n.AppendChunk(nil, chunk)
	want := bytes.Clone(first)
	large := bytes.Repeat(chunk, 5_000)
	for _, other := range [][]byte{large, nil, []byte(newFrame + bodyOf(t, chunkForeign)), chunk[:len(chunk)-1], large} {
		n.AppendChunk(nil, other)
		got, changed := n.AppendChunk(nil, chunk)
		if !changed || !bytes.Equal(got, want) {
			t.Fatalf("after %d bytes: got %q, want %q", len(other), got, want)
		}
	}
	flows := n.Counts().Flows[nsgflow.NSG][nsgflow.Allowed]
	if diff := cmp.Diff(uint64(2*5_000+6), flows); diff != "" {
		t.Errorf("flows counted: %s", diff)
	}
}

// Nesting that kills a reader which recurses, in every place of a record.
func TestDeepChunks(t *testing.T) {
	levels := 10_000_000
	if testing.Short() {
		levels = 1_000_000
	}
	arrays := bytes.Repeat([]byte{0x91}, levels)
	for name, chunk := range map[string][]byte{
		"a chunk":             arrays,
		"a record":            append([]byte{0x92}, arrays...),
		"a time":              append([]byte{0x92, 0x92}, arrays...),
		"metadata":            append([]byte(newFrame[:12]), arrays...),
		"a body":              append([]byte(newFrame), arrays...),
		"a closed body":       append(append([]byte(newFrame), arrays...), 0xc0),
		"a value":             append([]byte(newFrame+"\x81\xa7records"), arrays...),
		"a closed value":      append(append([]byte(newFrame+"\x81\xa7records"), arrays...), 0xc0),
		"maps without an end": append([]byte(newFrame), bytes.Repeat([]byte("\x81\xa7records\x91"), levels/9)...),
	} {
		start := time.Now()
		if out, changed := newChunkNormalizer(t, nsgflow.SchemaSekoia).AppendChunk(nil, chunk); changed {
			t.Errorf("%s: became %d bytes", name, len(out))
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
}
