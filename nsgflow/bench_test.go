package nsgflow_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/test/loggen"
)

// flowLog is a flow log of some size. Its texts are read one after the other,
// as records of a chunk are.
type flowLog struct {
	name   string
	tuples int
	texts  []string
}

// sizes of flow logs, in tuples.
var sizes = []int{1, 1_000, 100_000}

// flowLogs gives flow logs of a size in every family and shape: dense ones
// with all tuples in one record, sparse ones with four in each, a rule for
// every tuple, and flattened ones.
func flowLogs(tb testing.TB, tuples int) (logs []flowLog) {
	tb.Helper()
	for _, family := range []loggen.Family{loggen.NSGv1, loggen.NSGv2, loggen.VNet} {
		for _, density := range []struct {
			name      string
			perRecord int
			shape     loggen.Shape
		}{
			{"dense", tuples, loggen.Blob},
			{"sparse", min(4, tuples), loggen.Blob},
			{"flattened", min(1_000, tuples), loggen.Flattened},
		} {
			var b bytes.Buffer
			g := loggen.Log{Family: family, Records: tuples / density.perRecord, Tuples: density.perRecord, Seed: 1}
			if err := g.Write(&b, density.shape); err != nil {
				tb.Fatal(err)
			}
			logs = append(logs, flowLog{
				name:   fmt.Sprintf("%s/%s/%d", family, density.name, tuples),
				tuples: tuples,
				texts:  strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n"),
			})
		}
	}
	return logs
}

// inputs are the texts, or what Fluent Bit's JSON parser makes of them.
func (l flowLog) inputs(tb testing.TB, structured bool) (inputs [][]byte) {
	tb.Helper()
	for _, text := range l.texts {
		if structured {
			inputs = append(inputs, packed(tb, text))
		} else {
			inputs = append(inputs, []byte(text))
		}
	}
	return inputs
}

// appendAll reads inputs like the records of a chunk, into dst.
func appendAll(n *nsgflow.Normalizer, dst []byte, inputs [][]byte, structured bool) []byte {
	for _, in := range inputs {
		if structured {
			dst, _, _ = n.AppendRecord(dst, in, source)
		} else {
			dst, _ = n.AppendText(dst, in, source)
		}
	}
	return dst
}

func benchmarkFlows(b *testing.B, structured bool) {
	for _, size := range sizes {
		for _, l := range flowLogs(b, size) {
			b.Run(l.name, func(b *testing.B) {
				n := newNormalizer(b)
				inputs := l.inputs(b, structured)
				dst := appendAll(n, nil, inputs, structured)
				if flows(n.Counts()) != uint64(size) {
					b.Fatalf("%+v", n.Counts())
				}
				b.SetBytes(int64(len(bytes.Join(inputs, nil))))
				b.ReportAllocs()
				for b.Loop() {
					dst = appendAll(n, dst[:0], inputs, structured)
				}
				perTuple(b, size, len(dst))
			})
		}
	}
}

// perTuple reports time, and bytes written, for each tuple.
func perTuple(b *testing.B, tuples, written int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*tuples), "ns/tuple")
	b.ReportMetric(float64(written)/float64(tuples), "B/tuple")
}

func BenchmarkText(b *testing.B)       { benchmarkFlows(b, false) }
func BenchmarkStructured(b *testing.B) { benchmarkFlows(b, true) }

// BenchmarkCopy copies what BenchmarkText writes: the wall behind which no
// filter can get.
func BenchmarkCopy(b *testing.B) {
	for _, size := range sizes {
		for _, l := range flowLogs(b, size) {
			b.Run(l.name, func(b *testing.B) {
				events := appendAll(newNormalizer(b), nil, l.inputs(b, false), false)
				dst := make([]byte, len(events))
				b.SetBytes(int64(len(events)))
				for b.Loop() {
					copy(dst, events)
				}
				perTuple(b, size, len(events))
			})
		}
	}
}

// foreignRecords are what else passes through an agent.
var foreignRecords = []struct{ name, body string }{
	{"nginx", `{"remote":"192.0.2.44","method":"GET","path":"/basket/items?page=2","code":200,"size":5316,"agent":"Mozilla/5.0 (X11; Linux x86_64)"}`},
	{"message1K", `{"message":` + quoted(`{"level":"info","service":"basket","items":["`+strings.Repeat("a fine day, ", 75)+`"],"took":0.25}`) + `}`},
	{"aboutFlows", `{"message":` + quoted(`{"level":"info","text":"`+strings.Repeat("workflow done, ", 60)+`"}`) + `}`},
	{"event", small},
}

func BenchmarkForeign(b *testing.B) {
	for _, row := range foreignRecords {
		b.Run(row.name, func(b *testing.B) {
			n := newNormalizer(b)
			body := packed(b, row.body)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, size, changed := n.AppendRecord(nil, body, source); size != len(body) || changed {
					b.Fatalf("size %d, changed %v", size, changed)
				}
			}
		})
	}
}

func BenchmarkParseTuple(b *testing.B) {
	for _, row := range []struct {
		name   string
		family nsgflow.Family
		tuple  string
	}{
		{"v1", nsgflow.NSG, "1724090709,10.3.0.4,198.51.100.20,49152,443,T,O,A"},
		{"v2", nsgflow.NSG, "1724090709,10.3.0.4,198.51.100.20,49152,443,T,O,A,E,12,3400,9,18211"},
		{"vnet", nsgflow.VNet, "1726286400512,fd00::4,fd00::5,52001,1433,6,O,C,NX,14,2210,11,9081"},
	} {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := nsgflow.ParseTuple(row.family, row.tuple); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
