package storage

import (
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
)

// Damage costs no good record, and is handed on as it is.
func TestDamage(t *testing.T) {
	t.Parallel()
	whole := azure.NSGRecord(1)
	half := whole[:len(whole)/2]
	for _, tt := range []struct {
		name   string
		blocks []string
		want   []string
	}{
		{"a record without an end", []string{azure.NSGRecord(1), "," + half, "," + azure.NSGRecord(2)}, []string{azure.NSGRecord(1), "," + half, azure.NSGRecord(2)}},
		{"rubbish", []string{"nonsense" + azure.NSGRecord(1)}, []string{"nonsense", azure.NSGRecord(1)}},
		{"closed twice", []string{azure.NSGRecord(1) + "]}", "," + azure.NSGRecord(2)}, []string{azure.NSGRecord(1), azure.NSGRecord(2)}},
		{"in two blocks", []string{whole[:100], whole[100:] + "," + azure.NSGRecord(2)}, []string{whole, azure.NSGRecord(2)}},
		{"blanks", []string{"\r\n  " + azure.NSGRecord(1), "\r\n,\r\n" + azure.NSGRecord(2) + "\n"}, []string{azure.NSGRecord(1), azure.NSGRecord(2)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := azure.NewContainer(t)
			f, _ := open(t, opts(t, c))
			name := azure.NSGName("EDGE-NSG", 1, azure.ThisHour)
			l := azure.NewFlowLog(t, c, name)
			for _, text := range tt.blocks {
				l.GrowRaw(text)
			}
			got := take(t, f, len(tt.want))
			for i, r := range got {
				// The comma before damage may be with it or not.
				got[i].Text = []byte(strings.TrimPrefix(string(r.Text), ","))
			}
			for i := range tt.want {
				tt.want[i] = strings.TrimPrefix(tt.want[i], ",")
			}
			same(t, got, map[string][]string{name: tt.want})
		})
	}
}

// What has no end waits for it, until the hour is long over.
func TestHalfRecord(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	f, _ := open(t, opts(t, c))
	whole := azure.NSGRecord(1)
	name, old := azure.NSGName("EDGE-NSG", 1, azure.ThisHour), azure.NSGName("EDGE-NSG", 2, azure.ThisHour.Add(-5*time.Hour))
	a, b := azure.NewFlowLog(t, c, name), azure.NewFlowLog(t, c, old)
	a.GrowRaw(whole[:200])
	b.GrowRaw(whole[:200])
	same(t, take(t, f, 1), map[string][]string{old: {whole[:200]}})
	a.GrowRaw(whole[200:])
	same(t, take(t, f, 1), map[string][]string{name: {whole}})
}

func TestReplacedAndShrunk(t *testing.T) {
	t.Parallel()
	c := azure.NewContainer(t)
	f, l := open(t, opts(t, c))
	name := azure.NSGName("EDGE-NSG", 1, azure.ThisHour)
	first := azure.NewFlowLog(t, c, name)
	first.Grow(azure.NSGRecord(1), azure.NSGRecord(2), azure.NSGRecord(3))
	take(t, f, 3)

	first.Shrink()
	first.Grow(azure.NSGRecord(4)) // one block, beginning with a comma
	got := take(t, f, 1)
	if len(got) != 1 || !strings.Contains(string(got[0].Text), ",4,443,") || l.count("has shrunk") != 1 {
		t.Errorf("shrunk: %d records, log %s", len(got), l)
	}

	first.Shrink()
	first.Grow(azure.NSGRecord(5), azure.NSGRecord(6))
	if got := take(t, f, 2); len(got) != 2 || l.count("was replaced") != 1 {
		t.Errorf("replaced: %d records, log %s", len(got), l)
	}
}
