// Package needs skips tests that a machine lacks something for.
package needs

import (
	"os/exec"
	"testing"
)

// Programs skips a test where one of them is missing, as in the product's image.
func Programs(t testing.TB, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("skipped: there is no %s", program)
		}
	}
}
