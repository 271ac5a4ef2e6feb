package checkpoint

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"fluent-bit-nsgflow/nsgflow/storage/chunkfile"
)

// chunks are the files of the host that checkpoints stand for, by their folders.
type chunks struct {
	opened time.Time // when the store was
	looks  int       // how many there were
	listed map[string]listing
	synced map[string]listing // as they were when they were brought to disk last
}

// listing is what is in a folder of chunks, by name.
type listing map[string]chunk

// chunk is a file as it was at a look.
type chunk struct {
	size     int64
	modified time.Time
	at       time.Time      // of the look
	quiet    time.Duration  // in which it was looked at again and again, and did not change
	seenAt   int            // count of the look that saw it first
	own      bool           // this process has made it since the store was opened
	metadata string         // of own ones; empty: not known yet
	mark     chunkfile.Mark // since it has not changed; the zero value: not made
}

// coarse is beyond the resolution of file times. Writing through a shared mapping sets
// the time of a file only at the first write to a page since that was brought to disk
// (mmap(2), msync(2)): where the time was older than this when the file was looked at and
// brought to disk, and is the same now, it has nothing new.
const coarse = 2 * time.Second

// mostBetween is what counts as quiet of the time between two looks: the process may have
// been stopped meanwhile.
const mostBetween = 5 * time.Second

// look looks at a folder. Where there is none, there are no chunks: all are
// delivered.
func (c *chunks) look(folder string) (listing, error) {
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	c.looks++
	before, now := c.listed[folder], listing{}
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) || !chunkfile.Is(e.Name()) {
			continue // delivered meanwhile, or no chunk
		}
		if err != nil {
			return nil, err
		}
		file, known := before[e.Name()]
		if !known {
			file.own, file.seenAt = chunkfile.MadeSince(e.Name(), c.opened), c.looks
		}
		last := file.at
		file.at, file.quiet = time.Now(), file.quiet+min(time.Since(last), mostBetween)
		if !known || file.size != info.Size() || !file.modified.Equal(info.ModTime()) {
			file.size, file.modified, file.quiet, file.mark = info.Size(), info.ModTime(), 0, chunkfile.Mark{}
		}
		if file.own && file.metadata == "" {
			file.metadata = chunkfile.Metadata(filepath.Join(folder, e.Name()))
		}
		now[e.Name()] = file
	}
	if c.listed == nil {
		c.listed, c.synced = map[string]listing{}, map[string]listing{}
	}
	c.listed[folder] = now
	return now, nil
}

// lookAll looks at all folders, but for "", which is none.
func (c *chunks) lookAll(folders []string) error {
	for _, folder := range folders {
		if folder == "" {
			continue
		}
		if _, err := c.look(folder); err != nil {
			return err
		}
	}
	return nil
}

// disturbed starts the quiet times anew: a put has failed, so that chunks may have records
// whose checkpoints are still to come.
func (c *chunks) disturbed() {
	for _, l := range c.listed {
		for name, file := range l {
			file.quiet = 0
			l[name] = file
		}
	}
}

// open are the chunks that the host may still write to. It has one at a time for each
// metadata: where there is a new one, those before are closed. Those of earlier
// processes are, too. A chunk whose metadata is not known counts as open.
func (l listing) open() (all listing) {
	newest := map[string]int{}
	for _, file := range l {
		if file.own {
			newest[file.metadata] = max(newest[file.metadata], file.seenAt)
		}
	}
	all = listing{}
	for name, file := range l {
		if file.own && (file.seenAt == newest[file.metadata] || file.metadata == "") {
			all[name] = file
		}
	}
	return all
}

// sync brings the chunks in folders to disk that were there at the last look, and the
// names of new ones.
func (c *chunks) sync(folders []string) error {
	for _, folder := range folders {
		if err := c.syncFolder(folder); err != nil {
			return err
		}
	}
	return nil
}

func (c *chunks) syncFolder(folder string) error {
	now := c.listed[folder]
	if len(now) == 0 {
		return nil
	}
	before, known := c.synced[folder]
	named := []string{}
	if !known {
		named = []string{filepath.Dir(folder), folder}
	}
	synced := listing{}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		file := now[name]
		was, known := before[name]
		if known && was.size == file.size && was.modified.Equal(file.modified) && was.at.Sub(was.modified) > coarse {
			synced[name] = was
			continue
		}
		synced[name] = file
		if !known && len(named) == 0 {
			named = []string{folder}
		}
		if err := syncFile(filepath.Join(folder, name), datasync); err != nil {
			return err
		}
	}
	for _, dir := range named {
		if err := syncFile(dir, namesync); err != nil {
			return err
		}
	}
	c.synced[folder] = synced
	return nil
}

// namesync brings the names in a folder to disk.
var namesync = (*os.File).Sync

// syncFile passes over what is gone.
func syncFile(path string, sync func(*os.File) error) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	return sync(file)
}
