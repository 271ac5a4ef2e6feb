package contract

import (
	"flag"
	"os"
	"testing"
)

// Inputs wait more than they compute. Go's default of one test for each core
// would take twice as long.
func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		flag.Set("test.parallel", "6")
	}
	os.Exit(m.Run())
}
