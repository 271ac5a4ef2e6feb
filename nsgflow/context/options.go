package context

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Options name the files of a Context. An empty one is not there.
type Options struct {
	ServiceTags   string
	Inventory     []string
	Networks      []string
	Geo, ASN      string // may be one file, which is read once
	Threats       []ThreatList
	ThreatsExcept []string
	// Tags are the names of the tags of VMs that become labels.
	Tags []string
	// Check is the time between two looks at the files. 0: five seconds.
	Check time.Duration
	// Log is told what happens to the files, one line at a time. It must not call
	// the Watcher. nil: nobody is told.
	Log func(level Level, line string)
}

// ThreatList is a file with the name that events have for it.
type ThreatList struct{ Name, Path string }

// Level says how grave a line of the log is.
type Level uint8

const (
	Info Level = iota
	Warning
	Error
)

const (
	maxLists     = 32
	maxTags      = 8
	defaultCheck = 5 * time.Second
)

// Validate says what is wrong with options, if anything is. Open does so too.
func (o *Options) Validate() error {
	for _, s := range o.sources() {
		for _, path := range s.paths {
			if !filepath.IsAbs(path) {
				return fmt.Errorf("%s %s: not an absolute path", s.option(), quote(path))
			}
		}
		var clean []string
		for _, path := range s.paths {
			clean = append(clean, filepath.Clean(path))
		}
		if i := repeated(clean); i >= 0 {
			return fmt.Errorf("%s %s: the file is there twice", s.option(), s.paths[i])
		}
	}
	var lists []string
	for _, l := range o.Threats {
		if l.Name == "" {
			return fmt.Errorf("context_threats %s: a list without a name", l.Path)
		}
		if len(l.Name) > maxText || !utf8.ValidString(l.Name) {
			return fmt.Errorf("context_threats %s: the name of a list has at most %d bytes of UTF-8", quote(l.Name), maxText)
		}
		lists = append(lists, l.Name)
	}
	var labels []string
	for _, name := range o.Tags {
		labels = append(labels, strings.ToLower(labelName(name)))
	}
	if i := repeated(lists); i >= 0 {
		return fmt.Errorf("context_threats %s: the name is there twice", quote(lists[i]))
	}
	if i := repeated(labels); i >= 0 {
		return fmt.Errorf("context_tags %s: events have a label of that name already", quote(o.Tags[i]))
	}
	switch {
	case len(lists) > maxLists:
		return fmt.Errorf("context_threats: more than %d lists", maxLists)
	case len(o.Tags) > maxTags:
		return fmt.Errorf("context_tags: more than %d", maxTags)
	case slices.Contains(o.Tags, ""):
		return errors.New("context_tags: an empty name")
	case o.Check < 0:
		return errors.New("context_check: less than 0")
	}
	return nil
}

// Missing is an error that names a file which is not there; nil: all are. A Watcher waits
// for such a file.
func (o *Options) Missing() error {
	for _, s := range o.sources() {
		for _, path := range s.paths {
			if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%s %s: there is no such file", s.option(), path)
			}
		}
	}
	return nil
}

// repeated is the place of a text that has been there before; -1: there is none.
func repeated(all []string) int {
	for i, text := range all {
		if slices.Contains(all[:i], text) {
			return i
		}
	}
	return -1
}
