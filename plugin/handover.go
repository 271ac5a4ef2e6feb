package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"fluent-bit-nsgflow/nsgflow/storage"
)

// handover is what the host has taken, and whether it has it for good:
//
//   - With storage.type filesystem it has when the append has returned: the
//     records are in a file then, or in pages of it that outlive the process. At
//     most batch_bytes are appended beyond the checkpoint on disk.
//   - Else it has when it holds nothing of the instance any more. For that to
//     happen, appending stops after a while until all is delivered.
//
// It is for one goroutine at a time.
type handover struct {
	name  string // numbered, as the folder of chunks is called; may be empty
	began time.Time

	kind     storageKind
	dir      string    // of chunks; empty: not known
	looked   time.Time // when kind was looked for
	given    int       // bytes that the host has taken
	dirBytes int       // of chunks on disk a moment ago, less what the host had taken before

	appended  []*segment    // and not behind a checkpoint on disk, oldest first
	unsaved   int           // bytes of these
	last      storage.Token // of the last one
	committed storage.Token
	since     time.Time // when the oldest segment was appended that is not committed; zero: none
	draining  bool      // no append until the host holds nothing
}

// storageKind is how the host keeps chunks.
type storageKind uint8

const (
	unknownStorage storageKind = iota
	memoryStorage              // or one that may lose what it has acknowledged
	diskStorage
)

const (
	// maxSince bounds what a crash repeats with memory storage.
	maxSince = 5 * time.Second
	// lookAgain is how often memory storage is doubted.
	lookAgain = 10 * time.Second
)

// mayTake says whether a segment of a size may be appended. held is what the
// host holds of the instance in memory, saved the last token with a checkpoint
// on disk.
func (h *handover) mayTake(size, held int, saved storage.Token, o *storage.Options) bool {
	for len(h.appended) > 0 && h.appended[0].token <= saved {
		h.unsaved -= h.appended[0].size
		h.appended[0] = nil
		h.appended = h.appended[1:]
	}
	if h.pending(held) >= o.PendingLimit {
		// Where all is committed there is nothing to drain: what an earlier
		// process has left may reach the limit alone.
		h.draining = h.kind != diskStorage && h.committed < h.last
		return false
	}
	if h.kind == diskStorage {
		return h.unsaved == 0 || h.unsaved+size <= o.BatchBytes
	}
	if !h.since.IsZero() && time.Since(h.since) > maxSince {
		h.draining = true
	}
	return !h.draining
}

// pending is what the host holds of the instance, on disk or in memory. What it
// has taken since the folder was looked at counts as on disk.
func (h *handover) pending(held int) int {
	if h.dir == "" {
		return held
	}
	return max(held, h.dirBytes+h.given)
}

// took notes that the host has taken a segment of so many bytes, and reports
// whether it has it for good.
func (h *handover) took(s *segment, size, held int) (forGood bool) {
	h.given += size
	h.last = s.token
	h.appended = append(h.appended, s)
	h.unsaved += s.size
	if h.kind != diskStorage && held > 0 && time.Since(h.looked) > lookAgain {
		h.looked = time.Now()
		h.kind, h.dir = lookAtStorage(h.name, h.began)
		h.dirBytes = sizeOf(h.dir) - h.given
	}
	if h.kind != diskStorage && h.since.IsZero() {
		h.since = time.Now()
	}
	return h.kind == diskStorage
}

// outstanding says whether the host has something that is not committed.
func (h *handover) outstanding() bool { return h.committed < h.last }

// commit notes that the host has everything for good.
func (h *handover) commit() storage.Token {
	h.committed, h.since, h.draining = h.last, time.Time{}, false
	return h.last
}

// sizeOf is what the chunks in a folder take.
func sizeOf(dir string) (total int) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && filepath.Ext(e.Name()) == ".flb" {
			total += int(info.Size())
		}
	}
	return total
}
