package main

import (
	"os"
	"path/filepath"
	"time"

	"fluent-bit-nsgflow/nsgflow/storage"
)

// handover keeps account of the records that the host has taken, and says when
// they are safe:
//
//   - With storage.type filesystem a record is safe once its append has returned:
//     it is in a file then, or in pages of a file that outlive the process. At
//     most batch_bytes are appended beyond the checkpoint on disk.
//   - With other storage a record is safe once the host holds nothing of the
//     instance any more: all is delivered. For that to happen, appending stops
//     after a while.
//
// It is for one goroutine at a time.
type handover struct {
	name  string // numbered, as the folder of chunks is called; may be empty
	began time.Time

	kind    storageKind
	dir     string    // of chunks; empty: not known
	looked  time.Time // when kind was looked for
	given   int       // encoded bytes that the host has taken
	inDir   int       // bytes of chunks in dir at the last look
	givenAt int       // given at the last look

	appended  []*segment    // and not behind a checkpoint on disk, oldest first
	unsaved   int           // bytes of their texts
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

// forget drops what is behind a checkpoint on disk: everything up to saved.
func (h *handover) forget(saved storage.Token) {
	for len(h.appended) > 0 && h.appended[0].token <= saved {
		h.unsaved -= h.appended[0].size
		h.appended[0] = nil
		h.appended = h.appended[1:]
	}
}

// mayTake says whether a segment with so many bytes of texts may be appended,
// and begins to drain where the host holds too much or holds it for too long.
// held is what the host holds of the instance in memory.
func (h *handover) mayTake(textBytes, held int, o *storage.Options) bool {
	if h.pending(held) >= o.PendingLimit {
		// Where all is committed there is nothing to drain: what an earlier
		// process has left may reach the limit alone.
		h.draining = h.kind != diskStorage && h.committed < h.last
		return false
	}
	if h.kind == diskStorage {
		return h.unsaved == 0 || h.unsaved+textBytes <= o.BatchBytes
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
	return max(held, h.inDir+h.given-h.givenAt)
}

// took notes that the host has taken a segment with so many encoded bytes, and
// reports whether everything that it has taken is safe.
func (h *handover) took(s *segment, encodedBytes, held int) (safe bool) {
	h.given += encodedBytes
	h.last = s.token
	h.appended = append(h.appended, s)
	h.unsaved += s.size
	if h.kind != diskStorage && held > 0 && time.Since(h.looked) > lookAgain {
		h.looked = time.Now()
		h.kind, h.dir = lookAtStorage(h.name, h.began)
		h.inDir, h.givenAt = sizeOf(h.dir), h.given
	}
	if h.kind != diskStorage && h.since.IsZero() {
		h.since = time.Now()
	}
	return h.kind == diskStorage
}

// outstanding says whether the host has something that is not committed.
func (h *handover) outstanding() bool { return h.committed < h.last }

// allSafe notes that everything the host has taken is safe.
func (h *handover) allSafe() storage.Token {
	h.committed, h.since, h.draining = h.last, time.Time{}, false
	return h.last
}

// sizeOf is what the chunks in a folder take; 0 where it cannot be read.
func sizeOf(dir string) (total int) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && filepath.Ext(e.Name()) == ".flb" {
			total += int(info.Size())
		}
	}
	return total
}
