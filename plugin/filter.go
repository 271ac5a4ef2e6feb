package main

import (
	"time"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/nsgflow/context"
	"fluent-bit-nsgflow/nsgflow/storage"
	"fluent-bit-nsgflow/plugin/tables"
)

// filter turns chunks of Fluent Bit records into chunks of events. It is not
// safe for concurrent use.
type filter struct {
	options    nsgflow.Options
	room       roomMaker
	normalizer *nsgflow.Normalizer
	context    *context.Context    // nil: there is none
	earlier    tables.FilterCounts // those of Normalizers that have failed
	growth     float64             // bytes out for a byte in, of the last chunk; 0: it was not changed
}

// roomMaker makes room for output: see nsgflow.Normalizer.GrowWith. nil: on Go's
// heap.
type roomMaker func(out []byte, size int) []byte

// watcher looks at the files of all filters of the process, while there are any.
var watcher context.Watcher

// newFilter opens the files of its context, where it has one. log is told of what
// becomes of them until close, on any goroutine.
func newFilter(o tables.Filter, room roomMaker, log storage.Log) (*filter, error) {
	f := &filter{options: o.Options, room: room}
	if o.HasContext {
		o.Files.Log = func(level context.Level, line string) { log(logLevels[level], line) }
		c, err := watcher.Open(o.Files)
		if err != nil {
			return nil, err
		}
		f.context, f.options.Context = c, c
	}
	if err := f.renew(); err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

var logLevels = map[context.Level]storage.Level{context.Info: storage.Info, context.Warning: storage.Warn, context.Error: storage.Error}

// close ends the watching of the context's files. Filters that come after are of a hot
// reload.
func (f *filter) close() {
	if f.context != nil {
		f.context.Close()
	}
	watcher.Reload()
}

// renew takes a new Normalizer.
func (f *filter) renew() error {
	n, err := nsgflow.New(f.options)
	if err != nil {
		return err
	}
	n.GrowWith(f.room)
	f.normalizer = n
	return nil
}

func (f *filter) counts() tables.FilterCounts {
	c := f.earlier
	c.Add(f.normalizer.Counts())
	c.Context.Add(f.normalizer.ContextCounts())
	return c
}

// figures are the counts, and the state of the context.
func (f *filter) figures(now time.Time) tables.FilterFigures {
	all := tables.FilterFigures{FilterCounts: f.counts(), At: now}
	if f.context != nil {
		all.Sources = f.context.Stats()
	}
	return all
}

const roomSlack = 4 << 10

// firstRoom is how much a chunk of this size is likely to need, by the growth of
// the one before; 0 where that was no flow log.
func (f *filter) firstRoom(size int) int {
	const most = 1 << 30
	if f.growth == 0 {
		return 0
	}
	return int(min(float64(size)*f.growth*1.06, most)) + roomSlack
}

// run normalises one chunk. changed is false where nothing in it is a flow log:
// the host then keeps its own bytes. out is in the memory of dst where that is
// large enough. After a panic, which fault tells of, the chunk counts as unchanged,
// and nothing of what it left behind is used again.
func (f *filter) run(chunk, dst []byte) (out []byte, changed bool, fault string) {
	before := f.counts()
	defer recoverPanic(func(text string) {
		f.earlier, f.growth = before, 0
		f.earlier.Faults++
		_ = f.renew() // with these options it has worked before
		out, changed, fault = nil, false, text
	})
	out, changed = f.normalizer.AppendChunk(dst[:0], chunk)
	if !changed {
		f.growth = 0
		return nil, false, ""
	}
	f.growth = float64(len(out)) / float64(len(chunk))
	return out, true, ""
}
