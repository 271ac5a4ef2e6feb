package token

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// inside is set where a test runs in a network namespace of its own.
const inside = "IN_NAMESPACE"

// InNamespace runs a test again in a network namespace where 169.254.169.254 is
// on loopback, so that IMDS is at its address for all that the test starts. It
// is true there; where it is false the test is over. environment is added to it.
// Skips without the rights, or without unshare (util-linux) and ip (iproute2).
func InNamespace(t *testing.T, environment ...string) bool {
	t.Helper()
	if os.Getenv(inside) != "" {
		return true
	}
	const setUp = "ip link set lo up && ip address add " + imdsAddress + "/32 dev lo"
	if out, err := exec.Command("unshare", "--net", "sh", "-c", setUp).CombinedOutput(); err != nil {
		t.Skipf("skipped: no network namespace: %v: %s", err, out)
	}
	c := exec.Command("unshare", "--net", "sh", "-c", setUp+` && exec "$0" "$@"`,
		os.Args[0], "-test.run=^"+regexp.QuoteMeta(t.Name())+"$", "-test.count=1", "-test.v")
	c.Env = append(append(os.Environ(), inside+"=1"), environment...)
	out, err := c.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	} else if strings.Contains("\n"+string(out), "\n--- SKIP: "+t.Name()+" ") {
		t.SkipNow()
	}
	return false
}
