package main

import (
	"time"

	"golang.org/x/sys/unix"

	"fluent-bit-nsgflow/nsgflow/storage"
	"fluent-bit-nsgflow/plugin/tables"
)

// handover keeps account of the records that the host has taken, and says when
// they are safe:
//
//   - With storage.type filesystem a record is safe once its append has returned:
//     it is in a file then, or in pages of a file that outlive the process. At
//     most batch_bytes are appended beyond the checkpoint that outlives it, too.
//   - With other storage a record is safe once the host holds nothing of the
//     instance any more: all is delivered. For that to happen, appending stops
//     after a while: it drains. Where an output takes nothing, that is in vain,
//     and appending goes on up to pending_limit.
//
// What is safe is committed (storage.Token tells the life of a batch). A handover
// is for one goroutine at a time.
type handover struct {
	name  string // numbered, as the folder of chunks is called; may be empty
	began time.Time

	kind    storageKind
	dir     string    // of chunks; empty: not known
	looked  time.Time // when kind was looked for
	given   int       // encoded bytes that the host has taken
	inDir   chunks    // in dir at the last look
	givenAt int       // given at the last look
	idle    time.Time // since when the host has left chunks of earlier processes as they are; zero: it has not

	appended  []*segment    // and not behind a checkpoint that outlives a kill, oldest first
	unsaved   int           // bytes of their texts
	last      storage.Token // of the last one
	committed storage.Token
	since     time.Time // when the oldest segment was appended that is not committed; zero: none

	held     int       // what the host held in memory last
	fell     time.Time // when that was less than before, or draining began
	draining bool      // no append until the host holds nothing
	stuck    bool      // that was in vain: an output does not take what it gets
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
	// drainPatience is how long a drain goes on where the host holds no less.
	drainPatience = 5 * time.Second
	// lookAgain is how often memory storage is doubted.
	lookAgain = 10 * time.Second
	// unroutedAfter is how long the host takes at most before it takes up a chunk
	// of those that are left: it looks once a second.
	unroutedAfter = 10 * time.Second
)

// forget drops what is behind a checkpoint: everything up to saved.
func (h *handover) forget(saved storage.Token) {
	for len(h.appended) > 0 && h.appended[0].token <= saved {
		h.unsaved -= h.appended[0].size
		h.appended[0] = nil
		h.appended = h.appended[1:]
	}
}

// drain begins to drain memory storage where the host holds too much or holds it
// for too long, and gives that up where an output takes nothing: the others are to
// get more then. held is what the host holds of the instance in memory.
func (h *handover) drain(held, limit int) {
	if h.kind == diskStorage {
		return
	}
	full := h.pending(held) >= limit
	overdue := !h.since.IsZero() && time.Since(h.since) > maxSince
	// Where all is committed there is nothing to drain: what an earlier process
	// has left may reach the limit alone.
	if (full || overdue) && h.outstanding() && !h.stuck && !h.draining {
		h.draining, h.fell = true, time.Now()
	}
	if h.draining && time.Since(h.fell) > drainPatience {
		h.draining, h.stuck = false, true
	}
}

// waitsFor says what a segment with so many bytes of texts waits for, if for
// anything.
func (h *handover) waitsFor(textBytes, held int, o *storage.Options) (why string) {
	switch {
	case h.pending(held) >= o.PendingLimit:
		return tables.WaitLimit
	case h.kind != diskStorage && h.draining:
		return tables.WaitDraining
	case h.kind == diskStorage && h.unsaved > 0 && h.unsaved+textBytes > o.BatchBytes:
		return tables.WaitCheckpoint
	case !h.hasRoom(textBytes):
		return tables.WaitRoom
	}
	return ""
}

// eventsOfText is what filters make of a text at most, of real flow logs: 30 times its
// bytes (docs/performance.md), and some more.
const eventsOfText = 36

// hasRoom says whether the disk of the chunks has room for the events of a segment, and
// for the chunk that they may begin. Up to 2.1 the host writes what filters make of a
// chunk in its place, and loses the chunk where that does not fit (flb_filter_do,
// cio_chunk_write_at); later ones refuse it before.
func (h *handover) hasRoom(textBytes int) bool {
	var disk unix.Statfs_t
	if h.kind != diskStorage || h.dir == "" || unix.Statfs(h.dir, &disk) != nil {
		return true // or it is not known
	}
	return disk.Bavail*uint64(disk.Bsize) >= uint64(eventsOfText*textBytes+chunkBytes)
}

// holds notes what the host holds of the instance in memory.
func (h *handover) holds(held int) {
	if held < h.held {
		h.fell, h.stuck = time.Now(), false
	}
	h.held = held
}

// pending is what the host holds of the instance, on disk or in memory. What it
// has taken since the folder was looked at counts as on disk.
func (h *handover) pending(held int) int {
	if h.dir == "" {
		return held
	}
	onDisk := h.inDir.own + h.given - h.givenAt
	if !h.unrouted() {
		onDisk += h.inDir.left
	}
	return max(held, onDisk)
}

// unrouted says that the host does not take up the chunks which earlier processes
// have left: no output matches their tag, or they are damaged. It closes such
// files and keeps them.
func (h *handover) unrouted() bool { return !h.idle.IsZero() && time.Since(h.idle) > unroutedAfter }

// look takes what is in the folder of chunks now. given is what the host had
// been given before.
func (h *handover) look(now chunks, given int) {
	if now.left != h.inDir.left || now.left == 0 || now.mapped {
		h.idle = time.Time{}
	} else if h.idle.IsZero() {
		h.idle = time.Now()
	}
	h.inDir, h.givenAt = now, given
}

// took notes that the host has taken a segment with so many encoded bytes, and
// reports whether everything that it has taken is safe.
func (h *handover) took(s *segment, encodedBytes, held int) (safe bool) {
	h.given += encodedBytes
	h.last = s.token
	h.appended = append(h.appended, s)
	h.unsaved += s.size
	// What is not in memory the filters have left out, or the host has it in a file that
	// it has closed: beyond storage.max_chunks_up it does so after each append.
	if h.kind != diskStorage && (held == 0 || time.Since(h.looked) > lookAgain) {
		h.looked = time.Now()
		h.kind, h.dir = lookAtStorage(h.name, h.began)
		h.look(lookAtChunks(h.dir, h.began), h.given)
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
	h.committed, h.since, h.draining, h.stuck = h.last, time.Time{}, false, false
	return h.last
}
