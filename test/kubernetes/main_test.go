// Package kubernetes tests the values for the chart of Fluent Bit.
package kubernetes

import (
	"os"
	"testing"

	"fluent-bit-nsgflow/test/internal/fluentbit"
)

func TestMain(m *testing.M) { os.Exit(fluentbit.Main(m)) }
