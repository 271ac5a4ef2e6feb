package pipeline

import (
	"testing"

	"fluent-bit-nsgflow/test/internal/fluentbit"
)

// TestReleases says which Fluent Bits the pipeline cases run in.
func TestReleases(t *testing.T) {
	if len(fluentbit.Releases()) == 0 {
		t.Skip("no Fluent Bit found: the pipeline cases run in the stand-in host alone")
	}
	for _, r := range fluentbit.Releases() {
		t.Logf("the pipeline cases run in Fluent Bit %s, %s, and in the stand-in host", r.Version, r.Path)
	}
}
