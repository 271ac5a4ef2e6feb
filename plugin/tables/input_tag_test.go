package tables

import (
	"testing"

	"fluent-bit-nsgflow/nsgflow/storage"
)

func TestTag(t *testing.T) {
	r := storage.Record{Account: "examplewest", Container: "insights-logs-flowlogflowevent"}
	for text, want := range map[string]string{
		"":                           "",
		"flow":                       "",
		"flow.{account}.{container}": "flow.examplewest.insights-logs-flowlogflowevent",
		"{container}":                "insights-logs-flowlogflowevent",
	} {
		tag, err := ParseTag(text)
		if got := string(tag.Of(r)); err != nil || got != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	if _, err := ParseTag("flow.{accuont}"); err == nil || err.Error() != "option tag: {accuont} stands for nothing, it takes: {account}, {container}" {
		t.Error(err)
	}
}
