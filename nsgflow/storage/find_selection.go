package storage

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// selection is what a section reads of a container.
type selection struct {
	prefix           string
	include, exclude []*regexp.Regexp
	shard            Shard
	until            time.Time // hours that begin then or later are left out; zero: none
}

func (o *Options) selection() selection {
	return selection{o.Prefix, globs(o.Include), globs(o.Exclude), o.Shard, o.Until}
}

// key tells selections apart; empty: all of a container. The end is none of it: it is
// not for sections beside each other.
func (s selection) key() string {
	if s.prefix == "" && s.include == nil && s.exclude == nil && s.shard.Of <= 1 {
		return ""
	}
	return fmt.Sprintf("%q %q %q %d/%d", s.prefix, s.include, s.exclude, s.shard.I, s.shard.Of)
}

// holds reports whether a blob is selected, by its name.
func (s selection) holds(name string) bool {
	path := parsePath(name)
	return strings.HasPrefix(name, s.prefix) && s.shard.holds(path.nic) &&
		(s.include == nil || anyMatches(s.include, name)) && !anyMatches(s.exclude, name) &&
		!(path.dated() && s.ended(path.hour))
}

// ended reports whether a time lies behind the end.
func (s selection) ended(at time.Time) bool { return !s.until.IsZero() && !at.Before(s.until) }

// last is a time, or the last one that is read.
func (s selection) last(at time.Time) time.Time {
	if s.ended(at) {
		return s.until.Add(-time.Nanosecond)
	}
	return at
}

func anyMatches(all []*regexp.Regexp, name string) bool {
	for _, one := range all {
		if one.MatchString(name) {
			return true
		}
	}
	return false
}

// globs are patterns for whole names, in which * stands for any text, slashes too,
// and ? for one character. Names of resources know no case.
func globs(patterns []string) (all []*regexp.Regexp) {
	for _, one := range patterns {
		text := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(one))
		all = append(all, regexp.MustCompile("(?is)^"+text+"$"))
	}
	return all
}
