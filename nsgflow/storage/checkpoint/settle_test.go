package checkpoint

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Two parts that settle at once never take the watermark back behind checkpoints that
// are forgotten.
func TestSettleTogether(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "nsgflow.db"), func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	hour := time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)
	part := func(p string) Part {
		return Part{Key: p, Holds: func(n string) bool { return strings.HasPrefix(n, p) }, From: hour}
	}
	a, b := s.Claim("c", part("a")), s.Claim("c", part("b"))
	a.Begun()
	b.Begun()
	nameOf := func(h time.Time) string { return "a" + h.Format(time.RFC3339) }
	bad, n := 0, 300
	for k := range n {
		h := hour.Add(time.Duration(k) * time.Hour)
		s.Put(Set{"c": {nameOf(h): Checkpoint{Offset: 100, ETag: "x"}}}, "")
		keep := func(watermark time.Time, name string, _ Checkpoint) bool {
			at, _ := time.Parse(time.RFC3339, name[1:])
			return !at.Before(watermark)
		}
		var all sync.WaitGroup
		for _, c := range []*Claim{a, b} {
			all.Go(func() {
				if err := c.Settle(h.Add(time.Hour), keep); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		w, _, _ := s.Begun("c")
		_, ok, _ := s.Get("c", nameOf(h))
		if !w.After(h) && !ok {
			bad++
		}
	}
	if bad > 0 {
		t.Errorf("%d of %d times", bad, n)
	}
}
