package main

import (
	"bytes"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"
	"golang.org/x/sys/unix"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/test/engine"
	"fluent-bit-nsgflow/test/loggen"
)

// logs are the flow logs of the table: how many tuples a record has, and how
// the records lie.
var logs = []struct {
	name   string
	family loggen.Family
	shape  loggen.Shape
	tuples int
}{
	{"v2-dense", loggen.NSGv2, loggen.Records, 48},
	{"v2-sparse", loggen.NSGv2, loggen.Records, 5},
	{"v2-flattened", loggen.NSGv2, loggen.Flattened, 1},
	{"v1-dense", loggen.NSGv1, loggen.Records, 48},
	{"vnet-dense", loggen.VNet, loggen.Records, 48},
	{"vnet-flattened", loggen.VNet, loggen.Flattened, 1},
}

// events are the ways to write them.
var events = []struct {
	name     string
	schema   nsgflow.Schema
	original bool
}{
	{"sekoia", nsgflow.SchemaSekoia, false},
	{"sekoia-original", nsgflow.SchemaSekoia, true},
	{"ecs", nsgflow.SchemaECS, false},
	{"asim", nsgflow.SchemaASIM, false},
	{"ocsf", nsgflow.SchemaOCSF, false},
	{"otel", nsgflow.SchemaOTel, false},
}

var sizes = []int{1, 1_000, 100_000}

// noon is the time of all source records.
var noon = time.Date(2025, 3, 4, 12, 0, 0, 0, time.UTC)

// written keeps the logs: every benchmark runs several times.
var written = map[string][]byte{}

func write(l loggen.Log, s loggen.Shape) []byte {
	key := fmt.Sprint(l, s)
	if written[key] == nil {
		var b bytes.Buffer
		if err := l.Write(&b, s); err != nil {
			panic(err)
		}
		written[key] = bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	}
	return written[key]
}

// BenchmarkCore reads flow logs as texts, without the frame of a chunk: dense
// and sparse logs are one blob, flattened logs are as many texts as flows.
func BenchmarkCore(b *testing.B) {
	for _, l := range logs {
		for _, size := range sizes {
			log, shape := loggen.Log{Family: l.family, Tuples: min(l.tuples, size)}, l.shape
			if shape == loggen.Records {
				shape = loggen.Blob
			}
			log.Records = (size + log.Tuples - 1) / log.Tuples
			// Several logs in turns: the branches of a small one are soon
			// learnt by heart, which no agent's processor gets to do.
			turns := min(64, max(1, 100_000/size))
			texts := sync.OnceValue(func() (all [][]byte) {
				for seed := range turns {
					log := log
					log.Seed = uint64(seed + 1)
					all = append(all, bytes.Split(write(log, shape), []byte("\n"))...)
				}
				return all
			})
			for _, e := range events {
				b.Run(fmt.Sprintf("%s/%s/%d", l.name, e.name, size), func(b *testing.B) {
					measure(b, normalizer(b, e.schema, e.original), turns*log.Records*log.Tuples, texts(), appendTexts)
				})
			}
		}
	}
}

// BenchmarkChunk goes through chunks as the filter does, each of their records
// a line of the log: as text in the field log, or as a parser left it.
func BenchmarkChunk(b *testing.B) {
	for _, l := range logs {
		for _, size := range sizes {
			// More than distinct flows are the same ones again: they
			// have left the processor's cache by then.
			const distinct = 10_000
			again := max(1, size/distinct)
			log := loggen.Log{Family: l.family, Tuples: min(l.tuples, size)}
			log.Records = (size/again + log.Tuples - 1) / log.Tuples
			flows := log.Records * log.Tuples * again
			text := sync.OnceValue(func() [][]byte {
				lines := strings.Split(string(write(log, l.shape)), "\n")
				return slices.Repeat(cut(engine.PackText(engine.New, noon, "log", lines...)), again)
			})
			parsed := sync.OnceValue(func() [][]byte { return slices.Repeat(cut(pack(b, write(log, l.shape))), again) })
			for _, e := range events {
				b.Run(fmt.Sprintf("%s/text/%s/%d", l.name, e.name, size), func(b *testing.B) {
					measure(b, normalizer(b, e.schema, e.original), flows, text(), appendChunk)
				})
				b.Run(fmt.Sprintf("%s/structured/%s/%d", l.name, e.name, size), func(b *testing.B) {
					measure(b, normalizer(b, e.schema, e.original), flows, parsed(), appendChunk)
				})
			}
		}
	}
}

// foreign are records that are no flow logs, one a line.
var foreign = []struct{ name, line string }{
	{"small", `{"remote":"192.0.2.7","method":"GET","path":"/index.html","code":200,"size":5120}`},
	{"text-1k", `{"log":"{\"level\":\"info\",\"text\":\"` + strings.Repeat("nothing to see here, ", 48) + `\"}"}`},
	{"nsg-rule-counter", `{"category":"NetworkSecurityGroupRuleCounter","operationName":"NetworkSecurityGroupCounters","properties":{"ruleName":"DefaultRule_DenyAllInBound","matchedConnections":7}}`},
}

func BenchmarkForeign(b *testing.B) {
	for _, f := range foreign {
		for _, size := range sizes {
			b.Run(fmt.Sprintf("%s/%d", f.name, size), func(b *testing.B) {
				chunk := bytes.Repeat(pack(b, []byte(f.line)), size)
				measure(b, normalizer(b, nsgflow.SchemaSekoia, false), size, cut(chunk), appendChunk)
			})
		}
	}
}

// BenchmarkGrowth has ten times the work from line to line: one blob, one text.
func BenchmarkGrowth(b *testing.B) {
	for _, size := range []int{1_000, 10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("blob/%d", size), func(b *testing.B) {
			log := loggen.Log{Family: loggen.NSGv2, Tuples: 50, Records: size / 50}
			blob := [][]byte{write(log, loggen.Blob)}
			measure(b, normalizer(b, nsgflow.SchemaSekoia, false), size, blob, appendTexts)
		})
	}
}

// BenchmarkVolume aggregates logs whose flows have much in common, or nothing:
// blobs with the records that the pipelines read.
func BenchmarkVolume(b *testing.B) {
	for _, s := range []struct {
		name string
		scenario
	}{{"mixed", scenario{}}, {"realistic", scenario{traffic: loggen.Realistic}}} {
		for schema, schemaName := range nsgflow.Schemas() {
			for aggregate, name := range nsgflow.Aggregates() {
				for _, size := range sizes {
					b.Run(fmt.Sprintf("%s/%s/%s/%d", s.name, schemaName, name, size), func(b *testing.B) {
						log := s.log(size)
						log.Tuples = min(log.Tuples, size)
						options := nsgflow.DefaultOptions(nsgflow.Schema(schema))
						options.Original = false
						options.Aggregate, options.AggregateDenied = nsgflow.Aggregate(aggregate), nsgflow.Aggregate(aggregate)
						n, err := nsgflow.New(options)
						if err != nil {
							b.Fatal(err)
						}
						measure(b, n, log.Records*log.Tuples, [][]byte{write(log, loggen.Blob)}, appendTexts)
					})
				}
			}
		}
	}
}

func normalizer(b *testing.B, schema nsgflow.Schema, original bool) *nsgflow.Normalizer {
	options := nsgflow.DefaultOptions(schema)
	options.Original = original
	n, err := nsgflow.New(options)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

func pack(b *testing.B, lines []byte) []byte {
	chunk, err := engine.Pack(engine.New, noon, lines)
	if err != nil {
		b.Fatal(err)
	}
	return chunk
}

// chunkSize is about what tail hands to the filters at a time.
const chunkSize = 256 << 10

// cut cuts a chunk into several of about chunkSize.
func cut(chunk []byte) (chunks [][]byte) {
	r := bytes.NewReader(chunk)
	d := msgpack.NewDecoder(r)
	for from := 0; from < len(chunk); {
		if err := d.Skip(); err != nil {
			panic(err) // it was packed just now
		}
		if p := len(chunk) - r.Len(); p-from >= chunkSize || p == len(chunk) {
			chunks = append(chunks, chunk[from:p])
			from = p
		}
	}
	return chunks
}

// appendAll appends the events of one input, and of those that it passes on
// the bytes they had.
type appendAll func(n *nsgflow.Normalizer, out, in []byte) []byte

func appendTexts(n *nsgflow.Normalizer, out, in []byte) []byte {
	out, _ = n.AppendText(out, in, nsgflow.Frame{})
	return out
}

func appendChunk(n *nsgflow.Normalizer, out, in []byte) []byte {
	out, _ = n.AppendChunk(out, in)
	return out
}

// measure times all inputs, one after the other into the same buffer, and
// beside it a copy of the same output. ns/tuple is time of the thread on its
// processor: what else the machine does has little part in it.
func measure(b *testing.B, n *nsgflow.Normalizer, flows int, inputs [][]byte, run appendAll) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var in, out int
	var largest []byte
	for _, input := range inputs { // what steady state has: templates and buffers
		in += len(input)
		events := run(n, largest[:0], input)
		out += len(events)
		largest = events[:0]
	}
	runtime.GC() // the inputs were made just now: no cycle shall run on while others are timed
	b.SetBytes(int64(in))
	b.ReportAllocs()
	start := threadTime()
	for b.Loop() {
		for _, input := range inputs {
			largest = run(n, largest[:0], input)
		}
	}
	per := float64(flows)
	b.ReportMetric(float64(threadTime()-start)/float64(b.N)/per, "ns/tuple")
	b.ReportMetric(per, "tuples/op")
	b.ReportMetric(float64(in)/per, "in-B/tuple")
	b.ReportMetric(float64(out)/per, "out-B/tuple")
	if out > 0 {
		b.ReportMetric(copyTime(out)/per, "copy-ns/tuple")
	}
}

// copyTime is what it takes to copy size bytes within the processor's cache,
// which is the most that any machine can do: the best of several tries.
func copyTime(size int) float64 {
	const block = 64 << 10
	from, to := make([]byte, min(size, block)), make([]byte, min(size, block))
	for i := range from {
		from[i], to[i] = byte(i), byte(i)
	}
	best := math.Inf(1)
	for range 10 {
		start, copied := threadTime(), 0
		for copied < 32*block {
			copied += copy(to, from)
		}
		best = min(best, float64(threadTime()-start)/float64(copied))
	}
	return best * float64(size)
}

func threadTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err)
	}
	return time.Duration(t.Nano())
}
