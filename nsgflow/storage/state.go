package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"fluent-bit-nsgflow/nsgflow/storage/checkpoint"
)

// State is how far blobs have been read, as it stands in a folder of
// checkpoints while no agent has it open.
type State struct{ store *checkpoint.Store }

// ContainerState is how far a container has been read.
type ContainerState struct {
	URL string
	// ReadBefore is the hour before which nothing is looked for any more.
	// The zero value: the container was not listed whole yet.
	ReadBefore time.Time
	Blobs      []BlobState // the newest first
}

// BlobState is how far a blob has been read.
type BlobState struct {
	Name   string
	Hour   time.Time // that it holds; zero: its name has no date
	Offset int64     // bytes that are read
	Whole  bool      // that is all of the last version seen
}

// OpenState opens a folder that an agent has made. It fails where one has it
// open.
func OpenState(folder string) (*State, error) {
	file := filepath.Join(folder, stateFile)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: there are no checkpoints", file)
	}
	store, err := checkpoint.Open(file, func(string) {})
	return &State{store}, err
}

// stateFile is the name of the database in a folder of checkpoints.
const stateFile = "nsgflow.db"

// Containers are all of them, by their URL.
func (s *State) Containers() (all []ContainerState, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%q %w", s.store.File(), err)
		}
	}()
	urls, err := s.store.Containers()
	if err != nil {
		return nil, err
	}
	slices.Sort(urls)
	for _, url := range urls {
		one := ContainerState{URL: url}
		if one.ReadBefore, _, err = s.store.Begun(url); err != nil {
			return nil, err
		}
		blobs, err := s.store.Blobs(url)
		if err != nil {
			return nil, err
		}
		for _, name := range slices.Sorted(maps.Keys(blobs)) {
			c := blobs[name]
			one.Blobs = append(one.Blobs, BlobState{Name: name, Hour: parsePath(name).hour, Offset: c.Offset, Whole: c.ETag != "" && !c.Half})
		}
		slices.SortStableFunc(one.Blobs, func(a, b BlobState) int { return b.Hour.Compare(a.Hour) })
		all = append(all, one)
	}
	return all, nil
}

// Set makes the next agent read a container from the hour of a time on, whatever
// was read of it: again, or leaving out what lies before.
func (s *State) Set(container string, to time.Time) error {
	to = to.UTC().Truncate(time.Hour)
	return s.store.Settle(container, to, func(name string, c checkpoint.Checkpoint) bool {
		return parsePath(name).before(to, c.Modified)
	})
}

// Close gives the folder back.
func (s *State) Close() error { return s.store.Close() }
