package nsgflow_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
	"fluent-bit-nsgflow/test/engine"
)

// FuzzChunk: a chunk becomes what its records become one by one. What is no
// flow log is there byte for byte, as is all from the first damage on; what
// comes out is a chunk that hosts can read, and that stays as it is the
// second time.
func FuzzChunk(f *testing.F) {
	for _, seed := range chunkSeeds(f) {
		for schema := range nsgflow.Schemas() {
			f.Add(seed, uint8(schema))
		}
	}
	f.Fuzz(func(t *testing.T, chunk []byte, number uint8) {
		schema := nsgflow.Schema(int(number) % len(nsgflow.Schemas()))
		before := bytes.Clone(chunk)
		out, changed := newChunkNormalizer(t, schema).AppendChunk(nil, chunk)
		if !bytes.Equal(chunk, before) {
			t.Fatal("the chunk was written to")
		}
		if !changed {
			if out != nil {
				t.Fatalf("unchanged, but %q", out)
			}
			out = chunk
		}
		if want := oneByOne(t, chunk, schema); !bytes.Equal(out, want) {
			t.Errorf("%q became %q, its records %q", chunk, out, want)
		}
		if _, err := engine.Unpack(chunk); err == nil {
			if _, err := engine.Unpack(out); err != nil {
				t.Errorf("%q became %q: %v", chunk, out, err)
			}
		}
		if again, changed := newChunkNormalizer(t, schema).AppendChunk(nil, bytes.Clone(out)); changed {
			t.Errorf("%q became %q, and then %q", chunk, out, again)
		}
	})
}

// oneByOne runs each record on its own, up to the first that is damaged.
func oneByOne(t *testing.T, chunk []byte, s nsgflow.Schema) (out []byte) {
	rest := chunk
	for len(rest) > 0 {
		size, _, ok := msgpack.Skip(rest)
		if !ok {
			break
		}
		if _, _, ok := nsgflow.ReadFrame(rest); !ok {
			break
		}
		record, changed := newChunkNormalizer(t, s).AppendChunk(nil, rest[:size])
		if !changed {
			record = rest[:size]
		}
		out = append(out, record...)
		rest = rest[size:]
	}
	return append(out, rest...)
}

// chunkSeeds are chunks of the golden cases, as maps and as texts, in both
// framings, and the frames of the tests here.
func chunkSeeds(f *testing.F) (seeds [][]byte) {
	f.Helper()
	files, err := filepath.Glob("testdata/*.input.*")
	if err != nil || len(files) == 0 {
		f.Fatalf("no cases: %v", err)
	}
	for i, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		framing := []engine.Framing{engine.New, engine.Old}[i%2]
		seeds = append(seeds, engine.PackText(framing, arrival, "message", string(content)))
		var line bytes.Buffer
		if json.Compact(&line, content) != nil {
			continue
		}
		chunk, err := engine.Pack(framing, arrival, line.Bytes())
		if err != nil {
			f.Fatal(err)
		}
		seeds = append(seeds, chunk)
	}
	flow, other := bodyOf(f, chunkFlowLog), bodyOf(f, chunkForeign)
	for _, frame := range []string{newFrame, oldFrame, longFrame, metadataFrame, uintFrame, floatFrame, startAsNumber} {
		seeds = append(seeds, []byte(frame+flow+frame+other), []byte(frame+other+frame+flow[:len(flow)-3]))
	}
	return append(seeds, []byte(startMarker+"\x80"+newFrame+flow+endMarker+"\x80"))
}
