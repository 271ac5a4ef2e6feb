package context

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// load reads a file, and makes sources of it. The error is a line for the log.
func (w *Watcher) load(f *file, info os.FileInfo, now time.Time, isFirst bool) error {
	s := f.of[0]
	p, err := f.read(info, now)
	if errors.Is(err, errChanged) { // it is looked at again
		f.pending = nil
		return nil
	}
	before := f.part
	f.tried, f.pending, f.refusedPart = info, nil, nil
	if err == nil {
		if err = w.overLimit(f, &p); err != nil {
			err = dispute{err}
		}
	}
	if err == nil {
		var by *source
		if err, by = f.use(p); by != nil {
			if s = by; len(by.files) > 1 {
				err = dispute{err}
				if by.kind == networksKind {
					f.refusedPart = &p
				}
			}
		}
	}
	switch {
	case f.refusedPart != nil && w.useTogether(f, s, now):
		return nil
	case err != nil:
		return w.refuse(f, s, info, err, now, isFirst)
	}
	w.inUse(f, s, before, now)
	return nil
}

// useTogether uses the newest files of networks that are bad each beside the others' old
// ones, where they are good together: all of them, or two of which one was just read.
func (w *Watcher) useTogether(f *file, s *source, now time.Time) bool {
	others := slices.DeleteFunc(slices.Clone(s.files), func(other *file) bool {
		return other == f || other.refusedPart == nil || !other.isAs(other.refused)
	})
	if len(others) == 0 {
		return false
	}
	tries := [][]*file{others}
	for i := range others {
		tries = append(tries, others[i:i+1])
	}
	for _, some := range tries {
		if w.tryTogether(append(slices.Clone(some), f), s, now) {
			return true
		}
	}
	return false
}

func (w *Watcher) tryTogether(some []*file, s *source, now time.Time) bool {
	before := make([]part, len(some))
	for i, f := range some {
		before[i], f.part = f.part, *f.refusedPart
	}
	bytes := int64(0)
	for _, f := range s.files {
		bytes += f.part.bytes
	}
	made, err := s.build()
	if err != nil || bytes > kinds[s.kind].most {
		for i, f := range some {
			f.part = before[i]
		}
		return false
	}
	s.built, s.broken = made, false
	for _, f := range some {
		if f.refusedPart, f.disputed = nil, false; f.tried == nil {
			f.tried = f.refused
		}
	}
	for i, f := range some {
		w.inUse(f, s, before[i], now)
	}
	return true
}

// isAs says that a file is what it was.
func (f *file) isAs(then os.FileInfo) bool {
	info, err := os.Stat(f.path)
	return err == nil && same(info, then)
}

// inUse says that a file is in use, in the place of another one.
func (w *Watcher) inUse(f *file, s *source, before part, now time.Time) {
	p := f.part
	f.ok++
	f.said, f.disputed = "", false
	w.settleDisputes()
	again := ""
	if f.isBad && before.value != nil {
		again = "good again, "
	}
	f.isBad = false
	w.log(f, Info, f.says(s, again+"the file of "+when(p.time, now)+" is in use"+f.entries(s)))
	for _, remark := range p.remarks {
		w.log(f, Warning, f.says(s, remark))
	}
	if before.value != nil && 2*p.entries < before.entries {
		noun := kinds[s.kind].noun
		w.log(f, Warning, f.says(s, fmt.Sprintf("there are %s %s, there were %s", count(p.entries), noun, count(before.entries))))
	}
}

// refuse notes that a file is bad. The error is a line for the log, or errSaid where that
// line is in the log already.
func (w *Watcher) refuse(f *file, s *source, info os.FileInfo, why error, now time.Time, isFirst bool) error {
	if isFirst {
		f.bad++
		f.isBad = true
		return errors.New(f.says(s, why.Error()))
	}
	var passes transient
	if errors.As(why, &passes) {
		f.tried = nil
	}
	var disputed dispute
	f.disputed = errors.As(why, &disputed)
	again := f.isBad && f.said == why.Error() && same(info, f.refused)
	f.isBad, f.said, f.refused = true, why.Error(), info
	if again {
		return errSaid
	}
	f.bad++
	return errors.New(f.says(s, why.Error()+"; "+f.stays(s, now)))
}

// errSaid is of a file that is as bad as it was.
var errSaid = errors.New("said")

// settleDisputes has files read again that are bad together with others.
func (w *Watcher) settleDisputes() {
	for _, f := range w.files {
		if f.disputed {
			f.disputed, f.tried = false, nil
		}
	}
}

// overLimit says that all threat lists of a Context are too much together.
func (w *Watcher) overLimit(f *file, p *part) error {
	for _, c := range w.contexts {
		entries, bytes, isOf := 0, int64(0), false
		for _, s := range c.sources {
			for _, other := range s.files {
				switch {
				case s.kind != threatKind:
				case other == f:
					isOf = true
				default:
					entries += other.part.entries
					bytes += other.part.bytes
				}
			}
		}
		switch {
		case !isOf:
		case entries+p.entries > maxThreats:
			return tooMany(maxThreats, "entries of all lists")
		case bytes+p.bytes > kinds[threatKind].most:
			return tooMany(int(kinds[threatKind].most), "bytes of all lists")
		}
	}
	return nil
}
