package checkpoint

import (
	"strings"
	"testing"
	"time"
)

// The watermark of a container moves as far as all parts allow, and what is older
// than it is forgotten then. Where a part begins does not depend on how far another
// has come.
func TestPartsHoldTheWatermark(t *testing.T) {
	hour := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	s := newStore(t)
	part := func(name string) Part {
		return Part{Key: name, Holds: func(n string) bool { return strings.HasPrefix(n, name) }, From: hour}
	}
	a, b := s.Claim(bucketOfTest, part("a")), s.Claim(bucketOfTest, part("b"))
	if a == nil || b == nil || s.Claim(bucketOfTest, part("a")) != nil || s.Claim(bucketOfTest, Part{}) != nil {
		t.Fatal("claims")
	}
	keep := func(watermark time.Time, name string, c Checkpoint) bool { return !c.Modified.Before(watermark) }
	at := func() string { // the watermark, and whose checkpoints there are
		watermark, _, err := s.Begun(bucketOfTest)
		if err != nil {
			t.Fatal(err)
		}
		text := watermark.Format("15h ")
		for _, name := range []string{"a", "b"} {
			if _, ok, _ := s.Get(bucketOfTest, name); ok {
				text += name
			}
		}
		return text
	}
	settle := func(c *Claim, hours int, want string) {
		t.Helper()
		if err := c.Settle(hour.Add(time.Duration(hours)*time.Hour), keep); err != nil {
			t.Fatal(err)
		}
		if got := at(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if err := s.Put(Set{bucketOfTest: {"a": {Modified: hour.Add(time.Hour)}, "b": {Modified: hour.Add(3 * time.Hour)}}}, ""); err != nil {
		t.Fatal(err)
	}
	if _, begun, err := a.Begun(); begun || err != nil {
		t.Error("it has begun", err)
	}
	settle(a, 2, "00h ab")
	if _, begun, err := b.Begun(); begun || err != nil {
		t.Error("the other part has begun with the first", err)
	}
	settle(b, 1, "01h ab")
	settle(b, 4, "02h b")
	a.Ended()
	settle(b, 5, "05h ")
	a.Release()
	b.Release()
	if whole := s.Claim(bucketOfTest, Part{}); whole == nil {
		t.Error("it is not free")
	} else if watermark, begun, _ := whole.Begun(); !begun || !watermark.Equal(hour.Add(5*time.Hour)) {
		t.Errorf("it begins at %s", watermark)
	}
}
