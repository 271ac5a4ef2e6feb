package storage

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
)

// What is of now goes first, and what is older has its share.
func TestLanes(t *testing.T) {
	t.Parallel()
	var l lanes[string]
	for i := range 6 {
		l.push(false, fmt.Sprint("old", i))
		l.push(true, fmt.Sprint("new", i))
	}
	var got []string
	for l.len() > 0 {
		before := (*l.next())[0]
		if one := l.pop(); one != before {
			t.Errorf("%s, not %s", one, before)
		} else {
			got = append(got, one)
		}
	}
	if text := strings.Join(got, " "); text != "new0 new1 new2 old0 new3 new4 new5 old1 old2 old3 old4 old5" {
		t.Error(text)
	}
	if l.next() != nil || l.ofNow() {
		t.Error("it is not empty")
	}
}

// While a backlog is read that fills the memory, a record of now waits for little of
// it; and all of both comes, in the order of the blobs.
func TestNowBeforeTheBacklog(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	const blobs, records = 36, 2000
	var want sync.Map
	var all sync.WaitGroup
	for i := range blobs {
		all.Go(func() {
			name := azure.VNetName(i, azure.ThisHour.Add(-time.Duration(3+i/12)*time.Hour))
			l := azure.NewFlowLog(t, c, name)
			var texts []string
			for n := range records {
				texts = append(texts, azure.VNetRecord(i*records+n, n, n+1, n+2, n+3, n+4, n+5, n+6, n+7, n+8))
			}
			l.Grow(texts...)
			want.Store(name, texts)
		})
	}
	live := azure.NewFlowLog(t, c, azure.VNetName(99, azure.ThisHour))
	live.Grow(azure.VNetRecord(1))
	all.Wait()
	byBlob := map[string][]string{azure.VNetName(99, azure.ThisHour): {azure.VNetRecord(1)}}
	backlog := 0
	want.Range(func(name, texts any) bool {
		byBlob[name.(string)] = texts.([]string)
		backlog += len(strings.Join(texts.([]string), ""))
		return true
	})
	o := opts(t, c)
	f, _ := open(t, o)
	memory := f.agent.memory
	full := func() bool {
		memory.mu.Lock()
		defer memory.mu.Unlock()
		return memory.beyond > memory.limit/2
	}
	var got []Record
	next := func() (bytes int, ofNow bool) {
		b, err := f.Next(64 << 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range b.Records {
			bytes += len(r.Text)
			ofNow = ofNow || string(r.Text) == azure.VNetRecord(len(byBlob[azure.VNetName(99, azure.ThisHour)])) && r.Blob == azure.VNetName(99, azure.ThisHour)
		}
		got = append(got, b.Records...)
		f.Commit(b.Token)
		return bytes, ofNow
	}
	for name := azure.VNetName(99, azure.ThisHour); len(byBlob[name]) < 4; {
		await(t, "memory that is full", full)
		record := azure.VNetRecord(len(byBlob[name]) + 1)
		live.Grow(record)
		byBlob[name] = append(byBlob[name], record)
		older := 0
		await(t, "a record of now", func() bool {
			bytes, ofNow := next()
			older += bytes
			return ofNow
		})
		t.Logf("%d KB of %d came before a record of now", older>>10, backlog>>10)
		if older > backlog/8 {
			t.Errorf("%d bytes of %d came before a record of now", older, backlog)
		}
	}
	got = append(got, take(t, f, total(byBlob)-len(got))...)
	same(t, got, byBlob)
}
