package input

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// memory is the agent's private memory in the middle and at the end of a run:
// medians of its second and third third.
type memory struct{ middle, end int }

func (m memory) String() string {
	return fmt.Sprintf("private memory %d MB, %d MB at the end", m.middle, m.end)
}

// flat allows for a half more, and for what a busy moment takes.
func (m memory) flat() bool { return m.end <= m.middle+m.middle/2+16 }

// watchMemory looks at the agent that runs until stop.
func watchMemory(s *trouble) (stop func() memory) {
	stopped, samples := make(chan struct{}), make(chan []int)
	go func() {
		var mb []int
		for {
			select {
			case <-stopped:
				samples <- mb
				return
			case <-time.After(500 * time.Millisecond):
			}
			if now := privateMB(s.t, int(s.pid.Load())); now > 0 {
				mb = append(mb, now)
			}
		}
	}()
	return func() memory {
		close(stopped)
		mb := <-samples
		median := func(of []int) int {
			if len(of) == 0 {
				return 0
			}
			slices.Sort(of)
			return of[len(of)/2]
		}
		third := len(mb) / 3
		return memory{median(slices.Clone(mb[third : 2*third])), median(slices.Clone(mb[2*third:]))}
	}
}

// privateMB is a process's memory without the pages of files.
func privateMB(t *testing.T, pid int) (mb int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0 // it has ended
	}
	if _, after, ok := strings.Cut(string(status), "RssAnon:"); ok {
		fmt.Sscan(after, &mb)
	}
	return mb / 1024
}
