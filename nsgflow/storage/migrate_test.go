package storage

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
)

// The checkpoints of version 0.1 are read, and nothing behind them is repeated.
// The file was written by that version, killed after 26 records of 13 blobs with
// three each: 8 are read, one is in the middle, and nothing of 4 is.
func TestCheckpointsOfVersion01(t *testing.T) {
	t.Parallel()
	const committed = 26
	c := &catalogue{text: `{"records":[{"time":"2026-11-23T04:00:05.0000000Z"},{"time":"2026-11-23T04:01:05.0000000Z"},{"time":"2026-11-23T04:02:05.0000000Z"}]}`,
		names: []string{"copy/PT1H.json"}}
	for _, hour := range []int{12, 13} {
		for nic := range 6 {
			c.names = append(c.names, azure.VNetName(nic, time.Date(2026, 11, 25, hour, 0, 0, 0, time.UTC)))
		}
	}
	slices.Sort(c.names)
	o := catalogueOptions(t, c, Start{})
	packed, err := os.Open("testdata/checkpoints-0.1.db.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(o.StatePath, "nsgflow.db"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, _ := open(t, o)
	var want []string
	for n, name := range c.names {
		for i := range 3 {
			if 3*n+i >= committed {
				want = append(want, fmt.Sprint(name, " ", 12+40*i))
			}
		}
	}
	var got []string
	for _, r := range take(t, f, len(want)) {
		got = append(got, fmt.Sprint(r.Blob, " ", r.Offset))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	await(t, "all settled", func() bool { return settled(f) })
	f.Close()
	f, _ = open(t, o)
	if again := take(t, f, 0); len(again) > 0 {
		t.Errorf("%d records again after the next start", len(again))
	}
}
