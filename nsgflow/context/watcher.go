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

// Open reads the files. One that is not there is a warning: it is used when it
// appears. One that is bad is an error.
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
			return err
		}
	}
	if !s.isRead && s.built.value == nil { // its files are those of others
		var err error
		if s.built, err = s.build(); err != nil {
			return errors.New(s.option() + " " + s.paths[0] + ": " + err.Error())
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
			return errors.New(f.says(s, reasonOf(err).Error()))
		}
		if err := w.load(f, info, now, true); err != nil || f.part.value != nil {
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
	f.tried, f.pending = info, nil
	if err == nil {
		err = w.overLimit(f, &p)
	}
	if err == nil {
		var by *source
		if err, by = f.use(p); by != nil {
			s = by
		}
	}
	if err != nil {
		f.bad++
		f.isBad = true
		if isFirst {
			return errors.New(f.says(s, err.Error()))
		}
		return errors.New(f.says(s, err.Error()+"; "+f.stays(s, now)))
	}
	f.ok++
	again := ""
	if f.isBad && before.value != nil {
		again = "good again, "
	}
	f.isBad = false
	w.log(f, Info, f.says(s, again+"the file of "+when(p.time, now)+" is in use"+f.entries(s)))
	for _, remark := range p.remarks {
		w.log(f, Warning, f.says(s, remark))
	}
	if before.value != nil && p.entries < before.entries/2 {
		noun := kinds[s.kind].noun
		w.log(f, Warning, f.says(s, fmt.Sprintf("there are %s %s, there were %s", count(p.entries), noun, count(before.entries))))
	}
	return nil
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

// lookSafely is look that outlives its own faults: nothing else in the process would
// survive them. The tables stay what they are.
func (w *Watcher) lookSafely(now time.Time) (next time.Time) {
	defer func() {
		if fault := recover(); fault != nil {
			next = now.Add(time.Minute)
			w.sayToAll(Error, fmt.Sprintf("internal error while looking at the files of a context: %v: what is in use stays in use", fault))
		}
	}()
	return w.look(now)
}

// sayToAll tells all Contexts.
func (w *Watcher) sayToAll(level Level, line string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.contexts {
		if c.options.Log != nil {
			c.options.Log(level, line)
		}
	}
}

// look looks at the files whose time has come, and says when the next one's does.
func (w *Watcher) look(now time.Time) (next time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	changed := map[*source]bool{}
	for _, f := range w.files {
		if !now.Before(f.due()) {
			if w.lookAt(f, now) {
				for _, s := range f.of {
					changed[s] = true
				}
			}
		}
		if due := f.due(); next.IsZero() || due.Before(next) {
			next = due
		}
	}
	for _, c := range w.contexts {
		if slices.ContainsFunc(c.sources, func(s *source) bool { return changed[s] }) {
			w.publish(c)
		}
		c.report()
	}
	return next
}

// lookAt says whether a file has something new. What is in use goes out of date also
// while there is no file, or a bad one.
func (w *Watcher) lookAt(f *file, now time.Time) bool {
	f.looked = now
	return w.renew(f, now) || f.expire(now)
}

// renew reads a file that has changed, and says whether it is in use now.
func (w *Watcher) renew(f *file, now time.Time) bool {
	info, err := os.Stat(f.path)
	switch {
	case err != nil:
		f.pending, f.tried = nil, nil
		if !f.isBad {
			f.isBad = true
			f.bad++
			w.log(f, Error, f.says(f.of[0], reasonOf(err).Error()+"; "+f.stays(f.of[0], now)))
		}
	case same(info, f.tried):
		f.pending = nil
	case !same(info, f.pending):
		f.pending, f.since = info, now
	case !now.Before(f.rests()):
		if err := w.load(f, info, now, false); err != nil {
			w.log(f, Error, err.Error())
			return false
		}
		return f.pending == nil && !f.isBad
	}
	return false
}

func (w *Watcher) publishAll() {
	for _, c := range w.contexts {
		w.publish(c)
		c.report()
	}
}

// publish makes the next generation of a Context.
func (w *Watcher) publish(c *Context) {
	w.number++
	t := &Tables{number: w.number}
	var except []*exceptions
	for i, s := range c.sources {
		switch value := s.built.value.(type) {
		case *serviceTags:
			t.tags = value
		case *estate:
			t.estate = value
		case *networks:
			t.networks = value
		case *database:
			if s.kind == geoKind {
				t.geo = value
			} else {
				t.asn = value
			}
		case *threatList:
			t.threats = append(t.threats, namedList{c.names[i], value})
		case []*exceptions:
			except = value
		}
	}
	c.tables.Store(t.finish(except))
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

// start starts the goroutine, or tells it of a new Context.
func (w *Watcher) start() {
	if w.stop != nil {
		select {
		case w.sooner <- struct{}{}:
		default:
		}
		return
	}
	w.stop, w.stopped, w.sooner = make(chan struct{}), make(chan struct{}), make(chan struct{}, 1)
	go w.watch(w.stop, w.stopped, w.sooner)
}

func (w *Watcher) watch(stop, stopped, sooner chan struct{}) {
	defer close(stopped)
	for {
		wait := time.Hour // without a file
		if next := w.lookSafely(time.Now()); !next.IsZero() {
			wait = max(time.Until(next), 0)
		}
		timer := time.NewTimer(wait)
		select {
		case <-stop:
			timer.Stop()
			return
		case <-sooner:
			timer.Stop()
		case <-timer.C:
		}
	}
}
