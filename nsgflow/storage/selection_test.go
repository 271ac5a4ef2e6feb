package storage

import (
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
)

func TestSelection(t *testing.T) {
	t.Parallel()
	nsg, vnet := azure.NSGName("EDGE-NSG", 1, azure.ThisHour), azure.VNetName(1, azure.ThisHour)
	for _, tt := range []struct {
		o    Options
		name string
		want bool
	}{
		{Options{}, nsg, true},
		{Options{Prefix: "resourceId="}, nsg, true},
		{Options{Prefix: "resourceId="}, vnet, false},
		{Options{Include: []string{"*/edge-nsg/*"}}, nsg, true},
		{Options{Include: []string{"*/edge-ns?/*", "nothing"}}, nsg, true},
		{Options{Include: []string{"*/edge-nsg"}}, nsg, false},
		{Options{Include: []string{"*edge*"}, Exclude: []string{"*/macAddress=0022480A0001/*"}}, nsg, false},
		{Options{Exclude: []string{"resourceId.*"}}, nsg, true}, // a dot is a dot
		{Options{Until: azure.ThisHour}, nsg, false},
		{Options{Until: azure.ThisHour.Add(time.Minute)}, nsg, true},
		{Options{Until: azure.ThisHour}, "of/no/hour.json", true},
	} {
		if got := tt.o.selection().holds(tt.name); got != tt.want {
			t.Errorf("%+v holds %s: %t", tt.o, tt.name, got)
		}
	}
}

// together are sections of one agent, with one folder of checkpoints.
func together(t *testing.T, sections ...Options) (all []*Follower, l *logged) {
	t.Helper()
	agent := NewAgent()
	l = &logged{}
	for _, o := range sections {
		o.StatePath = sections[0].StatePath
		f, err := agent.Open(o, l.add, func() {})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		all = append(all, f)
	}
	return all, l
}

// Two sections read different parts of one container with one folder of checkpoints,
// each its own. How it is cut up may be changed: nothing is repeated or left out.
func TestSectionsShareAContainer(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	edge := fill(t, c, []string{azure.NSGName("EDGE-NSG", 1, azure.ThisHour), azure.NSGName("EDGE-NSG", 2, azure.ThisHour.Add(-time.Hour))})
	core := fill(t, c, []string{azure.NSGName("CORE-NSG", 3, azure.ThisHour), azure.NSGName("CORE-NSG", 4, azure.ThisHour.Add(-50*time.Hour))})
	one, other := opts(t, c), opts(t, c)
	one.Include, other.Exclude, other.StatePath = []string{"*/edge-nsg/*"}, []string{"*/edge-nsg/*"}, one.StatePath
	all, _ := together(t, one, other)
	same(t, take(t, all[0], total(edge)), edge)
	same(t, take(t, all[1], total(core)), core)
	for _, f := range all {
		await(t, "checkpoints", func() bool { return settled(f) })
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	all, _ = together(t, other, one)
	for _, f := range all {
		f.Close()
	}
	whole := opts(t, c)
	whole.StatePath = other.StatePath
	f, _ := open(t, whole)
	fresh := fill(t, c, []string{azure.NSGName("EDGE-NSG", 5, azure.ThisHour)})
	same(t, take(t, f, total(fresh)), fresh)
}

// What two sections name goes to the first, and that is said once. All of a container
// is no part beside others.
func TestSectionsOverlap(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	want := fill(t, c, []string{azure.NSGName("EDGE-NSG", 1, azure.ThisHour), azure.NSGName("EDGE-NSG", 2, azure.ThisHour)})
	one, other := opts(t, c), opts(t, c)
	one.Include, other.Include = []string{"*edge*"}, []string{"*nsg*"}
	all, l := together(t, one, other)
	same(t, take(t, all[0], total(want)), want)
	await(t, "a line", func() bool { return l.count("another section reads the blob") == 1 })
	if b, err := all[1].Next(1 << 20); err != nil || len(b.Records) > 0 {
		t.Errorf("%d records twice, %v", len(b.Records), err)
	}
	for _, o := range []Options{opts(t, c), one} {
		o.StatePath = one.StatePath
		if _, err := all[0].agent.Open(o, func(Level, string) {}, func() {}); err == nil || !strings.Contains(err.Error(), errTaken.Error()) {
			t.Errorf("%v", err)
		}
	}
}

// A section with an end reads the hours before it, says so once and reads no more,
// while another goes on. A record without an end does not hold it up for ever.
func TestUntil(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	name := func(nic, ago int) string {
		return azure.NSGName("EDGE-NSG", nic, azure.ThisHour.Add(-time.Duration(ago)*time.Hour))
	}
	want := fill(t, c, []string{name(1, 5), name(1, 4), name(2, 4)})
	half := azure.NewFlowLog(t, c, name(3, 4))
	half.GrowRaw(azure.NSGRecord(7)[:100])
	want[name(3, 4)] = []string{azure.NSGRecord(7)[:100]}
	later := fill(t, c, []string{name(1, 3), name(1, 0)})
	o := opts(t, c)
	o.Until = azure.ThisHour.Add(-3 * time.Hour)
	replay, l := open(t, o)
	same(t, take(t, replay, total(want)), want)
	await(t, "the end", func() bool { return l.count("until ") == 1 })
	everything, _ := open(t, opts(t, c))
	if got := take(t, everything, total(want)+total(later)); len(got) != total(want)+total(later) {
		t.Errorf("%d records", len(got))
	}
	before := sumOf(replay)
	fill(t, c, []string{name(9, 0)})
	if got := take(t, everything, 2); len(got) < 2 { // it has listed again by now
		t.Errorf("%d records", len(got))
	}
	if b, err := replay.Next(1 << 20); err != nil || len(b.Records) > 0 || sumOf(replay) != before || l.count("until ") != 1 {
		t.Errorf("after the end: %d records, %d requests more, %v", len(b.Records), sumOf(replay)-before, err)
	}
}

// A start that is told back from now moves on from restart to restart, and passes the
// end. The section is read to its end all the same, and keeps no agent from starting.
// Where nothing was read before, a line says that there is nothing to read.
func TestUntilIsPassedByTheStart(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	name := azure.NSGName("EDGE-NSG", 1, azure.ThisHour.Add(-4*time.Hour))
	want := fill(t, c, []string{name})
	o := opts(t, c)
	o.Start = Start{Back: time.Since(azure.ThisHour.Add(-5 * time.Hour))}
	o.Until = azure.ThisHour.Add(-3 * time.Hour)
	f, l := open(t, o)
	same(t, take(t, f, total(want)), want)
	await(t, "the end", func() bool { return l.count("until ") == 1 })
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	late := fill(t, c, []string{azure.NSGName("EDGE-NSG", 2, azure.ThisHour.Add(-4*time.Hour))})
	for _, start := range []Start{{Back: time.Hour}, {Now: true}} {
		o.Start = start
		f, l = open(t, o)
		same(t, take(t, f, total(late)), late)
		late = nil // it is not read again
		await(t, "the end", func() bool { return l.count("everything before it is read") == 1 })
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if l.count("nothing is read") != 0 {
			t.Errorf("log:\n%s", l)
		}
		fresh := o
		fresh.StatePath = t.TempDir()
		f, l = open(t, fresh)
		await(t, "the end", func() bool { return l.count("everything before it is read") == 1 })
		if l.count("no whole hour lies between start and until, nothing is read") != 1 {
			t.Errorf("log:\n%s", l)
		}
	}
}

// sumOf are the requests of a follower.
func sumOf(f *Follower) uint64 {
	_, requests := sum(f.Stats())
	return requests
}
