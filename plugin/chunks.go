package main

import (
	"bufio"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"fluent-bit-nsgflow/nsgflow/storage/chunkfile"
)

// lookAtStorage tells how the host keeps the chunks of an instance that has
// just appended to one: a chunk on disk is a file that was made since the instance
// began. An older one may be left over from another configuration. Where chunks are,
// those tell that the host has mapped, of any input: beyond storage.max_chunks_up it
// closes a file after each append. Chunks with checksums count as memory: after a kill
// the host drops the newest one, whose checksum is not up to date. dir is their folder.
func lookAtStorage(name string, began time.Time) (kind storageKind, dir string) {
	if name == "" {
		return memoryStorage, ""
	}
	looked := map[string]bool{}
	for path := range mapped() {
		dir := filepath.Join(filepath.Dir(filepath.Dir(path)), name)
		if !chunkfile.Is(path) || looked[dir] {
			continue
		}
		looked[dir] = true
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if !chunkfile.Is(e.Name()) || !chunkfile.MadeSince(e.Name(), began) {
				continue
			}
			if !chunkfile.HasChecksum(filepath.Join(dir, e.Name())) {
				return diskStorage, dir
			}
			return memoryStorage, dir
		}
	}
	return memoryStorage, ""
}

// mapped are the files that are mapped, shared and writable.
func mapped() iter.Seq[string] {
	return func(yield func(string) bool) {
		maps, err := os.Open("/proc/self/maps")
		if err != nil {
			return
		}
		defer maps.Close()
		lines := bufio.NewScanner(maps)
		for lines.Scan() {
			// address rw-s offset device inode path
			_, rest, _ := strings.Cut(lines.Text(), " ")
			at := strings.IndexByte(rest, '/')
			if strings.HasPrefix(rest, "rw-s ") && at >= 0 && !yield(rest[at:]) {
				return
			}
		}
	}
}

// chunks is what is in a folder of chunks, in bytes.
type chunks struct {
	own    int  // made since the instance began
	left   int  // by earlier processes, or before a reload
	mapped bool // the host has one of those that are left at hand
}

// lookAtChunks reads a folder; what cannot be read counts as nothing.
func lookAtChunks(dir string, began time.Time) (now chunks) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return chunks{}
	}
	for _, e := range entries {
		info, err := e.Info()
		switch {
		case err != nil || !chunkfile.Is(e.Name()):
		case chunkfile.MadeSince(e.Name(), began):
			now.own += int(info.Size())
		default:
			now.left += int(info.Size())
		}
	}
	if now.left == 0 {
		return now
	}
	for path := range mapped() {
		if filepath.Dir(path) == dir && !chunkfile.MadeSince(filepath.Base(path), began) {
			now.mapped = true
		}
	}
	return now
}
