// Package outputs tests that what is shipped in conf delivers every event to
// the services that it is for.
package outputs

import (
	"os"
	"testing"

	"fluent-bit-nsgflow/test/internal/fluentbit"
)

func TestMain(m *testing.M) { os.Exit(fluentbit.Main(m)) }
