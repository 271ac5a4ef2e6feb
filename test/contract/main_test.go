package contract

import (
	"os"
	"testing"

	"fluent-bit-nsgflow/test/internal/fluentbit"
)

// Inputs wait more than they compute. Go's default of one test for each core
// would take twice as long.
func TestMain(m *testing.M) {
	fluentbit.Parallel(6)
	os.Exit(m.Run())
}
