package storage

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fluent-bit-nsgflow/test/azure"
)

func TestParsePath(t *testing.T) {
	t.Parallel()
	hour := time.Date(2024, 8, 19, 18, 0, 0, 0, time.UTC)
	const nsg = "resourceId=/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/N/"
	for _, tt := range []struct {
		name string
		want blobPath
	}{
		{nsg + "y=2024/m=08/d=19/h=18/m=00/macAddress=0022480A0001/PT1H.json", blobPath{nsg, hour, "m=00/macAddress=0022480A0001/PT1H.json", nsg + "macAddress=0022480A0001/"}},
		{nsg + "y=2024/m=08/d=19/h=18/m=00/PT1H.json", blobPath{nsg, hour, "m=00/PT1H.json", nsg}},
		{"y=2024/m=08/d=19/h=18/m=00/macAddress=A/PT1H.json", blobPath{"", hour, "m=00/macAddress=A/PT1H.json", "macAddress=A/"}},
		{nsg + "y=2024/m=08/d=19/PT1H.json", blobPath{nic: nsg + "y=2024/m=08/d=19/"}},
		{nsg + "y=2024/m=8/d=19/h=18/m=00/PT1H.json", blobPath{nic: nsg + "y=2024/m=8/d=19/h=18/m=00/"}},
		{"copies/PT1H.json", blobPath{nic: "copies/"}},
		{"PT1H.json", blobPath{}},
		{"", blobPath{}},
	} {
		if diff := cmp.Diff(tt.want, parsePath(tt.name), cmp.AllowUnexported(blobPath{})); diff != "" {
			t.Errorf("%s: -want +got\n%s", tt.name, diff)
		}
	}
	if got := hourPath(nsg, hour); got != nsg+"y=2024/m=08/d=19/h=18/" {
		t.Error(got)
	}
}

// Shards of every size get about the same.
func TestShardsAreEven(t *testing.T) {
	t.Parallel()
	for _, of := range []int{2, 3, 8, 10} {
		counts := make([]int, of)
		for nic := range 10_000 {
			for i := range of {
				if (Shard{i + 1, of}).holds(parsePath(azure.VNetName(nic, azure.ThisHour)).nic) {
					counts[i]++
				}
			}
		}
		sum := 0
		for i, n := range counts {
			sum += n
			if n < 8_000/of || n > 12_000/of {
				t.Errorf("shard %d/%d: %d of 10000", i+1, of, n)
			}
		}
		if sum != 10_000 {
			t.Errorf("%d shards hold %d NICs", of, sum)
		}
	}
	// Stable from release to release: agents of two may share an account.
	if got := fmt.Sprint(Shard{2, 7}.holds("a/"), Shard{3, 7}.holds("a/"), Shard{1, 1}.holds("")); got != "true false true" {
		t.Error(got)
	}
}
