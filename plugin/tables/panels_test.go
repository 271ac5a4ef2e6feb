package tables

import "testing"

func TestPanels(t *testing.T) {
	if err := CheckPanels(); err != nil {
		t.Error(err)
	}
	for _, field := range []string{"source.port.", "source"} {
		if (Panel{By: []string{field}}).check() == nil {
			t.Errorf("%q is taken", field)
		}
	}
	if (Panel{Measure: Measure{"x", Sum, "source.ip"}}).check() == nil {
		t.Error("a sum of addresses is taken")
	}
}
