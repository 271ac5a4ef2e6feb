package checkpoint

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// chunks are the files of the host that checkpoints stand for, as they were when
// they were brought to disk last.
type chunks struct{ seen map[string]seen }

// seen is a file as it was before it was brought to disk.
type seen struct {
	size     int64
	modified time.Time
	at       time.Time
}

// coarse is beyond the resolution of file times. A page of a shared mapping
// changes them when it is written first after it was brought to disk (mmap(2),
// msync(2)): a file that was modified well before the last look has nothing new.
const coarse = 2 * time.Second

// sync brings the chunks in folders to disk, and the names of new ones.
func (c *chunks) sync(folders []string) error {
	looked := map[string]seen{}
	for _, folder := range folders {
		entries, err := os.ReadDir(folder)
		if errors.Is(err, fs.ErrNotExist) {
			continue // all is delivered
		}
		if err != nil {
			return err
		}
		_, known := c.seen[folder]
		looked[folder] = seen{}
		named := []string{}
		if !known {
			named = []string{filepath.Dir(folder), folder}
		}
		for _, e := range entries {
			path := filepath.Join(folder, e.Name())
			info, err := e.Info()
			if err != nil || filepath.Ext(path) != ".flb" {
				continue // delivered meanwhile, or no chunk
			}
			before, known := c.seen[path]
			if known && before.size == info.Size() && before.modified.Equal(info.ModTime()) && before.at.Sub(before.modified) > coarse {
				looked[path] = before
				continue
			}
			looked[path] = seen{info.Size(), info.ModTime(), time.Now()}
			if !known && len(named) == 0 {
				named = []string{folder}
			}
			if err := syncFile(path, datasync); err != nil {
				return err
			}
		}
		for _, dir := range named {
			if err := syncFile(dir, (*os.File).Sync); err != nil {
				return err
			}
		}
	}
	c.seen = looked
	return nil
}

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
