package context

import "testing"

// TestCheckOfALongFile: what an agent would refuse is not good.
func TestCheckOfALongFile(t *testing.T) {
	const want = "the file has 67,108,865 bytes, at most 67,108,864 may be"
	if lines, err := Check("networks", append(make([]byte, 64<<20-1), "\nx"...), noon); err == nil || err.Error() != want {
		t.Errorf("%q, %v", lines, err)
	}
}
