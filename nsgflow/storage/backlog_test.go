package storage

import (
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
)

// A backlog is read at the pace of the storage service and in bounded memory:
// here 200 MB, more than may be held at a time.
func TestBacklog(t *testing.T) {
	blobs, blockBytes, blocks := 25, 1<<20, 8
	if !long {
		blobs = 3
	}
	c := azure.NewContainer(t)
	var block strings.Builder
	records := 0
	for ; block.Len() < blockBytes; records++ {
		if records > 0 {
			block.WriteString(",")
		}
		block.WriteString(azure.VNetRecord(records))
	}
	var all sync.WaitGroup
	for i := range blobs {
		all.Go(func() {
			l := azure.NewFlowLog(t, c, azure.VNetName(i, azure.ThisHour))
			for n := range blocks {
				text := block.String()
				if n > 0 {
					text = "," + text
				}
				l.GrowRaw(text)
			}
		})
		if i%8 == 7 {
			all.Wait()
		}
	}
	all.Wait()

	o := opts(t, c)
	o.PollInterval = time.Minute
	runtime.GC()
	f, _ := open(t, o)
	began := time.Now()
	var bytes, count int
	var most uint64
	for count < records*blocks*blobs {
		b, err := f.Next(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range b.Records {
			bytes += len(r.Text)
		}
		count += len(b.Records)
		f.Commit(b.Token)
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapInuse)
		if time.Since(began) > 2*time.Minute {
			t.Fatalf("%d of %d records", count, records*blocks*blobs)
		}
		if len(b.Records) == 0 {
			time.Sleep(10 * time.Millisecond)
		}
	}
	took := time.Since(began)
	t.Logf("%d MB in %s: %.0f MB/s, at most %d MB of heap", bytes>>20, took.Round(time.Millisecond), float64(bytes)/1e6/took.Seconds(), most>>20)
	if most > 200<<20 {
		t.Errorf("%d MB of heap", most>>20)
	}
}
