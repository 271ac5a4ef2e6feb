package storage

import (
	"fmt"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
)

// hoursBack is the value of option start for so many hours before ThisHour,
// whatever the hour is by now.
func hoursBack(hours int) Start {
	return Start{Back: time.Since(azure.ThisHour.Add(-time.Duration(hours) * time.Hour)).Truncate(time.Second)}
}

func TestStart(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		start Start
		want  []int // hours ago that are read whole
	}{
		{"beginning", Start{}, []int{0, 1, 5, 60, 24 * 400}},
		{"back", hoursBack(5), []int{0, 1, 5}},
		{"time", Start{At: azure.ThisHour.Add(-60*time.Hour + 10*time.Minute)}, []int{0, 1, 5, 60}},
		{"now", Start{Now: true}, nil},
	} {
		for _, page := range []int32{0, 1} {
			t.Run(fmt.Sprintf("%s page %d", tt.name, page), func(t *testing.T) {
				c := azure.NewContainer(t)
				o := opts(t, c)
				o.page, o.Start = page, tt.start
				var names []string
				for _, ago := range []int{0, 1, 5, 60, 24 * 400} {
					names = append(names, azure.NSGName("EDGE-NSG", ago, azure.ThisHour.Add(-time.Duration(ago)*time.Hour)))
				}
				all := fill(t, c, names)
				want := map[string][]string{}
				for _, ago := range tt.want {
					name := azure.NSGName("EDGE-NSG", ago, azure.ThisHour.Add(-time.Duration(ago)*time.Hour))
					want[name] = all[name]
				}
				f, _ := open(t, o)
				got := take(t, f, total(want))
				await(t, "first look", func() bool { _, ok, _ := f.checkpoints.store.Begun(bucketOf(t, c)); return ok })
				// What is new comes in any case.
				fresh := azure.NSGName("EDGE-NSG", 77, azure.ThisHour)
				want[fresh] = fill(t, c, []string{fresh})[fresh]
				got = append(got, take(t, f, total(want)-len(got))...)
				same(t, got, want)
			})
		}
	}
}

// With start now, only what is put into an existing blob is read.
func TestStartNowInTheMiddleOfABlob(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	o := opts(t, c)
	o.Start = Start{Now: true}
	name, undated := azure.NSGName("EDGE-NSG", 1, azure.ThisHour), "copy/PT1H.json"
	a, b := azure.NewFlowLog(t, c, name), azure.NewFlowLog(t, c, undated)
	a.Grow(azure.NSGRecord(1), azure.NSGRecord(2))
	b.Grow(azure.NSGRecord(3))
	f, _ := open(t, o)
	await(t, "first look", func() bool { _, ok, _ := f.checkpoints.store.Begun(bucketOf(t, c)); return ok })
	want := map[string][]string{name: {azure.NSGRecord(4), azure.NSGRecord(5)}, undated: {azure.NSGRecord(6)}}
	a.Grow(want[name]...)
	b.Grow(want[undated]...)
	same(t, take(t, f, 3), want)
}
