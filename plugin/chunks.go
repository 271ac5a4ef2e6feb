package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// lookAtStorage tells how the host keeps the chunks of an instance that has
// just appended to one: a chunk on disk is a file that is mapped, shared and
// writable, and was made since the instance began. An older one may be left
// over from another configuration. Chunks with checksums count as memory: after
// a kill the host drops the newest one, whose checksum is not up to date. dir is
// their folder.
func lookAtStorage(name string, began time.Time) (kind storageKind, dir string) {
	maps, err := os.Open("/proc/self/maps")
	if err != nil || name == "" {
		return memoryStorage, ""
	}
	defer maps.Close()
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		// address rw-s offset device inode path
		_, rest, _ := strings.Cut(lines.Text(), " ")
		at := strings.IndexByte(rest, '/')
		if !strings.HasPrefix(rest, "rw-s ") || at < 0 {
			continue
		}
		path := rest[at:]
		if filepath.Base(filepath.Dir(path)) != name || !madeSince(filepath.Base(path), began) {
			continue
		}
		if !hasChecksum(path) {
			return diskStorage, filepath.Dir(path)
		}
		return memoryStorage, filepath.Dir(path)
	}
	return memoryStorage, ""
}

// madeSince reads the name of a chunk: process id, seconds, nanoseconds.
func madeSince(chunk string, began time.Time) bool {
	var pid int
	var seconds, nanoseconds int64
	_, err := fmt.Sscanf(strings.ReplaceAll(chunk, " ", ""), "%d-%d.%d.flb", &pid, &seconds, &nanoseconds)
	return err == nil && pid == os.Getpid() && !time.Unix(seconds, nanoseconds).Before(began)
}

// hasChecksum reads bytes 2 to 5 of a chunk file: zero without storage.checksum.
func hasChecksum(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return true
	}
	defer file.Close()
	head := make([]byte, 6)
	if _, err := io.ReadFull(file, head); err != nil {
		return true
	}
	return !bytes.Equal(head[2:], make([]byte, 4))
}
