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

// Azure cuts a record at some 500 tuples.
const recordTuples = 500

// lastHour ends at a whole five minutes, so that no bar of a chart is a part
// of one. The busiest interface has so many tuples in a quiet minute.
func lastHour(now time.Time, tuples int) hour {
	h := hour{start: now.UTC().Truncate(5 * time.Minute).Add(-time.Hour)}
	add := func(l loggen.Log, seed uint64, share float64) {
		for i, s := range spans {
			minute := int(share * s.load * float64(tuples))
			l.Parts = (minute + recordTuples - 1) / recordTuples
			l.Records, l.Tuples = (s.to-s.from)*l.Parts, minute/l.Parts
			l.Seed = seed + uint64(i)
			l.Start = h.start.Add(time.Duration(s.from) * time.Minute)
			h.logs = append(h.logs, l)
		}
	}
	for i, nic := range nics {
		add(loggen.Log{Family: nic.family, NIC: i, Traffic: loggen.Realistic}, uint64(i*len(spans)), nic.share)
	}
	// The first asks the second, and both write it.
	both := uint64(len(h.logs))
	add(loggen.Log{Family: nics[0].family, NIC: 0, Peer: 1, Traffic: loggen.Inside}, both, 0.3)
	add(loggen.Log{Family: nics[1].family, NIC: 1, Peer: 0, Traffic: loggen.Inside, Inbound: true}, both, 0.3)
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
