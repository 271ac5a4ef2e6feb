package input

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/internal/follow"
)

// troubledLog is a flow log, and when each of its blocks was written.
type troubledLog struct {
	name   string
	log    *azure.FlowLog
	record func(...int) string
	blocks []troubledBlock
}

type troubledBlock struct {
	at       time.Time
	from, to int // tuples from <= n < to
}

// grow puts a block into each flow log of this hour, of tuples that are new.
func (s *trouble) grow(tuples int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	hour := time.Now().UTC().Truncate(time.Hour)
	if len(s.logs) == 0 || !strings.Contains(s.logs[0].name, hour.Format("/h=15/")) {
		s.full = append(s.full, s.logs...)
		s.logs = nil
		for nic := range follow.NICs {
			nsg, vnet := azure.NSGName("EDGE-NSG", nic, hour), azure.VNetName(nic, hour)
			s.logs = append(s.logs,
				&troubledLog{name: nsg, log: azure.NewFlowLog(s.t, s.storage.NSG, nsg), record: azure.NSGRecord},
				&troubledLog{name: vnet, log: azure.NewFlowLog(s.t, s.storage.VNet, vnet), record: azure.VNetRecord})
		}
	}
	for _, l := range s.logs {
		s.put(l, tuples)
	}
}

func (s *trouble) put(l *troubledLog, tuples int) {
	var these []int
	for range tuples {
		these = append(these, s.written)
		s.written++
	}
	l.log.Grow(l.record(these...))
	l.blocks = append(l.blocks, troubledBlock{time.Now(), these[0], s.written})
}

// rareNICs is how many flow logs grow once in a while only: what is lost in one
// fault does not come with what is written after it.
const rareNICs = 40

// growRarely puts one block into the flow log that has had none for longest.
func (s *trouble) growRarely() {
	s.mu.Lock()
	defer s.mu.Unlock()
	var l *troubledLog
	hour := time.Now().UTC().Truncate(time.Hour)
	if len(s.rare) < rareNICs {
		name := azure.VNetName(follow.NICs+len(s.rare), hour)
		l = &troubledLog{name: name, log: azure.NewFlowLog(s.t, s.storage.VNet, name), record: azure.VNetRecord}
	} else {
		l, s.rare = s.rare[0], s.rare[1:]
		if nic := strings.LastIndex(l.name, "/macAddress="); !strings.Contains(l.name, hour.Format("/h=15/")) {
			s.full = append(s.full, l)
			name := azure.VNetName(0, hour)
			name = name[:strings.LastIndex(name, "/macAddress=")] + l.name[nic:]
			l = &troubledLog{name: name, log: azure.NewFlowLog(s.t, s.storage.VNet, name), record: azure.VNetRecord}
		}
	}
	s.put(l, 1)
	s.rare = append(s.rare, l)
}

// keepGrowing goes on until stop.
func (s *trouble) keepGrowing(every time.Duration, tuples int) (stop func()) {
	stopped, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			s.grow(tuples)
			select {
			case <-stopped:
				return
			case <-time.After(every):
			}
		}
	}()
	return sync.OnceFunc(func() { close(stopped); <-done })
}

var complaint = regexp.MustCompile(`\[(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d)\S*\] \[ ?(?:warn|error)\] .*`)

// complaints are when agents said that something is wrong.
func (s *trouble) complaints() (at []time.Time) {
	for _, a := range s.agents {
		for _, m := range complaint.FindAllStringSubmatch(a.Log.String(), -1) {
			if when, err := time.ParseInLocation("2006/01/02 15:04:05", m[1], time.Local); err == nil {
				at = append(at, when)
			}
		}
	}
	slices.SortFunc(at, time.Time.Compare)
	return at
}

func (s *trouble) all() []*troubledLog { return slices.Concat(s.full, s.rare, s.logs) }

// late are the blocks that took longer than any fault and the pauses behind it.
func (s *trouble) late(limit time.Duration) (found []string) {
	for _, l := range s.all() {
		for _, b := range l.blocks {
			if came := s.sink.first[b.from]; came.Sub(b.at) > limit {
				found = append(found, fmt.Sprintf("%s, written %s, came after %s", l.name[len(l.name)-36:], b.at.Format(time.TimeOnly), came.Sub(b.at).Round(time.Second)))
			}
		}
	}
	return found
}

// silences are the stretches of more than so long in which a flow log had
// tuples that did not come, and no agent said that something is wrong.
func (s *trouble) silences(limit time.Duration) (found []string) {
	complaints := s.complaints()
	for _, l := range s.all() {
		var before time.Time // when the block before came
		for _, b := range l.blocks {
			came := s.sink.first[b.from]
			if came.IsZero() {
				break // is missing: told elsewhere
			}
			began := b.at
			if before.After(began) {
				began = before
			}
			said := slices.ContainsFunc(complaints, func(at time.Time) bool {
				return at.After(began.Add(-2*time.Second)) && at.Before(began.Add(limit))
			})
			if came.Sub(began) > limit && !said {
				found = append(found, fmt.Sprintf("%s from %s for %s", l.name[len(l.name)-36:], began.Format(time.TimeOnly), came.Sub(began).Round(time.Second)))
			}
			if came.After(before) {
				before = came
			}
		}
	}
	return found
}
