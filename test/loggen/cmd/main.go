// Writes a generated flow log to standard output, for instance the 85 MB of
// the benchmarks: go run ./test/loggen/cmd -records 20000 -tuples 48
package main

import (
	"flag"
	"log"
	"os"

	"fluent-bit-nsgflow/test/loggen"
)

func main() {
	family := flag.String("family", "v2", "v1, v2 or vnet")
	shape := flag.String("shape", "records", "blob, records or flattened")
	records := flag.Int("records", 60, "number of records")
	tuples := flag.Int("tuples", 48, "tuples in each record")
	traffic := flag.String("traffic", "", "realistic: a server's NIC, with flows that have much in common")
	seed := flag.Uint64("seed", 1, "another seed, another log")
	flag.Parse()
	l := loggen.Log{Family: loggen.Family(*family), Records: *records, Tuples: *tuples, Seed: *seed, Traffic: loggen.Traffic(*traffic)}
	if err := l.Write(os.Stdout, loggen.Shape(*shape)); err != nil {
		log.Fatal(err)
	}
}
