package context

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Watcher looks at the files of all Contexts of a process. Files that several name
// are read once. It has a goroutine while it has a Context. The zero value is
// ready.
type Watcher struct {
	mu       sync.Mutex
	files    map[string]*file
	sources  map[string]*source
	contexts []*Context
	number   uint64 // of the last generation
	reloaded bool   // what comes is of a hot reload, see Reload

	stop, stopped chan struct{} // of the goroutine; nil: there is none
	sooner        chan struct{}
}

// Context has the newest tables of its files.
type Context struct {
	tables  atomic.Pointer[Tables]
	watcher *Watcher
	options Options
	sources []*source
	names   []string // of threat lists, by source
	stats   atomic.Pointer[[]SourceStats]
}

// Reload says that the Contexts which are opened from now on are of a hot reload.
func (w *Watcher) Reload() {
	w.mu.Lock()
	w.reloaded = true
	w.mu.Unlock()
}

// Open reads the files. One that is not there is a warning: it is used when it
// appears. One that is bad is an error, but not at a hot reload, where an error would end the
// agent: after Reload, or where the process has closed all its Contexts before. Then it is said,
// and used when it is good.
func (w *Watcher) Open(o Options) (*Context, error) { return w.open(o, time.Now()) }

func (w *Watcher) open(o Options, now time.Time) (*Context, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.Check == 0 {
		o.Check = defaultCheck
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	c := &Context{watcher: w, options: o}
	w.reloaded = w.reloaded || len(w.contexts) == 0 && w.number > 0
	if w.files == nil {
		w.files, w.sources = map[string]*file{}, map[string]*source{}
	}
	for _, s := range o.sources() {
		c.sources = append(c.sources, w.source(s))
		c.names = append(c.names, s.name)
	}
	w.contexts = append(w.contexts, c)
	// Others have what was read for this one.
	defer w.publishAll()
	for _, s := range c.sources {
		if err := w.first(c, s, now); err != nil {
			w.drop(c)
			return nil, err
		}
	}
	w.start()
	return c, nil
}

// Generation are the newest tables. They are for a chunk: two calls may have two
// answers.
func (c *Context) Generation() *Tables { return c.tables.Load() }

// Close ends the watching. Tables stay valid for those who have them.
func (c *Context) Close() {
	w := c.watcher
	w.mu.Lock()
	if !slices.Contains(w.contexts, c) {
		w.mu.Unlock()
		return
	}
	w.drop(c)
	stopped := w.stopped
	if len(w.contexts) > 0 {
		stopped = nil
	} else {
		close(w.stop)
		w.stop, w.stopped = nil, nil
	}
	w.mu.Unlock()
	if stopped != nil {
		<-stopped
	}
}

// source is the one that has the same files, or the new one.
func (w *Watcher) source(s *source) *source {
	if known := w.sources[s.key()]; known != nil {
		known.users++
		return known
	}
	w.sources[s.key()] = s
	s.users = 1
	for _, path := range s.paths {
		key := keyOf(s, path)
		f := w.files[key]
		if f == nil {
			f = &file{path: path}
			w.files[key] = f
		}
		f.of = append(f.of, s)
		s.files = append(s.files, f)
	}
	return s
}

// drop forgets a Context, and what nobody else uses.
func (w *Watcher) drop(c *Context) {
	w.contexts = slices.DeleteFunc(w.contexts, func(other *Context) bool { return other == c })
	w.settleDisputes()
	for _, s := range c.sources {
		if s.users--; s.users > 0 {
			continue
		}
		delete(w.sources, s.key())
		for i, f := range s.files {
			f.of = slices.DeleteFunc(f.of, func(other *source) bool { return other == s })
			if len(f.of) == 0 {
				delete(w.files, keyOf(s, s.paths[i]))
			}
		}
	}
}

// first reads the files of a source of a new Context, if nobody has.
func (w *Watcher) first(c *Context, s *source, now time.Time) error {
	for _, f := range s.files {
		if f.every == 0 || c.options.Check < f.every {
			f.every = c.options.Check
		}
		if _, again := f.part.value.(gone); f.part.value != nil && !again || s.isRead {
			continue
		}
		f.looked = now
		if err := w.firstRead(f, s, now); err != nil {
			if !w.reloaded {
				return err
			}
			w.logError(f, err)
		}
	}
	if !s.isRead && s.built.value == nil { // its files are those of others
		var err error
		if s.built, err = s.build(); err != nil {
			err = errors.New(s.option() + " " + s.paths[0] + ": " + err.Error())
			if !w.reloaded {
				return err
			}
			s.built, s.broken = built{}, true
			w.logError(s.files[0], err)
		}
	}
	s.isRead = true
	return nil
}

// firstRead reads a file for the first time. One that is replaced meanwhile is read
// again: nobody shall start without a source that is there.
func (w *Watcher) firstRead(f *file, s *source, now time.Time) error {
	for range firstReads {
		info, err := os.Stat(f.path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			f.isBad = true
			w.log(f, Warning, f.says(s, "there is no such file yet; "+kinds[s.kind].none))
			return nil
		case err != nil:
			f.isBad = true
			return errors.New(f.says(s, reasonOf(err).Error()))
		}
		if err := w.load(f, info, now, !w.reloaded); err != nil || f.part.value != nil {
			return err
		}
	}
	w.log(f, Warning, f.says(s, "it is being written; "+kinds[s.kind].none))
	return nil
}

const firstReads = 10

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

// logError logs what load gives.
func (w *Watcher) logError(f *file, err error) {
	if err != errSaid {
		w.log(f, Error, err.Error())
	}
}

// log tells the Context that has a file first.
func (w *Watcher) log(f *file, level Level, line string) {
	for _, c := range w.contexts {
		for _, s := range c.sources {
			if slices.Contains(s.files, f) {
				if c.options.Log != nil {
					c.options.Log(level, line)
				}
				return
			}
		}
	}
}
