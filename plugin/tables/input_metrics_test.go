package tables

import (
	"testing"

	"fluent-bit-nsgflow/nsgflow/storage"
)

// Every reason of storage has a row that says what to do, and no reason two.
func TestEveryWaitHasARow(t *testing.T) {
	seen := map[string]bool{}
	for _, w := range Waits {
		if seen[w.Reason] || w.Says == "" || w.Do == "" {
			t.Errorf("%+v", w)
		}
		seen[w.Reason] = true
	}
	for _, r := range storage.Reasons() {
		if !seen[r.String()] {
			t.Errorf("%s has no row", r)
		}
	}
}

// The gauge counts the accounts that wait for a reason, and shows every reason.
func TestWaitingGauge(t *testing.T) {
	got := map[string]float64{}
	for _, m := range InputMetrics {
		if m.Name == "nsgflow_waiting" {
			m.Samples(InputFigures{Waiting: []string{"network", "network", WaitLimit}}, func(v float64, labels ...string) { got[labels[0]] = v })
		}
	}
	if len(got) != len(Waits) || got["network"] != 2 || got[WaitLimit] != 1 || got[WaitFault] != 0 {
		t.Errorf("%v", got)
	}
}
