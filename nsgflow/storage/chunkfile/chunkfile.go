// Package chunkfile reads what a file of Fluent Bit's chunks says of itself
// (lib/chunkio/include/chunkio/cio_file_st.h):
//
//	bytes 0 to 1    0xC1 0x00
//	bytes 2 to 5    checksum; zero without storage.checksum
//	bytes 10 to 13  length of the records; since 2.0
//	bytes 22 to 23  length of the metadata
//	from 24 on      metadata: four bytes, the tag, in 4.2 and later the routes; then the records
//
// Its name is made of the process id and the time, in seconds and nanoseconds.
package chunkfile

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Is reports whether a file is a chunk, by its name.
func Is(name string) bool { return filepath.Ext(name) == ".flb" }

// MadeSince reports, by the name of a chunk, whether this process has made it
// since a moment, which is one of time.Now. Where the clock was set meanwhile, it
// may say so of an older one.
func MadeSince(name string, moment time.Time) bool {
	var pid int
	var seconds, nanoseconds int64
	_, err := fmt.Sscanf(strings.ReplaceAll(name, " ", ""), "%d-%d.%d.flb", &pid, &seconds, &nanoseconds)
	if err != nil || pid != os.Getpid() {
		return false
	}
	made := time.Unix(seconds, nanoseconds)
	asTheClockIsNow := time.Now().Add(-time.Since(moment)).Round(0)
	return !made.Before(moment.Round(0)) || !made.Before(asTheClockIsNow)
}

// HasChecksum reports whether a chunk was written with storage.checksum. One that
// cannot be read counts as such.
func HasChecksum(path string) bool {
	var head [6]byte
	return read(path, 0, head[:]) != nil || binary.BigEndian.Uint32(head[2:]) != 0
}

// Metadata is that of a chunk: the same for all that the host fills one after the
// other. Empty: it cannot be read, or the host has not written it yet.
func Metadata(path string) string {
	var length [2]byte
	if read(path, 22, length[:]) != nil {
		return ""
	}
	metadata := make([]byte, binary.BigEndian.Uint16(length[:]))
	if read(path, 24, metadata) != nil {
		return ""
	}
	return string(metadata)
}

func read(path string, at int64, into []byte) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.ReadFull(io.NewSectionReader(file, at, int64(len(into))), into)
	return err
}
