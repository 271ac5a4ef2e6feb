package blob

import (
	"fmt"
	"sync"
	"time"
)

// Level is how much a log line matters.
type Level uint8

const (
	Error Level = iota
	Warn
	Info
	Debug
)

// Log takes one line of the follower's. It may be called from any goroutine,
// and must not block.
type Log func(level Level, text string)

// Lines keeps log lines for a host that can only be spoken to at certain
// times: Add is a Log, Drain says what has gathered since.
type Lines struct {
	mu   sync.Mutex
	kept []line
	lost int
}

type line struct {
	level Level
	text  string
}

// maxLines is what Lines keeps between two calls of Drain.
const maxLines = 256

// Add keeps a line.
func (l *Lines) Add(level Level, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.kept) == maxLines {
		l.lost++
		return
	}
	l.kept = append(l.kept, line{level, text})
}

// Drain hands the lines to say, oldest first, and forgets them.
func (l *Lines) Drain(say Log) {
	l.mu.Lock()
	kept, lost := l.kept, l.lost
	l.kept, l.lost = nil, 0
	l.mu.Unlock()
	for _, one := range kept {
		say(one.level, one.text)
	}
	if lost > 0 {
		say(Warn, fmt.Sprintf("%d more log lines were left out", lost))
	}
}

// troubles are the things that are wrong at present. Each is said once when it
// begins and once when it is over, and one that comes and goes is not said
// more than once in saidEvery.
type troubles struct {
	log Log
	now func() time.Time

	mu   sync.Mutex
	kept map[string]*trouble
}

type trouble struct {
	on, told    bool
	since, said time.Time
}

const saidEvery = time.Minute

func (t *troubles) begin(what string, level Level, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.kept[what]
	if one == nil {
		one = &trouble{}
		t.kept[what] = one
	}
	if one.on {
		return
	}
	now := t.now()
	one.on, one.since = true, now
	if one.told = now.Sub(one.said) >= saidEvery; one.told {
		one.said = now
		t.log(level, text)
	}
}

func (t *troubles) end(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.kept[what]
	if one == nil || !one.on {
		return
	}
	one.on = false
	if one.told {
		t.log(Info, fmt.Sprintf("%s: well again after %s", what, t.now().Sub(one.since).Round(time.Second)))
	}
}
