package storage

import (
	"errors"
	"fmt"
	"sync"
)

// Level is how much a log line matters.
type Level uint8

const (
	Error Level = iota
	Warn
	Info
)

// Log takes one line. It may be called from any goroutine, and must not block.
type Log func(level Level, text string)

var errInternal = errors.New("internal error")

// guarded makes an error of a panic, which would take the whole agent along.
func guarded(what string, log Log, do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			log(Error, fmt.Sprintf("%s: internal error: %v", what, p))
			err = errInternal
		}
	}()
	return do()
}

// Lines keeps log lines for a host that can only be called at certain times:
// Add is a Log, Drain passes on what has gathered since.
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

// Drain passes the lines to log, oldest first, and forgets them.
func (l *Lines) Drain(log Log) {
	l.mu.Lock()
	kept, lost := l.kept, l.lost
	l.kept, l.lost = nil, 0
	l.mu.Unlock()
	for _, one := range kept {
		log(one.level, one.text)
	}
	if lost > 0 {
		log(Warn, fmt.Sprintf("%d more log lines were left out", lost))
	}
}
