package storage

import (
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
)

// What was added to a known blob is read with one request; with more where that is not
// enough: what was replaced, has shrunk, is damaged, half written, or larger than a piece.
// Nothing is lost or read twice in any of these.
func TestReadInOne(t *testing.T) {
	t.Parallel()
	const more = 3 // growths
	name := azure.VNetName(1, azure.ThisHour)
	for _, tt := range []struct {
		name   string
		grow   func(l *azure.FlowLog, n int) (want []string)
		blocks bool // the block list is asked for
		says   string
	}{
		{"records", func(l *azure.FlowLog, n int) []string {
			texts := []string{azure.VNetRecord(10 * n), azure.VNetRecord(10*n + 1)}
			l.Grow(texts...)
			return texts
		}, false, ""},
		{"a version without records", func(l *azure.FlowLog, n int) []string { l.GrowRaw(" \n"); return nil }, false, ""},
		{"more than a piece", func(l *azure.FlowLog, n int) (texts []string) {
			for i := range 2500 {
				texts = append(texts, azure.VNetRecord(n*2500+i))
			}
			l.Grow(texts...)
			return texts
		}, true, ""},
		{"a damaged record", func(l *azure.FlowLog, n int) []string {
			l.GrowRaw(`,{"time":"2026","records":[1,2}`)
			record := azure.VNetRecord(n)
			l.GrowRaw("," + record)
			return nil
		}, true, ""},
		{"another blob, as long", func(l *azure.FlowLog, n int) []string {
			l.Shrink()
			texts := []string{azure.VNetRecord(5000 + n), azure.VNetRecord(6000 + n), azure.VNetRecord(7000 + n)}
			l.Grow(texts...)
			return texts
		}, true, "it is read from its beginning"},
		{"another blob, shorter", func(l *azure.FlowLog, n int) []string {
			l.Shrink()
			texts := []string{`{"time":"` + strings.Repeat("2", 20-n) + `"}`}
			l.Grow(texts...)
			return texts
		}, true, "it is read from its beginning"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := azure.NewContainer(t)
			o := opts(t, c)
			o.ListInterval = patience
			w := &wire{}
			o.Transport = w
			l := azure.NewFlowLog(t, c, name)
			first := []string{azure.VNetRecord(3), azure.VNetRecord(4)}
			l.Grow(first...)
			f, log := open(t, o)
			same(t, take(t, f, 2), map[string][]string{name: first})
			w.reset()
			for n := range more {
				want := tt.grow(l, n)
				if want != nil {
					same(t, take(t, f, len(want)), map[string][]string{name: want})
					continue
				}
				before := w.count("ask")
				await(t, "some looks", func() bool { take(t, f, 0); return w.count("ask") > before+3 })
			}
			if n := w.count("blocks"); tt.blocks != (n > 0) || !tt.blocks && w.count("download") > 0 {
				t.Errorf("%d block lists, %d pieces", n, w.count("download"))
			}
			if tt.says != "" && log.count(tt.says) == 0 {
				t.Error("it is not said")
			}
		})
	}
}

// The schedule learns from the answers: a NIC that is regular and has grown is not
// asked for again before its next minute.
func TestAnswersReachTheSchedule(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	o := opts(t, c)
	o.PollInterval, o.ListInterval = 10*time.Second, time.Hour
	f, _ := open(t, o)
	await(t, "first look", func() bool { return onlyContainer(f).asks.Load() && !onlyContainer(f).lastListed().IsZero() })
	known, now := onlyContainer(f).known, time.Now().UTC()
	name := azure.VNetName(1, now)
	for ago := range 5 { // as if it had grown before
		known.saw(name, parsePath(name), now.Add(time.Duration(ago-5)*time.Minute), now)
	}
	azure.NewFlowLog(t, c, name).Grow(azure.VNetRecord(1))
	known.retry(now)
	if got := take(t, f, 1); len(got) != 1 {
		t.Fatalf("%d records", len(got))
	}
	names, _, _ := known.due(time.Now().Add(o.PollInterval + 5*time.Second))
	if len(names) > 0 {
		t.Errorf("asked for again: %q", names)
	}
}
