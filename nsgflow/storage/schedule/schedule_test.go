package schedule

import (
	"testing"
	"time"
)

var (
	rules = Rules{Poll: 30 * time.Second, StillOpen: 20 * time.Minute, Forgotten: 4 * time.Hour, ListCost: 13}
	hour  = time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)
	nic   = NIC{"root/", "m=00/macAddress=0022480A0001/PT1H.json"}
)

// run asks every second from a time on, and answers with the last change that lies
// before. It gives the seconds at which there were asks of each hour.
func run(s *Schedule, from, to time.Time, grown func(hour, now time.Time) time.Time) (asks map[time.Time][]time.Time) {
	asks = map[time.Time][]time.Time{}
	last := map[time.Time]time.Time{}
	for now := from; now.Before(to); now = now.Add(time.Second) {
		all, _ := s.Due(now)
		for len(all) > 0 {
			for _, a := range all {
				asks[a.Hour] = append(asks[a.Hour], now)
				at := grown(a.Hour, now)
				if at.Equal(last[a.Hour]) {
					at = time.Time{}
				} else {
					last[a.Hour] = at
				}
				s.Answered(a, at, now)
			}
			all, _ = s.Due(now)
		}
	}
	return asks
}

// everyMinute is a blob that grows at the 40th second until an hour and two minutes have
// passed, as Azure's do.
func everyMinute(of, now time.Time) time.Time {
	at := now.Add(-40 * time.Second).Truncate(time.Minute).Add(40 * time.Second)
	if end := of.Add(time.Hour + 40*time.Second); at.After(end) {
		at = end
	}
	if at.Before(of.Add(100 * time.Second)) {
		return time.Time{}
	}
	return at
}

// A NIC that is regular is asked for once a minute, some seconds after its second, and
// goes on to the next hour.
func TestRegular(t *testing.T) {
	t.Parallel()
	s := New(rules)
	s.Saw(nic, hour, hour.Add(100*time.Second), hour.Add(2*time.Minute))
	run(s, hour.Add(2*time.Minute), hour.Add(10*time.Minute), everyMinute) // it is learned
	asks := run(s, hour.Add(10*time.Minute), hour.Add(100*time.Minute), everyMinute)
	next := hour.Add(time.Hour)
	if n := len(asks[hour]); n < 51 || n > 53 {
		t.Errorf("%d asks in 50 minutes of the hour", n)
	}
	if n := len(asks[next]); n < 38 || n > 41 {
		t.Errorf("%d asks in 40 minutes of the next hour", n)
	}
	for _, at := range asks[next][2:] {
		if second := at.Second(); second < 41 || second > 46 {
			t.Errorf("asked at %s", at.Format(time.TimeOnly))
		}
	}
}

// Where a regular NIC has nothing when it is due, it is asked for after the poll
// interval at most.
func TestMissedMinute(t *testing.T) {
	t.Parallel()
	s := New(rules)
	s.Saw(nic, hour, hour.Add(100*time.Second), hour.Add(2*time.Minute))
	stops := hour.Add(20 * time.Minute)
	asks := run(s, hour.Add(2*time.Minute), stops.Add(3*time.Minute), func(of, now time.Time) time.Time {
		if now.After(stops) {
			now = stops
		}
		return everyMinute(of, now)
	})[hour]
	before := stops
	for _, at := range asks {
		if at.Before(stops) {
			continue
		}
		if at.Sub(before) > time.Minute {
			t.Errorf("asked at %s, and not before for %s", at.Format(time.TimeOnly), at.Sub(before))
		}
		if before.After(stops.Add(time.Minute)) && at.Sub(before) > rules.Poll+time.Second {
			t.Errorf("late by more than the poll interval: %s", at.Sub(before))
		}
		before = at
	}
}

// The longer a NIC is silent, the less often it is asked for, until it is forgotten; a
// listing brings it back.
func TestSilent(t *testing.T) {
	t.Parallel()
	s := New(rules)
	grown := hour.Add(5 * time.Minute)
	s.Saw(nic, hour, grown, grown)
	nothing := func(time.Time, time.Time) time.Time { return time.Time{} }
	asks := run(s, grown, grown.Add(2*time.Hour), nothing)
	if n := len(asks[hour]) + len(asks[hour.Add(time.Hour)]); n < 20 || n > 60 {
		t.Errorf("%d asks in two hours", n)
	}
	for _, all := range asks {
		for i := range all[1:] {
			if silent := all[i].Sub(grown); all[i+1].Sub(all[i]) > rules.Poll+max(0, silent-silentAfter)/silentShare+time.Second {
				t.Errorf("after %s: %s between two asks", silent, all[i+1].Sub(all[i]))
			}
		}
	}
	now := grown.Add(2 * time.Hour)
	s.Saw(nic, now.Truncate(time.Hour), now, now)
	if asks := run(s, now, now.Add(time.Minute), nothing); len(asks) == 0 {
		t.Error("it stays forgotten")
	}
	end := now.Add(24 * time.Hour)
	for ; now.Before(end); now = now.Add(time.Minute) { // as in life, not in one jump
		s.Due(now)
	}
	if asks, _ := s.Due(now); len(asks) > 0 || len(s.nics) > 0 {
		t.Errorf("%d asks and %d NICs a day later", len(asks), len(s.nics))
	}
}

// Of a flow log with many NICs that are not regular, the hour is listed instead.
func TestListInsteadOfAsks(t *testing.T) {
	t.Parallel()
	for _, n := range []int{rules.ListCost, rules.ListCost + 1} {
		s := New(rules)
		for i := range n {
			one := NIC{nic.Root, string(rune('a' + i))}
			s.Saw(one, hour, hour.Add(30*time.Minute), hour.Add(30*time.Minute))
		}
		asks, lists := s.Due(hour.Add(31 * time.Minute))
		if n > rules.ListCost && (len(asks) > 0 || len(lists) != 1 || lists[0].Folder != Folder{nic.Root, hour}) || n <= rules.ListCost && (len(asks) != n || len(lists) > 0) {
			t.Errorf("%d NICs: %d asks, lists %v", n, len(asks), lists)
		}
	}
}

// A mended sign-in asks for everything at once.
func TestAll(t *testing.T) {
	t.Parallel()
	s := New(rules)
	s.Saw(nic, hour, hour, hour)
	s.Due(hour.Add(time.Minute))
	s.All(hour.Add(61 * time.Second))
	if asks, _ := s.Due(hour.Add(61 * time.Second)); len(asks) != 1 {
		t.Errorf("%d asks", len(asks))
	}
}

// Where a clock was set, back or ahead, everything is due at once, nothing is forgotten,
// and the pace goes on by the new time.
func TestClockIsSet(t *testing.T) {
	for _, by := range []time.Duration{-time.Hour, -10 * time.Minute, time.Hour, 5 * time.Hour} {
		hour := time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)
		s := New(Rules{Poll: 15 * time.Second, StillOpen: 2 * time.Minute, Forgotten: 3 * time.Hour, ListCost: 13})
		n := NIC{"root", "tail"}
		now := hour.Add(20 * time.Minute)
		for minute := range 8 { // it becomes regular
			s.Saw(n, hour, hour.Add(time.Duration(10+minute)*time.Minute), now)
		}
		s.Due(now)
		for k := range 2 {
			now = now.Add(by)
			by = -by // wrong, and right again
			if asks, _ := s.Due(now); len(asks) == 0 {
				t.Errorf("%s: nothing is due", by)
			}
			asked := 0
			for range 200 {
				now = now.Add(time.Second)
				asks, _ := s.Due(now)
				asked += len(asks)
				for _, a := range asks {
					s.Answered(a, time.Time{}, now)
				}
			}
			if k == 1 && asked == 0 || len(s.nics) != 1 {
				t.Errorf("%s: %d asks in 200 s, %d NICs", by, asked, len(s.nics))
			}
		}
	}
}

// The service tells its time in whole seconds: a step back by some is no clock that was
// set.
func TestTimeInWholeSeconds(t *testing.T) {
	hour := time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)
	s := New(Rules{Poll: 15 * time.Second, StillOpen: 2 * time.Minute, Forgotten: 3 * time.Hour, ListCost: 13})
	n := NIC{"root", "tail"}
	now := hour.Add(20 * time.Minute)
	s.Saw(n, hour, hour.Add(19*time.Minute), now)
	asked := 0
	for k := range 600 { // five minutes, half a second at a time, to and fro
		asks, _ := s.Due(now.Add(time.Duration(k)*500*time.Millisecond - time.Duration(k%3)*2*time.Second))
		asked += len(asks)
	}
	if asked > 25 { // one in 15 s
		t.Errorf("%d asks in five minutes", asked)
	}
}
