package context

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Watcher looks at the files of all Contexts of a process. Files that several name
// are read once (but see keyOf). It has a goroutine while it has a Context. The zero value is
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
