package storage

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
)

func TestFollowNewAndGrowing(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	nsg, vnet := azure.NSGName("EDGE-NSG", 1, azure.ThisHour), azure.VNetName(1, azure.ThisHour)
	want := map[string][]string{}
	a, b := azure.NewFlowLog(t, c, nsg), azure.NewFlowLog(t, c, vnet)
	f, _ := open(t, opts(t, c))
	take(t, f, 0)
	n := 0
	for minute := range 5 {
		var as, bs []string
		for range minute + 1 {
			n++
			as, bs = append(as, azure.NSGRecord(n)), append(bs, azure.VNetRecord(n))
		}
		a.Grow(as...)
		b.Grow(bs...)
		want[nsg], want[vnet] = append(want[nsg], as...), append(want[vnet], bs...)
	}
	got := take(t, f, 2*n)
	same(t, got, want)
	whole, err := c.NewBlobClient(nsg).DownloadStream(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	text.ReadFrom(whole.Body)
	for _, r := range got {
		if r.Blob != nsg {
			continue
		}
		if at := text.Bytes()[r.Offset:]; !bytes.HasPrefix(at, r.Text) {
			t.Errorf("offset %d: %.60q stands there", r.Offset, at)
		}
		if want := azure.Endpoint(t) + "/" + azure.NameOf(c) + "/" + nsg; r.Path != want || r.Container != azure.NameOf(c) {
			t.Errorf("path %q container %q, want %q", r.Path, r.Container, want)
		}
	}
	if s := f.Stats()[0]; s.Records != uint64(2*n) || s.Lag > time.Hour || s.Newest.IsZero() {
		t.Errorf("stats %+v", s)
	}
}

func TestThousandBlobsWhileTheyGrow(t *testing.T) {
	t.Parallel()
	blobs := 1000
	if !long {
		blobs = 100
	}
	c := azure.NewContainer(t)
	o := opts(t, c)
	wire := &wire{}
	o.Transport = wire
	f, _ := open(t, o)
	var names []string
	for i := range blobs {
		if i%2 == 0 {
			names = append(names, azure.NSGName(fmt.Sprintf("NSG-%d", i%10), i, azure.ThisHour))
		} else {
			names = append(names, azure.VNetName(i, azure.ThisHour))
		}
	}
	done := make(chan map[string][]string)
	go func() { done <- fill(t, c, names) }()
	var got []Record
	for want := map[string][]string(nil); want == nil; {
		select {
		case want = <-done:
			got = append(got, take(t, f, total(want)-len(got))...)
			same(t, got, want)
		default:
			b, err := f.Next(1 << 20)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, b.Records...)
			f.Commit(b.Token)
			time.Sleep(5 * time.Millisecond)
		}
	}
	if n := wire.count("write"); n != 0 {
		t.Errorf("%d requests that were no GET", n)
	}
}

func TestHourChange(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	o := opts(t, c)
	o.page = 2 // small enough that flat listings are not the cheapest
	now, next := azure.NSGName("EDGE-NSG", 1, azure.ThisHour), azure.NSGName("EDGE-NSG", 1, azure.ThisHour.Add(time.Hour))
	var names []string
	for i := range 12 {
		names = append(names, azure.NSGName("EDGE-NSG", i, azure.ThisHour.Add(-24*time.Hour)))
	}
	want := fill(t, c, append(names, now))
	wire := &wire{}
	o.Transport = wire
	f, _ := open(t, o)
	got := take(t, f, total(want))
	wire.setAhead(time.Until(azure.ThisHour.Add(time.Hour + 2*time.Minute)))
	for name, texts := range fill(t, c, []string{next}) {
		want[name] = texts
	}
	got = append(got, take(t, f, total(want)-len(got))...)
	same(t, got, want)
}

func TestRestartRepeatsNothing(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	o := opts(t, c)
	name := azure.VNetName(1, azure.ThisHour)
	l := azure.NewFlowLog(t, c, name)
	var texts []string
	var got []Record
	for n := range 5 {
		f, _ := open(t, o)
		texts = append(texts, azure.VNetRecord(2*n), azure.VNetRecord(2*n+1))
		l.Grow(texts[2*n:]...)
		got = append(got, take(t, f, 2)...)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Next(1 << 20); err != ErrClosed {
			t.Errorf("Next after Close: %v", err)
		}
	}
	same(t, got, map[string][]string{name: texts})
}

// A checkpoint is written after Commit, and never without one.
func TestCommit(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	o := opts(t, c)
	l := azure.NewFlowLog(t, c, azure.VNetName(1, azure.ThisHour))
	texts := []string{azure.VNetRecord(1), azure.VNetRecord(2), azure.VNetRecord(3)}
	l.Grow(texts...)
	restart := func(then func(f *Follower, batches []Batch)) (records int) {
		f, _ := open(t, o)
		var batches []Batch
		await(t, "batches", func() (ok bool) {
			b, _ := f.Next(1) // one record at a time
			if len(b.Records) > 0 {
				batches = append(batches, b)
			}
			return len(batches) == len(texts)
		})
		then(f, batches)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		return len(batches)
	}
	restart(func(f *Follower, batches []Batch) { time.Sleep(500 * time.Millisecond) })
	restart(func(f *Follower, batches []Batch) {}) // nothing was committed before
	restart(func(f *Follower, batches []Batch) {
		f.Commit(batches[1].Token)
		await(t, "the checkpoint", func() bool { return f.Saved() == batches[1].Token })
		time.Sleep(300 * time.Millisecond)
		if f.Saved() != batches[1].Token {
			t.Error("a batch that was not committed is saved")
		}
	})
	texts = texts[2:]                                                          // two are behind the checkpoint
	restart(func(f *Follower, batches []Batch) { f.Commit(batches[0].Token) }) // Close writes it
	texts = []string{azure.VNetRecord(4)}
	l.Grow(texts...)
	restart(func(f *Follower, batches []Batch) {})
}

func TestShardsShareWithoutGapOrOverlap(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	var names []string
	for i := range 60 {
		names = append(names, azure.NSGName("EDGE-NSG", i/2, azure.ThisHour.Add(-time.Duration(i%2)*time.Hour)), azure.VNetName(i, azure.ThisHour))
	}
	want := fill(t, c, names)
	var got []Record
	nics := map[string]int{}
	for i := 1; i <= 3; i++ {
		o := opts(t, c)
		o.Shard = Shard{i, 3}
		f, _ := open(t, o)
		part := take(t, f, 1)
		await(t, "all is listed and read", func() bool {
			part = append(part, take(t, f, 0)...)
			return !onlyContainer(f).lastListed().IsZero() && f.Stats()[0].Open == 0
		})
		if len(part) == 0 || len(part) == total(want) {
			t.Errorf("shard %d: %d of %d records", i, len(part), total(want))
		}
		got = append(got, part...)
		for _, r := range part {
			nic := parsePath(r.Blob).nic
			if nics[nic] != 0 && nics[nic] != i {
				t.Errorf("%s is in shards %d and %d", nic, nics[nic], i)
			}
			nics[nic] = i
		}
	}
	same(t, got, want)
}

// A batch holds whole records up to a size; what is larger comes alone.
func TestBatchSize(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	o := opts(t, c)
	name := azure.NSGName("EDGE-NSG", 1, azure.ThisHour)
	var texts []string
	for n := range 40 {
		texts = append(texts, azure.NSGRecord(n))
	}
	big := strings.Replace(azure.NSGRecord(99), "UserRule_", "UserRule_"+strings.Repeat("x", 5000), 1)
	texts = append(texts, big)
	azure.NewFlowLog(t, c, name).Grow(texts...)
	f, _ := open(t, o)
	await(t, "records", func() bool { r := f.all()[0].ready; r.mu.Lock(); defer r.mu.Unlock(); return r.parts.len() > 0 })
	var got []Record
	for range 100 {
		b, _ := f.Next(3000)
		size := 0
		for _, r := range b.Records {
			size += len(r.Text)
		}
		if size > 3000 && len(b.Records) > 1 {
			t.Errorf("batch of %d bytes", size)
		}
		got = append(got, b.Records...)
		f.Commit(b.Token)
	}
	same(t, got, map[string][]string{name: texts})
}
