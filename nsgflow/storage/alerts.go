package storage

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// alerts are the things that are wrong at present. Each is logged once when it
// is raised and once when it is cleared; one that comes and goes is logged at
// most once in alertInterval.
type alerts struct {
	log Log
	now func() time.Time

	mu   sync.Mutex
	kept map[string]*alert
}

type alert struct {
	on            bool
	said          []string // reasons that were logged while it is on
	since, lastly time.Time
}

const (
	alertInterval = time.Minute
	mostReasons   = 8 // of one alert, while it is on
)

// reasonIn is a text without its numbers: ports and counts make no other reason, the
// status of an answer does.
func reasonIn(text string) string {
	return numbers.ReplaceAllStringFunc(text, func(match string) string {
		if strings.HasPrefix(match, "HTTP") {
			return match
		}
		return ""
	})
}

var numbers = regexp.MustCompile(`HTTP [0-9]+|[0-9]+`)

func newAlerts(log Log) *alerts {
	return &alerts{log: log, now: time.Now, kept: map[string]*alert{}}
}

func (a *alerts) raise(what string, level Level, text string) { a.put(what, level, text, false) }

// raiseAnew is raise of something that has a reason: another one is logged, too.
func (a *alerts) raiseAnew(what string, level Level, text string) { a.put(what, level, text, true) }

func (a *alerts) put(what string, level Level, text string, anew bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	one := a.kept[what]
	if one == nil {
		maps.DeleteFunc(a.kept, func(_ string, old *alert) bool { return !old.on && now.Sub(old.lastly) >= alertInterval })
		one = &alert{}
		a.kept[what] = one
	}
	if !one.on {
		one.on, one.since, one.said = true, now, nil
	}
	first := len(one.said) == 0 && now.Sub(one.lastly) >= alertInterval
	reason := reasonIn(text)
	if first || anew && len(one.said) > 0 && len(one.said) < mostReasons && !slices.Contains(one.said, reason) {
		one.lastly, one.said = now, append(one.said, reason)
		a.log(level, text)
	}
}

// note logs what has no end.
func (a *alerts) note(what string, level Level, text string) {
	a.raise(what, level, text)
	a.mu.Lock()
	a.kept[what].on = false
	a.mu.Unlock()
}

// clear says that what was raised is over.
func (a *alerts) clear(what string) { a.end(what, what+": recovered") }

// end is clear in other words. How long it took is added.
func (a *alerts) end(what, over string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	one := a.kept[what]
	if one == nil || !one.on {
		return
	}
	one.on = false
	if len(one.said) > 0 {
		a.log(Info, fmt.Sprintf("%s after %s", over, a.now().Sub(one.since).Round(time.Second)))
	}
}
