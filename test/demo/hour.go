package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"fluent-bit-nsgflow/test/loggen"
)

// hour is an hour of a small network's flow logs.
type hour struct {
	start time.Time
	logs  []loggen.Log // each is a file
}

// nics are the network's interfaces and how busy each is.
var nics = []struct {
	family loggen.Family
	share  float64
}{
	{loggen.NSGv2, 1},
	{loggen.VNet, 0.7},
	{loggen.NSGv2, 0.3},
	{loggen.VNet, 0.5},
}

// spans are how busy all are, in minutes of the hour: a quarter has twice as
// much to do.
var spans = []struct {
	from, to int
	load     float64
}{{0, 20, 1}, {20, 35, 2}, {35, 60, 1.2}}

// lastHour ends at a whole five minutes, so that no bar of a chart is a part
// of one. The busiest interface has so many tuples in a quiet minute.
func lastHour(now time.Time, tuples int) hour {
	h := hour{start: now.UTC().Truncate(5 * time.Minute).Add(-time.Hour)}
	for i, nic := range nics {
		for _, s := range spans {
			h.logs = append(h.logs, loggen.Log{
				Family:  nic.family,
				Records: s.to - s.from,
				Tuples:  int(nic.share * s.load * float64(tuples)),
				Seed:    uint64(len(h.logs)),
				Traffic: loggen.Realistic,
				Start:   h.start.Add(time.Duration(s.from) * time.Minute),
				NIC:     i,
			})
		}
	}
	return h
}

func (h hour) end() time.Time { return h.start.Add(time.Hour) }

func (h hour) flows() (n int) {
	for _, l := range h.logs {
		n += l.Records * l.Tuples
	}
	return n
}

// write puts the logs into a folder, as blobs.
func (h hour) write(folder string) error {
	for i, l := range h.logs {
		f, err := os.Create(filepath.Join(folder, fmt.Sprintf("%02d-%s-nic%d.json", i, l.Family, l.NIC)))
		if err != nil {
			return err
		}
		if err := l.Write(f, loggen.Blob); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}
