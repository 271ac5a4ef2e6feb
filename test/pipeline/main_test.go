// Package pipeline tests the filter in pipelines of real Fluent Bits, and in
// the stand-in host.
package pipeline

import (
	"os"
	"testing"

	"fluent-bit-nsgflow/test/internal/fluentbit"
)

func TestMain(m *testing.M) { os.Exit(fluentbit.Main(m)) }
